/**
 * Who may ask the registry about an id nobody has seen yet, and when. A producer can invent four billion ids; it may
 * use up the turns of the topic it writes to, never those of another.
 *
 * Each queue (one side of one topic) has its own rate, its own share of what is under way and its own line, first come
 * first served. All queues together have a larger rate, handed out one turn per queue in rotation.
 */
import { limits, timings } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'
import type { Clock } from './types.ts'

export type Turn =
  /** `start` was called. */
  | { readonly state: 'started'; readonly done: Promise<void> }
  /** In line: `start` is called when it is its turn. `done` settles after what it does. */
  | { readonly state: 'waiting'; readonly sinceMs: number; readonly done: Promise<void> }
  /** The line is full; `retry` settles when it may have moved. `sinceMs` is when it first was full. */
  | { readonly state: 'full'; readonly sinceMs: number; readonly retry: Promise<void> }

interface Waiting {
  /** When it came into the line (epoch ms). */
  readonly sinceMs: number
  readonly start: (sinceMs: number | null) => Promise<void>
  readonly done: PromiseWithResolvers<undefined>
}

interface Queue {
  readonly bucket: TokenBucket
  readonly line: Map<string, Waiting>
  underWay: number
  /** Since when somebody was sent away; null once the line has been empty. */
  fullSinceMs: number | null
}

export class FairTurns {
  readonly #clock: Clock
  readonly #all: TokenBucket
  readonly #queues = new Map<string, Queue>()
  /** Queues with a line, the next to be served first. */
  readonly #rotation = new Set<Queue>()
  #waiting = 0
  #underWay = 0
  /** The turns of all queues are used up: who comes now stands behind those who wait. */
  #isUsedUp = false
  #fullSinceMs: number | null = null
  #tick: { readonly done: PromiseWithResolvers<undefined>; readonly cancel: () => void } | null = null
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#all = new TokenBucket(clock, limits.unknownIdBurstOfAll, limits.unknownIdsPerSecondOfAll)
  }

  /** `start` gets the time since which the item waited (epoch ms), null when it did not; it must not reject. */
  request(queueName: string, item: string, start: (sinceMs: number | null) => Promise<void>): Turn {
    const nowMs = this.#clock.nowMs()
    if (this.#closed) return { state: 'full', sinceMs: nowMs, retry: Promise.resolve() }
    const queue = this.#queueOf(queueName)
    if (queue === null) {
      this.#fullSinceMs ??= nowMs
      return { state: 'full', sinceMs: this.#fullSinceMs, retry: this.#nextTick() }
    }
    const known = queue.line.get(item)
    if (known !== undefined) return { state: 'waiting', sinceMs: known.sinceMs, done: known.done.promise }
    if (queue.line.size === 0 && !this.#isUsedUp && this.#mayStart() && mayStart(queue)) {
      return { state: 'started', done: this.#start(queue, null, start) }
    }
    // The first of a queue always finds room: other queues cannot fill its line.
    const isFull = queue.line.size >= limits.lineOfQueue || this.#waiting >= limits.lineOfAll
    if (isFull && queue.line.size > 0) {
      queue.fullSinceMs ??= nowMs
      return { state: 'full', sinceMs: queue.fullSinceMs, retry: this.#nextTick() }
    }
    const done = Promise.withResolvers<undefined>()
    queue.line.set(item, { sinceMs: nowMs, start, done })
    this.#waiting++
    this.#rotation.add(queue)
    void this.#nextTick()
    return { state: 'waiting', sinceMs: nowMs, done: done.promise }
  }

  /** Nobody gets a turn any more; everybody is told. */
  close(): void {
    this.#closed = true
    this.#tick?.cancel()
    this.#tick?.done.resolve(undefined)
    for (const { line } of this.#rotation) for (const { done } of line.values()) done.resolve(undefined)
    this.#rotation.clear()
    this.#queues.clear()
  }

  /** Null when there are too many queues and none of them is idle. */
  #queueOf(name: string): Queue | null {
    let queue = this.#queues.get(name)
    if (queue !== undefined) return queue
    if (this.#queues.size >= limits.queues) {
      const idle = [...this.#queues].find(([, { line, underWay }]) => line.size === 0 && underWay === 0)
      if (idle === undefined) return null
      this.#queues.delete(idle[0])
    }
    this.#fullSinceMs = null
    const bucket = new TokenBucket(this.#clock, limits.unknownIdBurst, limits.unknownIdsPerSecond)
    queue = { bucket, line: new Map(), underWay: 0, fullSinceMs: null }
    this.#queues.set(name, queue)
    return queue
  }

  #mayStart(): boolean {
    return this.#underWay < limits.unknownFlights && this.#all.canTake()
  }

  #start(queue: Queue, sinceMs: number | null, start: Waiting['start']): Promise<void> {
    this.#all.take()
    queue.bucket.take()
    this.#underWay++
    queue.underWay++
    return start(sinceMs).finally(() => {
      this.#underWay--
      queue.underWay--
      this.#serve()
    })
  }

  #serve(): void {
    this.#isUsedUp = false
    let passed = 0
    while (passed < this.#rotation.size) {
      if (!this.#mayStart()) {
        this.#isUsedUp = true
        return
      }
      const [queue] = this.#rotation
      const [next] = queue!.line
      this.#rotation.delete(queue!)
      if (!mayStart(queue!)) {
        this.#rotation.add(queue!)
        passed++
        continue
      }
      const [item, { sinceMs, start, done }] = next!
      queue!.line.delete(item)
      this.#waiting--
      if (queue!.line.size > 0) this.#rotation.add(queue!)
      else queue!.fullSinceMs = null
      passed = 0
      void this.#start(queue!, sinceMs, start).then(() => done.resolve(undefined))
    }
  }

  /** One wait for everybody; goes on by itself while somebody is in line. */
  #nextTick(): Promise<void> {
    if (this.#tick === null) {
      const done = Promise.withResolvers<undefined>()
      const cancel = this.#clock.after(timings.turnMs, () => {
        this.#tick = null
        this.#serve()
        if (this.#rotation.size > 0) void this.#nextTick()
        done.resolve(undefined)
      })
      this.#tick = { done, cancel }
    }
    return this.#tick.done.promise
  }
}

function mayStart(queue: Queue): boolean {
  return queue.underWay < limits.unknownFlightsOfQueue && queue.bucket.canTake()
}

/**
 * Time and chance of a simulated run.
 *
 * Whatever comes from outside (bytes that arrive, an append that is acknowledged, a timer, a crash) waits in a lane. A
 * step picks one lane by the seed, lets its first event happen, and waits until the program under test has nothing more
 * to do with it. Nothing depends on real time, so a seed is a run.
 */
import { Random } from './random.ts'

/** What can be fast or slow as a whole. */
export const kinds = [
  'client',
  'request',
  'broker',
  'broker-answer',
  'answer',
  'ledger-append',
  'ledger-ack',
  'ledger-read',
  'producer-states',
  'quarantine',
  'quarantine-ack',
  'timer',
  'fault'
] as const
export type Kind = (typeof kinds)[number]

/** Whom events happen to: while it is frozen they wait, once it is dead they never happen. */
export interface Life {
  dead: boolean
  frozen: boolean
}

export const always: Life = { dead: false, frozen: false }

interface Happening {
  readonly what: string
  readonly run: () => void
}

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly life: Life
  readonly what: string
  readonly run: () => void
  cancelled: boolean
}

export class SimulationError extends Error {
  override readonly name = 'SimulationError'
}

/** Events between two things that keep their order. */
export class Lane {
  readonly kind: Kind
  readonly life: Life
  readonly #world: World
  readonly #queue: Happening[] = []
  #open = true
  /** In the pool of the world. */
  listed = false

  constructor(world: World, kind: Kind, life: Life) {
    this.#world = world
    this.kind = kind
    this.life = life
  }

  get length(): number {
    return this.#queue.length
  }

  get head(): string {
    return this.#queue[0]?.what ?? ''
  }

  push(what: string, run: () => void): void {
    if (!this.#open) return
    this.#queue.push({ what, run })
    this.#world.list(this)
  }

  take(): Happening {
    return this.#queue.shift()!
  }

  /** Of what waits only the first `count` will happen still. */
  truncate(count: number): void {
    this.#queue.length = Math.min(this.#queue.length, count)
  }

  /** Only the first `count` of what waits will happen still, and nothing more. */
  cut(count: number): void {
    this.#open = false
    this.truncate(count)
  }
}

export class World {
  readonly seed: number
  readonly random: Random
  /** What happened, in order; the last few thousand steps. */
  readonly trace: string[] = []
  nowMs = 1_700_000_000_000
  steps = 0
  #lanes: Lane[] = []
  #timers: Timer[] = []
  #timersMade = 0
  readonly #weights = new Map<Kind, number>(kinds.map((kind) => [kind, 1]))
  readonly #holds = new Set<(what: string) => boolean>()
  /** Instead of the seed: picks one of those that could happen. */
  chooser: ((lanes: readonly Lane[]) => Lane) | null = null
  #failure: unknown = null

  constructor(seed: number) {
    this.seed = seed
    this.random = new Random(seed)
  }

  /** How likely events of a kind are picked next to others; 1 for all at first. */
  weigh(kind: Kind, weight: number): void {
    this.#weights.set(kind, weight)
  }

  /** A note in the trace. */
  note(what: string): void {
    if (this.trace.length >= 20_000) this.trace.splice(0, 10_000)
    this.trace.push(`${this.steps} ${what}`)
  }

  list(lane: Lane): void {
    if (lane.listed) return
    lane.listed = true
    this.#lanes.push(lane)
  }

  /** Something that happens once, at any time from now on. */
  soon(kind: Kind, life: Life, what: string, run: () => void): void {
    new Lane(this, kind, life).push(what, run)
  }

  /** @returns to be called when it is not wanted any more */
  timer(ms: number, life: Life, what: string, run: () => void): () => void {
    const timer: Timer = { dueMs: this.nowMs + ms, order: this.#timersMade++, life, what, run, cancelled: false }
    this.#timers.push(timer)
    return () => {
      timer.cancelled = true
    }
  }

  sleep(ms: number, life: Life, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve()
        return
      }
      const cancel = this.timer(ms, life, 'a pause ends', resolve)
      signal?.addEventListener(
        'abort',
        () => {
          cancel()
          resolve()
        },
        { once: true }
      )
    })
  }

  /** Events whose description fits do not happen until the returned function is called. */
  hold(fits: (what: string) => boolean): () => void {
    this.#holds.add(fits)
    return () => {
      this.#holds.delete(fits)
    }
  }

  /** What went wrong inside an event of the model itself; reported by the next step. */
  fail(error: unknown): void {
    this.#failure ??= error
  }

  /** Lets one thing happen. False when there is nothing, timers aside. */
  async step({ timers = true } = {}): Promise<boolean> {
    const lanes = this.#ready()
    const timer = timers ? this.#nextTimer() : null
    if (lanes.length === 0 && timer === null) return false
    this.steps += 1
    const lane = this.#choose(lanes, timer !== null)
    if (lane === null) this.#fire(timer!)
    else {
      this.nowMs += 1
      const { what, run } = lane.take()
      this.note(what)
      run()
    }
    await settled()
    if (this.#failure !== null) throw this.#failure as Error
    return true
  }

  /** Until nothing waits, or `enough` says so. Timers fire only when nothing else is left, if at all. */
  async drain({ timers = false, enough = (): boolean => false, limit = 20_000 } = {}): Promise<void> {
    await settled()
    for (let steps = 0; !enough(); steps += 1) {
      if (steps > limit) throw new SimulationError(`still busy after ${limit} steps`)
      if (await this.step({ timers: false })) continue
      if (!timers || !(await this.step({ timers: true }))) return
    }
  }

  /** Lets time pass and every timer due by then fire, with all that follows from each. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms
    await this.drain()
    for (;;) {
      const timer = this.#nextTimer()
      if (timer === null || timer.dueMs > untilMs) break
      this.#fire(timer)
      await this.drain()
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  #ready(): Lane[] {
    this.#lanes = this.#lanes.filter((lane) => {
      lane.listed = lane.length > 0 && !lane.life.dead
      return lane.listed
    })
    return this.#lanes.filter((lane) => !lane.life.frozen && ![...this.#holds].some((fits) => fits(lane.head)))
  }

  #nextTimer(): Timer | null {
    this.#timers = this.#timers.filter((timer) => !timer.cancelled && !timer.life.dead)
    let next: Timer | null = null
    for (const timer of this.#timers) {
      if (timer.life.frozen) continue
      if (next === null || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) {
        next = timer
      }
    }
    return next
  }

  #fire(timer: Timer): void {
    timer.cancelled = true
    this.nowMs = Math.max(this.nowMs, timer.dueMs)
    this.note(`timer: ${timer.what}`)
    timer.run()
  }

  /** Null: the timer. */
  #choose(lanes: readonly Lane[], timer: boolean): Lane | null {
    if (this.chooser !== null) return lanes.length > 0 ? this.chooser(lanes) : null
    let sum = timer ? this.#weights.get('timer')! : 0
    for (const lane of lanes) sum += this.#weights.get(lane.kind)!
    let at = this.random.next() * sum
    for (const lane of lanes) {
      at -= this.#weights.get(lane.kind)!
      if (at < 0) return lane
    }
    return timer ? null : lanes.at(-1)!
  }
}

/** When all promises that can go on have gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

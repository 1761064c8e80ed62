/**
 * The ledger topic and each instance's way to it: one order for all, acknowledgements that come late or not at all, and
 * a reader that lags behind.
 */
import { decodeMarkKey } from '../../src/enforcement/ledger/ledger-format.ts'
import type { LedgerLog, LedgerRecord } from '../../src/enforcement/ledger/ports.ts'
import { always, Lane } from './world.ts'
import type { Life, World } from './world.ts'

/** From 0 to 1. */
export interface LedgerFaults {
  /** An append meets a cluster that cannot take it now. */
  refused: number
  /** It is in the log, but its acknowledgement is lost; the writer finds out when it tries again. */
  lostAck: number
  /** Nobody can say where the log ends. */
  noEnd: number
}

export const noLedgerFaults: LedgerFaults = { refused: 0, lostAck: 0, noEnd: 0 }

export class LedgerTopic {
  readonly world: World
  records: LedgerRecord[] = []
  end = 0n
  faults: LedgerFaults = noLedgerFaults
  /** Takes nothing for now. */
  closed = false
  /** Refuses for good, as without the right to write. */
  denied = false
  readonly #readers = new Set<(isMark: boolean) => void>()

  constructor(world: World) {
    this.world = world
  }

  append(key: Buffer, value: Buffer | null): bigint {
    const offset = this.end
    this.end += 1n
    this.records.push({ offset, timestampMs: this.world.nowMs, key, value })
    const isMark = decodeMarkKey(key) !== null
    for (const wake of this.#readers) wake(isMark)
    return offset
  }

  /** The cleaner keeps the last record of each key; of the last few records it touches none. */
  compact(untouched: number): void {
    const dirty = this.records.length - untouched
    const lastOf = new Map(this.records.map(({ key, offset }) => [key.toString(), offset]))
    this.records = this.records.filter(({ key, offset, value }, index) => {
      if (index >= dirty) return true
      return lastOf.get(key.toString()) === offset && value !== null
    })
  }

  /** `wake` is told whether it is the mark of a topic. */
  onAppend(wake: (isMark: boolean) => void): () => void {
    this.#readers.add(wake)
    return () => {
      this.#readers.delete(wake)
    }
  }
}

interface Entry {
  readonly key: Buffer
  value: Buffer | null
  readonly waiters: { resolve: (offset: bigint) => void; reject: (error: Error) => void }[]
  offset: bigint | null
}

/** How long callers wait before they are told that it did not work; the writer goes on trying. */
const giveUpAfterMs = 4_000
const retryMs = 200
const answerTimeoutMs = 1_500

export class LedgerLogModel implements LedgerLog {
  readonly #topic: LedgerTopic
  readonly #life: Life
  readonly #name: string
  readonly #onRecord: (record: LedgerRecord) => void
  readonly #queue: Entry[] = []
  /** Not of the instance: what was sent arrives although the sender is gone, or does not. */
  readonly #appends: Lane
  readonly #reads: Lane
  #inFlight: Entry[] | null = null
  #position = 0n
  #readsWaiting = false
  #waiting: { readonly offset: bigint; readonly resolve: () => void }[] = []
  readonly #forget: () => void

  constructor(topic: LedgerTopic, life: Life, name: string, onRecord: (record: LedgerRecord) => void) {
    this.#topic = topic
    this.#life = life
    this.#name = name
    this.#onRecord = onRecord
    this.#appends = new Lane(topic.world, 'ledger-append', always)
    this.#reads = new Lane(topic.world, 'ledger-read', life)
    // Whoever has not read that a topic is marked lets its chains pass: what then happens is not promised.
    this.#forget = topic.onAppend((isMark) => {
      if (isMark) this.#take(Infinity)
      else this.#read()
    })
    this.#read()
  }

  append(key: Buffer, value: Buffer | null): Promise<bigint> {
    return new Promise((resolve, reject) => {
      const cancel = this.#topic.world.timer(giveUpAfterMs, this.#life, `${this.#name} gives up an append`, () => {
        reject(new Error('the ledger did not take it in time'))
      })
      const waiter = {
        resolve: (offset: bigint) => {
          cancel()
          resolve(offset)
        },
        reject: (error: Error) => {
          cancel()
          reject(error)
        }
      }
      const waiting = this.#queue.find((entry) => entry.key.equals(key))
      if (waiting === undefined) this.#queue.push({ key, value, waiters: [waiter], offset: null })
      else {
        waiting.value = value
        waiting.waiters.push(waiter)
      }
      this.#send()
    })
  }

  readThrough(offset: bigint): Promise<void> {
    if (this.#position > offset) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push({ offset, resolve })
    })
  }

  sync(): Promise<void> {
    const { world, faults } = this.#topic
    return new Promise((resolve, reject) => {
      world.soon('ledger-read', always, `${this.#name} asks where the ledger ends`, () => {
        const { end } = this.#topic
        const unknown = world.random.chance(faults.noEnd)
        world.soon('ledger-read', this.#life, `${this.#name} hears that the ledger ends at ${end}`, () => {
          if (unknown) reject(new Error('nobody says where the ledger ends'))
          else this.readThrough(end - 1n).then(resolve, reject)
        })
      })
    })
  }

  /** The instance has died. What it had sent last may still arrive. */
  die(): void {
    this.#forget()
    if (this.#topic.world.random.chance(0.5)) this.#appends.cut(0)
  }

  #send(): void {
    if (this.#inFlight !== null || this.#queue.length === 0) return
    this.#inFlight = this.#queue.splice(0)
    this.#try(this.#inFlight)
  }

  #try(batch: Entry[]): void {
    const { world } = this.#topic
    const keys = batch.map(({ key, value }) => `${key.toString()}=${value?.toString() ?? 'nothing'}`).join(' ')
    this.#appends.push(`the ledger gets ${keys} of ${this.#name}`, () => {
      const { faults, closed, denied } = this.#topic
      if (denied) {
        this.#answer(`${this.#name} may not write to the ledger`, () => this.#done(batch, new Error('denied')))
        return
      }
      const refused = batch[0]!.offset === null && (closed || world.random.chance(faults.refused))
      if (!refused) for (const entry of batch) entry.offset ??= this.#topic.append(entry.key, entry.value)
      if (refused || world.random.chance(faults.lostAck)) {
        world.timer(refused ? retryMs : answerTimeoutMs, this.#life, `${this.#name} appends again`, () =>
          this.#try(batch)
        )
        return
      }
      this.#answer(`${this.#name} hears that the ledger has ${keys}`, () => this.#done(batch, null))
    })
  }

  #answer(what: string, run: () => void): void {
    this.#topic.world.soon('ledger-ack', this.#life, what, run)
  }

  #done(batch: readonly Entry[], error: Error | null): void {
    this.#inFlight = null
    for (const { waiters, offset } of batch) {
      for (const waiter of waiters) {
        if (error === null) waiter.resolve(offset!)
        else waiter.reject(error)
      }
    }
    this.#send()
  }

  #read(): void {
    if (this.#readsWaiting || this.#life.dead || this.#position >= this.#topic.end) return
    this.#readsWaiting = true
    this.#reads.push(`${this.#name} reads the ledger`, () => {
      this.#readsWaiting = false
      this.#take(this.#topic.world.random.whole(1, 3))
      this.#read()
    })
  }

  #take(most: number): void {
    const { records, end } = this.#topic
    const coming = records.filter(({ offset }) => offset >= this.#position)
    const taken = coming.slice(0, most)
    for (const record of taken) this.#onRecord(record)
    this.#position = taken.length === coming.length ? end : taken.at(-1)!.offset + 1n
    const waiting = this.#waiting
    this.#waiting = waiting.filter(({ offset }) => offset >= this.#position)
    for (const { offset, resolve } of waiting) if (offset < this.#position) resolve()
  }
}

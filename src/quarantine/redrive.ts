/**
 * Sends the records of one quarantine topic home.
 *
 * Every record is judged again; what still breaks its contract stays. What passes goes to its own partition as the
 * producer sent it. The records of a partition go in the order in which they were quarantined, and none overtakes an
 * earlier record of its key that stays behind, for whatever reason it does: it still breaks a rule, cannot go home, was
 * not meant this time, or was refused by the brokers.
 *
 * Records and the notes that they were sent are written in one transaction, chunk by chunk. The transactional id
 * belongs to the quarantine topic: whoever starts takes over from whoever was at it, then reads what is done. So it may
 * be ended at any moment and begun again, and nothing is sent twice.
 */
import { pause } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { chunkLimits, sendChunk, sizeOf } from './chunk.ts'
import type { Homebound } from './chunk.ts'
import { explained } from './explained.ts'
import { HeldKeys } from './held-keys.ts'
import type { Homes, StuckReason } from './homes.ts'
import { stuckReasons } from './homes.ts'
import type { JudgeAgain, TodaysVerdict } from './judge-again.ts'
import { Leftovers } from './leftovers.ts'
import type { PlacesClient } from './places.ts'
import { quarantineRanges } from './places.ts'
import type { RedriveWriter } from './redrive-writer.ts'
import type { FoundRecord, RecordFilter } from './selection.ts'
import { matches } from './selection.ts'
import { readStates } from './state-log.ts'
import type { WalkPage, WalkProgress } from './walk.ts'
import { walk } from './walk.ts'

export interface RedriveParts {
  readonly client: PlacesClient
  readonly stateTopic: string
  readonly judge: JudgeAgain
  readonly homes: Homes
  /** Null: nothing is sent, only told what would be. */
  readonly writer: RedriveWriter | null
  readonly clock: Clock
}

export interface RedriveOptions {
  /** Only what is open, whatever its `state` says. */
  readonly filter: RecordFilter
  /** Who does it. */
  readonly by: string
  /** Records that have to wait for an earlier one of their key go all the same. */
  readonly ignoreOrder: boolean
  /** Most records to send. */
  readonly limit: number
  /** Null: as fast as the cluster takes them. */
  readonly recordsPerSecond: number | null
  /** Ends it after the chunk that is under way. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: RedriveProgress) => void
}

export interface RedriveProgress {
  readonly quarantineTopic: string
  /** Offsets passed, of `total`. */
  readonly done: number
  readonly total: number
  readonly sent: number
}

/** What became of the records that were meant, or would have. */
export interface RedriveReport {
  readonly quarantineTopic: string
  /** Open records that the filter means; the sum of all that follow. */
  readonly meant: number
  /** Sent, or would be. */
  readonly sent: number
  /** Still break today's policy. */
  readonly breaks: number
  /** Of those, by each rule that they break. */
  readonly byRule: Readonly<Record<string, number>>
  /** Nobody can say now. */
  readonly undecided: number
  /** Why, of the first of them. */
  readonly undecidedBecause: string | null
  /** Wait for an earlier record of their key. */
  readonly held: number
  /** Cannot go home as things stand. */
  readonly stuck: Readonly<Record<StuckReason, number>>
  readonly refused: number
  /** Of the first of them. */
  readonly refusals: readonly { readonly id: string; readonly message: string }[]
  /** Lie in the topic and are no quarantined records. Not in `meant`. */
  readonly unreadable: number
  /** `limit`: there may be more. */
  readonly end: 'done' | 'limit' | 'interrupted'
}

/** Refusals told in full. */
const toldRefusals = 10

/** @throws {QuarantineError}, and errors of Kafka as they are */
export async function redrive(
  parts: RedriveParts,
  quarantineTopic: string,
  options: RedriveOptions
): Promise<RedriveReport> {
  return new Redrive(parts, quarantineTopic, options).run()
}

class Redrive {
  readonly #parts: RedriveParts
  readonly #topic: string
  readonly #options: RedriveOptions
  readonly #count = {
    meant: 0,
    sent: 0,
    breaks: 0,
    byRule: {} as Record<string, number>,
    undecided: 0,
    undecidedBecause: null as string | null,
    held: 0,
    stuck: Object.fromEntries(stuckReasons.map((reason) => [reason, 0])) as Record<StuckReason, number>,
    refused: 0,
    refusals: [] as { id: string; message: string }[],
    unreadable: 0
  }
  /** Of all partitions: the records of one origin partition lie in several when partitions were added. */
  readonly #held = new HeldKeys()
  #batchesLeftOut = 0
  #chunk: Homebound[] = []
  #chunkBytes = 0
  #progress: WalkProgress = { done: 0, total: 0 }

  constructor(parts: RedriveParts, topic: string, options: RedriveOptions) {
    this.#parts = parts
    this.#topic = topic
    this.#options = options
  }

  async run(): Promise<RedriveReport> {
    const { client, stateTopic, writer, clock } = this.#parts
    const { signal } = this.#options
    await writer?.open().catch((error: unknown) => {
      throw explained(error)
    })
    const states = (await readStates(client, stateTopic, [this.#topic], signal)).get(this.#topic)!
    const leftovers = new Leftovers(states, clock.nowMs())
    const ranges = await quarantineRanges(client, this.#topic)
    const pages = walk(client, ranges, {
      states,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (at) => this.#tell(at),
      onUnreadable: ({ what }) => {
        this.#count.unreadable += 1
        if (what === 'batch') this.#batchesLeftOut += 1
      }
    })
    for await (const page of pages) {
      for (const { entry } of page.records) leftovers.seen(entry.id)
      await this.#page(page)
      if (this.#isOver()) break
    }
    await this.#flush()
    // What lies in a batch that cannot be read today was not seen.
    if (writer !== null && !this.#isOver() && this.#batchesLeftOut === 0)
      await leftovers.forget(writer, stateTopic, this.#topic, () => clock.nowMs())
    return { quarantineTopic: this.#topic, ...this.#count, end: this.#end() }
  }

  #tell(at: WalkProgress): void {
    this.#progress = at
    this.#options.onProgress?.({ quarantineTopic: this.#topic, ...at, sent: this.#count.sent })
  }

  #end(): RedriveReport['end'] {
    if (this.#isInterrupted()) return 'interrupted'
    return this.#count.sent >= this.#options.limit ? 'limit' : 'done'
  }

  #isInterrupted(): boolean {
    return this.#options.signal?.aborted === true
  }

  #isOver(): boolean {
    return this.#isInterrupted() || this.#count.sent >= this.#options.limit
  }

  async #page({ records }: WalkPage): Promise<void> {
    for (let at = 0; at < records.length; at += chunkLimits.records) {
      const slice = records.slice(at, at + chunkLimits.records)
      const meant = slice.filter((record) => this.#isMeant(record))
      await this.#parts.homes.learn(meant)
      const mayGo = meant.filter((record) => this.#parts.homes.of(record).kind === 'partition')
      const verdicts = await this.#parts.judge.judge(mayGo.map(({ entry }) => entry))
      const verdictOf = new Map(mayGo.map((record, index) => [record, verdicts[index]!]))
      for (const record of slice) {
        if (record.state.kind !== 'open') continue
        if (this.#isMeant(record)) await this.#settle(record, verdictOf.get(record) ?? null)
        else this.#held.hold(record.entry)
        if (this.#isOver()) return
      }
    }
  }

  #isMeant(record: FoundRecord): boolean {
    return record.state.kind === 'open' && matches({ ...this.#options.filter, state: 'open' }, record)
  }

  /** @param verdict null when the record cannot go home in any case */
  async #settle(record: FoundRecord, verdict: TodaysVerdict | null): Promise<void> {
    const { entry } = record
    const home = this.#parts.homes.of(record)
    this.#count.meant += 1
    if (home.kind === 'stuck' || verdict === null) {
      if (home.kind === 'stuck') this.#count.stuck[home.reason] += 1
    } else if (verdict.kind === 'breaks') {
      this.#count.breaks += 1
      for (const rule of new Set(verdict.violations.map((violation) => violation.rule)))
        this.#count.byRule[rule] = (this.#count.byRule[rule] ?? 0) + 1
    } else if (verdict.kind === 'undecided') {
      this.#count.undecided += 1
      this.#count.undecidedBecause ??= verdict.message
    } else if (this.#held.holds(entry) && !this.#options.ignoreOrder) {
      this.#count.held += 1
    } else {
      await this.#take({ record, topic: home.topic, partition: home.partition, bytes: sizeOf(entry) })
      return
    }
    this.#held.hold(entry)
  }

  async #take(homebound: Homebound): Promise<void> {
    const { recordsPerSecond, limit } = this.#options
    if (this.#parts.writer === null) {
      this.#count.sent += 1
      return
    }
    if (this.#chunk.length > 0 && this.#chunkBytes + homebound.bytes > chunkLimits.bytes) await this.#flush()
    // A record of the chunk that was just sent may have been refused.
    if (this.#held.holds(homebound.record.entry) && !this.#options.ignoreOrder) {
      this.#count.held += 1
      return
    }
    this.#chunk.push({ ...homebound, record: kept(homebound.record) })
    this.#chunkBytes += homebound.bytes
    const most = Math.min(chunkLimits.records, recordsPerSecond ?? Infinity, limit - this.#count.sent)
    if (this.#chunk.length >= most) await this.#flush()
  }

  async #flush(): Promise<void> {
    const { writer, stateTopic, clock } = this.#parts
    const { by, ignoreOrder, recordsPerSecond, signal } = this.#options
    const chunk = this.#chunk
    this.#chunk = []
    this.#chunkBytes = 0
    // What is not begun when it is to end is not begun.
    if (writer === null || chunk.length === 0) return
    if (this.#isInterrupted()) {
      this.#count.meant -= chunk.length
      return
    }
    const startedMs = clock.nowMs()
    const outcome = await sendChunk(chunk, { writer, stateTopic, by, nowMs: () => clock.nowMs(), ignoreOrder })
    this.#count.sent += outcome.sent.length
    this.#tell(this.#progress)
    for (const { homebound, message } of outcome.refused) {
      const { entry } = homebound.record
      this.#count.refused += 1
      if (this.#count.refusals.length < toldRefusals) this.#count.refusals.push({ id: entry.id, message })
      this.#held.hold(entry)
    }
    this.#count.held += outcome.held.length
    if (recordsPerSecond === null) return
    const spentMs = clock.nowMs() - startedMs
    await pause(clock, Math.max(0, (outcome.sent.length * 1_000) / recordsPerSecond - spentMs), signal)
  }
}

/** A copy: a view would keep the whole batch, which may be many times as large as the chunk. */
function kept(record: FoundRecord): FoundRecord {
  const copy = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))
  const { entry } = record
  const headers = entry.headers.map(({ name, value }) => ({ name, value: copy(value) }))
  return { ...record, entry: { ...entry, key: copy(entry.key), value: copy(entry.value), headers } }
}

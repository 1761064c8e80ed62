/**
 * Goes through a quarantine topic in the order in which it was written, each record with what became of it. A record
 * that was written more than once comes once: its copies carry one id.
 */
import { MalformedBatchError, recordsOfBatch } from '../../protocol/records/batch.ts'
import type { ReadRecord } from '../../protocol/records/batch.ts'
import type { LogBatch, LogClient, LogRange } from './log-range.ts'
import { readMerged } from './merged-log.ts'
import { QuarantineError } from './quarantine-error.ts'
import { fromQuarantineRecord, NotAQuarantineRecordError } from './record.ts'
import type { FoundRecord } from './selection.ts'
import type { RecordStates } from './state-log.ts'
import { Turns } from './turns.ts'

export const walkLimits = {
  /** Ids held to tell copies, some 100 bytes each. */
  ids: 8_000_000,
  /** Most bytes that one batch may inflate to; ours are half a MiB, or one record. One batch is inflated at a time. */
  inflatedBytes: 64 * 1024 * 1024,
  /** Most records of one batch: as many as ours would be if another program packed them into one of that size. */
  batchRecords: 200_000,
  /** Headers of one record. One with more is not read as ours, because the last header is: it stays where it is. */
  headers: 200_000,
  /** Records that are handed over at once; fewer of those with many headers, which are some 200 bytes each. */
  page: 500
} as const

const headersLikeOneRecord = 50

/** UTF-16 units of why something cannot be read: the words may quote what is written there. */
const mostReason = 200

export interface WalkProgress {
  /** Offsets passed, of `total`. */
  readonly done: number
  readonly total: number
}

export interface UnreadablePlace {
  readonly partition: number
  /** Of the record, or of the first of its batch. */
  readonly offset: bigint
  /** A batch counts once, however many records it says it has. */
  readonly what: 'record' | 'batch'
}

export interface WalkOptions {
  readonly states: RecordStates
  /** Ends the walk early, without an error. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: WalkProgress) => void
  /** What lies there and is no quarantined record. `why` is from outside, and short. */
  readonly onUnreadable?: (place: UnreadablePlace, why: string) => void
}

/** Records of one batch, in order; never empty. Their bytes are views of the batch: who keeps them copies them. */
export interface WalkPage {
  readonly partition: number
  readonly records: readonly FoundRecord[]
}

/** @throws {QuarantineError} `too-many`; errors of Kafka as they are; MalformedBatchError as `readLog` */
export async function* walk(
  client: LogClient,
  ranges: readonly LogRange[],
  { states, signal, onProgress, onUnreadable }: WalkOptions
): AsyncGenerator<WalkPage> {
  const total = ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0)
  const ids = new Ids(ranges[0]?.topic ?? '')
  const turns = new Turns()
  onProgress?.({ done: 0, total })
  const options = signal === undefined ? {} : { signal }
  for await (const { range, batch, done } of readMerged(client, ranges, options)) {
    const { topic, partition } = range
    const unreadable = (offset: bigint, what: UnreadablePlace['what'], error: Error): void =>
      onUnreadable?.({ partition, offset, what }, error.message.slice(0, mostReason).toWellFormed())
    if ('error' in batch) {
      unreadable(batch.firstOffset, 'batch', batch.error)
      continue
    }
    let records: FoundRecord[] = []
    let weight = 0
    for (const stored of readable(batch, (error) => unreadable(batch.header.baseOffset, 'batch', error))) {
      if (turns.isOver()) {
        await turns.give()
        if (signal?.aborted === true) return
      }
      const { offset } = stored
      if (offset < range.start || offset >= range.end) continue
      try {
        const entry = fromQuarantineRecord(stored)
        if (!ids.add(entry.id)) continue
        const place = { quarantineTopic: topic, quarantinePartition: partition, offset, atMs: stored.timestamp }
        records.push({ ...place, entry, state: states.of(entry.id) })
        weight += 1 + entry.headers.length / headersLikeOneRecord
      } catch (error) {
        if (!(error instanceof NotAQuarantineRecordError)) throw error
        unreadable(offset, 'record', error)
      }
      if (weight < walkLimits.page) continue
      yield { partition, records }
      records = []
      weight = 0
    }
    if (records.length > 0) yield { partition, records }
    onProgress?.({ done, total })
    if (turns.isOver()) await turns.give()
  }
  if (signal?.aborted !== true) onProgress?.({ done: total, total })
}

/** Nothing of a batch that cannot be read. */
function* readable(batch: LogBatch, onUnreadable: (error: Error) => void): Generator<ReadRecord> {
  const { inflatedBytes: ceilingBytes, batchRecords: maxRecords, headers: maxHeaders } = walkLimits
  try {
    yield* recordsOfBatch(batch, { ceilingBytes, maxRecords, maxHeaders })
  } catch (error) {
    if (!(error instanceof MalformedBatchError)) throw error
    onUnreadable(error)
  }
}

/** In parts by how they begin: a set stands still while it grows, and one of millions would for a second. */
class Ids {
  readonly #topic: string
  readonly #parts = new Map<string, Set<string>>()
  #size = 0

  constructor(topic: string) {
    this.#topic = topic
  }

  /** False when it is there already. @throws {QuarantineError} `too-many` */
  add(id: string): boolean {
    const name = id.slice(0, 2)
    const part = this.#parts.get(name) ?? new Set()
    if (part.has(id)) return false
    if (this.#size >= walkLimits.ids) {
      const message = `${this.#topic} holds more than ${walkLimits.ids} different records`
      throw new QuarantineError('too-many', message, 'shorten retention.ms of the quarantine topic')
    }
    this.#parts.set(name, part.add(id))
    this.#size += 1
    return true
  }
}

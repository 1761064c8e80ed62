/**
 * Goes through a quarantine topic, partition by partition and in order, each record with what became of it. A record
 * that was written more than once comes once: its copies carry one id and lie in one partition.
 */
import { readRecords } from '../../protocol/records/batch.ts'
import type { LogClient, LogRange } from './log-range.ts'
import { readLog } from './log-range.ts'
import { QuarantineError } from './quarantine-error.ts'
import { fromQuarantineRecord, NotAQuarantineRecordError } from './record.ts'
import type { FoundRecord } from './selection.ts'
import type { RecordStates } from './state-log.ts'

/** Ids of one partition held to tell copies, some 100 bytes each. */
const maxIds = 4_000_000

/** Most bytes that one batch may inflate to; ours are half a MiB, or one record. */
const ceilingBytes = 256 * 1024 * 1024

export interface WalkProgress {
  /** Offsets passed, of `total`. */
  readonly done: number
  readonly total: number
}

export interface WalkOptions {
  readonly states: RecordStates
  /** Ends the walk early, without an error. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: WalkProgress) => void
  /** What lies there and is no quarantined record. */
  readonly onUnreadable?: (place: { readonly partition: number; readonly offset: bigint }, why: string) => void
}

/** Records of one partition, in order; never empty. */
export interface WalkPage {
  readonly partition: number
  readonly records: readonly FoundRecord[]
}

/** @throws {QuarantineError} `too-many`; errors of Kafka and of malformed batches as they are */
export async function* walk(
  client: LogClient,
  ranges: readonly LogRange[],
  { states, signal, onProgress, onUnreadable }: WalkOptions
): AsyncGenerator<WalkPage> {
  const total = ranges.reduce((sum, { start, end }) => sum + Number(end - start), 0)
  let done = 0
  onProgress?.({ done, total })
  for (const range of ranges) {
    const { topic, partition } = range
    const ids = new Set<string>()
    for await (const { batches, from, next } of readLog(client, range, signal)) {
      const records: FoundRecord[] = []
      for (const { bytes } of batches) {
        for (const stored of readRecords(bytes, ceilingBytes)) {
          const { offset } = stored
          if (offset < from || offset >= range.end) continue
          try {
            const entry = fromQuarantineRecord(stored)
            if (ids.has(entry.id)) continue
            remember(ids, entry.id, range)
            const state = states.of(entry.id)
            const place = { quarantineTopic: topic, quarantinePartition: partition, offset, atMs: stored.timestamp }
            records.push({ ...place, entry, state })
          } catch (error) {
            if (!(error instanceof NotAQuarantineRecordError)) throw error
            onUnreadable?.({ partition, offset }, error.message)
          }
        }
      }
      if (records.length > 0) yield { partition, records }
      done += Number((next < range.end ? next : range.end) - from)
      onProgress?.({ done, total })
    }
  }
}

function remember(ids: Set<string>, id: string, { topic, partition }: LogRange): void {
  if (ids.size >= maxIds) {
    const message = `${topic}-${partition} holds more than ${maxIds} different records`
    throw new QuarantineError(
      'too-many',
      message,
      'shorten retention.ms of the quarantine topic, or give it partitions'
    )
  }
  ids.add(id)
}

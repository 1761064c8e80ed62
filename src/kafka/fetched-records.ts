/**
 * The records of one fetched partition, and where to read on.
 *
 * A broker sends what is committed together with what was aborted and leaves it to the reader to tell them apart
 * (Fetcher.CompletedFetch): the records of a producer are aborted from the first offset that the answer states until
 * its abort marker.
 */
import {
  readBatches,
  readRecords,
  recordsSection,
  RecordTable,
  type BatchHeader,
  type ReadRecord
} from '../../protocol/records/batch.ts'
import type { Fetched, Isolation } from './client-types.ts'

export interface FetchedRecords {
  /** In order of offset, none below the one that was asked for. */
  readonly records: readonly ReadRecord[]
  /** The first offset that was not read: behind everything fetched, markers and what compaction emptied included. */
  readonly nextOffset: bigint
}

/** Type of a control record (ControlRecordType), behind the version in its key. */
const controlTypeAt = 2
const abortMarker = 0

/** A batch is at most `max.message.bytes`; one that inflates beyond this was not meant to be read. */
const ceilingBytes = 64 * 1024 * 1024

/**
 * @param offset what was asked for; the first batch may begin below it
 * @throws MalformedBatchError
 */
export function readFetched(
  fetched: Pick<Fetched, 'records' | 'abortedTransactions'>,
  offset: bigint,
  isolation: Isolation
): FetchedRecords {
  const records: ReadRecord[] = []
  const aborted = new AbortedProducers(isolation === 'committed' ? fetched.abortedTransactions : [])
  let nextOffset = offset
  for (const { header, bytes } of readBatches(fetched.records)) {
    const lastOffset = header.baseOffset + BigInt(header.lastOffsetDelta)
    aborted.reach(lastOffset)
    if (header.control) {
      if (isAbortMarker(header, bytes)) aborted.ended(header.producerId)
    } else if (!(header.transactional && aborted.has(header.producerId))) {
      for (const record of readRecords(bytes, ceilingBytes)) if (record.offset >= nextOffset) records.push(record)
    }
    if (lastOffset >= nextOffset) nextOffset = lastOffset + 1n
  }
  return { records, nextOffset }
}

/** Whose transactional records are aborted at the point that the reading has reached. */
class AbortedProducers {
  /** By first offset; the next one last. */
  readonly #coming: Fetched['abortedTransactions'][number][]
  readonly #producerIds = new Set<bigint>()

  constructor(transactions: Fetched['abortedTransactions']) {
    this.#coming = [...transactions].sort((a, b) => (a.firstOffset > b.firstOffset ? -1 : 1))
  }

  reach(lastOffset: bigint): void {
    for (let next = this.#coming.at(-1); next !== undefined && next.firstOffset <= lastOffset;) {
      this.#producerIds.add(next.producerId)
      this.#coming.pop()
      next = this.#coming.at(-1)
    }
  }

  ended(producerId: bigint): void {
    this.#producerIds.delete(producerId)
  }

  has(producerId: bigint): boolean {
    return this.#producerIds.has(producerId)
  }
}

function isAbortMarker(header: BatchHeader, bytes: Buffer): boolean {
  // Compaction leaves the marker's batch behind when it takes the marker.
  if (header.recordCount === 0) return false
  const table = new RecordTable()
  table.read(recordsSection(bytes, header), header, 'sparse')
  const start = table.keyStart(0)
  return table.keyLength(0) >= controlTypeAt + 2 && table.bytes.readInt16BE(start + controlTypeAt) === abortMarker
}

/**
 * Reads a part of one partition's log in order, in pieces of bounded size. What is wanted is settled at the start: what
 * is written meanwhile is not read, so that a reader comes to an end on a busy topic.
 */
import { errorCodes } from '../../protocol/errors.ts'
import { MalformedBatchError, readBatches } from '../../protocol/records/batch.ts'
import type { BatchHeader } from '../../protocol/records/batch.ts'
import { systemClock } from '../clock.ts'
import type { Fetched, KafkaClient, OffsetQuery, TopicPartition } from '../kafka/client.ts'
import { isRetriable, KafkaError } from '../kafka/errors.ts'
import { retrying } from '../kafka/retrying.ts'

export type LogClient = Pick<KafkaClient, 'listOffsets' | 'fetch'>

export interface LogRange extends TopicPartition {
  /** Offset of the first record. */
  readonly start: bigint
  /** Offset behind the last one. */
  readonly end: bigint
}

export interface LogBatch {
  readonly header: BatchHeader
  readonly bytes: Buffer
}

/** A batch of which not even the header can be understood. Brokers do not look at all of it before they store it. */
export interface UnreadableBatch {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  readonly error: MalformedBatchError
}

export interface LogPiece {
  /** Whole batches; the first may begin below `from`, the last may end behind the range. */
  readonly batches: readonly LogBatch[]
  readonly unreadable: readonly UnreadableBatch[]
  readonly from: bigint
  /** Offset from which the next piece goes on. */
  readonly next: bigint
}

/** One piece; a batch that is larger still comes whole. */
const largestPieceBytes = 1024 * 1024

/** Where the fields of a batch are that say where the next one begins, whatever its format. */
const frame = { length: 8, magic: 16, lastOffsetDelta: 23, end: 27, uncounted: 12 } as const

/** How often a broker may answer with nothing where there is something; it waits half a second each time. */
const emptyAnswers = 20

/** While a leader moves or a broker restarts. */
const patience = { clock: systemClock, withinMs: 15_000, isRetriable: mayPass }

/**
 * What the partitions hold now.
 *
 * @param sinceMs only what was written at or after it, epoch milliseconds
 * @throws {KafkaError | ConnectionError} when the leaders cannot be asked
 */
export async function rangesOf(
  client: LogClient,
  topic: string,
  partitions: readonly number[],
  sinceMs: number | null = null
): Promise<LogRange[]> {
  const ask = async (time: OffsetQuery['time']): Promise<Map<number, bigint>> => {
    const answers = await retrying(patience, () =>
      client.listOffsets(partitions.map((partition) => ({ topic, partition, time })))
    )
    for (const { error } of answers) if (error !== null) throw error
    return new Map(answers.map(({ partition, offset }) => [partition, offset]))
  }
  // The start first: a log that loses its oldest records in between gives a start that is too low, which reading mends.
  const starts = await ask('earliest')
  const youngs = sinceMs === null ? null : await ask(sinceMs)
  const ends = await ask('latest')
  return partitions.map((partition) => {
    const end = ends.get(partition) ?? 0n
    const earliest = starts.get(partition) ?? end
    const young = youngs?.get(partition) ?? null
    const start = young === null ? earliest : young < 0n ? end : young
    return { topic, partition, start: start < end ? start : end, end }
  })
}

/**
 * Ends early, without an error, once the signal is aborted.
 *
 * @param pieceBytes most bytes of one piece; a batch that is larger comes whole
 * @throws {KafkaError | ConnectionError} when the partition cannot be read in spite of several tries
 * @throws {MalformedBatchError} when what lies there is no batch, and nobody can say where the next one begins
 */
export async function* readLog(
  client: LogClient,
  range: LogRange,
  signal?: AbortSignal,
  pieceBytes = largestPieceBytes
): AsyncGenerator<LogPiece> {
  let next = range.start
  let empty = 0
  while (next < range.end && signal?.aborted !== true) {
    const from = next
    const fetched = await fetchOnce(client, range, from, pieceBytes)
    if (fetched === 'out-of-range') {
      next = await earliestAfter(client, range, from)
      continue
    }
    const batches: LogBatch[] = []
    const unreadable: UnreadableBatch[] = []
    for (const batch of framesOf(fetched.records)) {
      const last = 'error' in batch ? batch.lastOffset : lastOffset(batch.header)
      if (last < from) continue
      if ('error' in batch) unreadable.push(batch)
      else batches.push(batch)
      next = last + 1n
    }
    if (next === from) {
      if (++empty > emptyAnswers) throw new Error(`nothing can be read of ${placeOf(range)} at offset ${from}`)
      continue
    }
    empty = 0
    yield { batches, unreadable, from, next }
  }
}

/** As `readBatches`, but goes on behind a header that cannot be read. */
function* framesOf(records: Buffer): Generator<LogBatch | UnreadableBatch> {
  let position = 0
  while (records.length - position >= frame.end) {
    const bytes = records.subarray(position)
    let batch: LogBatch | undefined
    let error: MalformedBatchError | null = null
    try {
      batch = readBatches(bytes).next().value as LogBatch | undefined
    } catch (thrown) {
      if (!(thrown instanceof MalformedBatchError)) throw thrown
      error = thrown
    }
    if (batch !== undefined) {
      position += batch.bytes.length
      yield batch
      continue
    }
    const sizeInBytes = frame.uncounted + bytes.readInt32BE(frame.length)
    // Cut off at the end, without an error; or its length cannot be right.
    if (error === null) return
    if (sizeInBytes < frame.end || sizeInBytes > bytes.length) throw error
    const firstOffset = bytes.readBigInt64BE(0)
    // Before format 2 the one offset is that of the last record in it.
    const delta = bytes.readInt8(frame.magic) < 2 ? 0 : bytes.readInt32BE(frame.lastOffsetDelta)
    yield { firstOffset, lastOffset: firstOffset + BigInt(delta), error }
    position += sizeInBytes
  }
}

async function fetchOnce(
  client: LogClient,
  range: LogRange,
  offset: bigint,
  maxBytes: number
): Promise<Fetched | 'out-of-range'> {
  const { topic, partition } = range
  return retrying(patience, async () => {
    const [fetched] = await client.fetch({ partitions: [{ topic, partition, offset }], maxBytes })
    if (fetched === undefined) throw new Error(`no answer for ${placeOf(range)}`)
    if (fetched.error?.code === errorCodes.OFFSET_OUT_OF_RANGE) return 'out-of-range'
    if (fetched.error !== null) throw fetched.error
    return fetched
  })
}

/** Retention has taken the records away meanwhile; or the log is not the one that was asked about. */
async function earliestAfter(client: LogClient, range: LogRange, offset: bigint): Promise<bigint> {
  const [now] = await rangesOf(client, range.topic, [range.partition])
  if (now === undefined || now.end < range.end) {
    throw new Error(`${placeOf(range)} has lost its end while it was read: was the topic made anew?`)
  }
  if (now.start <= offset) throw new Error(`${placeOf(range)} does not give offset ${offset}, though it holds it`)
  return now.start
}

/** A topic that is not there stays away: the client has waited for one that is just being made. */
function mayPass(error: unknown): boolean {
  const isMissing = error instanceof KafkaError && error.code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION
  return isRetriable(error) && !isMissing
}

function lastOffset(header: BatchHeader): bigint {
  return header.baseOffset + BigInt(header.lastOffsetDelta)
}

function placeOf({ topic, partition }: LogRange): string {
  return `${topic}-${partition}`
}

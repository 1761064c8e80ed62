/**
 * Sends one chunk of records home and notes it, as one transaction. A record that the brokers will not take is left
 * out and the rest is tried again: one record must not keep five hundred.
 */
import { errorByCode, errorCodes } from '../../protocol/errors.ts'
import type { NewRecord } from '../../protocol/records/batch.ts'
import { TransactionError } from '../kafka/transactional-writer.ts'
import { explained, reasonOf } from './explained.ts'
import { nameOf } from './held-keys.ts'
import type { QuarantineEntry } from './record.ts'
import type { RedriveWriter } from './redrive-writer.ts'
import type { FoundRecord } from './selection.ts'
import type { Handled } from './state.ts'
import { writeStates } from './state-writes.ts'

export const chunkLimits = {
  /** Records in one transaction: a few tens of milliseconds, and what is sent again after a crash. */
  records: 500,
  /** Bytes of their keys, values and headers: held in memory. One larger record is a chunk of its own. */
  bytes: 4 * 1024 * 1024,
  /** Bytes of a batch: below every topic's `max.message.bytes`. A larger record goes alone, and compressed. */
  batchBytes: 512 * 1024
} as const

/** A record that passes, and where it belongs. */
export interface Homebound {
  readonly record: FoundRecord
  readonly topic: string
  readonly partition: number
  readonly bytes: number
}

export interface Sent {
  readonly homebound: Homebound
  readonly state: Handled
}

export interface ChunkOutcome {
  readonly sent: readonly Sent[]
  readonly refused: readonly { readonly homebound: Homebound; readonly message: string }[]
  /** Good records behind a refused one of their key. */
  readonly held: readonly Homebound[]
}

export interface ChunkOptions {
  readonly writer: RedriveWriter
  readonly stateTopic: string
  readonly by: string
  readonly nowMs: () => number
  /** Records whose predecessor was refused go all the same. */
  readonly ignoreOrder: boolean
}

/** Bytes of a record that count, its framing roughly included. */
export function sizeOf({ key, value, headers }: QuarantineEntry): number {
  let bytes = 70 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const { name, value: of } of headers) bytes += 20 + name.length * 3 + (of?.length ?? 0)
  return bytes
}

/**
 * @throws {QuarantineError} `fenced`, `not-allowed`, `unknown-outcome`, `not-taken`; but for `unknown-outcome`, nothing
 *   of the chunk is there then
 */
export async function sendChunk(chunk: readonly Homebound[], options: ChunkOptions): Promise<ChunkOutcome> {
  const sent: Sent[] = []
  const refused: { homebound: Homebound; message: string }[] = []
  const held: Homebound[] = []
  const singly = new Set<string>()
  let again = 0
  let left = chunk
  while (left.length > 0) {
    const tried = await attempt(left, singly, options)
    const gone = new Set(tried.sent.map(({ homebound }) => homebound))
    sent.push(...tried.sent)
    left = left.filter((one) => !gone.has(one))
    if (tried.again !== null && ++again > mostAgain) throw explained(tried.again)
    if (tried.again !== null) continue
    if (tried.refused === null) break
    const { batch, error } = tried.refused
    if (batch.length > 1 && !isOfTopic(error.code)) {
      singly.add(placeOf(batch[0]!))
      continue
    }
    const { topic } = batch[0]!
    const fails = (one: Homebound): boolean => (isOfTopic(error.code) ? one.topic === topic : one === batch[0])
    const message = reasonOf(error)
    refused.push(...left.filter(fails).map((homebound) => ({ homebound, message })))
    const waits = options.ignoreOrder ? new Set<Homebound>() : behind(batch[0]!, left)
    const rest = left.filter((one) => !fails(one))
    held.push(...rest.filter((one) => waits.has(one)))
    left = rest.filter((one) => !waits.has(one))
  }
  return { sent, refused, held }
}

/** Those after `one` that have its key. */
function behind(one: Homebound, all: readonly Homebound[]): ReadonlySet<Homebound> {
  const name = nameOf(one.record.entry)
  if (name === null) return new Set()
  return new Set(all.slice(all.indexOf(one) + 1).filter((other) => nameOf(other.record.entry) === name))
}

interface Attempt {
  readonly sent: readonly Sent[]
  /** A batch that the brokers will not have. */
  readonly refused: { readonly batch: readonly Homebound[]; readonly error: TransactionError } | null
  /** All of it may be sent again; it failed for this. */
  readonly again: TransactionError | null
}

async function attempt(
  left: readonly Homebound[],
  singly: ReadonlySet<string>,
  { writer, stateTopic, by, nowMs }: ChunkOptions
): Promise<Attempt> {
  try {
    await writer.begin()
    const { sent, failed } = await sendAll(batchesOf(left, singly), writer, { by, atMs: nowMs() })
    const keepsSent = failed === null || writer.keepsParts === true
    if (keepsSent) {
      if (failed !== null) await writer.begin()
      const states = sent.map(({ homebound: { record }, state }) => ({ id: record.entry.id, of: record, state }))
      await writeStates(writer, stateTopic, states, nowMs)
    }
    if (failed === null) {
      await writer.commit()
      return { sent, refused: null, again: null }
    }
    const { batch, error } = failed
    if (!(error instanceof TransactionError)) throw error
    const again = isOfProducer(error)
    if (!again && !isRefusal(error)) throw error
    await writer.abort()
    const kept = keepsSent ? sent : []
    return again ? { sent: kept, refused: null, again: error } : { sent: kept, refused: { batch, error }, again: null }
  } catch (error) {
    await writer.abort().catch(() => undefined)
    throw explained(error)
  }
}

async function sendAll(
  batches: readonly (readonly Homebound[])[],
  writer: RedriveWriter,
  { by, atMs }: { readonly by: string; readonly atMs: number }
): Promise<{ sent: Sent[]; failed: { readonly batch: readonly Homebound[]; readonly error: unknown } | null }> {
  const sent: Sent[] = []
  const failures: { readonly batch: readonly Homebound[]; readonly error: unknown }[] = []
  await Promise.all(
    batches.map(async (batch) => {
      try {
        const baseOffset = await sendBatch(batch, writer)
        for (const [index, homebound] of batch.entries()) {
          const { topic, partition } = homebound
          const offset = baseOffset < 0n ? -1n : baseOffset + BigInt(index)
          sent.push({ homebound, state: { kind: 'redriven', topic, partition, offset, atMs, by } })
        }
      } catch (error) {
        failures.push({ batch, error })
      }
    })
  )
  // The first to fail is the culprit; others may fail only because it did.
  return { sent, failed: failures[0] ?? null }
}

/** In order; each within the limit, or one record. */
function batchesOf(chunk: readonly Homebound[], singly: ReadonlySet<string>): Homebound[][] {
  const batches: Homebound[][] = []
  for (const group of Map.groupBy(chunk, placeOf).values()) {
    let current: Homebound[] = []
    let bytes = 0
    for (const one of group) {
      if (current.length > 0 && (singly.has(placeOf(one)) || bytes + one.bytes > chunkLimits.batchBytes)) {
        batches.push(current)
        current = []
        bytes = 0
      }
      current.push(one)
      bytes += one.bytes
    }
    batches.push(current)
  }
  return batches
}

async function sendBatch(batch: readonly Homebound[], writer: RedriveWriter): Promise<bigint> {
  const { topic, partition } = batch[0]!
  const records = batch.map(({ record }) => original(record.entry))
  // Its producer had it compressed if it is larger than a topic takes; every client can read gzip.
  const codec = batch[0]!.bytes > chunkLimits.batchBytes ? 'gzip' : 'none'
  const { baseOffset } = await writer.send(topic, partition, records, { codec })
  return baseOffset
}

/** Exactly what the producer sent. */
function original({ key, value, headers, timestampMs }: QuarantineEntry): NewRecord {
  return { key, value, headers, timestamp: timestampMs }
}

function placeOf({ topic, partition }: Homebound): string {
  return `${topic}-${partition}`
}

/** Codes that say no to every record of the topic alike. */
function isOfTopic(code: number | null): boolean {
  return (
    code === errorCodes.TOPIC_AUTHORIZATION_FAILED ||
    code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION ||
    code === errorCodes.INVALID_TOPIC_EXCEPTION
  )
}

/**
 * Codes that speak of the producer and not of a record: a broker that has lost its state, or a transaction that ended
 * meanwhile. The next transaction begins anew.
 */
const ofProducer: ReadonlySet<number> = new Set([
  errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER,
  errorCodes.DUPLICATE_SEQUENCE_NUMBER,
  errorCodes.INVALID_TXN_STATE,
  errorCodes.UNKNOWN_PRODUCER_ID
])

/** How often a chunk is sent again after one of them. */
const mostAgain = 2

function isOfProducer({ fault, code }: TransactionError): boolean {
  return fault === 'abortable' && code !== null && ofProducer.has(code)
}

/** The brokers have said what is wrong with it, and will say so again. */
function isRefusal({ fault, code }: TransactionError): boolean {
  if (fault !== 'abortable' || code === null || ofProducer.has(code)) return false
  return isOfTopic(code) || errorByCode(code)?.retriable === false
}

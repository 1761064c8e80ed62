/**
 * A quarantined record as it lies in its topic: the producer's key, value and headers as they were, then our headers,
 * which say where it came from, who sent it and what is wrong with it. `docs/quarantine.md` lists them.
 *
 * The original headers may have any names, ours among them. `kontrakt.headers` counts them and is always the last of
 * ours, so that a reader splits the two exactly.
 */
import type { NewRecord, RecordHeader } from '../../protocol/records/build-batch.ts'
import { quarantineId, sequenceOf } from '../enforcement/quarantine-port.ts'
import type { QuarantinedBatch, QuarantineReason } from '../enforcement/quarantine-port.ts'

/** Of this layout. A reader refuses any other, because it could send home something else than what was sent. */
export const recordVersion = '1'

/** The names of our headers, in the order they are written. */
export const recordHeaders = {
  version: 'kontrakt.version',
  id: 'kontrakt.id',
  topic: 'kontrakt.topic',
  partition: 'kontrakt.partition',
  timestamp: 'kontrakt.timestamp',
  producerId: 'kontrakt.producer-id',
  producerEpoch: 'kontrakt.producer-epoch',
  sequence: 'kontrakt.sequence',
  batchIndex: 'kontrakt.batch-index',
  clientId: 'kontrakt.client-id',
  principal: 'kontrakt.principal',
  policy: 'kontrakt.policy',
  violations: 'kontrakt.violations',
  value: 'kontrakt.value',
  headers: 'kontrakt.headers'
} as const

export const recordLimits = {
  /** Bytes of `kontrakt.violations`. A batch of bad records must not become many times as large by our words. */
  violationsBytes: 8 * 1024,
  /** UTF-16 units of each text of a violation: five of them, each unit six bytes at worst, fit into the above. */
  violationText: 200,
  /** UTF-16 units of client id, principal and policy: a client id may have 32 KB and stands in each record. */
  text: 1024
} as const

/** What `toQuarantineRecord` adds to a record at most, in bytes: every header, with its name and the limits above. */
export const mostAddedBytes = 24 * 1024

export interface QuarantineEntry {
  /** 32 hex digits. The same for every copy of one record: the topic is written at least once. */
  readonly id: string
  /** Where it was sent to. */
  readonly topic: string
  readonly partition: number
  /** Epoch milliseconds, the producer's; -1 when it gave none. */
  readonly timestampMs: number
  /** Null without idempotence, like the two that follow. */
  readonly producerId: bigint | null
  readonly producerEpoch: number | null
  /** Of the record itself, not of its batch. */
  readonly sequence: number | null
  /** Place in the producer's batch. */
  readonly batchIndex: number
  readonly clientId: string | null
  readonly principal: string | null
  /** `orders@3f2a91c04b7e`. */
  readonly policy: string
  readonly violations: readonly QuarantineReason[]
  /** How many more there were than are listed. */
  readonly moreViolations: number
  readonly key: Buffer | null
  /** What is left of it when `valueDropped`: null, or JSON without the fields that were dropped. */
  readonly value: Buffer | null
  /** The producer's, in order, repeated names and null values included. */
  readonly headers: readonly RecordHeader[]
  /** The value is not what the producer sent, so the record cannot be sent home. */
  readonly valueDropped: boolean
}

/** One record of a quarantine topic as a reader gets it: `ReadRecord` of the wire fits. */
export interface StoredRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

/** A record that nobody can read as quarantined: another program wrote it, or another version of this one. */
export class NotAQuarantineRecordError extends Error {
  override readonly name = 'NotAQuarantineRecordError'
}

/** The entries of a batch's bad records, with everything the producer sent. Sequences wrap at 2^31, as Kafka's do. */
export function entriesOf(batch: QuarantinedBatch): QuarantineEntry[] {
  const { topic, partition, chain, producer, policy } = batch
  return batch.records.map((record) => {
    const sequence = sequenceOf(batch, record.index)
    return {
      id: quarantineId(batch, record.index),
      topic,
      partition,
      timestampMs: record.timestampMs,
      producerId: chain?.producerId ?? null,
      producerEpoch: chain?.producerEpoch ?? null,
      sequence,
      batchIndex: record.index,
      clientId: producer.clientId,
      principal: producer.principal,
      policy: `${policy.name}@${policy.version}`,
      violations: record.violations,
      moreViolations: 0,
      key: record.key,
      value: record.value,
      headers: record.headers,
      valueDropped: false
    }
  })
}

/** The headers that all records of one batch have in common, made once for them. */
export interface SharedHeaders {
  readonly place: readonly RecordHeader[]
  readonly producer: readonly RecordHeader[]
  readonly sender: readonly RecordHeader[]
}

export function sharedHeaders(entry: Omit<QuarantineEntry, 'id' | 'violations'>): SharedHeaders {
  const { producerId, producerEpoch, clientId, principal } = entry
  return {
    place: [header('topic', entry.topic), header('partition', entry.partition)],
    producer: [
      ...(producerId === null ? [] : [header('producerId', producerId)]),
      ...(producerEpoch === null ? [] : [header('producerEpoch', producerEpoch)])
    ],
    sender: [
      ...(clientId === null ? [] : [header('clientId', shorten(clientId, recordLimits.text))]),
      ...(principal === null ? [] : [header('principal', shorten(principal, recordLimits.text))]),
      header('policy', shorten(entry.policy, recordLimits.text))
    ]
  }
}

/**
 * @param nowMs the record's own timestamp, epoch milliseconds; the broker replaces it (LogAppendTime)
 * @param shared of the batch that the entry is from
 */
export function toQuarantineRecord(entry: QuarantineEntry, nowMs: number, shared = sharedHeaders(entry)): NewRecord {
  const headers: RecordHeader[] = [
    ...entry.headers,
    versionHeader,
    header('id', entry.id),
    ...shared.place,
    header('timestamp', entry.timestampMs),
    ...shared.producer
  ]
  if (entry.sequence !== null) headers.push(header('sequence', entry.sequence))
  headers.push(
    header('batchIndex', entry.batchIndex),
    ...shared.sender,
    header('violations', violationsText(entry.violations, entry.moreViolations))
  )
  if (entry.valueDropped) headers.push(header('value', 'dropped'))
  headers.push(header('headers', entry.headers.length))
  return { key: entry.key, value: entry.value, headers, timestamp: nowMs }
}

type OurHeader = keyof typeof recordHeaders

const nameBytes = new Map(
  (Object.keys(recordHeaders) as OurHeader[]).map((name) => [name, Buffer.from(recordHeaders[name])])
)

function header(name: OurHeader, value: string | number | bigint): RecordHeader {
  return { name: recordHeaders[name], nameBytes: nameBytes.get(name)!, value: Buffer.from(String(value)) }
}

const versionHeader = header('version', recordVersion)

/** As many whole violations as fit; the rest is counted. */
function violationsText(violations: readonly QuarantineReason[], moreBefore: number): string {
  const texts: string[] = []
  const frame = '{"violations":[],"more":9007199254740991}'.length
  let bytes = frame
  for (const violation of violations) {
    const text = JSON.stringify(shortened(violation))
    bytes += Buffer.byteLength(text) + 1
    if (bytes > recordLimits.violationsBytes) break
    texts.push(text)
  }
  return `{"violations":[${texts.join(',')}],"more":${violations.length - texts.length + moreBefore}}`
}

function shortened({ rule, path, message, expected, found }: QuarantineReason): QuarantineReason {
  const short = (text: string): string => shorten(text, recordLimits.violationText)
  return {
    rule: short(rule),
    path: short(path),
    message: short(message),
    ...(expected === undefined ? {} : { expected: short(expected) }),
    ...(found === undefined ? {} : { found: short(found) })
  }
}

function shorten(text: string, units: number): string {
  if (text.length <= units) return text.toWellFormed()
  return `${text
    .slice(0, units - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`
}

/**
 * Reads a record back. Buffers are those of the record, not copies.
 *
 * @throws NotAQuarantineRecordError which says what is wrong
 */
export function fromQuarantineRecord({ key, value, headers }: StoredRecord): QuarantineEntry {
  const { originals, ours } = split(headers)
  // Whoever may write to the topic may write anything. What we did not write is not held in memory by the thousand.
  const oursBytes = ours.reduce((sum, { name, value: of }) => sum + name.length + (of?.length ?? 0), 0)
  if (oursBytes > mostAddedBytes) throw new NotAQuarantineRecordError(`it has ${oursBytes} bytes in our headers`)
  const read = new OurHeaders(ours)
  const version = read.text(recordHeaders.version)
  if (version !== recordVersion) {
    throw new NotAQuarantineRecordError(`it has version ${shorten(version, 20)}, this program reads ${recordVersion}`)
  }
  const id = read.text(recordHeaders.id)
  if (!/^[0-9a-f]{32}$/.test(id)) throw wrong(recordHeaders.id, 'is not 32 hex digits')
  const dropped = read.optionalText(recordHeaders.value)
  if (dropped !== null && dropped !== 'dropped') throw wrong(recordHeaders.value, 'is neither absent nor `dropped`')
  const { violations, more } = parseViolations(read.text(recordHeaders.violations))
  const producerId = read.optionalInteger(recordHeaders.producerId, 0n, maxInt64)
  const producerEpoch = read.optionalInteger(recordHeaders.producerEpoch, 0n, 32_767n)
  const sequence = read.optionalInteger(recordHeaders.sequence, 0n, maxInt32)
  return {
    id,
    topic: read.text(recordHeaders.topic),
    partition: Number(read.integer(recordHeaders.partition, 0n, maxInt32)),
    timestampMs: Number(read.integer(recordHeaders.timestamp, -maxSafe, maxSafe)),
    producerId,
    producerEpoch: producerEpoch === null ? null : Number(producerEpoch),
    sequence: sequence === null ? null : Number(sequence),
    batchIndex: Number(read.integer(recordHeaders.batchIndex, 0n, maxInt32)),
    clientId: read.optionalText(recordHeaders.clientId),
    principal: read.optionalText(recordHeaders.principal),
    policy: read.text(recordHeaders.policy),
    violations,
    moreViolations: more,
    key,
    value,
    headers: originals,
    valueDropped: dropped === 'dropped'
  }
}

const maxInt32 = 2n ** 31n - 1n
const maxInt64 = 2n ** 63n - 1n
const maxSafe = BigInt(Number.MAX_SAFE_INTEGER)

function split(headers: readonly RecordHeader[]): {
  originals: readonly RecordHeader[]
  ours: readonly RecordHeader[]
} {
  const last = headers.at(-1)
  if (last?.name !== recordHeaders.headers) {
    throw new NotAQuarantineRecordError(`its last header is not ${recordHeaders.headers}`)
  }
  const text = last.value?.toString() ?? ''
  const count = /^\d{1,10}$/.test(text) ? Number(text) : headers.length
  // At least version, id and the count itself follow the originals.
  if (count > headers.length - 3) throw wrong(recordHeaders.headers, 'is not the number of the headers before ours')
  return { originals: headers.slice(0, count), ours: headers.slice(count) }
}

class OurHeaders {
  readonly #values = new Map<string, string>()

  constructor(headers: readonly RecordHeader[]) {
    for (const { name, value } of headers) {
      if (this.#values.has(name)) throw wrong(name, 'stands there twice')
      if (value === null) throw wrong(name, 'is null')
      this.#values.set(name, value.toString())
    }
  }

  optionalText(name: string): string | null {
    return this.#values.get(name) ?? null
  }

  text(name: string): string {
    const value = this.optionalText(name)
    if (value === null) throw wrong(name, 'is missing')
    return value
  }

  optionalInteger(name: string, least: bigint, most: bigint): bigint | null {
    const text = this.optionalText(name)
    if (text === null) return null
    const value = /^-?\d{1,19}$/.test(text) ? BigInt(text) : null
    if (value === null || value < least || value > most) throw wrong(name, 'is no such number')
    return value
  }

  integer(name: string, least: bigint, most: bigint): bigint {
    const value = this.optionalInteger(name, least, most)
    if (value === null) throw wrong(name, 'is missing')
    return value
  }
}

function parseViolations(text: string): { violations: QuarantineReason[]; more: number } {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    throw wrong(recordHeaders.violations, 'is not JSON')
  }
  const { violations, more } = isObject(document) ? document : {}
  if (!Array.isArray(violations) || typeof more !== 'number' || !Number.isSafeInteger(more) || more < 0) {
    throw wrong(recordHeaders.violations, 'has not the form of version 1')
  }
  return { violations: violations.map(parseReason), more }
}

function parseReason(written: unknown): QuarantineReason {
  const { rule, path, message, expected, found } = isObject(written) ? written : {}
  const isOptional = (part: unknown): part is string | undefined => part === undefined || typeof part === 'string'
  if (
    typeof rule !== 'string' ||
    typeof path !== 'string' ||
    typeof message !== 'string' ||
    !isOptional(expected) ||
    !isOptional(found)
  ) {
    throw wrong(recordHeaders.violations, 'has not the form of version 1')
  }
  return {
    rule,
    path,
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(found === undefined ? {} : { found })
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrong(header: string, what: string): NotAQuarantineRecordError {
  return new NotAQuarantineRecordError(`its header ${shorten(header, 40)} ${what}`)
}

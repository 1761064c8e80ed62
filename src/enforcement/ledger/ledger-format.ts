/**
 * How chains stand in the ledger topic: JSON in keys and values, so that a person with any consumer can read them.
 *
 * Key: `["topic", partition, "producer id", epoch, "claim"]`. A claim is one instance's ownership of a chain; each has a
 * key of its own, so that what an earlier owner still writes can never replace what a later one wrote (compaction keeps
 * the last value of each key). Value: the claim itself, or the state its owner wrote under it.
 *
 * Key `["topic"]`: the mark of a topic in which records may be quarantined; see `MarkedTopics`.
 */
import type { ChainSnapshot, JudgedBatch } from './chain-state.ts'
import type { ChainId } from './ports.ts'

export type LedgerValue =
  /** Whoever wrote this owns the chain from here on, with the state that stands before it. */
  | { readonly kind: 'claim' }
  /** `claimOffset`: where the claim stood that this was written under; compaction may have removed it. */
  | { readonly kind: 'state'; readonly claimOffset: bigint; readonly state: ChainSnapshot }

export interface LedgerKey {
  readonly chain: ChainId
  readonly claim: string
}

export class UnreadableLedgerError extends Error {
  override readonly name = 'UnreadableLedgerError'
}

const formatVersion = 1
const comma = 0x2c
/** Most records of one batch that a dropped list may speak of; far above `limits.recordsPerBatch`. */
const maxBatchRecords = 10_000_000

/** The chain alone, for maps. */
export function chainKey({ topic, partition, producerId, producerEpoch }: ChainId): string {
  return `${producerId}/${producerEpoch}/${partition}/${topic}`
}

export function encodeLedgerKey({ chain, claim }: LedgerKey): Buffer {
  const { topic, partition, producerId, producerEpoch } = chain
  return Buffer.from(JSON.stringify([topic, partition, String(producerId), producerEpoch, claim]))
}

/** Throws UnreadableLedgerError. */
export function decodeLedgerKey(key: Buffer): LedgerKey {
  const parts = parse(key)
  if (!Array.isArray(parts)) throw new UnreadableLedgerError('a key is not a list')
  const [topic, partition, producerId, producerEpoch, claim] = parts as unknown[]
  if (typeof topic !== 'string' || typeof claim !== 'string' || typeof producerId !== 'string') {
    throw new UnreadableLedgerError('a key does not name topic, producer id and claim')
  }
  if (!/^\d{1,19}$/.test(producerId)) throw new UnreadableLedgerError('a key has no producer id')
  const chain = {
    topic,
    partition: whole(partition),
    producerId: BigInt(producerId),
    producerEpoch: whole(producerEpoch)
  }
  return { chain, claim }
}

export function encodeMarkKey(topic: string): Buffer {
  return Buffer.from(JSON.stringify([topic]))
}

/** The topic that is marked by this key; null when it is another one's. */
export function decodeMarkKey(key: Buffer): string | null {
  // Names of topics have no comma, keys of chains have four.
  if (key.includes(comma)) return null
  try {
    const parts: unknown = JSON.parse(key.toString())
    return Array.isArray(parts) && parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : null
  } catch {
    return null
  }
}

/** Whatever stands there, also by a later version, marks the topic. */
export const markValue = Buffer.from(JSON.stringify({ v: formatVersion, kind: 'mark' }))

export function encodeLedgerValue(value: LedgerValue): Buffer {
  if (value.kind === 'claim') return Buffer.from(JSON.stringify({ v: formatVersion, kind: 'claim' }))
  const { floor, droppedBelow, batches, acknowledged, contested } = value.state
  return Buffer.from(
    JSON.stringify({
      v: formatVersion,
      kind: 'state',
      claimOffset: String(value.claimOffset),
      floor,
      droppedBelow,
      acknowledged,
      contested,
      batches: batches.map(({ base, count, digest, dropped }) => ({
        base,
        count,
        digest,
        dropped: packed(dropped, count)
      }))
    })
  )
}

/** Throws UnreadableLedgerError. */
export function decodeLedgerValue(value: Buffer): LedgerValue {
  const fields = parse(value) as Readonly<Record<string, unknown>> | null
  if (typeof fields !== 'object' || fields === null) throw new UnreadableLedgerError('a value is not an object')
  if (fields['v'] !== formatVersion) {
    throw new UnreadableLedgerError(`a value has format ${String(fields['v'])}; this version reads ${formatVersion}`)
  }
  if (fields['kind'] === 'claim') return { kind: 'claim' }
  const { kind, claimOffset, batches, acknowledged } = fields
  if (
    kind !== 'state' ||
    typeof claimOffset !== 'string' ||
    !/^\d{1,19}$/.test(claimOffset) ||
    !Array.isArray(batches)
  ) {
    throw new UnreadableLedgerError('a value is neither a claim nor a state')
  }
  const state: ChainSnapshot = {
    floor: whole(fields['floor']),
    droppedBelow: signed(fields['droppedBelow']),
    acknowledged: acknowledged === null ? null : whole(acknowledged),
    contested: fields['contested'] === null ? null : whole(fields['contested']),
    batches: batches.map(judgedBatch)
  }
  return { kind: 'state', claimOffset: BigInt(claimOffset), state }
}

function judgedBatch(value: unknown): JudgedBatch {
  const fields = value as Readonly<Record<string, unknown>> | null
  const digest = fields?.['digest']
  const dropped = fields?.['dropped']
  if (typeof digest !== 'string' || typeof dropped !== 'string')
    throw new UnreadableLedgerError('a batch is incomplete')
  const count = whole(fields?.['count'])
  if (count > maxBatchRecords) throw new UnreadableLedgerError('a batch has too many records')
  return { base: whole(fields?.['base']), count, digest, dropped: unpacked(dropped, count) }
}

/** `*` for all, else the shorter of ranges (`3,7-9`) and a bit per record in base64 (`:AQI=`). */
function packed(dropped: readonly number[], count: number): string {
  if (dropped.length === count) return '*'
  const ranges: string[] = []
  for (let i = 0; i < dropped.length;) {
    let last = i
    while (last + 1 < dropped.length && dropped[last + 1] === dropped[last]! + 1) last += 1
    ranges.push(last === i ? `${dropped[i]}` : `${dropped[i]}-${dropped[last]}`)
    i = last + 1
  }
  const asRanges = ranges.join(',')
  if (asRanges.length <= count / 6) return asRanges
  const bits = Buffer.alloc(Math.ceil(count / 8))
  for (const index of dropped) bits[index >> 3]! |= 1 << (index & 7)
  const asBits = `:${bits.toString('base64')}`
  return asBits.length < asRanges.length ? asBits : asRanges
}

function unpacked(text: string, count: number): number[] {
  if (text === '*') return Array.from({ length: count }, (_, index) => index)
  const dropped: number[] = []
  if (text.startsWith(':')) {
    const bits = Buffer.from(text.slice(1), 'base64')
    for (let index = 0; index < count; index += 1) {
      if (((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0) dropped.push(index)
    }
    return dropped
  }
  for (const range of text === '' ? [] : text.split(',')) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range)
    if (match === null) throw new UnreadableLedgerError('a list of quarantined records cannot be read')
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    if (last < first || last >= count || first <= (dropped.at(-1) ?? -1)) {
      throw new UnreadableLedgerError('a list of quarantined records does not fit its batch')
    }
    for (let index = first; index <= last; index += 1) dropped.push(index)
  }
  return dropped
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString())
  } catch (cause) {
    throw new UnreadableLedgerError('it is not JSON', { cause })
  }
}

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** 31) {
    throw new UnreadableLedgerError('a number is missing or out of its range')
  }
  return value
}

function signed(value: unknown): number {
  return typeof value === 'number' && value < 0 ? -whole(-value) : whole(value)
}

/** What tests of compiled validators share: slots against the value tree, seeded cases, and damage to payloads. */
import { expect } from 'vitest'
import { Decimal, Duration, Timestamp, Uint } from '../../src/contracts/value.ts'
import type { Value } from '../../src/contracts/value.ts'
import { slotKind } from '../../src/contracts/payload/compiled.ts'
import type { CompiledPayload, Slots, SlotPath } from '../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../src/contracts/payload/format.ts'

/** Cases of a test: more of them by `KONTRAKT_CASES=1000 vitest run …`. */
export function caseCount(base: number): number {
  return Math.max(1, Math.round(base * Number(process.env['KONTRAKT_CASES'] ?? 1)))
}

/** Numbers that a seed repeats (mulberry32). */
export class SeededRandom {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to 2^32 - 1. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** 0 to `count` - 1. */
  below(count: number): number {
    return this.uint32() % count
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}

const telling = [0x00, 0x01, 0x02, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xed, 0xf4, 0xfe, 0xff]

/** The payload with one to three faults: flipped bits, other bytes, cuts, insertions, repeated or moved parts. */
export function damaged(payload: Buffer, random: SeededRandom): Buffer {
  let bytes = Buffer.from(payload)
  for (let faults = 1 + random.below(3); faults > 0; faults--) {
    const at = random.below(bytes.length + 1)
    const length = 1 + random.below(8)
    const before = bytes.subarray(0, at)
    switch (random.below(7)) {
      case 0:
        bytes = Buffer.from(before)
        break
      case 1:
        bytes = Buffer.concat([before, bytes.subarray(at + length)])
        break
      case 2:
        bytes = Buffer.concat([before, random.bytes(length), bytes.subarray(at)])
        break
      case 3:
        bytes = Buffer.concat([before, bytes.subarray(at, at + length), bytes.subarray(at)])
        break
      case 4:
        if (at < bytes.length) bytes[at] = random.pick(telling)
        break
      case 5:
        if (at + 1 < bytes.length) bytes.subarray(at, Math.min(at + length, bytes.length)).reverse()
        break
      default:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8)
    }
  }
  return bytes
}

/** What stands at a path of the reference's value; undefined where a name on the way is absent or null. */
export function valueAtPath(value: Value, path: SlotPath): Value | undefined {
  let at: Value | undefined = value
  for (const name of path) {
    if (at === null || at === undefined) return undefined
    if (!(at instanceof Map)) throw new Error(`no record on the way at ${name}`)
    at = at.get(name)
  }
  return at
}

/**
 * Fails unless slot `index` says what the reference's value is.
 *
 * @param value undefined for absent
 * @param symbols of `symbolsOf`
 * @param scale of `scaleOf`
 */
export function expectSlot(
  slots: Slots,
  index: number,
  value: Value | undefined,
  bytes: Buffer,
  symbols: readonly string[] | null,
  scale: number | null = null
): void {
  expect(slotMatches(slots, index, value, bytes, symbols, scale), describeSlot(slots, index, value)).toBe(true)
}

/** Whether the slot says what the value is; `other` says only that it is there. */
export function slotMatches(
  slots: Slots,
  index: number,
  value: Value | undefined,
  bytes: Buffer,
  symbols: readonly string[] | null,
  scale: number | null = null
): boolean {
  const number = slots.numbers[index]!
  const start = slots.starts[index]!
  const end = slots.ends[index]!
  switch (slots.kinds[index]) {
    case slotKind.absent:
      return value === undefined
    case slotKind.null:
      return value === null
    case slotKind.false:
      return value === false
    case slotKind.true:
      return value === true
    case slotKind.int:
      return typeof value === 'bigint' && Number.isSafeInteger(number) && BigInt(number) === value
    case slotKind.uint:
      return value instanceof Uint && Number.isSafeInteger(number) && BigInt(number) === value.value
    case slotKind.double:
      return typeof value === 'number' && Object.is(value, number)
    case slotKind.text:
      return typeof value === 'string' && Buffer.from(value).equals(bytes.subarray(start, end))
    case slotKind.symbol:
      return typeof value === 'string' && symbols?.[number] === value
    case slotKind.bytes:
      return value instanceof Uint8Array && Buffer.from(value).equals(bytes.subarray(start, end))
    case slotKind.timestampMs:
      return value instanceof Timestamp && sameInstant(value, number)
    case slotKind.list:
      return Array.isArray(value) && value.length === number
    case slotKind.other:
      return value !== undefined && value !== null
    case slotKind.decimal:
      return value instanceof Decimal && value.scale === scale && isExactly(number, value.unscaled)
    default:
      return false
  }
}

function isExactly(number: number, integer: bigint): boolean {
  return Number.isSafeInteger(number) && !Object.is(number, -0) && BigInt(number) === integer
}

function sameInstant(value: Timestamp, ms: number): boolean {
  if (!Number.isSafeInteger(ms)) return false
  return value.seconds * 1_000_000_000n + BigInt(value.nanos) === BigInt(ms) * 1_000_000n
}

export function describeSlot(slots: Slots, index: number, value: Value | undefined): string {
  const name = Object.entries(slotKind).find(([, kind]) => kind === slots.kinds[index])?.[0] ?? 'nothing known'
  return `slot ${index} holds ${name} (${slots.numbers[index]!}), the value is ${kindOf(value)}`
}

function kindOf(value: Value | undefined): string {
  if (value instanceof Decimal) return 'a decimal'
  if (value instanceof Timestamp) return `the instant ${value.seconds} s ${value.nanos} ns`
  if (value instanceof Duration) return 'a duration'
  if (value instanceof Uint) return `uint ${value.value}`
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (value instanceof Map) return 'a map'
  return typeof value === 'object' && value !== null ? 'bytes' : `${typeof value} ${String(value)}`
}

/** What came of one payload under both judges. */
export interface Comparison {
  readonly accepted: boolean
  readonly referenceAccepts: boolean
}

const margin = 5

/** As it lies in a batch, with other bytes on both sides. */
function between(payload: Buffer, other: number): Buffer {
  return Buffer.concat([Buffer.alloc(margin, other), payload, Buffer.alloc(margin, other)])
}

/**
 * Runs both judges over the payload and fails when the compiled one accepts what the reference refuses, notes something
 * else than the reference's value has, leaves a slot as it was, or goes by bytes outside of the payload.
 *
 * @param label tells the case in a failure: its seed
 * @param firstSlot as given to `compile`
 */
export function compareJudges(
  format: PayloadFormat,
  compiled: CompiledPayload,
  paths: readonly SlotPath[],
  payload: Buffer,
  slots: Slots,
  label: string,
  firstSlot = 0
): Comparison {
  const end = margin + payload.length
  const shown = `${label}, payload ${payload.toString('hex')}`
  const acceptedBefore = compiled.accepts(between(payload, 0xff), margin, end, slots)
  const bytes = between(payload, 0x01)
  slots.kinds.fill(0xff)
  slots.numbers.fill(NaN)
  slots.starts.fill(-1)
  slots.ends.fill(-1)
  const accepted = compiled.accepts(bytes, margin, end, slots)
  if (accepted !== acceptedBefore) expect.fail(`${shown}: goes by bytes outside of the payload`)
  const decoded = format.decode(bytes, margin, end)
  if (accepted && !decoded.ok) {
    expect.fail(`${shown}: accepted, but the reference says ${JSON.stringify(decoded.failures)}`)
  }
  if (accepted && decoded.ok) {
    for (const [index, path] of paths.entries()) {
      const value = valueAtPath(decoded.value, path)
      const symbols = compiled.symbolsOf(index)
      const scale = compiled.scaleOf?.(index) ?? null
      if (slotMatches(slots, firstSlot + index, value, bytes, symbols, scale)) continue
      expect.fail(`${shown}, path ${path.join('.')}: ${describeSlot(slots, firstSlot + index, value)}`)
    }
  }
  return { accepted, referenceAccepts: decoded.ok }
}

/** Values as a YAML or JSON file writes them, read for encoding; see `encodePayload`. */
import { Timestamp } from '../value.ts'
import { formatPath } from './path.ts'
import type { PathSegment } from './path.ts'

/** A value of a test case that its schema does not take. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue'
  /** Levels into the value at which it went wrong. */
  readonly depth: number
  constructor(path: readonly PathSegment[], expected: string) {
    super(`${path.length === 0 ? 'the value' : formatPath(path)} does not fit: expected ${expected}`)
    this.depth = path.length
  }
}

/** A bigint, an integer number, or the digits of one in a string; else null. */
export function wholeNumber(plain: unknown): bigint | null {
  if (typeof plain === 'bigint') return plain
  if (typeof plain === 'number') return Number.isInteger(plain) ? BigInt(plain) : null
  return typeof plain === 'string' && /^-?[0-9]{1,30}$/.test(plain) ? BigInt(plain) : null
}

export function decodeBase64(text: string): Buffer | null {
  return /^[A-Za-z0-9+/]*={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : null
}

const isoForm = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/

/** RFC 3339 with up to nine decimals; null for anything else. */
export function parseTimestamp(text: string): Timestamp | null {
  const parts = isoForm.exec(text)
  if (parts === null) return null
  const wholeMs = Date.parse(`${parts[1]!}${parts[3]!}`)
  if (Number.isNaN(wholeMs)) return null
  return new Timestamp(BigInt(wholeMs) / 1000n, Number((parts[2] ?? '').padEnd(9, '0')))
}

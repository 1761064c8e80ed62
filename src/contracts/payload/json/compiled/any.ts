/**
 * Values that no schema speaks of, scanned where they lie: any strict JSON. Duplicate keys are found by the ranges of
 * bytes of the keys before; so a key with an escape, which is one of several ways to write it, is left to the reference.
 */
import { limits } from '../../limits.ts'
import { protoKey } from '../parse.ts'
import { scanNumber } from './numbers.ts'
import { failed, scanString, scanWord, skipColon, skipSpace, standsAt } from './scan.ts'

/**
 * Keys of one object that are compared with each other, and unique items of one array. More are left to the reference:
 * the comparing takes quadratic time.
 */
const perContainer = 64

const places = (limits.payloadNesting.json + 1) * perContainer
const starts = new Int32Array(places)
const ends = new Int32Array(places)
const hashes = new Int32Array(places)

/** The reference reads this one key as `__proto__`. */
const standIn = Buffer.from(protoKey)

/**
 * Notes that `bytes[start, close)` stands in the container at this depth, behind `count` others that were noted. False
 * when it is one of them, and when there are too many.
 *
 * @param depth 1 for the outermost container; at most `limits.payloadNesting.json`
 */
export function noteRange(bytes: Uint8Array, start: number, close: number, depth: number, count: number): boolean {
  if (count >= perContainer) return false
  const length = close - start
  const hash =
    length === 0 ? 0 : (length << 24) ^ (bytes[start]! << 16) ^ (bytes[close - 1]! << 8) ^ bytes[(start + close) >> 1]!
  const base = depth * perContainer
  for (let i = base; i < base + count; i++) {
    if (hashes[i] === hash && sameRange(bytes, starts[i]!, ends[i]!, start, close)) return false
  }
  starts[base + count] = start
  ends[base + count] = close
  hashes[base + count] = hash
  return true
}

function sameRange(bytes: Uint8Array, start: number, end: number, other: number, otherEnd: number): boolean {
  if (end - start !== otherEnd - other) return false
  for (let i = 0; i < end - start; i++) if (bytes[start + i] !== bytes[other + i]) return false
  return true
}

/** Notes a key without escapes; as `noteRange`, and false for the one the reference has another name for. */
export function noteKey(bytes: Uint8Array, start: number, close: number, depth: number, count: number): boolean {
  if (close - start === standIn.length && standsAt(bytes, start, close, standIn)) return false
  return noteRange(bytes, start, close, depth, count)
}

/** @param depth containers around the value */
export function scanValue(bytes: Uint8Array, at: number, end: number, depth: number): number {
  if (at >= end) return failed
  const first = bytes[at]!
  if (first === 0x22) {
    const close = scanString(bytes, at + 1, end)
    return close === failed ? failed : (close < 0 ? ~close : close) + 1
  }
  if (first === 0x7b) return scanObject(bytes, at, end, depth + 1)
  if (first === 0x5b) return scanArray(bytes, at, end, depth + 1)
  if (first === 0x2d || (first >= 0x30 && first <= 0x39)) return scanNumber(bytes, at, end)
  return scanWord(bytes, at, end)
}

function scanObject(bytes: Uint8Array, at: number, end: number, depth: number): number {
  if (depth > limits.payloadNesting.json) return failed
  let p = skipSpace(bytes, at + 1, end)
  if (p < end && bytes[p] === 0x7d) return p + 1
  for (let count = 0; ; count++) {
    if (p >= end || bytes[p] !== 0x22) return failed
    const close = scanString(bytes, p + 1, end)
    if (close < 0 || !noteKey(bytes, p + 1, close, depth, count)) return failed
    p = skipColon(bytes, close + 1, end)
    if (p < 0) return failed
    p = scanValue(bytes, p, end, depth)
    if (p < 0) return failed
    if (p < end && bytes[p]! <= 0x20) p = skipSpace(bytes, p, end)
    if (p >= end) return failed
    if (bytes[p] === 0x7d) return p + 1
    if (bytes[p] !== 0x2c) return failed
    p = skipSpace(bytes, p + 1, end)
  }
}

function scanArray(bytes: Uint8Array, at: number, end: number, depth: number): number {
  if (depth > limits.payloadNesting.json) return failed
  let p = skipSpace(bytes, at + 1, end)
  if (p < end && bytes[p] === 0x5d) return p + 1
  while (true) {
    p = scanValue(bytes, p, end, depth)
    if (p < 0) return failed
    if (p < end && bytes[p]! <= 0x20) p = skipSpace(bytes, p, end)
    if (p >= end) return failed
    if (bytes[p] === 0x5d) return p + 1
    if (bytes[p] !== 0x2c) return failed
    p = skipSpace(bytes, p + 1, end)
  }
}

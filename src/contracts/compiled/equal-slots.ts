/** `==` between two slots, by what the expressions' own equality says of the values. */
import { slotKind } from '../payload/compiled.ts'
import type { Slots } from '../payload/compiled.ts'
import { sameBytes } from './text-bytes.ts'

/** The symbols of an enum as UTF-8; null for slots that hold none. */
export type SymbolTexts = readonly Buffer[] | null

/**
 * 1: equal; 0: not equal; 2: not known here. `absent` counts as null.
 *
 * @param longest bytes of text that may be compared
 */
export function equalSlots(
  slots: Slots,
  bytes: Buffer,
  one: number,
  other: number,
  oneSymbols: SymbolTexts,
  otherSymbols: SymbolTexts,
  longest: number
): 0 | 1 | 2 {
  const a = slots.kinds[one]!
  const b = slots.kinds[other]!
  if (a <= slotKind.null || b <= slotKind.null) return a <= slotKind.null && b <= slotKind.null ? 1 : 0
  if (a >= slotKind.other || b >= slotKind.other) return 2
  if (isNumber(a)) return isNumber(b) && slots.numbers[one] === slots.numbers[other] ? 1 : 0
  if (isText(a)) {
    return isText(b) ? sameTexts(slots, bytes, one, other, oneSymbols, otherSymbols, longest) : 0
  }
  if (a !== b) return 0
  if (a === slotKind.list) return 2
  if (a === slotKind.timestampMs) return slots.numbers[one] === slots.numbers[other] ? 1 : 0
  return a === slotKind.bytes ? sameRanges(slots, bytes, one, other, longest) : 1
}

function isNumber(kind: number): boolean {
  return kind >= slotKind.int && kind <= slotKind.double
}

function isText(kind: number): boolean {
  return kind === slotKind.text || kind === slotKind.symbol
}

function sameTexts(
  slots: Slots,
  bytes: Buffer,
  one: number,
  other: number,
  oneSymbols: SymbolTexts,
  otherSymbols: SymbolTexts,
  longest: number
): 0 | 1 | 2 {
  const a = slots.kinds[one] === slotKind.symbol ? oneSymbols?.[slots.numbers[one]!] : null
  const b = slots.kinds[other] === slotKind.symbol ? otherSymbols?.[slots.numbers[other]!] : null
  if (a === undefined || b === undefined) return 2
  const aStart = a === null ? slots.starts[one]! : 0
  const aEnd = a === null ? slots.ends[one]! : a.length
  const bStart = b === null ? slots.starts[other]! : 0
  const bEnd = b === null ? slots.ends[other]! : b.length
  if (aEnd - aStart > longest) return 2
  return sameBytes(a ?? bytes, aStart, aEnd, b ?? bytes, bStart, bEnd) ? 1 : 0
}

function sameRanges(slots: Slots, bytes: Buffer, one: number, other: number, longest: number): 0 | 1 | 2 {
  const start = slots.starts[one]!
  const end = slots.ends[one]!
  if (end - start > longest) return 2
  return sameBytes(bytes, start, end, bytes, slots.starts[other]!, slots.ends[other]!) ? 1 : 0
}

/** The constraints of `fields` over a slot: true where `checkConstraints` certainly has nothing to report. */
import type { Constraints } from '../checks/constraints.ts'
import { decimalOf } from '../checks/scalars.ts'
import { slotKind } from '../payload/compiled.ts'
import type { NotCompiled, Slots } from '../payload/compiled.ts'
import type { Shape } from '../value.ts'
import { inUnits } from './decimals.ts'
import { codePointsOfBytes, TextSet } from './text-bytes.ts'
import { textMatcher } from './text-pattern.ts'

type Kept = (slots: Slots, bytes: Buffer) => boolean

/**
 * @param slot of the field
 * @param symbols of the enum in that slot; null when it holds none
 * @param scale of the decimals in that slot; null when it holds none
 */
export function compileConstraints(
  constraints: Constraints,
  shape: Shape,
  slot: number,
  symbols: readonly string[] | null,
  scale: number | null
): Kept | NotCompiled {
  if (shape.kind === 'map' && (constraints.minItems !== null || constraints.maxItems !== null))
    return { reason: 'it counts the entries of a map' }
  const { required } = constraints
  if (!hasMore(constraints)) return required ? (slots) => slots.kinds[slot]! > slotKind.null : () => true
  const text = textTest(constraints)
  const symbolsKept = Uint8Array.from(symbols ?? [], (symbol) => (keptBySymbol(constraints, symbol) ? 1 : 0))
  const number = numberTest(constraints)
  const decimal = scale === null ? never : decimalTest(constraints, scale)
  if (decimal === null) return { reason: 'it compares a decimal with a number of more than 53 bits' }
  const allowsTrue = keptByBool(constraints, true)
  const allowsFalse = keptByBool(constraints, false)
  const bytesLength = asksOnly(constraints, ['minLength', 'maxLength']) ? lengthRange(constraints) : never
  const items = itemsRange(constraints)
  return (slots, bytes) => {
    switch (slots.kinds[slot]) {
      case slotKind.absent:
      case slotKind.null:
        return !required
      case slotKind.false:
        return allowsFalse
      case slotKind.true:
        return allowsTrue
      case slotKind.int:
      case slotKind.uint:
      case slotKind.double:
        return number(slots.numbers[slot]!)
      case slotKind.decimal:
        return decimal(slots.numbers[slot]!)
      case slotKind.text:
        return text(bytes, slots.starts[slot]!, slots.ends[slot]!)
      case slotKind.symbol:
        return symbolsKept[slots.numbers[slot]!] === 1
      case slotKind.bytes:
        return bytesLength(slots.ends[slot]! - slots.starts[slot]!)
      case slotKind.list:
        return items(slots.numbers[slot]!)
      default:
        return false
    }
  }
}

/** Anything but `required`. */
function hasMore(constraints: Constraints): boolean {
  return !asksOnly(constraints, [])
}

type Named = Exclude<keyof Constraints, 'required'>

/** True when the file asks nothing but these: what it asks beside them no value of this kind keeps. */
function asksOnly(constraints: Constraints, names: readonly Named[]): boolean {
  const all: readonly Named[] = ['allowed', 'min', 'max', 'minLength', 'maxLength', 'minItems', 'maxItems', 'matches']
  return all.every((name) => constraints[name] === null || names.includes(name))
}

function never(): false {
  return false
}

function textTest(constraints: Constraints): (bytes: Buffer, start: number, end: number) => boolean {
  if (!asksOnly(constraints, ['allowed', 'minLength', 'maxLength', 'matches'])) return never
  const { allowed, matches } = constraints
  // A text with half a surrogate pair is no text of a payload, and would turn into another one in UTF-8.
  const texts = allowed?.filter((literal) => typeof literal === 'string' && literal.isWellFormed()) ?? []
  const set = new TextSet((texts as string[]).map((text) => Buffer.from(text)))
  const counted = constraints.minLength !== null || constraints.maxLength !== null
  const length = lengthRange(constraints)
  const search = matches === null ? null : textMatcher(matches, matches.source)
  return (bytes, start, end) => {
    if (allowed !== null && !set.has(bytes, start, end)) return false
    if (counted && !length(codePointsOfBytes(bytes, start, end))) return false
    return search === null || search(bytes, start, end)
  }
}

/** With what there is for all texts, so that an enum's symbols are looked at once. */
function keptBySymbol(constraints: Constraints, symbol: string): boolean {
  if (!symbol.isWellFormed()) return false
  const bytes = Buffer.from(symbol)
  return textTest(constraints)(bytes, 0, bytes.length)
}

function numberTest(constraints: Constraints): (value: number) => boolean {
  if (!asksOnly(constraints, ['allowed', 'min', 'max'])) return never
  const { allowed, min, max } = constraints
  const numbers = allowed?.filter((literal) => typeof literal === 'number') ?? []
  const [least, most] = [min ?? -Infinity, max ?? Infinity]
  const ranged = min !== null || max !== null
  return (value) => {
    // NaN is in no range.
    if (ranged && !(value >= least && value <= most)) return false
    if (allowed === null) return true
    for (const number of numbers) if (value === number) return true
    return false
  }
}

/** The same over integers in units of the scale; null where a number of the policy cannot be told in them. */
function decimalTest(constraints: Constraints, scale: number): ((unscaled: number) => boolean) | null {
  const { allowed, min, max } = constraints
  const units = (number: number | null): number | null => (number === null ? null : inUnits(decimalOf(number), scale))
  const scaled = { min: units(min), max: units(max) }
  const numbers = allowed?.filter((literal) => typeof literal === 'number').map(units) ?? null
  if ((scaled.min === null) !== (min === null) || (scaled.max === null) !== (max === null)) return null
  if (numbers?.includes(null) === true) return null
  return numberTest({ ...constraints, ...scaled, allowed: numbers as readonly number[] | null })
}

function keptByBool(constraints: Constraints, value: boolean): boolean {
  return asksOnly(constraints, ['allowed']) && constraints.allowed?.includes(value) === true
}

function lengthRange(constraints: Constraints): (length: number) => boolean {
  const { minLength, maxLength } = constraints
  const [least, most] = [minLength ?? 0, maxLength ?? Infinity]
  return (length) => length >= least && length <= most
}

function itemsRange(constraints: Constraints): (count: number) => boolean {
  if (!asksOnly(constraints, ['minItems', 'maxItems'])) return never
  const { minItems, maxItems } = constraints
  const [least, most] = [minItems ?? 0, maxItems ?? Infinity]
  return (count) => count >= least && count <= most
}

/** `key.equals` over slots: true where the key certainly equals the field, or spells it, as the reference has it. */
import { slotKind } from '../payload/compiled.ts'
import type { NotCompiled, Slots } from '../payload/compiled.ts'
import type { Shape } from '../value.ts'
import { equalSlots } from './equal-slots.ts'
import type { SymbolTexts } from './equal-slots.ts'
import type { SlotTable } from './slot-table.ts'
import { sameBytes, spellsInteger } from './text-bytes.ts'

const spelledTrue = Buffer.from('true')
const spelledFalse = Buffer.from('false')

/**
 * @param key shape of the key
 * @param field shape of the field it must equal
 * @param slots of both
 */
export function compileKeyEquals(
  key: Shape,
  field: Shape,
  slots: { readonly key: number; readonly value: number },
  table: SlotTable
): ((slots: Slots, bytes: Buffer) => boolean) | NotCompiled {
  for (const { kind } of [key, field]) {
    if (kind === 'decimal' || kind === 'duration' || kind === 'record' || kind === 'map' || kind === 'list')
      return { reason: `it compares a ${kind}` }
  }
  const { key: found, value: wanted } = slots
  const foundSymbols = symbolTexts(table.symbolsOf(found))
  const wantedSymbols = symbolTexts(table.symbolsOf(wanted))
  return (slots, bytes) =>
    equalSlots(slots, bytes, found, wanted, foundSymbols, wantedSymbols, Infinity) === 1 ||
    spells(slots, bytes, found, wanted, foundSymbols, wantedSymbols)
}

function symbolTexts(symbols: readonly string[] | null): SymbolTexts {
  return symbols?.every((symbol) => symbol.isWellFormed()) === true
    ? symbols.map((symbol) => Buffer.from(symbol))
    : null
}

/** A key of text or bytes may spell a field of another type. */
function spells(
  slots: Slots,
  bytes: Buffer,
  key: number,
  value: number,
  keySymbols: SymbolTexts,
  symbols: SymbolTexts
): boolean {
  const kind = slots.kinds[key]
  if (kind === slotKind.symbol) {
    const symbol = keySymbols?.[slots.numbers[key]!]
    return symbol !== undefined && isSpelled(symbol, 0, symbol.length, slots, bytes, value, symbols)
  }
  if (kind !== slotKind.text && kind !== slotKind.bytes) return false
  return isSpelled(bytes, slots.starts[key]!, slots.ends[key]!, slots, bytes, value, symbols)
}

/** Whether the text at `start` to `end` of `text` is how a key spells the field. */
function isSpelled(
  text: Buffer,
  start: number,
  end: number,
  slots: Slots,
  bytes: Buffer,
  value: number,
  symbols: SymbolTexts
): boolean {
  switch (slots.kinds[value]) {
    case slotKind.text:
    case slotKind.bytes:
      return sameBytes(text, start, end, bytes, slots.starts[value]!, slots.ends[value]!)
    case slotKind.symbol: {
      const symbol = symbols?.[slots.numbers[value]!]
      return symbol !== undefined && sameBytes(text, start, end, symbol, 0, symbol.length)
    }
    case slotKind.int:
    case slotKind.uint:
      return spellsInteger(text, start, end, slots.numbers[value]!)
    case slotKind.true:
      return sameBytes(text, start, end, spelledTrue, 0, spelledTrue.length)
    case slotKind.false:
      return sameBytes(text, start, end, spelledFalse, 0, spelledFalse.length)
    default:
      return false
  }
}

/**
 * The port between compiled validators and the judge: a payload is judged where it lies, and what rules read of it is
 * noted in reused arrays, so that an accepted record makes no object.
 *
 * A compiled validator says yes, or "look closer". Yes means that `PayloadFormat.decode` of the same bytes would say yes
 * too, and that the slots hold what the decoded value would have held. Everything else, from a broken payload to a value
 * the slots cannot hold exactly, is left to the reference, which also words the message.
 */
import type { FormatName } from './format.ts'

/** What a slot holds. */
export const slotKind = {
  /** The field is not there, or a record on the way to it is absent or null. */
  absent: 0,
  null: 1,
  false: 2,
  true: 3,
  /** An integer of magnitude up to 2^53 - 1, in `numbers`. A larger one is never accepted into a slot. */
  int: 4,
  /** The same, of an unsigned type (`Uint` in the value tree). */
  uint: 5,
  /** In `numbers`; NaN and the infinities included. */
  double: 6,
  /** UTF-8, checked and without escapes, at `starts` to `ends` of the buffer. */
  text: 7,
  /** The symbol of an enum: its place in `CompiledPayload.symbolsOf`, in `numbers`. A string in the value tree. */
  symbol: 8,
  /** At `starts` to `ends` of the buffer. */
  bytes: 9,
  /** Milliseconds since the epoch, in `numbers`. A `Timestamp` in the value tree. */
  timestampMs: 10,
  /** A list; the number of its items is in `numbers`. */
  list: 11,
  /** Present and not null, but of a kind that is not told here: a map, a record, text with escapes. */
  other: 12,
  /** The unscaled integer of a `Decimal`, in `numbers`, as exact as `int`; its scale is `CompiledPayload.scaleOf`. */
  decimal: 13
} as const

/** Where a validator leaves what it was asked to note. One serves all records; valid until the next is judged. */
export class Slots {
  readonly kinds: Uint8Array
  readonly numbers: Float64Array
  /** Absolute, in the buffer the validator was given. */
  readonly starts: Int32Array
  readonly ends: Int32Array

  constructor(count: number) {
    this.kinds = new Uint8Array(count)
    this.numbers = new Float64Array(count)
    this.starts = new Int32Array(count)
    this.ends = new Int32Array(count)
  }
}

/** Names of fields from the payload's root: `['customer', 'country']`; empty for the payload as a whole. */
export type SlotPath = readonly string[]

/**
 * A list whose items are looked at one by one, while they are validated: what is noted of an item is written over by the
 * next, so `visit` is called in between.
 */
export interface ListVisit {
  /** The list, through records only. It has a slot of its own among the paths, which holds the number of its items. */
  readonly list: SlotPath
  /** What is to be noted of each item, from the item: `items[i]` in slot `firstSlot + i`; empty path: the item itself. */
  readonly items: readonly SlotPath[]
  /** The slots of the visits follow those of the paths, one after the other. */
  readonly firstSlot: number
  /** Called once for each item of an accepted list, in order. Does not throw. */
  readonly visit: (slots: Slots, bytes: Buffer) => void
}

export interface CompiledPayload {
  /**
   * True when the reference would decode `bytes[start, end)` to its last byte; the slots then hold what was asked for.
   * False: look closer; the slots may hold anything. Never throws, never reads outside of `[start, end)`, takes time
   * in proportion to the length, and allocates nothing when it says true.
   */
  accepts(bytes: Buffer, start: number, end: number, slots: Slots): boolean
  /** The symbols of the enum that this path leads to, counted on through the items of the visits; null for none. */
  symbolsOf(path: number): readonly string[] | null
  /** The scale of the decimals that this path leads to, counted likewise; null for none. Formats without any lack it. */
  scaleOf?(path: number): number | null
}

/** Why something is left to the reference: a sentence for the person who wrote the schema or the policy. */
export interface NotCompiled {
  readonly reason: string
}

/** A format that can be compiled implements this beside `PayloadFormat`. */
export interface Compilable {
  readonly name: FormatName
  /**
   * @param paths what is to be noted; `paths[i]` in slot `firstSlot + i`
   * @param visits lists to be looked into; not compiled where a format or a schema cannot do that
   * @returns never throws; not compiled as a whole when any part of the schema, or any path, cannot be
   */
  compile(paths: readonly SlotPath[], firstSlot: number, visits?: readonly ListVisit[]): CompiledPayload | NotCompiled
}

/** Bounds of what is compiled; what exceeds them is judged by the reference. */
export const compiledLimits = {
  /** Types, fields or subschemas of one schema. V8 compiles generated code on the event loop. */
  nodes: 2_000,
  /** Characters of generated code, for the same reason. */
  codeChars: 1_000_000,
  /** Fields that the rules of one policy read. */
  paths: 200
} as const

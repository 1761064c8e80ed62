/** What tests of visits share: the items that a compiled validator shows, against those of the value tree. */
import { expect } from 'vitest'
import { Slots } from '../../src/contracts/payload/compiled.ts'
import type { CompiledPayload, ListVisit, SlotPath } from '../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../src/contracts/payload/format.ts'
import { compareJudges, describeSlot, slotMatches, valueAtPath } from './compiled-payload.ts'
import type { Comparison } from './compiled-payload.ts'

/** A list to be looked into; it has to be among the paths. */
export interface ListItems {
  readonly list: SlotPath
  readonly items: readonly SlotPath[]
}

/** What one visit was shown, as arrays of its slots, an item after the other. */
interface Shown {
  readonly kinds: number[]
  readonly numbers: number[]
  readonly starts: number[]
  readonly ends: number[]
}

function nothingShown(): Shown {
  return { kinds: [], numbers: [], starts: [], ends: [] }
}

/** Visits that write down what they are shown, and spoil their slots then: each item has to fill them anew. */
export class VisitRecorder {
  readonly visits: readonly ListVisit[]
  readonly #shown: Shown[]
  readonly #counts: number[]

  /** @param firstSlot of the first visit: the number of the slots before it */
  constructor(lists: readonly ListItems[], firstSlot: number) {
    this.#shown = lists.map(nothingShown)
    this.#counts = lists.map(() => 0)
    let next = firstSlot
    this.visits = lists.map(({ list, items }, index) => {
      const from = next
      next += items.length
      return { list, items, firstSlot: from, visit: (slots) => this.#note(index, slots, from, from + items.length) }
    })
  }

  /** Slots of the visits. */
  get slotCount(): number {
    return this.visits.reduce((count, { items }) => count + items.length, 0)
  }

  #note(index: number, slots: Slots, from: number, to: number): void {
    const shown = this.#shown[index]!
    this.#counts[index]!++
    shown.kinds.push(...slots.kinds.subarray(from, to))
    shown.numbers.push(...slots.numbers.subarray(from, to))
    shown.starts.push(...slots.starts.subarray(from, to))
    shown.ends.push(...slots.ends.subarray(from, to))
    slots.kinds.fill(0xff, from, to)
    slots.numbers.fill(NaN, from, to)
    slots.starts.fill(-1, from, to)
    slots.ends.fill(-1, from, to)
  }

  clear(): void {
    for (const index of this.visits.keys()) this.#shown[index] = nothingShown()
    this.#counts.fill(0)
  }

  /** How many items the visit was shown since it was cleared. */
  countOf(visit: number): number {
    return this.#counts[visit]!
  }

  /** The kinds of the slots of each item. */
  kindsOf(visit: number): readonly number[][] {
    const width = this.visits[visit]!.items.length
    const { kinds } = this.#shown[visit]!
    return Array.from({ length: this.#counts[visit]! }, (_, item) => kinds.slice(item * width, (item + 1) * width))
  }

  /** What the visit was shown, as slots: those of item `i` begin at `i * items.length`. */
  slotsOf(visit: number): Slots {
    const { kinds, numbers, starts, ends } = this.#shown[visit]!
    const slots = new Slots(kinds.length)
    slots.kinds.set(kinds)
    slots.numbers.set(numbers)
    slots.starts.set(starts)
    slots.ends.set(ends)
    return slots
  }
}

/**
 * `compareJudges`, and then what the visits saw: fails unless it is each item of the reference's list, once, in order.
 *
 * @param recorder whose visits were given to `compile`
 */
export function compareVisits(
  format: PayloadFormat,
  compiled: CompiledPayload,
  paths: readonly SlotPath[],
  recorder: VisitRecorder,
  payload: Buffer,
  slots: Slots,
  label: string,
  firstSlot = 0
): Comparison & { readonly items: number } {
  const result = compareJudges(format, compiled, paths, payload, slots, label, firstSlot)
  recorder.clear()
  if (!compiled.accepts(payload, 0, payload.length, slots)) return { ...result, items: 0 }
  const decoded = format.decode(payload, 0, payload.length)
  if (!decoded.ok) throw new Error('compareJudges let it pass')
  let symbolsAt = paths.length
  let seen = 0
  for (const [index, { list, items }] of recorder.visits.entries()) {
    const shown = `${label}, payload ${payload.toString('hex')}, items of ${list.join('.')}`
    const value = valueAtPath(decoded.value, list)
    const wanted = Array.isArray(value) ? value : []
    expect(recorder.countOf(index), shown).toBe(wanted.length)
    seen += wanted.length
    const noted = recorder.slotsOf(index)
    for (const [place, item] of wanted.entries()) {
      for (const [offset, path] of items.entries()) {
        const slot = place * items.length + offset
        const part = valueAtPath(item, path)
        const symbols = compiled.symbolsOf(symbolsAt + offset)
        const scale = compiled.scaleOf?.(symbolsAt + offset) ?? null
        if (slotMatches(noted, slot, part, payload, symbols, scale)) continue
        expect.fail(`${shown}, [${place}].${path.join('.')}: ${describeSlot(noted, slot, part)}`)
      }
    }
    symbolsAt += items.length
  }
  return { ...result, items: seen }
}

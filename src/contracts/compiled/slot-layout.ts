/**
 * Which slot each field has that rules read: for the key, then for the value, its fields and then those of items of its
 * lists, as `Compilable` numbers them; behind both what came of the items of a list.
 */
import type { CompiledPayload, ListVisit, SlotPath } from '../payload/compiled.ts'
import { ItemFolds } from './item-folds.ts'
import type { Fold } from './item-folds.ts'
import { nameOfRead } from './slot-table.ts'
import type { FieldRead, SlotTable } from './slot-table.ts'

/** What one payload is to note. */
export interface SideLayout {
  readonly firstSlot: number
  readonly paths: readonly SlotPath[]
  readonly visits: readonly ListVisit[]
}

export class SlotLayout implements SlotTable {
  readonly key: SideLayout
  readonly value: SideLayout
  /** Slots of fields; those of folds come after them. */
  readonly fieldCount: number
  readonly #slots = new Map<string, number>()
  readonly #folds = new Map<string, ItemFolds>()
  #foldCount = 0
  #payloads: { readonly key: CompiledPayload | null; readonly value: CompiledPayload | null } | null = null

  constructor(reads: readonly FieldRead[]) {
    const distinct = [...new Map(reads.map((read) => [nameOfRead(read), read])).values()]
    this.key = this.#layOut('key', distinct)
    this.value = this.#layOut('value', distinct)
    this.fieldCount = this.#slots.size
  }

  /** All slots, once every fold was added. */
  get count(): number {
    return this.fieldCount + this.#foldCount
  }

  /** The folds, to be started before each record. */
  get folds(): readonly ItemFolds[] {
    return [...this.#folds.values()]
  }

  /** The payloads that were compiled for this layout; symbols and scales are not known before. */
  bind(key: CompiledPayload | null, value: CompiledPayload | null): void {
    this.#payloads = { key, value }
  }

  slotOf(read: FieldRead): number {
    const slot = this.#slots.get(nameOfRead(read))
    if (slot === undefined) throw new Error('a field is read that was not announced')
    return slot
  }

  symbolsOf(slot: number): readonly string[] | null {
    const { payload, path } = this.#whereIs(slot)
    return payload?.symbolsOf(path) ?? null
  }

  scaleOf(slot: number): number | null {
    const { payload, path } = this.#whereIs(slot)
    return payload?.scaleOf?.(path) ?? null
  }

  addFold(list: FieldRead, fold: Fold): number {
    const folds = this.#folds.get(nameOfRead(list))
    if (folds === undefined) throw new Error('a list is looked into that was not announced')
    const slot = this.count
    this.#foldCount++
    folds.add(slot, fold)
    return slot
  }

  #whereIs(slot: number): { readonly payload: CompiledPayload | null; readonly path: number } {
    const side = slot < this.value.firstSlot ? 'key' : 'value'
    return { payload: this.#payloads?.[side] ?? null, path: slot - this[side].firstSlot }
  }

  #layOut(side: 'key' | 'value', reads: readonly FieldRead[]): SideLayout {
    const firstSlot = this.#slots.size
    const fields = reads.filter((read) => read.side === side && read.list === undefined)
    const ofItems = Map.groupBy(
      reads.filter((read) => read.side === side && read.list !== undefined),
      ({ list }) => nameOfRead({ side, steps: list! })
    )
    for (const read of fields) this.#place(read)
    const visits = [...ofItems].map(([list, items]): ListVisit => {
      const folds = new ItemFolds()
      this.#folds.set(list, folds)
      const first = this.#slots.size
      for (const read of items) this.#place(read)
      return { list: items[0]!.list!, items: items.map(({ steps }) => steps), firstSlot: first, visit: folds.visit }
    })
    return { firstSlot, paths: fields.map(({ steps }) => steps), visits }
  }

  #place(read: FieldRead): void {
    this.#slots.set(nameOfRead(read), this.#slots.size)
  }
}

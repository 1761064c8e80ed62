/** What the parts of the code generator share. */
import type { GeneratedSource } from '../../generated/source.ts'
import type { Plan } from './plan.ts'
import type { SlotNode } from './slots.ts'

/**
 * Names in generated code: `b` the bytes, `p` the place in them, `e` their end, `s` the slots. Functions for values get
 * the place of the first byte, which is there, and give the one behind the last; -1 for what is not accepted.
 */
export interface ValueWriter {
  readonly source: GeneratedSource

  /**
   * Writes what moves `p` over a value that begins there, and returns -1 where it is not accepted.
   *
   * @param depth name of the number of containers around the value
   */
  value(plan: Plan, node: SlotNode | null, depth: string): void
}

/** `s.kinds[3]=7;` and the like for each of the slots. */
export function note(slots: readonly number[], kind: number, more: Readonly<Record<string, string>> = {}): string {
  return slots
    .map((slot) => {
      const others = Object.entries(more).map(([array, value]) => `s.${array}[${slot}]=${value};`)
      return `s.kinds[${slot}]=${kind};${others.join('')}`
    })
    .join('')
}

/** What compiled rules read of the payloads, so that the validators note it. */
import type { FieldPath } from '../checks/field-path.ts'
import type { NotCompiled } from '../payload/compiled.ts'
import type { Shape } from '../value.ts'
import { writeExpression } from './conditions.ts'
import { nameOfRead } from './slot-table.ts'
import type { FieldRead } from './slot-table.ts'

export type { FieldRead } from './slot-table.ts'

/**
 * The fields an expression reads, and the records they are in where it matters which of the two is absent; or why the
 * expression cannot be compiled: a sentence about it. Never throws.
 */
export function readsOfExpression(
  source: string,
  variables: ReadonlyMap<string, Shape>
): readonly FieldRead[] | NotCompiled {
  const reads = new Map<string, { readonly slot: number; readonly read: FieldRead }>()
  const written = writeExpression(source, variables, {
    slotOf: (read) => {
      const name = nameOfRead(read)
      const known = reads.get(name)
      if (known !== undefined) return known.slot
      reads.set(name, { slot: reads.size, read })
      return reads.size - 1
    },
    symbolsOf: () => null,
    scaleOf: () => null,
    addFold: () => -1
  })
  return 'reason' in written ? written : [...reads.values()].map(({ read }) => read)
}

/**
 * What a path of `fields` reads: the field is the last, and with `[]` the list is the first. Lists inside of lists are
 * not looked into.
 */
export function readsOfField({ text, side, steps }: FieldPath): readonly FieldRead[] | NotCompiled {
  const lists: string[][] = []
  let names: string[] = []
  for (const step of steps) {
    if (step.kind === 'field') names.push(step.name)
    else {
      lists.push(names)
      names = []
    }
  }
  const [list, ...inner] = lists
  if (list === undefined) return [{ side, steps: names }]
  if (inner.length > 0) return { reason: `${text} looks at each item of a list inside of a list` }
  return [
    { side, steps: list },
    { side, steps: names, list }
  ]
}

/**
 * The fewest bytes a value of a node can take. Two things follow from it: a block of items that claims more than the
 * remaining bytes can hold is refused before anything is allocated, and a record that cannot end is refused at load.
 */
import type { AvroNode, RecordNode } from './node.ts'

export type LeastSizes = (node: AvroNode) => number

/** `Infinity` for a value that can never be complete: a record that must contain itself. */
export function leastSizes(root: AvroNode): LeastSizes {
  const records = recordsOf(root)
  const known = new Map<RecordNode, number>(records.map((record) => [record, Infinity]))
  const sizeOf = (node: AvroNode): number => {
    switch (node.kind) {
      case 'null':
        return 0
      case 'float':
        return 4
      case 'double':
        return 8
      case 'fixed':
        return node.size
      case 'union':
        return 1 + Math.min(...node.branches.map(sizeOf))
      case 'record':
        return known.get(node) ?? Infinity
      default:
        return 1
    }
  }
  // From above towards the least, until a round changes nothing. Both directions, or a long chain of records that
  // stands in the wrong order would take a round per record.
  for (let changed = true; changed;) {
    changed = false
    records.reverse()
    for (const record of records) {
      const size = record.fields.reduce((sum, field) => sum + sizeOf(field.node), 0)
      if (size >= known.get(record)!) continue
      known.set(record, size)
      changed = true
    }
  }
  return sizeOf
}

/** All records that `root` reaches, each once. */
export function recordsOf(root: AvroNode): RecordNode[] {
  const found = new Set<RecordNode>()
  const open: AvroNode[] = [root]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'array') open.push(node.items)
    else if (node.kind === 'map') open.push(node.values)
    else if (node.kind === 'union') open.push(...node.branches)
    else if (node.kind === 'record' && !found.has(node)) {
      found.add(node)
      open.push(...node.fields.map((field) => field.node))
    }
  }
  return [...found]
}

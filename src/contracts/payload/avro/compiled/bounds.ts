/**
 * What is known of all payloads of a schema before one has come: how deep they nest, how many values they decode to
 * for their size, and which records are used in more than one place. What cannot be exceeded is not checked.
 */
import { limits } from '../../limits.ts'
import type { AvroNode, RecordNode } from '../node.ts'
import type { LeastSizes } from '../size.ts'

export interface SchemaBounds {
  /** Records that several places refer to, every record that contains itself among them. */
  readonly shared: ReadonlySet<RecordNode>
  /** Whether a payload may nest deeper than the reference allows. */
  readonly checksDepth: boolean
}

export function schemaBounds(root: AvroNode): SchemaBounds {
  const depths = new Map<RecordNode, number>()
  const shared = new Set<RecordNode>()
  // Of a record inside itself nothing is known yet: its depth is without bound.
  const depthOf = (node: AvroNode): number => {
    if (node.kind === 'record') {
      const known = depths.get(node)
      if (known !== undefined) {
        shared.add(node)
        return known
      }
    }
    switch (node.kind) {
      case 'array':
        return 1 + depthOf(node.items)
      case 'map':
        return 1 + depthOf(node.values)
      case 'union':
        return Math.max(0, ...node.branches.map(depthOf))
      case 'record': {
        depths.set(node, Infinity)
        const depth = 1 + Math.max(0, ...node.fields.map((field) => depthOf(field.node)))
        depths.set(node, depth)
        return depth
      }
      default:
        return 0
    }
  }
  const depth = depthOf(root)
  return { shared, checksDepth: depth > limits.payloadNesting.avro }
}

/** Counts types, a record once. Does not recurse, unlike what is done with a schema that has not too many. */
export function hasMoreNodesThan(root: AvroNode, most: number): boolean {
  const seen = new Set<RecordNode>()
  const open: AvroNode[] = [root]
  let count = 0
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (++count > most) return true
    if (node.kind === 'array') open.push(node.items)
    else if (node.kind === 'map') open.push(node.values)
    else if (node.kind === 'union') open.push(...node.branches)
    else if (node.kind === 'record' && !seen.has(node)) {
      seen.add(node)
      open.push(...node.fields.map((field) => field.node))
    }
  }
  return false
}

/**
 * The longest payload of which is certain that it decodes to no more values than `valueAllowance` has for it:
 * `Infinity` when there are never too many, 0 when nothing is certain.
 *
 * A value of `n` bytes decodes to `weight * n + excess` values at most, where the excess is a property of its type. With
 * a weight of 2 and an excess up to the floor the allowance is kept at every length, because it never falls below three
 * values a byte; with the weight that the allowance grows by, until it reaches its ceiling.
 */
export function surelyAllowedBytes(root: AvroNode, leastSize: LeastSizes): number {
  const { floor, perByte, ceiling } = limits.values.avro
  if (mostExcess(root, leastSize, 2) <= floor) return Infinity
  return mostExcess(root, leastSize, perByte) <= floor ? Math.floor((ceiling - floor) / perByte) : 0
}

/** Recursive schemas settle after two or three rounds, or grow for ever. */
const mostRounds = 10

/** The excess of `surelyAllowedBytes`: `Infinity` where it grows with the payload, or may. */
export function mostExcess(root: AvroNode, leastSize: LeastSizes, weight: number): number {
  const records = recordsInnerFirst(root)
  const known = new Map<RecordNode, number>(records.map((record) => [record, -Infinity]))
  const excessOf = (node: AvroNode): number => {
    switch (node.kind) {
      case 'null':
        return 1
      case 'float':
        return 1 - 4 * weight
      case 'double':
        return 1 - 8 * weight
      case 'fixed':
        return 1 - node.size * weight
      case 'union':
        return Math.max(...node.branches.map(excessOf)) - weight
      case 'array':
        // The reference takes no items without a size.
        return leastSize(node.items) > 0 && excessOf(node.items) > 0 ? Infinity : 1 - weight
      case 'map':
        return excessOf(node.values) - weight > 0 ? Infinity : 1 - weight
      case 'record':
        return known.get(node)!
      default:
        return 1 - weight
    }
  }
  for (let round = 0; round < mostRounds; round++) {
    let changed = false
    for (const record of records) {
      const parts = record.fields.map((field) => excessOf(field.node))
      const excess = parts.includes(-Infinity) ? -Infinity : parts.reduce((sum, part) => sum + part, 1)
      if (excess > known.get(record)!) {
        known.set(record, excess)
        changed = true
      }
    }
    if (!changed) return excessOf(root)
  }
  return Infinity
}

/** A record after those it contains, where they do not contain each other. */
function recordsInnerFirst(root: AvroNode): readonly RecordNode[] {
  const seen = new Set<RecordNode>()
  const found: RecordNode[] = []
  const visit = (node: AvroNode): void => {
    if (node.kind === 'array') visit(node.items)
    else if (node.kind === 'map') visit(node.values)
    else if (node.kind === 'union') node.branches.forEach(visit)
    else if (node.kind === 'record' && !seen.has(node)) {
      seen.add(node)
      for (const field of node.fields) visit(field.node)
      found.push(node)
    }
  }
  visit(root)
  return found
}

/** Where the paths of a policy lead in an Avro schema: a tree of names, walked beside the schema by the emitter. */
import type { ListVisit, NotCompiled, SlotPath } from '../../compiled.ts'
import { compiledLimits } from '../../compiled.ts'
import { limits } from '../../limits.ts'
import { durationFields } from '../logical.ts'
import type { AvroNode, DecimalLogical } from '../node.ts'

/** What is noted of a value and of the fields below it. */
export interface Reads {
  readonly slots: readonly number[]
  readonly fields: ReadonlyMap<string, Reads>
  /** Of the one enum that it may be; null where it is none, or may be one of several. */
  readonly symbols: readonly string[] | null
  /** Of the decimal that it may be; null where it is none, or may be one of several scales. */
  readonly scale: number | null
  /** Null where nobody looks into the list. */
  readonly items: VisitedItems | null
}

/** Several visits of one list are one: what each wants is noted, then each is called. */
export interface VisitedItems {
  /** Of one item. */
  readonly reads: Reads
  readonly visits: readonly ListVisit['visit'][]
}

export interface ResolvedReads {
  readonly reads: Reads
  /** What each path leads to, counted on through the items of the visits. */
  readonly ends: readonly Reads[]
}

export const noReads: Reads = { slots: [], fields: new Map(), symbols: null, scale: null, items: null }

interface GrowingReads {
  readonly slots: number[]
  readonly fields: Map<string, GrowingReads>
  symbols: readonly string[] | null
  scale: number | null
  items: { readonly reads: GrowingReads; readonly visits: ListVisit['visit'][] } | null
}

export function resolveReads(
  root: AvroNode,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[]
): ResolvedReads | NotCompiled {
  const count = visits.reduce((sum, { items }) => sum + Math.max(1, items.length), paths.length)
  if (count > compiledLimits.paths) return { reason: `more than ${compiledLimits.paths} fields are read` }
  const reads = growing()
  const ends: Reads[] = []
  /** Returns a reason, or null when the path is among the reads. */
  const add = (from: GrowingReads, nodes: readonly AvroNode[], whole: string, path: SlotPath, slot: number) => {
    const found = endsOf(nodes, path, whole)
    if ('reason' in found) return found
    const end = endAt(from, path)
    end.slots.push(slot)
    end.symbols = onlyOne(found.nodes.flatMap((node) => (node.kind === 'enum' ? [node.symbols] : [])))
    end.scale = onlyOne(found.nodes.flatMap((node) => decimalOfNode(node)?.scale ?? []))
    ends.push(end)
    return null
  }
  for (const [index, path] of paths.entries()) {
    const problem = add(reads, [root], 'the payload', path, firstSlot + index)
    if (problem !== null) return problem
  }
  for (const { list, items, firstSlot: firstItemSlot, visit } of visits) {
    const found = endsOf([root], list, 'the payload')
    if ('reason' in found) return found
    const inside = found.nodes.flatMap((node) => (node.kind === 'array' ? [node.items] : []))
    const name = list.length === 0 ? 'the payload' : list.join('.')
    if (inside.length === 0) return { reason: `${name} is no list` }
    const end = endAt(reads, list)
    // How often a list was visited means something only beside the number of its items.
    if (end.slots.length === 0) return { reason: `${name} is not among the fields that are read` }
    end.items ??= { reads: growing(), visits: [] }
    end.items.visits.push(visit)
    for (const [index, path] of items.entries()) {
      const problem = add(end.items.reads, inside, `an item of ${name}`, path, firstItemSlot + index)
      if (problem !== null) return problem
    }
  }
  return { reads, ends }
}

function growing(): GrowingReads {
  return { slots: [], fields: new Map(), symbols: null, scale: null, items: null }
}

function endAt(from: GrowingReads, path: SlotPath): GrowingReads {
  let at = from
  for (const name of path) {
    let next = at.fields.get(name)
    if (next === undefined) at.fields.set(name, (next = growing()))
    at = next
  }
  return at
}

/** What all are; null when they differ, or there are none. */
function onlyOne<T>(values: readonly T[]): T | null {
  return new Set(values).size === 1 ? values[0]! : null
}

function decimalOfNode(node: AvroNode): DecimalLogical | null {
  if (node.kind !== 'bytes' && node.kind !== 'fixed') return null
  return typeof node.logical === 'string' ? null : node.logical
}

/** The types that the value at the path may have, null aside. A name that one of several records lacks is absent there. */
function endsOf(
  from: readonly AvroNode[],
  path: SlotPath,
  whole: string
): { readonly nodes: readonly AvroNode[] } | NotCompiled {
  if (path.length > limits.payloadNesting.avro) return { reason: 'a path is longer than a payload may be deep' }
  let nodes = branchesOf(from)
  for (const [index, name] of path.entries()) {
    const place = index === 0 ? whole : path.slice(0, index).join('.')
    const next: AvroNode[] = []
    for (const node of nodes) {
      if (node.kind === 'record') {
        const fields = node.fields.filter((field) => field.name === name)
        if (fields.length > 1) return { reason: `${place} has the field ${name} twice` }
        next.push(...fields.map((field) => field.node))
      } else if (isDuration(node)) {
        if (durationFields.some((field) => field === name)) next.push({ kind: 'int', logical: null })
      } else {
        return { reason: `${place} may be ${articled(node.kind)}, whose parts are not compiled` }
      }
    }
    if (next.length === 0) return { reason: `${place} has no field ${name}` }
    nodes = branchesOf(next)
  }
  return { nodes }
}

function articled(kind: AvroNode['kind']): string {
  return /^[aeiou]/.test(kind) ? `an ${kind}` : `a ${kind}`
}

export function isDuration(node: AvroNode): boolean {
  return node.kind === 'fixed' && node.logical === 'duration'
}

/** Each once; unions opened, null left out. */
function branchesOf(nodes: readonly AvroNode[]): readonly AvroNode[] {
  const found = new Set<AvroNode>()
  const open = [...nodes]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.kind === 'union') open.push(...node.branches)
    else if (node.kind !== 'null') found.add(node)
  }
  return [...found]
}

/** Random paths into Avro schemas, and into the items of their lists. */
import type { SlotPath } from '../../src/contracts/payload/compiled.ts'
import type { AvroNode } from '../../src/contracts/payload/avro/node.ts'
import type { SeededRandom } from './compiled-payload.ts'
import type { ListItems } from './compiled-visits.ts'

/** Mostly paths that lead somewhere; some twice, some that do not. */
export function randomPaths(root: AvroNode, random: SeededRandom, most = 6): SlotPath[] {
  const paths: SlotPath[] = []
  for (let count = random.below(most + 1); count > 0; count--) {
    if (paths.length > 0 && random.chance(0.1)) paths.push(random.pick(paths))
    else paths.push(randomPath(root, random))
  }
  return paths
}

function randomPath(root: AvroNode, random: SeededRandom): SlotPath {
  const path: string[] = []
  for (let node = root; path.length < 12;) {
    if (path.length > 0 && random.chance(0.15)) break
    if (node.kind === 'union') {
      const records = node.branches.filter((branch) => branch.kind === 'record')
      if (records.length === 0) break
      node = random.pick(records)
    }
    if (node.kind === 'fixed' && node.logical === 'duration')
      return [...path, random.pick(['months', 'days', 'millis'])]
    if (node.kind !== 'record' || node.fields.length === 0) break
    const field = random.pick(node.fields)
    path.push(field.name)
    node = field.node
  }
  return path
}

/** Lists that records lead to, some of them twice, with paths into their items. */
export function randomLists(root: AvroNode, random: SeededRandom, most = 4): ListItems[] {
  const found: { list: SlotPath; items: AvroNode }[] = []
  const look = (node: AvroNode, path: SlotPath): void => {
    if (node.kind === 'array') found.push({ list: path, items: node.items })
    else if (node.kind === 'union') for (const branch of node.branches) look(branch, path)
    else if (node.kind === 'record' && path.length < 5) {
      for (const field of node.fields) look(field.node, [...path, field.name])
    }
  }
  look(root, [])
  if (found.length === 0) return []
  return Array.from({ length: 1 + random.below(most) }, () => {
    const { list, items } = random.pick(found)
    return { list, items: randomPaths(items, random, 4) }
  })
}

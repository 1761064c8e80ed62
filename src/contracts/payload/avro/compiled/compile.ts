/** From an Avro schema to a compiled validator, or to the reason why there is none. */
import type { CompiledPayload, ListVisit, NotCompiled, SlotPath, Slots } from '../../compiled.ts'
import { compiledLimits } from '../../compiled.ts'
import { GeneratedSource } from '../../generated/source.ts'
import type { AvroNode } from '../node.ts'
import type { LeastSizes } from '../size.ts'
import { hasMoreNodesThan, schemaBounds, surelyAllowedBytes } from './bounds.ts'
import { emitValidator } from './emit.ts'
import { resolveReads } from './reads.ts'
import type { Reads } from './reads.ts'

type Accepts = (bytes: Buffer, start: number, end: number, slots: Slots) => boolean

/** See `Compilable.compile`. */
export function compileAvro(
  root: AvroNode,
  leastSize: LeastSizes,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[] = []
): CompiledPayload | NotCompiled {
  const generated = generateAvro(root, leastSize, paths, firstSlot, visits)
  if ('reason' in generated) return generated
  const accepts = generated.source.build(generated.entry)
  if ('reason' in accepts) return accepts
  return {
    accepts: accepts as Accepts,
    symbolsOf: (path) => generated.ends[path]?.symbols ?? null,
    scaleOf: (path) => generated.ends[path]?.scale ?? null
  }
}

export interface GeneratedAvro {
  readonly source: GeneratedSource
  readonly entry: string
  /** See `ResolvedReads.ends`. */
  readonly ends: readonly Reads[]
}

/** The first half of `compileAvro`, for tests that read the source. */
export function generateAvro(
  root: AvroNode,
  leastSize: LeastSizes,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[] = []
): GeneratedAvro | NotCompiled {
  if (hasMoreNodesThan(root, compiledLimits.nodes)) {
    return { reason: `the schema has more than ${compiledLimits.nodes} types and fields` }
  }
  const mostBytes = surelyAllowedBytes(root, leastSize)
  if (mostBytes === 0) {
    return { reason: 'values of the schema can take fewer bytes than a fourth of their number' }
  }
  const resolved = resolveReads(root, paths, firstSlot, visits)
  if ('reason' in resolved) return resolved
  const source = new GeneratedSource()
  const parts = { leastSize, bounds: schemaBounds(root), resolved, mostBytes }
  const entry = emitValidator(source, root, parts)
  return { source, entry, ends: resolved.ends }
}

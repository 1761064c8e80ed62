/** The door to compiled JSON: with a schema and without one. */
import type { CompiledPayload, ListVisit, NotCompiled, SlotPath } from '../../compiled.ts'
import type { Shape } from '../../../value.ts'
import { checkCost } from './cost.ts'
import { build, generate } from './generate.ts'
import { anything } from './plan.ts'
import type { Plan } from './plan.ts'
import { readPlan, Uncompiled } from './read.ts'
import type { PreparedSchema } from './read.ts'
import { slotTree } from './slots.ts'
import type { SlotNode } from './slots.ts'

/** @param shape of the values of the schema, which says where numbers are integers */
export function compileJsonSchema(
  prepared: PreparedSchema,
  shape: Shape,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[] = []
): CompiledPayload | NotCompiled {
  return compiled(
    () => readPlan(prepared),
    () => slotTree(paths, firstSlot, shape, visits)
  )
}

/** Any strict JSON. */
export function compileAnyJson(
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[] = []
): CompiledPayload | NotCompiled {
  return compiled(
    () => anything,
    () => slotTree(paths, firstSlot, { kind: 'dyn' }, visits)
  )
}

function compiled(read: () => Plan, slots: () => SlotNode | null): CompiledPayload | NotCompiled {
  try {
    const plan = read()
    checkCost(plan)
    const accepts = build(generate(plan, slots()))
    return typeof accepts === 'function' ? { accepts, symbolsOf: () => null } : accepts
  } catch (error) {
    if (error instanceof Uncompiled) return { reason: error.message }
    return { reason: error instanceof RangeError ? 'the schema is too large' : 'the schema cannot be compiled' }
  }
}

/**
 * Whether the alternatives of a `oneOf` exclude each other, as far as the schema shows it: by the types of JSON, or by
 * a property of which each allows other texts. Then the first that holds is the only one.
 */
import { everyType, jsonType } from './plan.ts'
import type { Plan } from './plan.ts'

/** Alternatives that are compared with each other: the comparing takes quadratic time. */
const mostBranches = 64

/** Plans looked at for one alternative: what its references and `allOf` lead to. */
const mostParts = 16

export function areDisjoint(branches: readonly Plan[]): boolean {
  if (branches.length > mostBranches) return false
  return branches.every((one, index) => branches.slice(index + 1).every((other) => exclude(one, other)))
}

/** Types of JSON that a value may have which the plan takes, and more perhaps. */
export function possibleTypes(plan: Plan): number {
  return possible(plan, { left: mostParts })
}

function possible(plan: Plan, parts: { left: number }): number {
  if (--parts.left < 0) return everyType
  let types = plan.types
  for (const part of plan.all) types &= possible(part, parts)
  for (const branches of plan.any) {
    let either = 0
    for (const branch of branches) either |= possible(branch, parts)
    types &= either
  }
  return types
}

function exclude(one: Plan, other: Plan): boolean {
  const shared = possibleTypes(one) & possibleTypes(other)
  if (shared === 0) return true
  return shared === jsonType.object && toldApart(one, other)
}

/** One of them demands a property, and no text that it allows there is allowed by the other. */
function toldApart(one: Plan, other: Plan): boolean {
  const tags = tagsOf(one)
  for (const [name, tag] of tagsOf(other)) {
    const texts = tags.get(name)
    if (texts === undefined || !(texts.isRequired || tag.isRequired)) continue
    if ([...tag.texts].every((text) => !texts.texts.has(text))) return true
  }
  return false
}

interface Tag {
  readonly texts: ReadonlySet<string>
  readonly isRequired: boolean
}

/** Properties that can have a few texts only. */
function tagsOf(plan: Plan): ReadonlyMap<string, Tag> {
  const tags = new Map<string, Tag>()
  const parts = [plan]
  for (let i = 0; i < parts.length && i < mostParts; i++) {
    const { all, objects } = parts[i]!
    parts.push(...all)
    for (const [name, property] of objects?.properties ?? []) {
      const { values } = property
      if (values === null || property.types !== jsonType.string) continue
      tags.set(name, { texts: new Set(values.strings), isRequired: objects!.required.has(name) })
    }
  }
  return tags
}

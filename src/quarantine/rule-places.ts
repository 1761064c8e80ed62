/** Where the rules that records broke stand in today's policies. */
import type { CompiledPolicy } from '../contracts/compile.ts'
import { placeOfCheck } from '../contracts/policy/check-place.ts'
import type { CheckPlace } from '../contracts/policy/check-place.ts'

/** Whatever carries a policy's name and version: a quarantined record, an entry of the journal. */
export interface Judged {
  readonly entry: { readonly policy: string }
}

export type PlaceOf = (rule: string, path: string) => CheckPlace | null

export function placesIn(policies: readonly CompiledPolicy[]): (judged: Judged) => PlaceOf {
  const byName = new Map(policies.map((policy) => [policy.reference.name, policy]))
  return ({ entry }) => {
    const policy = byName.get(entry.policy.replace(/@[^@]*$/, ''))
    return (rule, path) => (policy === undefined ? null : placeOfCheck(policy, rule, path))
  }
}

/** Tells a policy's author whether its contract is compiled, and if not, what stands in the way. */
import type { CompiledPolicy } from '../compile.ts'
import { planFor } from '../plan.ts'
import { compiledChecks } from './checks.ts'

export type HowJudged =
  /** Records are judged where they lie. */
  | { readonly kind: 'compiled' }
  /** Every record is decoded first; the reasons name what cannot be compiled, the first for each kind of producer. */
  | { readonly kind: 'decoded'; readonly reasons: readonly string[] }
  /** The schemas come from a registry: it is decided with the first record of each. */
  | { readonly kind: 'by-schema' }
  /** No check is on. */
  | { readonly kind: 'not-judged' }

export function howJudged(policy: CompiledPolicy): HowJudged {
  const plans = policy.modes.profiles.map((profile) => planFor(policy, profile)).filter((plan) => !plan.idle)
  if (plans.length === 0) return { kind: 'not-judged' }
  const reasons = new Set<string>()
  let bySchema = false
  for (const plan of plans) {
    const { key, value } = policy.fixed
    if ((plan.readsKey && key === null) || (plan.readsValue && value === null)) {
      bySchema = true
      continue
    }
    const compiled = compiledChecks(policy, plan, plan.readsKey ? key : null, plan.readsValue ? value : null)
    if ('reason' in compiled) reasons.add(compiled.reason)
  }
  if (reasons.size > 0) return { kind: 'decoded', reasons: [...reasons] }
  return { kind: bySchema ? 'by-schema' : 'compiled' }
}

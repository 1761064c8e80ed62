/**
 * Records that tell by themselves whether they are bad, and policies that believe them.
 *
 * A value is `client.number.quality`. What is `bad` breaks every policy, what is `odd` only strict ones. What ends in
 * `refused` breaks none; the broker does not take it.
 */
import type { ContractSet, QuarantineTarget, TopicContract } from '../../src/contracts/judgement.ts'
import { enforces } from '../../src/contracts/mode.ts'
import type { Mode } from '../../src/contracts/mode.ts'
import { judgesAtOnce } from '../support/contracts.ts'

export type Quality = 'good' | 'bad' | 'odd' | 'refused'

export interface PolicyInForce {
  readonly mode: Mode | 'absent'
  readonly strict: boolean
}

export function describePolicy({ mode, strict }: PolicyInForce): string {
  return strict ? `${mode}, strict` : mode
}

export function isBad(value: string, strict: boolean): boolean {
  return value.endsWith('.bad') || (strict && value.endsWith('.odd'))
}

/** Whether a policy keeps this record out of its topic. */
export function keepsOut(policy: PolicyInForce, value: string): boolean {
  return policy.mode !== 'absent' && enforces(policy.mode) && isBad(value, policy.strict)
}

const target: QuarantineTarget = {
  topic: 't.quarantine',
  values: 'keep',
  transactions: 'reject',
  create: null
}

export function contractsOf(topic: string, policy: PolicyInForce): ContractSet {
  if (policy.mode === 'absent') return { forTopic: () => null, policies: [] }
  const contract = contractOf(policy.mode, policy.strict)
  return { forTopic: (name) => (name === topic ? contract : null), policies: [contract.policy] }
}

function contractOf(mode: Mode, strict: boolean): TopicContract {
  const name = describePolicy({ mode, strict })
  return {
    policy: { name, version: strict ? '111111111111' : '000000000000', file: `policies/${name}.yaml` },
    onUndecidable: 'reject',
    strongestMode: () => mode,
    modeOf: () => mode,
    quarantines: () => mode === 'quarantine',
    quarantineOf: () => target,
    ...judgesAtOnce((records) => {
      if (mode === 'off') return { records: [] }
      const found = []
      for (let index = 0; index < records.count; index += 1) {
        const start = records.valueStart(index)
        const value = records.bytes.toString('latin1', start, start + records.valueLength(index))
        if (!isBad(value, strict)) continue
        const violation = { rule: 'quality', path: 'value', message: 'is not good', mode }
        found.push({ index, violations: [violation], undecided: [] })
      }
      return { records: found }
    })
  }
}

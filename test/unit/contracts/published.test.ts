import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { inspectPolicies, runInspectedCases } from '../../../src/config/policy-inspection.ts'
import { casesSchema } from '../../../src/contracts/cases/schema.ts'
import { diagnosticCodes } from '../../../src/contracts/policy/codes.ts'
import { policySchema } from '../../../src/contracts/policy/schema.ts'
import { faultsOf } from '../../support/contracts.ts'

function published(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8'))
}

const page = readFileSync(new URL('../../../docs/policy-file.md', import.meta.url), 'utf8')

describe('what is published', () => {
  it('as the JSON Schema of policy files is what the loader validates with', () => {
    expect(published('schemas/policy.schema.json')).toEqual(JSON.parse(JSON.stringify(policySchema)))
  })

  it('as the JSON Schema of cases files is what the loader validates with', () => {
    expect(published('schemas/cases.schema.json')).toEqual(JSON.parse(JSON.stringify(casesSchema)))
  })

  it('as the table of codes is every code, with its meaning, and no other', () => {
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (.+) \|$/gm)].map((match) => [match[1], match[2]])
    const table = rows.filter(([code]) => code !== undefined && code in diagnosticCodes)
    expect(Object.fromEntries(table)).toEqual(diagnosticCodes)
    expect(rows.length).toBeGreaterThanOrEqual(table.length)
  })

  it('as the reference names every key of both files', () => {
    const keys = new Set<string>()
    const collect = (node: unknown): void => {
      if (node === null || typeof node !== 'object') return
      const { properties } = node as { properties?: Record<string, unknown> }
      for (const key of Object.keys(properties ?? {})) keys.add(key)
      Object.values(node).forEach(collect)
    }
    collect(policySchema)
    collect(casesSchema)
    const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map((match) => match[1]).join('\n')
    expect([...keys].filter((key) => !new RegExp(`\\b${key}\\b`).test(examples))).toEqual([])
  })

  it('as whole policies in the documentation loads', () => {
    const files = {
      'schemas/order.json':
        '{"type":"object","properties":{"order_id":{"type":"string"},"amount":{"type":"number"},"country":{"type":"string"},"vat_id":{"type":"string"},"items":{"type":"array"}}}',
      'schemas/order.avsc': '{"type":"record","name":"O","fields":[{"name":"order_id","type":"string"}]}'
    }
    const policies = [...page.matchAll(/```yaml\n(apiVersion[^]*?)```/g)].map((match) => match[1]!)
    expect(policies.length).toBeGreaterThanOrEqual(2)
    for (const policy of policies) expect(faultsOf(policy, files)).toEqual([])
  })
})

describe('the shipped policies', () => {
  const folder = new URL('../../../policies', import.meta.url).pathname
  const inspection = inspectPolicies(folder)

  it('load without a fault', () => {
    expect(inspection.diagnostics).toEqual([])
    expect([...inspection.policies.keys()]).toEqual(
      readdirSync(folder)
        .filter((name) => name.endsWith('.yaml') && !name.endsWith('.cases.yaml'))
        .sort()
    )
  })

  it('each have cases, and all of them pass', () => {
    const results = runInspectedCases(inspection)
    expect(results.filter((result) => !result.passed)).toEqual([])
    expect(new Set(inspection.cases.map((cases) => cases.policy))).toEqual(new Set(inspection.policies.keys()))
    expect(results.length).toBeGreaterThan(20)
  })
})

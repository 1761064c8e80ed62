import { describe, expect, it } from 'vitest'
import { placeOfCheck } from '../../../../src/contracts/policy/check-place.ts'
import { policyOf } from '../../../support/contracts.ts'

const policy = policyOf(`apiVersion: kontrakt/v1
topics: t
key:
  format: string
  equals: value.id
value:
  format: json
  framing: none
headers:
  source:
    required: true
fields:
  value.country:
    in: [DE]
rules:
  - id: first
    expr: value.amount > 0
  - { id: second, expr: value.amount < 9 }
`)

describe('the place of a check', () => {
  it.each([
    ['first', '16:5'],
    ['second', '18:5'],
    ['field:value.country', '13:3'],
    ['header:source', '10:3'],
    ['key', '3:1'],
    ['key-equals', '5:3'],
    ['schema', '7:3'],
    ['nulls', '7:3']
  ])('%s is %s', (check, place) => {
    const { file, line, column } = placeOfCheck(policy, check)!
    expect([file, `${line}:${column}`]).toEqual(['policy.yaml', place])
  })

  it('of the key’s own payload is the key', () => {
    expect(placeOfCheck(policy, 'schema', 'key')).toMatchObject({ line: 4 })
    expect(placeOfCheck(policy, 'schema', 'keyed')).toMatchObject({ line: 7 })
  })

  it('is nowhere when the policy has no such check', () => {
    expect(placeOfCheck(policy, 'third')).toBeNull()
    expect(placeOfCheck(policy, 'field:value.other')).toBeNull()
  })
})

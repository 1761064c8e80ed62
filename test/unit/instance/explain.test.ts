import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchMessage, recordMessage } from '../../../src/enforcement/violation-text.ts'
import { explainText, placeOfEntry } from '../../../src/instance/explain.ts'
import { RefusalJournal } from '../../../src/observability/refusal-journal.ts'
import { policyOf } from '../../support/contracts.ts'

const rules = `apiVersion: kontrakt/v1
topics: t
value: { format: json, framing: none }
fields: { 'value.items[]["the sku"]': { required: true } }
rules:
  - { id: amount-positive, expr: value.amount > 0 }
`
const policy = policyOf(rules)
const { name, version } = policy.reference
const journal = new RefusalJournal({ entries: 10, bytes: 100_000 })
for (const rule of ['amount-positive', 'schema']) {
  journal.record({
    atMs: 1,
    topic: 't',
    partition: 0,
    clientId: 'c',
    principal: null,
    policy: `${name}@${version}`,
    verdict: 'reject',
    errorCode: 87,
    batchIndex: 0,
    rule,
    path: 'value.amount',
    message: 'no'
  })
}
const reason = { rule: 'amount-positive', path: 'value.amount', message: 'amount must be above zero' }
const told = batchMessage(policy.reference, 1, 3, 2, recordMessage([reason]))

describe('the words of an error', () => {
  it.each([
    told,
    `org.apache.kafka.common.InvalidRecordException: ${told}`,
    `InvalidRecordError: [Error 87] "${told}"\n    at stack (file.js:1:2)`
  ])('lead to policy, rule and line: %s', (text) => {
    const found = explainText(text, [policy], journal)!
    expect(found).toMatchObject({
      policy: name,
      version,
      inForce: version,
      rule: 'amount-positive',
      path: 'value.amount',
      place: { file: 'policy.yaml', line: 6, column: 5 }
    })
    expect(found.refusals).toMatchObject([{ rule: 'amount-positive', place: { line: 6 } }])
  })

  it('of a single record lead there when only one policy has the rule', () => {
    const text = recordMessage([reason])
    expect(explainText(text, [policy], journal)).toMatchObject({ version: null, rule: 'amount-positive' })
    const other = policyOf(`${rules}owner: somebody\n`)
    expect(explainText(text, [policy, other], journal)).toBeNull()
  })

  it('with a rule that has brackets and spaces are understood', () => {
    const one = { rule: 'field:value.items[]["the sku"]', path: 'value.items[2]["the sku"]', message: 'is required' }
    expect(explainText(batchMessage(policy.reference, 1, 1, 0, recordMessage([one])), [policy], journal)).toMatchObject(
      {
        rule: one.rule,
        path: one.path,
        place: { line: 4 },
        refusals: []
      }
    )
  })

  it('of an earlier version, or of a policy that is gone, say so', () => {
    const earlier = told.replace(version, '000000000000')
    expect(explainText(earlier, [policy], journal)).toMatchObject({ version: '000000000000', inForce: version })
    expect(explainText(told, [], journal)).toMatchObject({ policy: name, inForce: null, place: null })
  })

  it.each(['', 'connection refused', 'ECONNRESET: socket hang up', 'a@b.example: x'])(
    'of others are nothing: %j',
    (text) => {
      expect(explainText(text, [policy], journal)).toBeNull()
    }
  )

  it('may be anything, and long', () => {
    fc.assert(fc.property(fc.string({ maxLength: 500 }), (text) => void explainText(text, [policy], journal)))
    for (const part of ['a', 'a@', '; record 1: ', 'a at ', ' a:', '@000000000000']) {
      explainText(part.repeat(4_000), [policy], journal)
    }
  })
})

describe('an entry of the journal', () => {
  it('has the place of its rule in the policy of that name', () => {
    expect(placeOfEntry({ policy: `${name}@000000000000`, rule: 'amount-positive', path: '' }, [policy])).toMatchObject(
      {
        line: 6
      }
    )
    expect(placeOfEntry({ policy: 'other@000000000000', rule: 'amount-positive', path: '' }, [policy])).toBeNull()
  })
})

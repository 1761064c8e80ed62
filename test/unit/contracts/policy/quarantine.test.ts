import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadPolicy } from '../../../../src/contracts/compile.ts'
import type { CompiledPolicy } from '../../../../src/contracts/compile.ts'
import { contractSet } from '../../../../src/contracts/contract-set.ts'
import { filesInMemory } from '../../../../src/contracts/policy/files.ts'
import { anyOrigin, expandTemplate, originOf } from '../../../../src/contracts/policy/quarantine.ts'
import { findTies } from '../../../../src/contracts/policy/ties.ts'
import { TopicOwners } from '../../../../src/contracts/policy/topic-owners.ts'
import { canQuarantine } from '../../../../src/contracts/producer-modes.ts'
import { contractOf, diagnosticsOf, faultsOf, head, policyOf } from '../../../support/contracts.ts'

function policy(path: string, topics: string, more = 'mode: quarantine'): CompiledPolicy {
  const text = Buffer.from(`apiVersion: kontrakt/v1\ntopics: ${topics}\n${more}\n`)
  const loaded = loadPolicy(filesInMemory(new Map([[path, text]])), path, (name) => name)
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'))
  return loaded.policy
}

const section = (text: string): string => `${head}mode: quarantine\nquarantine: ${text}`

describe('the quarantine section', () => {
  it('need not be there: everything has the documented default', () => {
    expect(contractOf(`${head}mode: quarantine`).quarantineOf('t')).toEqual({
      topic: 't.quarantine',
      values: 'keep',
      transactions: 'reject',
      create: { partitions: 'same', replicationFactor: -1, retentionMs: 14 * 86_400_000, minInsyncReplicas: 2 }
    })
  })

  it('sets each of them, and keeps the default of the others', () => {
    const text = '{ topic: "bad.{topic}", create: { retention: 36h, partitions: 3 }, transactions: quarantine }'
    expect(contractOf(section(text)).quarantineOf('t')).toEqual({
      topic: 'bad.t',
      values: 'keep',
      transactions: 'quarantine',
      create: { partitions: 3, replicationFactor: -1, retentionMs: 36 * 3_600_000, minInsyncReplicas: 2 }
    })
  })

  it('can forbid to create the topic', () => {
    expect(contractOf(section('{ create: false }')).quarantineOf('t').create).toBeNull()
  })

  it('can send all topics to one', () => {
    const yaml = 'apiVersion: kontrakt/v1\ntopics: "shop.*"\nmode: quarantine\nquarantine: { topic: dead-letters }'
    expect(contractOf(yaml, { topic: 'shop.orders' }).quarantineOf('shop.orders').topic).toBe('dead-letters')
  })

  it.each([
    ['{}', '4:1 missing-key'],
    ['{ topics: x }', '4:15 unknown-key'],
    ['{ topic: "{topic}" }', '4:22 bad-topic'],
    ['{ topic: "{name}.bad" }', '4:22 bad-topic'],
    ['{ topic: "a b" }', '4:22 bad-topic'],
    ['{ topic: "__{topic}" }', '4:22 bad-topic'],
    ['{ topic: kontrakt.ledger }', '4:22 bad-topic'],
    [`{ topic: "{topic}${'x'.repeat(249)}" }`, '4:22 bad-topic'],
    ['{ topic: "" }', '4:22 wrong-value'],
    ['{ create: true }', '4:23 wrong-value'],
    ['{ create: {} }', '4:15 missing-key'],
    ['{ create: { retention: 14 } }', '4:36 wrong-value'],
    ['{ create: { retention: 2w } }', '4:36 wrong-value'],
    ['{ create: { retention: 0d } }', '4:36 wrong-value'],
    ['{ create: { partitions: 0 } }', '4:37 wrong-value'],
    ['{ create: { partitions: all } }', '4:37 wrong-value'],
    ['{ create: { replicationFactor: 0 } }', '4:44 wrong-value'],
    ['{ create: { minInsyncReplicas: 0 } }', '4:44 wrong-value'],
    ['{ create: no }', '4:23 wrong-type'],
    ['{ create: { retain: 1d } }', '4:25 unknown-key'],
    ['{ values: drop }', '4:23 wrong-value'],
    ['{ transactions: accept }', '4:29 wrong-value'],
    ['{ values: drop-tagged }', '4:23 unused-key']
  ])('is refused at its place: %s', (text, fault) => {
    expect(faultsOf(section(text))).toEqual([fault])
  })

  it('is part of the version, but not where it says the default', () => {
    const version = (text: string): string => policyOf(text).reference.version
    const plain = version(`${head}mode: quarantine`)
    const written = '{ topic: "{topic}.quarantine", create: { retention: 14d, partitions: same }, values: keep }'
    expect(version(section(written))).toBe(plain)
    for (const other of ['{ create: false }', '{ create: { retention: 15d } }', '{ transactions: quarantine }']) {
      expect(version(section(other))).not.toBe(plain)
    }
  })
})

describe('the template of a quarantine topic', () => {
  it('finds the topic whose records would go to a topic', () => {
    expect(originOf('{topic}.quarantine', 'a.b.quarantine')).toBe('a.b')
    expect(originOf('bad.{topic}.v1', 'bad.a.v1')).toBe('a')
    expect(originOf('{topic}-{topic}', 'ab-ab')).toBe('ab')
    expect(originOf('{topic}-{topic}', 'ab-ac')).toBeNull()
    expect(originOf('{topic}.quarantine', '.quarantine')).toBeNull()
    expect(originOf('{topic}.quarantine', 'a.quarantined')).toBeNull()
    expect(originOf('dlq', 'dlq')).toBe(anyOrigin)
    expect(originOf('dlq', 'dlq2')).toBeNull()
  })

  it('leads there and back, whatever the names', () => {
    const name = fc.stringMatching(/^[a-z.$&-]{1,12}$/)
    const template = fc.tuple(name, name).map(([left, right]) => `${left}{topic}${right}`)
    fc.assert(
      fc.property(template, name, (text, topic) => {
        expect(originOf(text, expandTemplate(text, topic))).toBe(topic)
      })
    )
  })
})

describe('a policy can quarantine', () => {
  it.each([
    ['mode: quarantine', true],
    ['mode: reject', false],
    ['mode: reject\nonUndecidable: quarantine', true],
    ['mode: mark\nonUndecidable: quarantine', false],
    ['mode: observe\nrules: [{ id: a, expr: "true", mode: quarantine }]', true],
    ['mode: quarantine\nproducers: [{ match: { clientId: "**" }, mode: observe }]', true],
    ['mode: observe\nproducers: [{ match: { clientId: a }, mode: quarantine }]', false],
    ['mode: observe\nproducers: [{ match: { clientId: a }, mode: quarantine, override: true }]', true],
    ['quarantine: { create: false }', false]
  ])('%s: %s', (text, expected) => {
    expect(canQuarantine(policyOf(head + text).model)).toBe(expected)
  })
})

describe('a quarantine topic', () => {
  const named = (topic: string, ...policies: CompiledPolicy[]): string | null =>
    contractSet(policies, null).forTopic(topic)?.policy.name ?? null

  it('is never reached by a glob, its own included', () => {
    const all = policy('all.yaml', '"**"')
    expect(named('shop.orders', all)).toBe('all')
    expect(named('shop.orders.quarantine', all)).toBeNull()
  })

  it('is reached like any topic while no policy can fill it', () => {
    const all = policy('all.yaml', '"**"', 'mode: reject')
    expect(named('shop.orders.quarantine', all)).toBe('all')
    expect(named('shop.orders.quarantine', policy('all.yaml', '"**"', 'quarantine: { values: keep }'))).toBeNull()
  })

  it('is one of the policy that its topic belongs to, and of no other', () => {
    const all = policy('all.yaml', '"**"', 'mode: reject')
    const orders = policy('orders.yaml', 'orders', 'mode: quarantine\nquarantine: { topic: "{topic}.bad" }')
    expect(named('orders.bad', all, orders)).toBeNull()
    expect(named('orders.quarantine', all, orders)).toBe('all')
    expect(named('other.bad', all, orders)).toBe('all')
  })

  it('has no quarantine topic itself', () => {
    const all = policy('all.yaml', '"**"')
    // `a.quarantine` is never judged, so nothing of it is quarantined, and this is a topic like any other.
    expect(named('a.quarantine.quarantine', all)).toBe('all')
  })

  it('may be shared', () => {
    const shared = 'mode: quarantine\nquarantine: { topic: dead.letters }'
    expect(named('dead.letters', policy('a.yaml', 'a', shared), policy('all.yaml', '"**"'))).toBeNull()
  })

  it('is found in reasonable time whatever name a client invents', () => {
    const templates = ['{topic}.q', '{topic}q', 'q.{topic}', 'q{topic}', '{topic}.q.q']
    const policies = templates.map((template, index) =>
      policy(`p${index}.yaml`, `x${index}`, `mode: quarantine\nquarantine: { topic: "${template}" }`)
    )
    const owners = new TopicOwners(policies)
    expect(owners.quarantinedBy('q'.repeat(249))).toBeNull()
    expect(owners.ownerOf('q.'.repeat(124))).toBeNull()
  })

  it('as a name in another policy is an error there', () => {
    const models = [policy('all.yaml', '"shop.*"'), policy('b.yaml', '[a, shop.orders.quarantine]', '')]
    const [tie] = findTies(models.map(({ model }) => model))
    expect(tie?.diagnostic).toMatchObject({ file: 'b.yaml', line: 2, column: 13, code: 'quarantine-topic' })
    expect(tie?.diagnostic.message).toContain('shop.orders.quarantine is a quarantine topic of all.yaml')
  })

  it('as a name in another policy is no error while nothing is quarantined to it', () => {
    const models = [policy('all.yaml', '"shop.*"', 'mode: reject'), policy('b.yaml', 'shop.orders.quarantine', '')]
    expect(findTies(models.map(({ model }) => model))).toEqual([])
  })

  it('as a name in the policy itself is an error', () => {
    const yaml = 'apiVersion: kontrakt/v1\ntopics: [a, a.quarantine]\nmode: quarantine'
    expect(diagnosticsOf(yaml)).toMatchObject([{ line: 2, column: 13, code: 'quarantine-topic' }])
    const shared = 'apiVersion: kontrakt/v1\ntopics: dlq\nmode: quarantine\nquarantine: { topic: dlq }'
    expect(diagnosticsOf(shared)).toMatchObject([{ line: 2, column: 9, code: 'quarantine-topic' }])
    expect(diagnosticsOf('apiVersion: kontrakt/v1\ntopics: [a, a.quarantine]\nmode: reject')).toEqual([])
  })

  it('whose name Kafka would not take is an error', () => {
    const yaml = `apiVersion: kontrakt/v1\ntopics: ${'a'.repeat(245)}\nmode: quarantine`
    expect(diagnosticsOf(yaml)).toMatchObject([{ line: 2, column: 9, code: 'bad-topic' }])
  })
})

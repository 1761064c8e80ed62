import { describe, expect, it } from 'vitest'
import { contractSet } from '../../../../src/contracts/contract-set.ts'
import { loadPolicy } from '../../../../src/contracts/compile.ts'
import type { CompiledPolicy } from '../../../../src/contracts/compile.ts'
import { filesInMemory } from '../../../../src/contracts/policy/files.ts'
import { findTies } from '../../../../src/contracts/policy/ties.ts'

function policy(name: string, topics: string): CompiledPolicy {
  const files = filesInMemory(new Map([[name, Buffer.from(`apiVersion: kontrakt/v1\ntopics: ${topics}`)]]))
  const loaded = loadPolicy(files, name, (path) => `policies/${path}`)
  if (!loaded.ok) throw new Error(loaded.diagnostics[0]?.message)
  return loaded.policy
}

function match(topic: string, ...policies: [string, string][]): string | null {
  const set = contractSet(
    policies.map(([name, topics]) => policy(`${name}.yaml`, topics)),
    null
  )
  return set.forTopic(topic)?.policy.name ?? null
}

describe('which policy speaks for a topic', () => {
  it('is the exact name before any glob', () => {
    expect(match('shop.orders.v1', ['glob', '"shop.orders.v*"'], ['exact', 'shop.orders.v1'])).toBe('exact')
  })

  it('is the glob with the most literal characters', () => {
    const policies: [string, string][] = [
      ['all', '"**"'],
      ['shop', '"shop.**"'],
      ['orders', '"shop.orders.*"']
    ]
    expect(match('shop.orders.v1', ...policies)).toBe('orders')
    expect(match('shop.x', ...policies)).toBe('shop')
    expect(match('other', ...policies)).toBe('all')
  })

  it('is none when nothing matches', () => {
    expect(match('shop.eu.orders', ['one', '"shop.*"'])).toBeNull()
  })

  it.each(['__consumer_offsets', '__transaction_state', 'kontrakt.ledger', 'kontrakt.'])(
    'is never a glob for %s',
    (topic) => {
      expect(match(topic, ['all', '"**"'], ['dots', '"*.*"'])).toBeNull()
    }
  )

  it('is asked of a bounded memory, whatever names clients invent', () => {
    const set = contractSet([policy('a.yaml', '"a.*"')], null)
    for (let i = 0; i < 20_000; i++) set.forTopic(`invented-${i}`)
    expect(set.forTopic('a.b')).toBe(set.forTopic('a.b'))
  })

  it('lists the policies in force', () => {
    const [reference] = contractSet([policy('shop/orders.yaml', 'a')], null).policies
    expect(reference).toMatchObject({ name: 'shop/orders', file: 'policies/shop/orders.yaml' })
  })
})

describe('a tie', () => {
  const ties = (...topics: string[]): string[] =>
    findTies(topics.map((text, index) => policy(`p${index}.yaml`, text).model)).map(
      ({ diagnostic }) => `${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`
    )

  it('is the same name in two files, told at the later one', () => {
    expect(ties('a', '[b, a]')).toEqual(['policies/p1.yaml:2:13'])
  })

  it('is two equally specific globs that can meet', () => {
    expect(ties('"shop.*"', '"*.shop"')).toEqual(['policies/p1.yaml:2:9'])
  })

  it('is not two globs of the same weight that cannot meet', () => {
    expect(ties('"shop.*.v1"', '"shop.*.v2"')).toEqual([])
  })

  it('is not a glob and a more literal one, nor a glob and a name', () => {
    expect(ties('"shop.*"', '"shop.orders.*"', 'shop.orders.v1')).toEqual([])
  })

  it('is not two patterns of one file', () => {
    expect(ties('["a*", "*a"]')).toEqual([])
  })
})

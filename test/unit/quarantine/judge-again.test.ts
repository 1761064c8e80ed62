import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/clock.ts'
import { contractSet } from '../../../src/contracts/contract-set.ts'
import type { SchemaSource } from '../../../src/contracts/schema-source.ts'
import { HeldKeys } from '../../../src/quarantine/held-keys.ts'
import { JudgeAgain } from '../../../src/quarantine/judge-again.ts'
import { singleRecord } from '../../../src/contracts/single-record.ts'
import { FakeSource, framed, policyOf } from '../../support/contracts.ts'
import { entryOf } from './entries.ts'

const registered = `apiVersion: kontrakt/v1
topics: orders
mode: quarantine
onUndecidable: accept
value: { format: json, framing: confluent, schema: { registry: { subject: { strategy: topic-name } } } }
`
const schema = '{"type":"object","required":["n"]}'

function judgeOf(source: SchemaSource | null, waitMs = 50, yaml = registered): JudgeAgain {
  const contracts = contractSet(yaml === '' ? [] : [policyOf(yaml)], source)
  return new JudgeAgain({ contracts, defaultPolicy: 'pass', waitMs, clock: systemClock })
}

const value = (text: string) => ({ value: framed(7, text) })

describe('judging again', () => {
  it('says what the policy says, by each record', async () => {
    const source = new FakeSource().add(7, 'json', schema)
    const verdicts = await judgeOf(source).judge([entryOf(value('{"n":1}')), entryOf(value('{}'))])
    expect(verdicts.map(({ kind }) => kind)).toEqual(['passes', 'breaks'])
  })

  it('waits for a schema that is still coming', async () => {
    const known = new FakeSource().add(7, 'json', schema)
    let arrived = false
    const changed = new Promise<void>((resolve) => {
      setTimeout(() => {
        arrived = true
        resolve()
      }, 10)
    })
    const source: SchemaSource = {
      lookup: (query, id) =>
        arrived ? known.lookup(query, id) : { state: 'pending', failingSinceMs: null, reason: 'asked', changed },
      admitted: () => known.admitted()
    }
    const verdicts = await judgeOf(source, 10_000).judge([entryOf(value('{"n":1}')), entryOf(value('{}'))])
    expect(verdicts.map(({ kind }) => kind)).toEqual(['passes', 'breaks'])
  })

  it('lets nothing through because the registry is down, whatever onUndecidable says', async () => {
    const source = new FakeSource()
    source.pending.set(7, 1)
    expect(await judgeOf(source).judge([entryOf(value('{}'))])).toMatchObject([
      { kind: 'undecided', message: expect.stringContaining('schema 7') as string }
    ])
  })

  it('follows defaultPolicy where no policy names the topic', async () => {
    expect(await judgeOf(null, 0, '').judge([entryOf()])).toEqual([{ kind: 'passes' }])
    const contracts = contractSet([], null)
    const strict = new JudgeAgain({ contracts, defaultPolicy: 'refuse', waitMs: 0, clock: systemClock })
    expect(await strict.judge([entryOf()])).toMatchObject([{ kind: 'breaks', violations: [{ rule: 'no-policy' }] }])
  })
})

describe('the bytes of a record', () => {
  it('are what the contracts walk: key, value, headers with their nulls', () => {
    const bytes = singleRecord({
      key: null,
      value: Buffer.from('v'),
      headers: [
        { name: 'a', nameBytes: Buffer.from([0xff]), value: null },
        { name: 'b', value: Buffer.from('2') }
      ],
      timestampMs: 5
    })
    const seen: [string, string | null][] = []
    bytes.forEachHeader(0, (nameStart, nameLength, start, length) => {
      const text = (from: number, size: number): string => bytes.bytes.toString('latin1', from, from + size)
      seen.push([text(nameStart, nameLength), length < 0 ? null : text(start, length)])
    })
    expect(seen).toEqual([
      ['\u00ff', null],
      ['b', '2']
    ])
    expect([bytes.keyLength(0), bytes.valueLength(0), bytes.headerCount(0), bytes.timestampMs(0)]).toEqual([
      -1, 1, 2, 5
    ])
  })
})

describe('held keys', () => {
  it('are told apart by topic, partition and key; no key is never held', () => {
    const held = new HeldKeys()
    held.hold(entryOf({ key: Buffer.from('a') }))
    held.hold(entryOf({ key: null }))
    expect(held.holds(entryOf({ key: Buffer.from('a') }))).toBe(true)
    expect(held.holds(entryOf({ key: Buffer.from('b') }))).toBe(false)
    expect(held.holds(entryOf({ key: Buffer.from('a'), partition: 1 }))).toBe(false)
    expect(held.holds(entryOf({ key: Buffer.from('a'), topic: 'other' }))).toBe(false)
    expect(held.holds(entryOf({ key: null }))).toBe(false)
  })

  it('beyond their number hold every key', () => {
    const held = new HeldKeys(1)
    held.hold(entryOf({ key: Buffer.from('a') }))
    expect(held.holds(entryOf({ key: Buffer.from('c') }))).toBe(false)
    held.hold(entryOf({ key: Buffer.from('b') }))
    expect(held.holds(entryOf({ key: Buffer.from('c') }))).toBe(true)
    expect(held.holds(entryOf({ key: null }))).toBe(false)
  })
})

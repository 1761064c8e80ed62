import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../../../protocol/records/build-batch.ts'
import type { RecordHeader } from '../../../protocol/records/build-batch.ts'
import { readRecords } from '../../../protocol/records/read-records.ts'
import type { QuarantinedBatch, QuarantineReason } from '../../../src/enforcement/quarantine-port.ts'
import type { QuarantineEntry } from '../../../src/quarantine/record.ts'
import {
  entriesOf,
  fromQuarantineRecord,
  mostAddedBytes,
  NotAQuarantineRecordError,
  recordHeaders,
  recordLimits,
  toQuarantineRecord
} from '../../../src/quarantine/record.ts'

const reason: QuarantineReason = {
  rule: 'amount-positive',
  path: 'value.amount',
  message: 'amount must be above zero',
  expected: 'above zero',
  found: 'double'
}

const entry: QuarantineEntry = {
  id: '0123456789abcdef0123456789abcdef',
  topic: 'shop.orders',
  partition: 2,
  timestampMs: 1_700_000_000_123,
  producerId: 4001n,
  producerEpoch: 3,
  sequence: 17,
  batchIndex: 4,
  clientId: 'checkout-1',
  principal: 'User:checkout',
  policy: 'orders@3f2a91c04b7e',
  violations: [reason],
  moreViolations: 0,
  key: Buffer.from('o-1'),
  value: Buffer.from([0, 255, 1]),
  headers: [
    { name: 'source', value: Buffer.from('web') },
    { name: 'source', value: null }
  ],
  valueDropped: false
}

const batch: QuarantinedBatch = {
  topic: 'shop.orders',
  partition: 2,
  target: { topic: 'shop.orders.quarantine', values: 'keep', transactions: 'reject', create: null },
  policy: { name: 'orders', version: '3f2a91c04b7e', file: 'policies/orders.yaml' },
  producer: { clientId: 'checkout-1', principal: null },
  chain: { producerId: 4001n, producerEpoch: 3, baseSequence: 2 ** 31 - 2 },
  digest: 'ab'.repeat(32),
  records: [0, 1, 2].map((index) => ({
    index,
    key: null,
    value: Buffer.from(`v${index}`),
    headers: [],
    timestampMs: 1000 + index,
    violations: [reason]
  }))
}

const ours = (written: QuarantineEntry): Map<string, string> => {
  const headers = toQuarantineRecord(written, 0).headers!.slice(written.headers.length)
  return new Map(headers.map(({ name, value }) => [name, value!.toString()]))
}

const withHeader = (name: string, value: string | null, written = entry): readonly RecordHeader[] => {
  const headers = toQuarantineRecord(written, 0).headers!
  return headers.flatMap((header) =>
    header.name !== name ? [header] : value === null ? [] : [{ name, value: Buffer.from(value) }]
  )
}

const readWith = (headers: readonly RecordHeader[]): QuarantineEntry =>
  fromQuarantineRecord({ key: null, value: null, headers })

describe('a quarantined record', () => {
  it('keeps key, value and headers as they were, and ours after them', () => {
    const { key, value, headers, timestamp } = toQuarantineRecord(entry, 99)
    expect({ key, value, timestamp }).toEqual({ key: entry.key, value: entry.value, timestamp: 99 })
    expect(headers!.slice(0, 2)).toEqual(entry.headers)
    expect(headers!.slice(2).map(({ name }) => name)).toEqual(
      Object.values(recordHeaders).filter((name) => name !== recordHeaders.value)
    )
  })

  it('writes headers as the documentation says', () => {
    expect(Object.fromEntries(ours(entry))).toEqual({
      'kontrakt.version': '1',
      'kontrakt.id': entry.id,
      'kontrakt.topic': 'shop.orders',
      'kontrakt.partition': '2',
      'kontrakt.timestamp': '1700000000123',
      'kontrakt.producer-id': '4001',
      'kontrakt.producer-epoch': '3',
      'kontrakt.sequence': '17',
      'kontrakt.batch-index': '4',
      'kontrakt.client-id': 'checkout-1',
      'kontrakt.principal': 'User:checkout',
      'kontrakt.policy': 'orders@3f2a91c04b7e',
      'kontrakt.violations': JSON.stringify({ violations: [reason], more: 0 }),
      'kontrakt.headers': '2'
    })
  })

  it('says nothing where there is nothing to say', () => {
    const plain = { ...entry, producerId: null, producerEpoch: null, sequence: null, clientId: null, principal: null }
    const names = [...ours(plain).keys()]
    expect(names).not.toContain(recordHeaders.producerId)
    expect(names).not.toContain(recordHeaders.clientId)
    expect(fromQuarantineRecord(stored(plain))).toEqual(plain)
  })

  it('marks a value that is not what was sent', () => {
    const dropped = { ...entry, value: null, valueDropped: true }
    expect(ours(dropped).get(recordHeaders.value)).toBe('dropped')
    expect(fromQuarantineRecord(stored(dropped))).toEqual(dropped)
  })

  it('comes back as it was through a real batch, even with headers of our names', () => {
    const bytes = fc.uint8Array({ maxLength: 20 }).map((part) => Buffer.from(part))
    const anyHeaders = fc.array(
      fc.record({
        nameBytes: fc.oneof(
          bytes,
          fc.constantFrom(...Object.values(recordHeaders)).map((name) => Buffer.from(name))
        ),
        value: fc.option(
          fc.oneof(
            bytes,
            fc.constantFrom('0', '1', '14').map((text) => Buffer.from(text))
          )
        )
      }),
      { maxLength: 20 }
    )
    fc.assert(
      fc.property(anyHeaders, fc.option(bytes), fc.option(bytes), (headers, key, value) => {
        const written: QuarantineEntry = {
          ...entry,
          key,
          value,
          headers: headers.map((header) => ({ name: header.nameBytes.toString(), ...header }))
        }
        const read = readRecords(buildBatch({ records: [toQuarantineRecord(written, 5)] }))[0]!
        expect(fromQuarantineRecord(read)).toEqual(written)
      })
    )
  })
})

describe('the documentation', () => {
  const page = readFileSync(new URL('../../../docs/quarantine.md', import.meta.url), 'utf8')

  it('lists every header, in the order in which they are written, and no other', () => {
    const rows = [...page.matchAll(/^\| `(kontrakt\.[a-z-]+)` \|/gm)].map((match) => match[1]!)
    expect(rows.filter((name) => !['kontrakt.ledger', 'kontrakt.quarantine-state'].includes(name))).toEqual(
      Object.values(recordHeaders)
    )
  })

  it('shows violations that can be read', () => {
    const [, json] = /```json\n([^]*?)```/.exec(page)!
    const headers = withHeader('kontrakt.violations', json!)
    expect(readWith(headers).violations).toHaveLength(2)
  })
})

describe('the violations of a record', () => {
  it('are cut by whole ones at 8 KiB, and the rest is counted', () => {
    const many = Array.from({ length: 200 }, (_, index) => ({ ...reason, rule: `rule-${index}` }))
    const text = ours({ ...entry, violations: many, moreViolations: 3 }).get(recordHeaders.violations)!
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(recordLimits.violationsBytes)
    const read = fromQuarantineRecord(stored({ ...entry, violations: many, moreViolations: 3 }))
    expect(read.violations.length).toBeGreaterThan(40)
    expect(read.violations).toEqual(many.slice(0, read.violations.length))
    expect(read.moreViolations).toBe(203 - read.violations.length)
  })

  it('keep at least one, however long its texts', () => {
    const long = '\u0001'.repeat(5000)
    const worst = { rule: long, path: long, message: long, expected: long, found: long }
    const { violations, moreViolations } = fromQuarantineRecord(stored({ ...entry, violations: [worst, worst] }))
    expect(violations).toHaveLength(1)
    expect(moreViolations).toBe(1)
    expect(violations[0]!.message).toHaveLength(recordLimits.violationText)
    expect(violations[0]!.message.endsWith('…')).toBe(true)
  })

  it('never cut a character in two', () => {
    const message = `${'x'.repeat(recordLimits.violationText - 2)}😀😀`
    const read = fromQuarantineRecord(stored({ ...entry, violations: [{ ...reason, message }] }))
    expect(read.violations[0]!.message).toBe(`${'x'.repeat(recordLimits.violationText - 2)}…`)
  })
})

describe('what is added to a record', () => {
  it('stays within what its topic leaves room for', () => {
    const long = '\uFFFD'.repeat(40_000)
    const worst = { rule: long, path: long, message: long, expected: long, found: long }
    const largest: QuarantineEntry = {
      ...entry,
      topic: 't'.repeat(249),
      clientId: long,
      principal: long,
      policy: long,
      violations: Array.from({ length: 20 }, () => worst),
      valueDropped: true
    }
    const bare = buildBatch({ records: [{ ...entry, timestamp: 0 }] }).length
    expect(buildBatch({ records: [toQuarantineRecord(largest, 0)] }).length - bare).toBeLessThan(mostAddedBytes)
  })
})

describe('an id', () => {
  it('is 32 hex digits, another one for each record', () => {
    const ids = entriesOf(batch).map(({ id }) => id)
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true)
    expect(new Set(ids).size).toBe(3)
  })

  it('is the same when the batch comes again, from whoever it comes', () => {
    const again = { ...batch, producer: { clientId: 'other', principal: 'User:x' }, policy: batch.policy }
    expect(entriesOf(again).map(({ id }) => id)).toEqual(entriesOf(batch).map(({ id }) => id))
  })

  it.each<[string, Partial<QuarantinedBatch>]>([
    ['topic', { topic: 'other' }],
    ['partition', { partition: 3 }],
    ['producer id', { chain: { ...batch.chain!, producerId: 4002n } }],
    ['epoch', { chain: { ...batch.chain!, producerEpoch: 4 } }],
    ['sequence', { chain: { ...batch.chain!, baseSequence: 5 } }],
    ['content under the same sequence', { digest: 'cd'.repeat(32) }],
    ['lack of a producer id', { chain: null }]
  ])('is another one for another %s', (_, change) => {
    expect(entriesOf({ ...batch, ...change })[0]!.id).not.toBe(entriesOf(batch)[0]!.id)
  })

  it('tells apart the records of a batch without a producer id', () => {
    const entries = entriesOf({ ...batch, chain: null })
    expect(new Set(entries.map(({ id }) => id)).size).toBe(3)
    expect(entries[0]).toMatchObject({ producerId: null, producerEpoch: null, sequence: null })
  })
})

describe('the entries of a batch', () => {
  it('have the sequence of each record, which wraps as Kafka has it', () => {
    expect(entriesOf(batch).map(({ sequence }) => sequence)).toEqual([2 ** 31 - 2, 2 ** 31 - 1, 0])
  })

  it('say who sent what under which policy', () => {
    expect(entriesOf(batch)[1]).toMatchObject({
      topic: 'shop.orders',
      partition: 2,
      timestampMs: 1001,
      batchIndex: 1,
      clientId: 'checkout-1',
      principal: null,
      policy: 'orders@3f2a91c04b7e',
      violations: [reason]
    })
  })
})

describe('reading refuses', () => {
  it.each<[string, readonly RecordHeader[], string]>([
    ['a record without our headers', [], 'its last header is not kontrakt.headers'],
    ['a record of another program', entry.headers, 'its last header is not kontrakt.headers'],
    ['a count beyond the headers', withHeader('kontrakt.headers', '14'), 'kontrakt.headers is not the number'],
    ['a count that is no number', withHeader('kontrakt.headers', '-1'), 'kontrakt.headers is not the number'],
    ['a count too low', withHeader('kontrakt.headers', '0'), 'source stands there twice'],
    ['a count too high', withHeader('kontrakt.headers', '3'), 'kontrakt.version is missing'],
    ['another version', withHeader('kontrakt.version', '2'), 'it has version 2, this program reads 1'],
    ['no version', withHeader('kontrakt.version', null), 'kontrakt.version is missing'],
    ['an id of another form', withHeader('kontrakt.id', 'x'), 'kontrakt.id is not 32 hex digits'],
    ['no topic', withHeader('kontrakt.topic', null), 'kontrakt.topic is missing'],
    ['a negative partition', withHeader('kontrakt.partition', '-1'), 'kontrakt.partition is no such number'],
    ['a partition beyond int32', withHeader('kontrakt.partition', '2147483648'), 'is no such number'],
    ['a timestamp that is none', withHeader('kontrakt.timestamp', '1e9'), 'kontrakt.timestamp is no such number'],
    ['an epoch beyond int16', withHeader('kontrakt.producer-epoch', '40000'), 'is no such number'],
    ['a digit too many', withHeader('kontrakt.producer-id', '9'.repeat(4000)), 'is no such number'],
    ['violations that are not JSON', withHeader('kontrakt.violations', '{'), 'kontrakt.violations is not JSON'],
    ['violations of another form', withHeader('kontrakt.violations', '[]'), 'has not the form of version 1'],
    [
      'a violation of another form',
      withHeader('kontrakt.violations', '{"violations":[1],"more":0}'),
      'has not the form'
    ],
    ['a count of violations below zero', withHeader('kontrakt.violations', '{"violations":[],"more":-1}'), 'the form'],
    ['an unknown fate of the value', withHeader('kontrakt.value', 'gone', { ...entry, valueDropped: true }), 'neither']
  ])('%s', (_, headers, message) => {
    expect(() => readWith(headers)).toThrow(NotAQuarantineRecordError)
    expect(() => readWith(headers)).toThrow(message)
  })
})

function stored(written: QuarantineEntry): Parameters<typeof fromQuarantineRecord>[0] {
  const { key, value, headers } = toQuarantineRecord(written, 0)
  return { key, value, headers: headers! }
}

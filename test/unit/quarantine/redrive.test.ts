import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { contractSet } from '../../../src/contracts/contract-set.ts'
import type { ContractSet } from '../../../src/contracts/judgement.ts'
import { KafkaError } from '../../../src/kafka/errors.ts'
import type { Clock } from '../../../src/clock.ts'
import { systemClock } from '../../../src/clock.ts'
import { QuarantineDesk } from '../../../src/quarantine/desk.ts'
import type { DeskOptions, DiscardCall, RedriveCall } from '../../../src/quarantine/desk.ts'
import type { QuarantineEntry } from '../../../src/quarantine/record.ts'
import { plainWriters, transactionalIdOf } from '../../../src/quarantine/redrive-writer.ts'
import type { RedriveReport } from '../../../src/quarantine/redrive.ts'
import { stateKey, stateValue } from '../../../src/quarantine/state.ts'
import { policyOf } from '../../support/contracts.ts'
import { entryOf, quarantine } from './entries.ts'
import { FakeCluster } from './fake-cluster.ts'

const quarantineTopic = 'orders.quarantine'
const stateTopic = 'kontrakt.quarantine-state'

/** `amount` above zero, in JSON without a schema. */
const policy = `apiVersion: kontrakt/v1
topics: orders
mode: quarantine
value: { format: json, framing: none }
rules:
  - { id: amount-positive, expr: value.amount > 0, message: amount must be above zero }
`

let cluster: FakeCluster
let contracts: ContractSet

beforeEach(() => {
  cluster = new FakeCluster().create('orders', 2).create(quarantineTopic).create(stateTopic)
  contracts = contractSet([policyOf(policy)], null)
})

function deskOf(given: Partial<DeskOptions> = {}): QuarantineDesk {
  return new QuarantineDesk({
    client: cluster.client,
    contracts: () => contracts,
    defaultPolicy: 'pass',
    stateTopic,
    ledgerTopic: 'kontrakt.ledger',
    ensureStateTopic: () => Promise.resolve(),
    writers: (topic) => cluster.writer(transactionalIdOf(topic)),
    decideWaitMs: 20,
    clock: systemClock,
    ...given
  })
}

const defaults: RedriveCall = {
  filter: {},
  by: 'ana',
  ignoreOrder: false,
  limit: Infinity,
  recordsPerSecond: null,
  dryRun: false
}

async function redrive(call: Partial<RedriveCall> = {}, desk = deskOf()): Promise<RedriveReport> {
  const [report, ...more] = await desk.redrive({ ...defaults, ...call })
  expect(more).toEqual([])
  return report!
}

function discard(call: Partial<DiscardCall>): Promise<unknown> {
  const given = { filter: {}, by: 'bo', reason: 'test data', limit: Infinity, dryRun: false, ...call }
  return deskOf().discard(given)
}

const valueOf = (amount: number, name = ''): Buffer => Buffer.from(JSON.stringify({ amount, name }))
const good = (name: string, given: Partial<QuarantineEntry> = {}): QuarantineEntry =>
  entryOf({ name, value: valueOf(1, name), ...given })
const bad = (name: string, given: Partial<QuarantineEntry> = {}): QuarantineEntry =>
  entryOf({ name, value: valueOf(-1, name), ...given })
const key = (text: string): { key: Buffer } => ({ key: Buffer.from(text) })

/** The names in a partition, as a reader of committed records sees them. */
function home(partition = 0): string[] {
  return cluster
    .committed('orders', partition)
    .map(({ value }) => (JSON.parse(String(value)) as { readonly name: string }).name)
}

describe('redrive', () => {
  it('sends home what passes today, as the producer sent it, and leaves what does not', async () => {
    const headers = [
      { name: 'kontrakt.id', value: Buffer.from('its own') },
      { name: 'trace', value: null },
      { name: 'trace', value: Buffer.from([0, 255]) }
    ]
    const original = good('a', { headers, partition: 1, timestampMs: 1_500_000_000_123, ...key('k1') })
    quarantine(cluster, quarantineTopic, [original, bad('b', { partition: 1 })])
    const report = await redrive()
    expect(report).toMatchObject({ meant: 2, sent: 1, breaks: 1, byRule: { 'amount-positive': 1 }, end: 'done' })
    const [record, ...others] = cluster.committed('orders', 1)
    expect(others).toEqual([])
    expect(record).toMatchObject({ key: original.key, value: original.value, timestamp: 1_500_000_000_123 })
    expect(record!.headers.map(({ name, value }) => ({ name, value }))).toEqual(headers)
  })

  it('notes where each went and by whom, so that a second run sends nothing', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b')])
    await redrive()
    const [state] = cluster.committed(stateTopic)
    expect(state!.key).toEqual(stateKey(quarantineTopic, good('a').id))
    expect(JSON.parse(String(state!.value))).toMatchObject({
      kind: 'redriven',
      topic: 'orders',
      offset: '0',
      by: 'ana'
    })
    expect(await redrive()).toMatchObject({ meant: 0, sent: 0 })
    expect(home()).toEqual(['a', 'b'])
  })

  it('sends one that was quarantined twice once', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b'), good('a')])
    expect(await redrive()).toMatchObject({ meant: 2, sent: 2 })
    expect(home()).toEqual(['a', 'b'])
  })

  it('only tells what would be with dryRun', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), bad('b', key('k2'))])
    const calls: string[] = []
    cluster.hook = ({ what }) => void calls.push(what)
    expect(await redrive({ dryRun: true })).toMatchObject({ meant: 2, sent: 1, breaks: 1 })
    expect(calls).toEqual([])
    expect(home()).toEqual([])
  })

  it('judges by the policies of today', async () => {
    quarantine(cluster, quarantineTopic, [bad('b')])
    contracts = contractSet([policyOf(policy.replace('> 0', '> -5'))], null)
    expect(await redrive()).toMatchObject({ sent: 1 })
  })

  it('takes a producer that the policy only observes today at its word', async () => {
    quarantine(cluster, quarantineTopic, [bad('b', { clientId: 'legacy-1', ...key('x') }), bad('c')])
    const observed = `${policy}producers: [{ match: { clientId: "legacy-*" }, mode: observe }]\n`
    contracts = contractSet([policyOf(observed)], null)
    expect(await redrive()).toMatchObject({ sent: 1, breaks: 1 })
    expect(home()).toEqual(['b'])
  })

  it('leaves what cannot be judged', async () => {
    const other = policy.replace('value.amount > 0', 'value.missing > 0')
    contracts = contractSet([policyOf(other)], null)
    quarantine(cluster, quarantineTopic, [good('a')])
    const report = await redrive()
    expect(report).toMatchObject({ sent: 0, undecided: 1 })
    expect(report.undecidedBecause).toContain('amount-positive')
  })
})

describe('the order per key', () => {
  it('is kept: what comes behind a record that stays, waits', async () => {
    quarantine(cluster, quarantineTopic, [
      good('a1', key('a')),
      bad('a2', key('a')),
      good('b1', key('b')),
      good('a3', key('a'))
    ])
    expect(await redrive()).toMatchObject({ meant: 4, sent: 2, breaks: 1, held: 1 })
    expect(home()).toEqual(['a1', 'b1'])
    await discard({ filter: { ids: [bad('a2').id] } })
    expect(await redrive()).toMatchObject({ meant: 1, sent: 1 })
    expect(home()).toEqual(['a1', 'b1', 'a3'])
  })

  it('counts records that were not meant this time as staying', async () => {
    quarantine(cluster, quarantineTopic, [good('a1', { clientId: 'other', ...key('a') }), good('a2', key('a'))])
    expect(await redrive({ filter: { clientId: 'checkout' } })).toMatchObject({ meant: 1, sent: 0, held: 1 })
    expect(await redrive({ filter: { clientId: 'checkout' }, ignoreOrder: true })).toMatchObject({ sent: 1 })
  })

  it('is of one partition, and records without a key have none', async () => {
    quarantine(cluster, quarantineTopic, [
      bad('a', key('a')),
      good('b', { partition: 1, ...key('a') }),
      bad('c', { key: null }),
      good('d', { key: null })
    ])
    expect(await redrive()).toMatchObject({ sent: 2, breaks: 2, held: 0 })
  })

  it('holds also behind one that the brokers refuse, in the same transaction and in later ones', async () => {
    quarantine(cluster, quarantineTopic, [good('a1', key('a')), good('a2', key('a')), good('b1', key('b'))])
    cluster.hook = ({ what, topic, records }) => {
      if (what === 'send' && topic === 'orders' && records!.some(({ value }) => String(value).includes('a1')))
        throw new KafkaError(10, { api: 'Produce', address: 'fake:9092' })
    }
    const report = await redrive()
    expect(report).toMatchObject({ meant: 3, sent: 1, refused: 1, held: 1 })
    expect(report.refusals[0]).toMatchObject({ id: good('a1').id })
    expect(report.refusals[0]!.message).toContain('MESSAGE_TOO_LARGE')
    expect(home()).toEqual(['b1'])
    expect(await redrive({ recordsPerSecond: 1_000 })).toMatchObject({ meant: 2, sent: 0, refused: 1, held: 1 })
  })
})

describe('an error that is not of the record', () => {
  const failing = (times: number) => {
    cluster.hook = ({ what, topic }) => {
      if (what === 'send' && topic === 'orders' && times-- > 0)
        throw new KafkaError(45, { api: 'Produce', address: 'fake:9092' })
    }
  }

  it('is no refusal: the record is sent again', async () => {
    quarantine(cluster, quarantineTopic, [good('a')])
    failing(2)
    expect(await redrive()).toMatchObject({ sent: 1, refused: 0 })
    expect(home()).toEqual(['a'])
  })

  it('ends the redrive when it stays, and the record is open', async () => {
    quarantine(cluster, quarantineTopic, [good('a')])
    failing(Infinity)
    await expect(redrive()).rejects.toMatchObject({ fault: 'not-taken' })
    cluster.hook = () => undefined
    expect(await redrive()).toMatchObject({ meant: 1, sent: 1 })
  })
})

describe('where a record goes', () => {
  it('is the partition of its key when its own is gone, as its producer would choose', async () => {
    quarantine(cluster, quarantineTopic, [good('a', { partition: 5, ...key('21') })])
    await redrive()
    // murmur2('21') & 0x7fffffff is 1173551340, which is even.
    expect(home(0)).toEqual(['a'])
  })

  it('is nowhere when its topic is gone, its value was dropped, or the topic is not its own', async () => {
    const foreign = 'apiVersion: kontrakt/v1\ntopics: payments\nmode: quarantine\n'
    contracts = contractSet([policyOf(policy), policyOf(foreign)], null)
    cluster.create('payments')
    quarantine(cluster, quarantineTopic, [
      good('a', { valueDropped: true }),
      good('b', { topic: 'payments' }),
      good('c', { topic: '__consumer_offsets' }),
      good('d', { topic: quarantineTopic }),
      good('e', { topic: 'nowhere' })
    ])
    expect((await redrive()).stuck).toEqual({
      'value-dropped': 1,
      'another-quarantine': 2,
      'reserved-topic': 2,
      'topic-gone': 0
    })
    const named = await redrive({ quarantineTopic, filter: {} })
    expect(named.stuck).toMatchObject({ 'reserved-topic': 2, 'topic-gone': 1, 'another-quarantine': 0 })
    expect(cluster.committed('payments')).toHaveLength(1)
  })

  it('is never a topic of ours, whatever the settings call it', async () => {
    cluster.create('ledger-eu').create('states-eu').create('payments').create('payments.quarantine')
    const other = 'apiVersion: kontrakt/v1\ntopics: payments\nmode: quarantine\n'
    contracts = contractSet([policyOf(policy), policyOf(other)], null)
    const names = ['ledger-eu', 'states-eu', 'payments.quarantine']
    quarantine(
      cluster,
      quarantineTopic,
      names.map((topic) => good(topic, { topic, ...key(topic) }))
    )
    const desk = deskOf({ stateTopic: 'states-eu', ledgerTopic: 'ledger-eu' })
    expect((await redrive({ quarantineTopic }, desk)).stuck).toMatchObject({ 'reserved-topic': 3 })
    expect(names.flatMap((topic) => cluster.committed(topic))).toEqual([])
  })

  it('is refused for every record of a topic that we may not write to, and the rest goes on', async () => {
    cluster.create('refunds')
    contracts = contractSet([policyOf(policy.replace('topics: orders', 'topics: [orders, refunds]'))], null)
    quarantine(
      cluster,
      quarantineTopic,
      ['a', 'b', 'c'].map((name) => good(name, { topic: name === 'b' ? 'orders' : 'refunds', ...key(name) }))
    )
    cluster.hook = ({ topic }) => {
      if (topic === 'refunds') throw new KafkaError(29, { api: 'Produce', address: 'fake:9092' })
    }
    expect(await redrive({ quarantineTopic })).toMatchObject({ meant: 3, sent: 1, refused: 2 })
    expect(home()).toEqual(['b'])
  })
})

describe('a quarantine topic that was given partitions', () => {
  beforeEach(() => {
    cluster.create(quarantineTopic, 4)
  })

  it('keeps the order of records that lie in two of them', async () => {
    quarantine(cluster, quarantineTopic, [good('old', key('k'))], 1)
    quarantine(cluster, quarantineTopic, [good('new', key('k'))], 0)
    expect(await redrive()).toMatchObject({ sent: 2 })
    expect(home()).toEqual(['old', 'new'])
  })

  it('holds what is behind a record in another one', async () => {
    quarantine(cluster, quarantineTopic, [bad('old', key('k'))], 1)
    quarantine(cluster, quarantineTopic, [good('new', key('k'))], 3)
    expect(await redrive()).toMatchObject({ sent: 0, breaks: 1, held: 1 })
  })

  it('sends a record once whose copies lie in two', async () => {
    quarantine(cluster, quarantineTopic, [good('twin')], 1)
    quarantine(cluster, quarantineTopic, [good('twin')], 0)
    expect(await redrive()).toMatchObject({ meant: 1, sent: 1 })
    expect(home()).toEqual(['twin'])
  })
})

describe('a redrive that ends early', () => {
  it('at the limit says that there may be more', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b'), good('c')])
    expect(await redrive({ limit: 2 })).toMatchObject({ sent: 2, end: 'limit' })
    expect(await redrive({ limit: 2 })).toMatchObject({ meant: 1, sent: 1, end: 'done' })
    expect(home()).toEqual(['a', 'b', 'c'])
  })

  it('by Ctrl-C finishes the chunk under way and begins no other', async () => {
    quarantine(
      cluster,
      quarantineTopic,
      Array.from({ length: 1_200 }, (_, n) => good(`${n}`, key(`${n}`)))
    )
    const controller = new AbortController()
    cluster.hook = ({ what }) => {
      if (what === 'commit') controller.abort()
    }
    expect(await redrive({ signal: controller.signal })).toMatchObject({ meant: 500, sent: 500, end: 'interrupted' })
    cluster.hook = () => undefined
    expect(await redrive()).toMatchObject({ meant: 700, sent: 700, end: 'done' })
    expect(home()).toEqual(Array.from({ length: 1_200 }, (_, n) => `${n}`))
  })

  it('because another took over says so, and the other sends nothing twice', async () => {
    quarantine(
      cluster,
      quarantineTopic,
      Array.from({ length: 600 }, (_, n) => good(`${n}`, key(`${n}`)))
    )
    let commits = 0
    let second: Promise<RedriveReport> | null = null
    const taken = Promise.withResolvers<undefined>()
    cluster.hook = ({ what }) => {
      if (what === 'commit') commits += 1
      if (what !== 'begin' || commits !== 1 || second !== null) return
      second = redrive({}, deskOf())
      void second.then(() => taken.resolve(undefined))
    }
    const first = redrive()
    await expect(first).rejects.toMatchObject({ fault: 'fenced' })
    await taken.promise
    expect(home()).toEqual(Array.from({ length: 600 }, (_, n) => `${n}`))
  })

  it('wherever it dies, sends each record once and in order when it is run again', { timeout: 60_000 }, async () => {
    const entries = fc.array(fc.record({ key: fc.integer({ min: 0, max: 3 }), isBad: fc.boolean() }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(entries, fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 6 }), async (given, deaths) => {
        cluster = new FakeCluster().create('orders', 2).create(quarantineTopic).create(stateTopic)
        const all = given.map(({ key: k, isBad }, n) => (isBad ? bad : good)(`${n}`, key(`k${k}`)))
        quarantine(cluster, quarantineTopic, all)
        for (const after of deaths) {
          let calls = 0
          cluster.hook = ({ what }) => {
            // A process that has died does not abort either.
            if (calls > after || (what !== 'abort' && calls++ >= after)) throw new Error('died')
          }
          await redrive({ limit: 2 }).catch(() => undefined)
        }
        cluster.hook = () => undefined
        await redrive()
        const blocked = new Set<number>()
        const expected = given.flatMap(({ key: k, isBad }, n) => {
          if (isBad) blocked.add(k)
          return blocked.has(k) ? [] : [`${n}`]
        })
        expect(home()).toEqual(expected)
      }),
      { numRuns: 150 }
    )
  })
})

describe('a redrive', () => {
  it('keeps to its rate', async () => {
    quarantine(
      cluster,
      quarantineTopic,
      Array.from({ length: 6 }, (_, n) => good(`${n}`, key(`${n}`)))
    )
    const waits: number[] = []
    const clock: Clock = {
      nowMs: () => 0,
      after: (delayMs, run) => {
        waits.push(delayMs)
        queueMicrotask(run)
        return () => undefined
      }
    }
    await redrive({ recordsPerSecond: 2 }, deskOf({ clock }))
    expect(waits).toEqual([1_000, 1_000, 1_000])
  })

  it('is one at a time at a desk; looking at what would be is not', async () => {
    quarantine(cluster, quarantineTopic, [good('a')])
    const desk = deskOf()
    const first = redrive({}, desk)
    await expect(redrive({}, desk)).rejects.toMatchObject({ fault: 'busy' })
    expect(await redrive({ dryRun: true }, desk)).toMatchObject({ meant: 1 })
    await first
    expect(await redrive({}, desk)).toMatchObject({ meant: 0 })
  })

  it('needs ids that mean one record each', async () => {
    const twins = ['a', 'b'].map((name, n) => good(name, { id: `00ff${n}`.padEnd(32, '0'), ...key(name) }))
    quarantine(cluster, quarantineTopic, twins)
    await expect(redrive({ filter: { ids: ['00ff'] } })).rejects.toMatchObject({ fault: 'ambiguous-id' })
    await expect(redrive({ filter: { ids: ['abcd'] } })).rejects.toMatchObject({ fault: 'no-record' })
    await expect(redrive({ filter: { ids: ['xyz'] } })).rejects.toMatchObject({ fault: 'no-record' })
    expect(await redrive({ filter: { ids: ['00ff1'] } })).toMatchObject({ meant: 1, sent: 1 })
    expect(home()).toEqual(['b'])
  })

  it('passes over what is no quarantined record', async () => {
    cluster.append(quarantineTopic, 0, { records: [{ key: null, value: Buffer.from('x'), timestamp: 1 }] })
    quarantine(cluster, quarantineTopic, [good('a')])
    expect(await redrive()).toMatchObject({ meant: 1, sent: 1, unreadable: 1 })
  })

  it('never sends what somebody noted in a way it does not understand', async () => {
    quarantine(cluster, quarantineTopic, [good('a')])
    const value = Buffer.from('{"version":9}')
    cluster.append(stateTopic, 0, { records: [{ key: stateKey(quarantineTopic, good('a').id), value, timestamp: 1 }] })
    expect(await redrive()).toMatchObject({ meant: 0 })
  })

  it('goes on when retention takes what it was about to read', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b'), good('c')])
    const { client } = cluster
    cluster.fetchBytes = 1
    const fetch: typeof client.fetch = (options) => {
      if (options.partitions[0]!.topic === quarantineTopic) cluster.deleteBefore(quarantineTopic, 0, 2n)
      return client.fetch(options)
    }
    expect(await redrive({}, deskOf({ client: { ...client, fetch } }))).toMatchObject({ meant: 1, sent: 1 })
    expect(home()).toEqual(['c'])
  })

  it('deletes the states of records that are gone', async () => {
    const gone = stateKey(quarantineTopic, 'f'.repeat(32))
    const value = stateValue({ kind: 'discarded', atMs: 1, by: 'x', reason: 'y' })
    cluster.append(stateTopic, 0, { records: [{ key: gone, value, timestamp: 1 }] })
    quarantine(cluster, quarantineTopic, [good('a')])
    await redrive({ filter: { rule: 'none' } })
    expect(cluster.committed(stateTopic).at(-1)).toMatchObject({ key: gone, value: null })
  })

  it('keeps the states of records while a batch cannot be read: theirs may be in it', async () => {
    const hidden = stateKey(quarantineTopic, 'f'.repeat(32))
    const value = stateValue({ kind: 'discarded', atMs: 1, by: 'x', reason: 'y' })
    cluster.append(stateTopic, 0, { records: [{ key: hidden, value, timestamp: 1 }] })
    quarantine(cluster, quarantineTopic, [good('a'), good('b', key('b'))])
    const { bytes } = cluster.log(quarantineTopic, 0).batches[0]!
    bytes[bytes.length - 1]! ^= 1
    expect(await redrive()).toMatchObject({ meant: 1, sent: 1, unreadable: 1 })
    expect(await discard({})).toMatchObject([{ end: 'done' }])
    expect(cluster.committed(stateTopic).filter((entry) => entry.value === null)).toEqual([])
  })

  it('compresses a record that is larger than any batch', async () => {
    const large = Buffer.from(JSON.stringify({ amount: 1, name: 'x'.repeat(600_000) }))
    quarantine(cluster, quarantineTopic, [good('a', { value: large, ...key('a') }), good('b', key('b'))])
    await redrive()
    expect(cluster.committed('orders')[0]!.value!.equals(large)).toBe(true)
    expect(cluster.log('orders', 0).batches.some(({ bytes }) => bytes.length > 100_000)).toBe(false)
  })
})

describe('without transactions', () => {
  const writers = () => plainWriters(cluster.client)

  it('records go home and are noted all the same', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), bad('b', key('b')), good('c')])
    expect(await redrive({}, deskOf({ writers: writers() }))).toMatchObject({ sent: 2, breaks: 1 })
    expect(home()).toEqual(['a', 'c'])
    expect(await redrive({}, deskOf({ writers: writers() }))).toMatchObject({ sent: 0 })
  })

  it('a refused record keeps none back that was sent before it', async () => {
    quarantine(cluster, quarantineTopic, [good('a', { partition: 0 }), good('b', { partition: 1, ...key('b') })])
    cluster.hook = ({ partition, topic }) => {
      if (topic === 'orders' && partition === 1) throw new KafkaError(87, { api: 'Produce', address: 'fake:9092' })
    }
    expect(await redrive({}, deskOf({ writers: writers() }))).toMatchObject({ sent: 1, refused: 1 })
    expect(home(0)).toEqual(['a'])
    cluster.hook = () => undefined
    expect(await redrive({}, deskOf({ writers: writers() }))).toMatchObject({ meant: 1, sent: 1 })
    expect([home(0), home(1)]).toEqual([['a'], ['b']])
  })
})

describe('discard', () => {
  it('takes records out of every redrive, and tells who and why', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b', key('b'))])
    expect(await discard({ filter: { ids: [good('a').id.slice(0, 8)] } })).toEqual([
      { quarantineTopic, discarded: 1, end: 'done' }
    ])
    expect(await redrive()).toMatchObject({ meant: 1, sent: 1 })
    const { records } = await deskOf().list({ filter: { state: 'discarded' }, limit: 5, scanLimit: null })
    expect(records.map(({ state }) => state)).toMatchObject([{ kind: 'discarded', by: 'bo', reason: 'test data' }])
  })

  it('leaves what was sent home, and counts only with dryRun', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), bad('b')])
    await redrive()
    expect(await discard({ dryRun: true })).toMatchObject([{ discarded: 1 }])
    expect(await discard({})).toMatchObject([{ discarded: 1 }])
    expect(await discard({})).toMatchObject([{ discarded: 0 }])
  })
})

describe('a list', () => {
  it('has the latest first, counts the rest, and groups them', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b', { clientId: null }), good('c')])
    const listing = await deskOf().list({ filter: {}, limit: 2, scanLimit: null })
    expect(listing.records.map(({ entry }) => entry.id)).toEqual([good('c').id, good('b').id])
    expect(listing).toMatchObject({ total: 3, complete: true, byState: { open: 3 } })
    expect([...listing.byRule]).toEqual([['amount-positive', 3]])
    expect([...listing.byProducer.values()].map(({ clientId, count }) => [clientId, count])).toEqual([
      ['checkout', 2],
      [null, 1]
    ])
    expect(listing.records[0]!.contents).toBeNull()
  })

  it.each([
    [{ topic: 'orders' }, 2],
    [{ rule: 'amount-positive' }, 1],
    [{ clientId: 'web' }, 1],
    [{ principal: 'User:a' }, 1],
    [{ policy: 'orders' }, 2],
    [{ policy: 'orders@3f2a91c04b7e' }, 1],
    [{ policy: 'order' }, 0],
    [{ sinceMs: 1_767_225_602_000 }, 1],
    [{ untilMs: 1_767_225_602_000 }, 1],
    [{ state: 'redriven' as const }, 0],
    [{ ids: [entryOf({ name: 'a' }).id.slice(0, 6)] }, 1]
  ])('is filtered by %j', async (filter, count) => {
    quarantine(cluster, quarantineTopic, [
      good('a', { clientId: 'web', policy: 'orders@000000000000' }),
      good('b', { principal: 'User:a', violations: [{ rule: 'schema', path: '', message: 'no' }] })
    ])
    expect((await deskOf().list({ filter, limit: 10, scanLimit: null })).total).toBe(count)
  })

  it('that may not look at all says so, and has the latest', async () => {
    quarantine(cluster, quarantineTopic, [good('a'), good('b'), good('c')])
    const listing = await deskOf().list({ filter: {}, limit: 10, scanLimit: 2 })
    expect(listing.records.map(({ entry }) => entry.id)).toEqual([good('c').id, good('b').id])
    expect(listing.complete).toBe(false)
  })

  it('of a topic without a policy wants the quarantine topic named', async () => {
    const wanted = { filter: { topic: 'nobody' }, limit: 1, scanLimit: null }
    await expect(deskOf().list(wanted)).rejects.toMatchObject({ fault: 'no-policy' })
    await expect(deskOf().list({ ...wanted, quarantineTopic: 'gone' })).rejects.toMatchObject({ fault: 'no-topic' })
  })

  it('is empty where nothing was quarantined yet', async () => {
    cluster.delete(quarantineTopic)
    cluster.delete(stateTopic)
    expect(await deskOf().list({ filter: {}, limit: 1, scanLimit: null })).toMatchObject({ total: 0 })
  })

  it('holds copies, not the batches that they were read from', async () => {
    quarantine(cluster, quarantineTopic, [good('a')])
    const { records } = await deskOf().list({ filter: {}, limit: 1, scanLimit: null, contents: true })
    const { contents } = records[0]!
    expect(contents!.value!.equals(good('a').value!)).toBe(true)
    expect(contents!.headers).toEqual(good('a').headers)
    expect(contents!.value!.buffer.byteLength).toBeLessThan(100_000)
  })
})

/**
 * The hard schedules, each by its name. What happens when is fixed here; whatever is left open is picked by seeds, so
 * each of them stands for many.
 */
import { describe, expect, it } from 'vitest'
import { noBrokerFaults } from './broker.ts'
import { Hand } from './hand.ts'
import type { Attempt } from './hand.ts'
import type { Instance } from './instance.ts'
import { check } from './invariants.ts'
import { noQuarantineFaults } from './quarantine-topic.ts'
import { inQuarantine, inTopic, isBroker, scene, seeds, settle } from './scene.ts'
import { Stage } from './stage.ts'
import type { ClientKind } from './stage.ts'

/** Where a first copy of a batch can be while its retry comes. */
const places: readonly (readonly [string, (what: string) => boolean])[] = [
  ['before quarantine', (what) => what.startsWith('quarantine gets')],
  ['between quarantine and ledger', (what) => what.includes('is stored')],
  ['between ledger and broker', isBroker],
  ['between broker and client', (what) => what.includes('hears 0: 0@0 of')]
]

describe('a batch retried while its first copy is', () => {
  for (const [place, held] of places) {
    for (const through of ['another connection', 'another instance'] as const) {
      it.each(seeds)(`${place}, through ${through}, is in the topic once (seed %i)`, async (seed) => {
        const all = await scene(seed)
        const { stage, first, second, hand } = all
        stage.cluster.deadSocketsArrive = true
        const batch = hand.batch(['good', 'bad', 'good'])
        const next = hand.batch(['good'])
        const release = stage.world.hold(held)
        const old = hand.connect(first)
        old.send(batch)
        await stage.world.drain()
        old.close()
        const retry = hand.connect(through === 'another instance' ? second : first)
        const again = retry.send(batch)
        const behind = retry.send(next)
        await stage.world.drain()
        release()
        await settle(all)
        // Asked to come again, it comes again.
        const last = again.code === 0 ? retry : hand.connect(second)
        const attempts = again.code === 0 ? [again, behind] : [last.send(batch), last.send(next)]
        await settle(all)
        expect(attempts.map(({ code }) => code)).toEqual([0, 0])
        expect(inTopic(stage)).toEqual(['hand.0.good', 'hand.2.good', 'hand.3.good'])
        expect(inQuarantine(stage)).toEqual(['hand.1.bad'])
      })
    }
  }
})

describe('a policy reloaded between a batch and its retry', () => {
  it.each(seeds)('does not judge again what passed and lost its answer (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, second, hand } = all
    const batch = hand.batch(['good', 'odd'])
    stage.cluster.faults = { ...noBrokerFaults, lostAnswer: 1 }
    hand.connect(first).send(batch)
    await settle(all)
    stage.cluster.faults = noBrokerFaults
    for (const instance of [first, second]) stage.setPolicy(instance, { mode: 'quarantine', strict: true })
    const connection = hand.connect(seed % 2 === 0 ? first : second)
    const attempts = [connection.send(batch), connection.send(hand.batch(['odd', 'good']))]
    await settle(all)
    expect(attempts.map(({ code }) => code)).toEqual([0, 0])
    expect(inTopic(stage)).toEqual(['hand.0.good', 'hand.1.odd', 'hand.3.good'])
    expect(inQuarantine(stage)).toEqual(['hand.2.odd'])
  })

  it.each(seeds)(
    'in one instance before the other, does not let pass what is in quarantine (seed %i)',
    async (seed) => {
      const all = await scene(seed, { policy: { mode: 'quarantine', strict: true } })
      const { stage, first, second, hand } = all
      const batch = hand.batch(['good', 'odd'])
      stage.cluster.faults = { ...noBrokerFaults, lostAnswer: 1 }
      hand.connect(first).send(batch)
      await settle(all)
      stage.cluster.faults = noBrokerFaults
      stage.setPolicy(second, { mode: 'quarantine', strict: false })
      const connection = hand.connect(second)
      const attempts = [connection.send(batch), connection.send(hand.batch(['odd', 'bad', 'good']))]
      await settle(all)
      expect(attempts.map(({ code }) => code)).toEqual([0, 0])
      expect(inTopic(stage)).toEqual(['hand.0.good', 'hand.2.odd', 'hand.4.good'])
      expect(inQuarantine(stage)).toEqual(['hand.1.odd', 'hand.3.bad'])
    }
  )
})

it.each(seeds)('an answer lost after the append: the retry is answered, and appended once (seed %i)', async (seed) => {
  const all = await scene(seed)
  const { stage, first, second, hand } = all
  const batches = [hand.batch(['bad', 'good']), hand.batch(['good', 'bad', 'good'])]
  const one = hand.connect(first)
  const release = stage.world.hold((what) => what.startsWith('hand hears') && what.includes('of broker'))
  for (const batch of batches) one.send(batch)
  await settle(all)
  one.close()
  release()
  const two = hand.connect(seed % 2 === 0 ? first : second)
  const attempts = [...batches, hand.batch(['good'])].map((batch) => two.send(batch))
  await settle(all)
  expect(attempts.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good', 'hand.4.good', 'hand.5.good'])
})

it.each(seeds)('a quarantine append of unknown outcome: nothing goes on before it is known (seed %i)', async (seed) => {
  const all = await scene(seed)
  const { stage, first, hand } = all
  const connection = hand.connect(first)
  stage.quarantine.faults = { ...noQuarantineFaults, unknown: 1 }
  const batches = [hand.batch(['good', 'bad']), hand.batch(['good'])]
  const early = batches.map((batch) => connection.send(batch))
  await settle(all)
  // The second is told to come again as well, or it would pass the first.
  expect(early.map(({ code }) => code)).toEqual([19, 19])
  expect(inTopic(stage)).toEqual([])
  stage.quarantine.faults = noQuarantineFaults
  const late = batches.map((batch) => connection.send(batch))
  await settle(all)
  expect(late.map(({ code }) => code)).toEqual([0, 0])
  expect(inTopic(stage)).toEqual(['hand.0.good', 'hand.2.good'])
  expect(inQuarantine(stage)).toEqual(['hand.1.bad'])
})

describe('a producer that gives up a batch and reuses its sequence numbers', () => {
  it.each(seeds)('is refused when the broker has the batch (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, second, hand } = all
    stage.cluster.faults = { ...noBrokerFaults, lostAnswer: 1 }
    hand.connect(first).send(hand.batch(['good', 'bad']))
    await settle(all)
    stage.cluster.faults = noBrokerFaults
    const other = hand.connect(seed % 2 === 0 ? first : second).send(hand.batch(['bad', 'good'], { sequence: 0 }))
    await settle(all)
    // A success would be a lie, and a broker alone would tell it.
    expect(other.code).toBe(45)
    expect(inTopic(stage)).toEqual(['hand.0.good'])
  })

  it.each(seeds)('is judged anew when the broker has refused the batch (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, second, hand } = all
    const one = hand.connect(first)
    const refused = one.send(hand.batch(['bad', 'refused']))
    await settle(all)
    expect(refused.code).toBe(87)
    const two = seed % 2 === 0 ? one : hand.connect(second)
    const attempts = [two.send(hand.batch(['good', 'bad'], { sequence: 0 })), two.send(hand.batch(['good']))]
    await settle(all)
    expect(attempts.map(({ code }) => code)).toEqual([0, 0])
    expect(inTopic(stage)).toEqual(['hand.2.good', 'hand.4.good'])
  })
})

it.each(seeds)('an epoch bump in flight begins at 0 for both sides (seed %i)', async (seed) => {
  const all = await scene(seed)
  const { stage, first, second, hand } = all
  const connection = hand.connect(first)
  const attempts = [
    connection.send(hand.batch(['good', 'bad'])),
    connection.send(hand.batch(['bad'])),
    connection.send(hand.batch(['bad', 'good'], { sequence: 0, epoch: 1 })),
    connection.send(hand.batch(['good'], { sequence: 2, epoch: 1 }))
  ]
  await settle(all)
  expect(attempts.map(({ code }) => code)).toEqual([0, 0, 0, 0])
  const later = hand.connect(second).send(hand.batch(['good'], { sequence: 3, epoch: 1 }))
  const fenced = hand.connect(first).send(hand.batch(['good'], { sequence: 3, epoch: 0 }))
  await settle(all)
  expect([later.code, fenced.code]).toEqual([0, 47])
  expect(inTopic(stage)).toEqual(['hand.0.good', 'hand.4.good', 'hand.5.good', 'hand.6.good'])
})

it.each(seeds)('a chain refused by one instance and gone on with at another loses nothing (seed %i)', async (seed) => {
  for (const kind of ['java', 'librdkafka', 'franz'] as const) {
    const stage = new Stage(seed, { instances: 2 })
    const [first, second] = stage.instances as [Instance, Instance]
    const client = stage.client(kind, { batchRecords: 2 })
    second.ready = false
    stage.quarantine.closed = true
    client.produce(0, ['bad', 'good', 'good', 'bad', 'good', 'good', 'good'])
    await stage.world.drain({ timers: true, enough: () => stage.world.steps > 150 })
    second.ready = true
    first.ready = false
    stage.quarantine.closed = false
    client.disconnect()
    await stage.world.drain({ timers: true, enough: () => client.done })
    check(stage)
    expect(client.records.every(({ fate }) => fate === 'delivered')).toBe(true)
  }
})

describe('a producer older than', () => {
  it.each(seeds)("the quarantine topic's retention goes on (seed %i)", async (seed) => {
    const all = await scene(seed)
    const { stage, first, second, hand } = all
    const before = hand.connect(first).send(hand.batch(['bad', 'good', 'bad']))
    await settle(all)
    stage.quarantine.stored.clear()
    stage.ledgerTopic.compact(0)
    stage.crash(first)
    const connection = hand.connect(second)
    const after = [connection.send(hand.batch(['good'])), connection.send(hand.batch(['bad', 'good']))]
    await settle(all)
    expect([before, ...after].map(({ code }) => code)).toEqual([0, 0, 0])
    expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.3.good', 'hand.5.good'])
  })

  it.each(seeds)('`producer.id.expiration.ms` goes on, as it would at the broker (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, second, hand } = all
    const before = hand.connect(first).send(hand.batch(['bad', 'good']))
    await settle(all)
    stage.cluster.partitions[0]!.forget(hand.producerId)
    const connection = hand.connect(seed % 2 === 0 ? first : second)
    const after = [connection.send(hand.batch(['good', 'bad'])), connection.send(hand.batch(['good']))]
    await settle(all)
    expect([before, ...after].map(({ code }) => code)).toEqual([0, 0, 0])
    expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good', 'hand.4.good'])
  })
})

describe('chains go on being renumbered under a policy that is', () => {
  for (const mode of ['observe', 'off', 'absent', 'reject'] as const) {
    it.each(seeds)(`${mode} by now (seed %i)`, async (seed) => {
      const all = await scene(seed)
      const { stage, first, second, hand } = all
      const one = hand.connect(first)
      const before = one.send(hand.batch(['bad', 'good']))
      await settle(all)
      for (const instance of [first, second]) stage.setPolicy(instance, { mode, strict: false })
      const two = seed % 2 === 0 ? one : hand.connect(second)
      const after = [two.send(hand.batch(['good'])), two.send(hand.batch(['good', 'good']))]
      await settle(all)
      expect([before, ...after].map(({ code }) => code)).toEqual([0, 0, 0])
      expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good', 'hand.3.good', 'hand.4.good'])
    })
  }

  it.each(seeds)('switched off between a batch and the one behind it (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, hand } = all
    const connection = hand.connect(first)
    const release = stage.world.hold((what) => what.startsWith('the ledger gets'))
    const attempts = [connection.send(hand.batch(['bad', 'good']))]
    await stage.world.drain()
    stage.setPolicy(first, { mode: 'absent', strict: false })
    attempts.push(connection.send(hand.batch(['good'])))
    await stage.world.drain()
    release()
    await settle(all)
    expect(attempts.map(({ code }) => code)).toEqual([0, 0])
    expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good'])
  })
})

it.each(seeds)(
  'a record that the quarantine topic never takes is refused, and others go on (seed %i)',
  async (seed) => {
    const all = await scene(seed)
    const { stage, first, hand } = all
    const connection = hand.connect(first)
    const batch = hand.batch(['good', 'bad'])
    stage.quarantine.refuses.add('hand.1.bad')
    const refused = connection.send(batch)
    const behind = connection.send(hand.batch(['good']))
    await settle(all)
    expect([refused.code, behind.code]).toEqual([87, 45])
    const after = [connection.send(hand.batch(['bad', 'good'], { sequence: 0 })), connection.send(hand.batch(['good']))]
    await settle(all)
    expect(after.map(({ code }) => code)).toEqual([0, 0])
    expect(inTopic(stage)).toEqual(['hand.4.good', 'hand.5.good'])
    expect(inQuarantine(stage)).toEqual(['hand.3.bad'])
  }
)

it.each(seeds)('a client without WRITE gets what the broker would say, and leaves no trace (seed %i)', async (seed) => {
  const all = await scene(seed)
  const { stage, first, hand } = all
  stage.cluster.denied.add(hand.name)
  const connection = hand.connect(first)
  const attempts = [connection.send(hand.batch(['bad', 'good'])), connection.send(hand.batch(['good']))]
  await settle(all)
  expect(attempts.map(({ code }) => code)).toEqual([29, 29])
  expect([inTopic(stage), inQuarantine(stage), stage.ledgerTopic.records]).toEqual([[], [], []])
})

describe('a ledger', () => {
  it.each(seeds)('whose leader moves holds batches up and loses none (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, hand } = all
    const connection = hand.connect(first)
    stage.ledgerTopic.closed = true
    const batches = [hand.batch(['bad', 'good']), hand.batch(['good', 'bad'])]
    const attempts = batches.map((batch) => connection.send(batch))
    await stage.world.drain()
    expect(attempts.map(({ code }) => code)).toEqual([null, null])
    stage.ledgerTopic.closed = false
    await settle(all)
    expect(attempts.map(({ code }) => code)).toEqual([0, 0])
    expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good'])
  })

  it.each(seeds)('that takes nothing for long makes producers try again (seed %i)', async (seed) => {
    const all = await scene(seed)
    const { stage, first, hand } = all
    const connection = hand.connect(first)
    stage.ledgerTopic.closed = true
    const batches = [hand.batch(['bad', 'good']), hand.batch(['good', 'bad'])]
    const early = batches.map((batch) => connection.send(batch))
    await settle(all)
    expect(early.map(({ code }) => code)).toEqual([19, 19])
    expect(inTopic(stage)).toEqual([])
    stage.ledgerTopic.closed = false
    await settle(all)
    const late = batches.map((batch) => connection.send(batch))
    await settle(all)
    expect(late.map(({ code }) => code)).toEqual([0, 0])
    expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good'])
  })
})

it.each(seeds)('a topic deleted and made again takes the rest of the chain (seed %i)', async (seed) => {
  const all = await scene(seed)
  const { stage, first, second, hand } = all
  const before = hand.connect(first).send(hand.batch(['bad', 'good']))
  await settle(all)
  stage.cluster.recreateTopic()
  const connection = hand.connect(seed % 2 === 0 ? first : second)
  const after = [connection.send(hand.batch(['good', 'bad'])), connection.send(hand.batch(['good']))]
  await settle(all)
  expect([before, ...after].map(({ code }) => code)).toEqual([0, 0, 0])
  expect(inTopic(stage)).toEqual(['hand.2.good', 'hand.4.good'])
})

it.each(seeds)('leadership that moves takes the chain along (seed %i)', async (seed) => {
  const all = await scene(seed, { nodes: 2 })
  const { stage, first, second, hand } = all
  const one = hand.connect(first)
  const batches = [hand.batch(['bad', 'good']), hand.batch(['good', 'bad'])]
  const before = one.send(batches[0]!)
  await settle(all)
  stage.cluster.moveLeader(0)
  const refused = one.send(batches[1]!)
  await settle(all)
  const two = hand.connect(seed % 2 === 0 ? first : second, 1)
  const after = [two.send(batches[1]!), two.send(hand.batch(['good']))]
  await settle(all)
  expect([before, refused, ...after].map(({ code }) => code)).toEqual([0, 6, 0, 0])
  expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good', 'hand.4.good'])
})

it.each(seeds)('without room for another chain bad records are refused instead (seed %i)', async (seed) => {
  const all = await scene(seed, { ledgerLimits: { chains: 1 } })
  const { stage, first, hand } = all
  const other = new Hand(stage, 'other')
  const attempts: Attempt[] = []
  for (const each of [hand, other]) {
    const connection = each.connect(first)
    attempts.push(connection.send(each.batch(['bad', 'good'])))
    await settle(all)
  }
  attempts.push(other.connect(first).send(other.batch(['good'], { sequence: 0 })))
  await settle(all)
  expect(attempts.map(({ code }) => code)).toEqual([0, 87, 0])
  expect(inTopic(stage)).toEqual(['hand.1.good', 'other.2.good'])
})

describe('an instance killed at', () => {
  for (const kind of ['java', 'librdkafka', 'franz', 'kafkajs'] satisfies ClientKind[]) {
    it(`every single step of a schedule loses, leaks, repeats and reorders nothing for ${kind}`, async () => {
      for (let step = 1; ; step += 1) {
        const stage = new Stage(7, { instances: 1, partitions: 2 })
        const client = stage.client(kind, { batchRecords: 2 })
        client.produce(0, ['good', 'bad', 'good', 'bad', 'bad', 'good'])
        client.produce(1, ['bad', 'good', 'good'])
        await stage.world.drain({ timers: true, enough: () => client.done || stage.world.steps >= step })
        if (client.done) break
        const [instance] = stage.instances
        stage.crash(instance!)
        stage.start({ mode: 'quarantine', strict: false })
        await stage.world.drain({ timers: true, enough: () => client.done })
        check(stage)
        expect(client.records.filter(({ fate }) => fate !== 'delivered')).toEqual([])
      }
    }, 60_000)
  }
})

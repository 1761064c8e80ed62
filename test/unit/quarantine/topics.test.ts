import { afterEach, describe, expect, it } from 'vitest'
import { errorCodes } from '../../../protocol/errors.ts'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { TopicRequest } from '../../../src/broker/topics.ts'
import type { CompiledPolicy } from '../../../src/contracts/compile.ts'
import { loadPolicy } from '../../../src/contracts/compile.ts'
import { filesInMemory } from '../../../src/contracts/policy/files.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import type { NewTopic } from '../../../src/kafka/client.ts'
import { KafkaError, NoCommonVersionError } from '../../../src/kafka/errors.ts'
import { examineOrigins } from '../../../src/quarantine/origins.ts'
import { examineOwnTopics } from '../../../src/quarantine/own-topics.ts'
import { prepareTopics, wantedTopics } from '../../../src/quarantine/start.ts'
import type { StartClient } from '../../../src/quarantine/start.ts'
import { loweredInsync } from '../../../src/quarantine/topic-admin.ts'
import type { TopicClient } from '../../../src/quarantine/topic-admin.ts'
import { NoQuarantineTopicError, TopicLookup } from '../../../src/quarantine/topic-lookup.ts'
import { examineQuarantineTopics } from '../../../src/quarantine/topics.ts'
import type { TopicFinding, WantedTopic } from '../../../src/quarantine/topics.ts'
import { StartError } from '../../../src/supervisor/start-error.ts'
import { deleteTopic } from '../../support/delete-topic.ts'
import { FakeClock } from '../kafka/fake-clock.ts'

const closers: (() => unknown)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function onBroker(topics: readonly TopicRequest[]): Promise<{ broker: EmbeddedBroker; client: KafkaClient }> {
  const broker = await startEmbeddedBroker({ topics })
  const client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
  closers.push(
    () => broker.close(),
    () => client.close()
  )
  return { broker, client }
}

const create: NonNullable<WantedTopic['target']['create']> = {
  partitions: 'same',
  replicationFactor: -1,
  retentionMs: 3_600_000,
  minInsyncReplicas: 2
}

const asItShouldBe = {
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
  'max.message.bytes': String(1_048_588 + 65_536),
  'retention.ms': '3600000'
}

function wanted(origins: readonly string[] = ['orders'], more: Partial<WantedTopic['target']> = {}): WantedTopic {
  return { target: { topic: 'q', create, ...more }, origins }
}

async function configsOf(client: KafkaClient, name: string): Promise<Record<string, string | null>> {
  const keys = [...Object.keys(asItShouldBe), 'min.insync.replicas', 'segment.ms']
  const [described] = await client.describeConfigs([{ type: 'topic', name, keys }])
  return Object.fromEntries(described!.values)
}

const codes = (findings: readonly TopicFinding[]): string[] => findings.map(({ level, code }) => `${level} ${code}`)

describe('a quarantine topic that is missing', () => {
  it('is created with the partitions of its origin, room for headers, and by the time of the append', async () => {
    const { client, broker } = await onBroker([{ name: 'orders', partitions: 3 }])
    expect(codes(await examineQuarantineTopics(client, [wanted()], { create: true }))).toEqual(['ok created'])
    expect(await configsOf(client, 'q')).toMatchObject({ ...asItShouldBe, 'min.insync.replicas': '1' })
    expect((await client.metadata(['q'])).topics[0]!.partitions).toHaveLength(3)
    expect(codes(await examineQuarantineTopics(client, [wanted()], { create: true }))).toEqual(['ok fine'])
    expect(broker.topics.names()).toEqual(['orders', 'q'])
  })

  it('is as large as the largest of several origins, of those that are there', async () => {
    const { client } = await onBroker([
      { name: 'a', partitions: 2, configs: { 'max.message.bytes': '5000000' } },
      { name: 'b', partitions: 5 }
    ])
    await examineQuarantineTopics(client, [wanted(['a', 'b', 'c'])], { create: true })
    expect((await client.metadata(['q'])).topics[0]!.partitions).toHaveLength(5)
    expect((await configsOf(client, 'q'))['max.message.bytes']).toBe(String(5_000_000 + 65_536))
  })

  it('has the partitions that the policy says', async () => {
    const { client } = await onBroker([{ name: 'orders', partitions: 3 }])
    await examineQuarantineTopics(client, [wanted(undefined, { create: { ...create, partitions: 7 } })], {
      create: true
    })
    expect((await client.metadata(['q'])).topics[0]!.partitions).toHaveLength(7)
  })

  it('is not created without its origin, by doctor, or against the policy', async () => {
    const { client, broker } = await onBroker([{ name: 'orders', partitions: 3 }])
    expect(await examineQuarantineTopics(client, [wanted(['later'])], { create: true })).toEqual([])
    expect(codes(await examineQuarantineTopics(client, [wanted()], { create: false }))).toEqual(['ok missing'])
    const [finding] = await examineQuarantineTopics(client, [wanted(undefined, { create: null })], { create: true })
    expect(finding).toMatchObject({ level: 'problem', code: 'missing' })
    expect(finding!.remedy).toContain(
      'kafka-topics.sh --create --topic q --partitions 3 --config cleanup.policy=delete ' +
        '--config message.timestamp.type=LogAppendTime --config max.message.bytes=1114124'
    )
    expect(broker.topics.names()).toEqual(['orders'])
  })

  it('that may not be created says which right is missing', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }])
    broker.intercept('createTopics', ({ request }) => ({
      topics: request.topics.map(({ name }) => ({ name, errorCode: 29, errorMessage: 'no', configs: [] }))
    }))
    const [finding] = await examineQuarantineTopics(client, [wanted()], { create: true })
    expect(finding).toMatchObject({ level: 'problem', code: 'not-created' })
    expect(finding!.message).toContain('TOPIC_AUTHORIZATION_FAILED')
    expect(finding!.remedy).toContain('CREATE')
  })

  it('and for which too few brokers are up says that this may pass', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }])
    broker.intercept('createTopics', ({ request }) => ({
      topics: request.topics.map(({ name }) => ({ name, errorCode: 38, errorMessage: 'only 1', configs: [] }))
    }))
    const [finding] = await examineQuarantineTopics(client, [wanted()], { create: true })
    expect(finding).toMatchObject({ level: 'problem', code: 'not-created-yet' })
    expect(finding!.remedy).toContain('create.replicationFactor')
    const own = await examineOwnTopics(client, settings, { create: true })
    expect(codes(own)).toEqual(['problem not-created-yet', 'problem not-created-yet'])
    expect(own[0]!.remedy).toContain('topics.replicationFactor')
  })

  it('is as good as created when somebody else was faster', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }])
    broker.intercept('createTopics', async (call) => {
      if (!call.request.validateOnly) await call.proceed()
      return call.proceed()
    })
    expect(codes(await examineQuarantineTopics(client, [wanted()], { create: true }))).toEqual(['ok created'])
  })
})

describe('a quarantine topic that is there', () => {
  it.each<[string, Record<string, string>, string]>([
    ['is compacted', { 'cleanup.policy': 'compact,delete' }, 'problem cleanup-policy'],
    ['has timestamps of producers', { 'message.timestamp.type': 'CreateTime' }, 'warning timestamp-type'],
    ['takes less than its origin', { 'max.message.bytes': '1048588' }, 'warning max-message-bytes'],
    ['keeps records for a shorter time', { 'retention.ms': '1000' }, 'warning retention'],
    ['is cut by size', { 'retention.bytes': '1000' }, 'warning retention'],
    ['can never be written', { 'min.insync.replicas': '2' }, 'problem min-insync-replicas'],
    ['keeps records for longer', { 'retention.ms': '99999999999' }, 'ok fine'],
    ['keeps records for ever', { 'retention.ms': '-1' }, 'ok fine']
  ])('and %s is told so, with the command that mends it', async (_, configs, expected) => {
    const { client } = await onBroker([{ name: 'orders' }, { name: 'q', configs: { ...asItShouldBe, ...configs } }])
    const findings = await examineQuarantineTopics(client, [wanted()], { create: true })
    expect(codes(findings)).toEqual([expected])
    const [finding] = findings
    if (finding!.level === 'ok') expect(finding!.remedy).toBeNull()
    else
      expect(finding!.remedy).toMatch(
        /^kafka-configs\.sh --alter --entity-type topics --entity-name q --add-config \S+=\S+$/
      )
  })

  it('and may not be described is doubtful, and judged no further', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }, { name: 'q' }])
    broker.intercept('describeConfigs', ({ request }) => ({
      results: request.resources.map(({ resourceType, resourceName }) => ({
        errorCode: errorCodes.TOPIC_AUTHORIZATION_FAILED,
        errorMessage: null,
        resourceType: resourceType,
        resourceName: resourceName,
        configs: []
      }))
    }))
    expect(codes(await examineQuarantineTopics(client, [wanted()], { create: true }))).toEqual([
      'warning not-described'
    ])
  })

  it('and may not be seen is a problem', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }])
    broker.intercept('metadata', async (call) => {
      const answer = await call.proceed()
      if (typeof answer !== 'object') return answer
      const topics = answer.topics!.map((t) => (t.name === 'q' ? { ...t, errorCode: 29 } : t))
      return { ...answer, topics }
    })
    expect(codes(await examineQuarantineTopics(client, [wanted()], { create: true }))).toEqual(['problem no-access'])
  })
})

describe('in-sync replicas', () => {
  it.each([
    [2, 3, 2],
    [2, 2, 1],
    [2, 1, 1],
    [3, 3, 2],
    [1, 3, 1],
    [2, -1, 1]
  ])('%i of %i replicas are %i', (wish, replicas, expected) => {
    expect(loweredInsync(wish, replicas)).toBe(expected)
  })

  it('are set by what the brokers say their default is', async () => {
    const asked: NewTopic[] = []
    const partition = { partition: 0, leaderId: 1, replicas: [1, 2, 3], inSyncReplicas: [1, 2, 3] }
    const names = new Set(['orders'])
    const client: TopicClient = {
      metadata: (topics) =>
        Promise.resolve({
          clusterId: null,
          controllerId: 1,
          brokers: [],
          topics: (topics ?? []).map((name) => ({
            name,
            topicId: null,
            isInternal: false,
            error: names.has(name) ? null : new KafkaError(3, { api: 'Metadata', address: 'b:1' }),
            partitions: names.has(name) ? [partition] : []
          }))
        }),
      describeConfigs: () => Promise.resolve([]),
      createTopics: ([topic], options) => {
        asked.push(topic!)
        if (options?.validateOnly !== true) names.add(topic!.name)
        return Promise.resolve([{ name: topic!.name, error: null, partitions: 1, replicationFactor: 3 }])
      }
    }
    await examineQuarantineTopics(client, [wanted()], { create: true, clock: new FakeClock() })
    expect(asked.map(({ configs }) => configs!['min.insync.replicas'])).toEqual(['1', '2'])
    expect(asked[1]).toMatchObject({ name: 'q', partitions: 1, replicationFactor: -1 })
  })
})

describe('our own topics', () => {
  const names = { ledger: 'kontrakt.ledger', quarantineState: 'kontrakt.quarantine-state', replicationFactor: null }

  it('are created compacted, in one partition, and are then as they should be', async () => {
    const { client } = await onBroker([])
    expect(codes(await examineOwnTopics(client, names, { create: false }))).toEqual(['ok missing', 'ok missing'])
    expect(codes(await examineOwnTopics(client, names, { create: true }))).toEqual(['ok created', 'ok created'])
    expect(codes(await examineOwnTopics(client, names, { create: true }))).toEqual(['ok fine', 'ok fine'])
    expect(await configsOf(client, names.ledger)).toMatchObject({
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'max.message.bytes': '2097152',
      'min.insync.replicas': '1',
      'segment.ms': '600000'
    })
  })

  const right = { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' }

  it.each<[string, Partial<TopicRequest>, string]>([
    ['deletes what is old', { configs: { ...right, 'cleanup.policy': 'delete' } }, 'problem cleanup-policy'],
    ['deletes and compacts', { configs: { ...right, 'cleanup.policy': 'compact,delete' } }, 'problem cleanup-policy'],
    ['has several partitions', { configs: right, partitions: 2 }, 'problem partitions'],
    ['has the clocks of its writers', { configs: { 'cleanup.policy': 'compact' } }, 'problem timestamp-type'],
    ['takes little', { configs: { ...right, 'max.message.bytes': '1000' } }, 'problem max-message-bytes'],
    ['is as it should be', { configs: right }, 'ok fine']
  ])('are looked at when they are there: a ledger that %s', async (_, topic, expected) => {
    const { client } = await onBroker([{ name: names.ledger, ...topic }])
    expect(codes(await examineOwnTopics(client, names, { create: true }))).toEqual([expected, 'ok created'])
  })
})

function policy(path: string, topics: string, more = 'mode: quarantine'): CompiledPolicy {
  const text = Buffer.from(`apiVersion: kontrakt/v1\ntopics: ${topics}\n${more}\n`)
  const loaded = loadPolicy(filesInMemory(new Map([[path, text]])), path, (name) => name)
  if (!loaded.ok) throw new Error('the policy does not load')
  return loaded.policy
}

const settings = { ledger: 'kontrakt.ledger', quarantineState: 'kontrakt.quarantine-state', replicationFactor: null }

describe('before serving', () => {
  it('the topics of every policy that can quarantine are made, and no others', async () => {
    const { client, broker } = await onBroker([
      { name: 'orders' },
      { name: 'shop.a' },
      { name: 'shop.b' },
      { name: 'x' }
    ])
    const policies = [
      policy('o.yaml', '[orders, not-there]'),
      policy('s.yaml', '"shop.*"'),
      policy('x.yaml', 'x', 'mode: reject')
    ]
    const { hasLedger, findings } = await prepareTopics(client, policies, settings)
    expect(hasLedger).toBe(true)
    expect(codes(findings)).toEqual(Array.from({ length: 5 }, () => 'ok created'))
    expect(broker.topics.names().toSorted()).toEqual(
      [
        'orders',
        'orders.quarantine',
        'shop.a',
        'shop.a.quarantine',
        'shop.b',
        'shop.b.quarantine',
        'x',
        'kontrakt.ledger',
        'kontrakt.quarantine-state'
      ].toSorted()
    )
    expect(codes((await prepareTopics(client, policies, settings)).findings)).toEqual(
      Array.from({ length: 5 }, () => 'ok fine')
    )
  })

  it('nothing is made, and no right is needed, while no policy can quarantine', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }])
    expect(await prepareTopics(client, [policy('o.yaml', 'orders', 'mode: reject')], settings)).toEqual({
      hasLedger: false,
      findings: []
    })
    expect(broker.topics.names()).toEqual(['orders'])
  })

  it('a ledger from before is read, although no policy can quarantine any more', async () => {
    const configs = { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' }
    const { client } = await onBroker([{ name: settings.ledger, configs }])
    expect((await prepareTopics(client, [], settings)).hasLedger).toBe(true)
  })

  it('a topic that stands in the way refuses the start, with every remedy', async () => {
    const { client } = await onBroker([
      { name: 'orders' },
      { name: settings.ledger, configs: { 'cleanup.policy': 'delete', 'message.timestamp.type': 'LogAppendTime' } }
    ])
    const policies = [policy('o.yaml', 'orders', 'mode: quarantine\nquarantine: { create: false }')]
    const refusal = await prepareTopics(client, policies, settings).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(StartError)
    expect((refusal as Error).message).toMatch(
      /cleanup\.policy delete.*cleanup\.policy=compact.*kafka-topics\.sh --create --topic orders\.quarantine/
    )
  })

  it('a topic that merely matches a glob is warned about instead', async () => {
    const { client } = await onBroker([{ name: 'shop.a' }])
    const policies = [policy('s.yaml', '"shop.*"', 'mode: quarantine\nquarantine: { create: false }')]
    const { findings } = await prepareTopics(client, policies, settings)
    expect(codes(findings)).toEqual(['ok created', 'ok created', 'warning missing'])
  })

  it('a shared topic is made for all of its origins, and is as important as the most literal of them', async () => {
    const { client } = await onBroker([
      { name: 'orders', partitions: 2 },
      { name: 'shop.a', partitions: 4 }
    ])
    const shared = 'mode: quarantine\nquarantine: { topic: dead }'
    const found = await wantedTopics(client, [policy('o.yaml', 'orders', shared), policy('s.yaml', '"shop.*"', shared)])
    expect(found.wanted).toMatchObject([{ target: { topic: 'dead' }, origins: ['orders', 'shop.a'] }])
    expect([...found.fromGlobs]).toEqual([])
  })

  it('only so many topics of globs are made, and the rest is told', async () => {
    const { client } = await onBroker(Array.from({ length: 1003 }, (_, index) => ({ name: `t${index}` })))
    const found = await wantedTopics(client, [policy('s.yaml', '"t*"')])
    expect(found.wanted).toHaveLength(1000)
    expect(found.notLookedAt).toBe(3)
  })

  it('origins whose producers nobody tells us of refuse the start, with the right that is missing', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }, { name: 'payments' }])
    broker.intercept('describeProducers', async (call) => {
      const answer = await call.proceed()
      if (typeof answer !== 'object') return answer
      const topics = answer.topics!.map((topic) => ({
        ...topic,
        partitions: topic.partitions!.map((p) => ({ ...p, errorCode: topic.name === 'orders' ? 29 : 0 }))
      }))
      return { ...answer, topics }
    })
    const starting = prepareTopics(client, [policy('o.yaml', '[orders, payments, not-there]')], settings)
    await expect(starting).rejects.toThrow(StartError)
    await expect(starting).rejects.toThrow(/TOPIC_AUTHORIZATION_FAILED.*--operation READ --topic orders; see/)
    await expect(starting).rejects.not.toThrow(/payments/)
  })

  it('an origin that may not even be seen refuses the start, and so many origins are asked, of no glob', async () => {
    const { client, broker } = await onBroker([])
    const asked: string[] = []
    const names = Array.from({ length: 25 }, (_, number) => `t${number}`)
    broker.intercept('metadata', async (call) => {
      const answer = await call.proceed()
      if (typeof answer !== 'object' || call.request.topics?.length !== 1) return answer
      const topics = answer.topics!.map((t) => {
        if (!names.includes(t.name!)) return t
        asked.push(t.name!)
        return { ...t, errorCode: 29 }
      })
      return { ...answer, topics }
    })
    const findings = await examineOrigins(client, [
      policy('o.yaml', `[${names.join(', ')}]`),
      policy('g.yaml', '"g*"'),
      policy('r.yaml', 'watched', 'mode: reject')
    ])
    expect(codes(findings)).toEqual(Array.from({ length: 20 }, () => 'problem no-read'))
    expect(asked.toSorted()).toEqual(names.slice(0, 20).toSorted())
  })

  it('brokers that cannot tell of producers are warned about once', async () => {
    const describeProducers = () =>
      Promise.reject(new NoCommonVersionError('DescribeProducers', 'b:1', '0 to 0', 'no version'))
    const findings = await examineOrigins({ describeProducers }, [policy('o.yaml', '[orders, payments]')])
    expect(codes(findings)).toEqual(['warning no-producers'])
  })

  it('the states of quarantined records hold up nobody who does not quarantine', async () => {
    const configs = { 'cleanup.policy': 'compact', 'message.timestamp.type': 'LogAppendTime' }
    const { client } = await onBroker([
      { name: settings.ledger, configs },
      { name: settings.quarantineState, partitions: 3, configs }
    ])
    const { hasLedger, findings } = await prepareTopics(client, [], settings)
    expect(hasLedger).toBe(true)
    expect(findings.map(({ topic }) => topic)).toEqual([settings.ledger])
  })

  it('a cluster that does not answer in time refuses the start', async () => {
    const clock = new FakeClock()
    const client: StartClient = {
      metadata: () => {
        clock.advance(20_000)
        return Promise.reject(new KafkaError(5, { api: 'Metadata', address: 'b:1' }))
      },
      describeConfigs: () => Promise.resolve([]),
      createTopics: () => Promise.resolve([]),
      describeProducers: () => Promise.resolve([])
    }
    const starting = prepareTopics(client, [policy('o.yaml', 'orders')], settings, { clock })
    const moving = setInterval(() => clock.advance(1_000), 1)
    closers.push(() => clearInterval(moving))
    await expect(starting).rejects.toThrow(/could not be looked at.*LEADER_NOT_AVAILABLE/)
  })
})

describe('the partitions of a quarantine topic', () => {
  it('are asked for once, however many want to know, and remembered for a while', async () => {
    const { client, broker } = await onBroker([{ name: 'orders', partitions: 3 }])
    let asked = 0
    broker.intercept('metadata', (call) => {
      asked++
      return call.proceed()
    })
    const clock = new FakeClock()
    const lookup = new TopicLookup({ client, clock })
    expect(await Promise.all([1, 2, 3].map(() => lookup.partitionsOf(wanted().target, 'orders')))).toEqual([3, 3, 3])
    const before = asked
    expect(await lookup.partitionsOf(wanted().target, 'orders')).toBe(3)
    expect(asked).toBe(before)
    clock.advance(5 * 60_000)
    await lookup.partitionsOf(wanted().target, 'orders')
    await expect.poll(() => asked).toBe(before + 1)
    lookup.forget('q')
    await lookup.partitionsOf(wanted().target, 'orders')
    expect(asked).toBe(before + 2)
  })

  it('that cannot be had are refused without asking again for a moment', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }])
    let asked = 0
    broker.intercept('metadata', (call) => {
      asked++
      return call.proceed()
    })
    const clock = new FakeClock()
    const lookup = new TopicLookup({ client, clock })
    const none = { topic: 'q', create: null }
    await expect(lookup.partitionsOf(none, 'orders')).rejects.toThrow(NoQuarantineTopicError)
    const before = asked
    await expect(lookup.partitionsOf(none, 'orders')).rejects.toThrow(NoQuarantineTopicError)
    expect(asked).toBe(before)
    broker.topics.create({ name: 'q', partitions: 2 })
    clock.advance(5_000)
    expect(await lookup.partitionsOf(none, 'orders')).toBe(2)
  })

  it('are what was known while nobody answers, and the new count as soon as somebody does', async () => {
    const { client, broker } = await onBroker([{ name: 'orders' }, { name: 'q', partitions: 2 }])
    const clock = new FakeClock()
    let asked = 0
    let isAway = true
    const sometimes: TopicClient = {
      metadata: (topics) => {
        asked++
        return isAway && asked > 1
          ? Promise.reject(new KafkaError(5, { api: 'Metadata', address: 'b:1' }))
          : client.metadata(topics)
      },
      describeConfigs: (resources) => client.describeConfigs(resources),
      createTopics: (topics, options) => client.createTopics(topics, options)
    }
    const lookup = new TopicLookup({ client: sometimes, clock })
    expect(await lookup.partitionsOf(wanted().target, 'orders')).toBe(2)
    clock.advance(5 * 60_000)
    for (let i = 0; i < 3; i++) expect(await lookup.partitionsOf(wanted().target, 'orders')).toBe(2)
    expect(asked).toBe(2)
    isAway = false
    await deleteTopic(broker.address, 'q')
    broker.topics.create({ name: 'q', partitions: 4 })
    clock.advance(5_000)
    await expect.poll(() => lookup.partitionsOf(wanted().target, 'orders')).toBe(4)
    expect(asked).toBe(3)
  })

  it('of a compacted topic are told to nobody: what is written there would be lost', async () => {
    const { client } = await onBroker([{ name: 'orders' }, { name: 'q', configs: { 'cleanup.policy': 'compact' } }])
    const asking = new TopicLookup({ client }).partitionsOf(wanted().target, 'orders')
    await expect(asking).rejects.toThrow(NoQuarantineTopicError)
    await expect(asking).rejects.toThrow(/compaction removes/)
  })

  it('are not refused for good while too few brokers are up to create the topic', async () => {
    const { client, broker } = await onBroker([{ name: 'orders', partitions: 3 }])
    const undo = broker.intercept('createTopics', ({ request }) => ({
      topics: request.topics.map(({ name }) => ({ name, errorCode: 38, errorMessage: 'only 1', configs: [] }))
    }))
    const clock = new FakeClock()
    const lookup = new TopicLookup({ client, clock })
    const asking = lookup.partitionsOf(wanted().target, 'orders')
    await expect(asking).rejects.toThrow(/INVALID_REPLICATION_FACTOR/)
    await expect(asking).rejects.not.toThrow(NoQuarantineTopicError)
    undo()
    clock.advance(1_000)
    expect(await lookup.partitionsOf(wanted().target, 'orders')).toBe(3)
  })

  it('that one policy may not create are created for another that may', async () => {
    const { client } = await onBroker([{ name: 'orders', partitions: 3 }])
    const lookup = new TopicLookup({ client, clock: new FakeClock() })
    const refused = lookup.partitionsOf({ topic: 'q', create: null }, 'orders')
    const had = lookup.partitionsOf(wanted().target, 'orders')
    await expect(refused).rejects.toThrow(NoQuarantineTopicError)
    expect(await had).toBe(3)
  })

  it('cannot be had without an origin', async () => {
    const { client } = await onBroker([])
    const lookup = new TopicLookup({ client })
    await expect(lookup.partitionsOf(wanted().target, 'orders')).rejects.toThrow('nor is orders')
  })
})

import { describe, expect, it } from 'vitest'
import { defaultTopicConfigs } from '../../../src/broker/topic-configs.ts'
import { apis, startHarness, type Harness } from './harness.ts'

async function metadataOf(
  { connection }: Harness,
  names: string[] | null,
  version = 12,
  allowAutoTopicCreation = false
) {
  const topics = names?.map((name) => ({ name })) ?? null
  return connection.call(apis.metadata, { topics, ...(version >= 4 ? { allowAutoTopicCreation } : {}) }, { version })
}

describe('Metadata', () => {
  it('names the broker by its advertised address, as leader of everything', async () => {
    const harness = await startHarness({
      nodeId: 7,
      advertised: { host: 'kafka.test', port: 1234 },
      topics: [{ name: 't', partitions: 2 }]
    })
    const answer = await metadataOf(harness, ['t'])
    expect(answer).toMatchObject({
      controllerId: 7,
      brokers: [{ nodeId: 7, host: 'kafka.test', port: 1234, rack: null }]
    })
    expect(answer.clusterId).toMatch(/^[\w-]{22}$/)
    expect(answer.topics[0]!.partitions).toMatchObject(
      [0, 1].map((partitionIndex) => ({
        partitionIndex,
        leaderId: 7,
        replicaNodes: [7],
        isrNodes: [7],
        errorCode: 0
      }))
    )
    expect(harness.broker.address).toBe('kafka.test:1234')
  })

  it('means all by an empty list in version 0 and by null later, and none by an empty list later', async () => {
    const harness = await startHarness({ topics: [{ name: 'a' }, { name: 'b' }] })
    const names = async (list: string[] | null, version: number): Promise<(string | null)[]> =>
      (await metadataOf(harness, list, version)).topics.map((t) => t.name)
    expect(await names([], 0)).toEqual(['a', 'b'])
    expect(await names(null, 1)).toEqual(['a', 'b'])
    expect(await names([], 1)).toEqual([])
  })

  it('creates what is asked for when both sides allow it', async () => {
    const harness = await startHarness({ defaultPartitions: 3 })
    expect((await metadataOf(harness, ['new'])).topics[0]).toMatchObject({ errorCode: 3, partitions: [] })
    const created = (await metadataOf(harness, ['new'], 12, true)).topics[0]!
    expect([created.errorCode, created.partitions.length]).toEqual([0, 3])
    expect((await metadataOf(harness, ['old'], 3)).topics[0]).toMatchObject({ errorCode: 0 })
    expect((await metadataOf(harness, ['no/name'], 12, true)).topics[0]).toMatchObject({ errorCode: 17 })
    const strict = await startHarness({ autoCreateTopics: false })
    expect((await metadataOf(strict, ['new'], 12, true)).topics[0]).toMatchObject({ errorCode: 3 })
  })

  it('finds a topic by its id, and says when there is none', async () => {
    const harness = await startHarness({ topics: [{ name: 't' }] })
    const { topicId } = (await metadataOf(harness, ['t'])).topics[0]!
    const ask = (id: string) =>
      harness.connection.call(apis.metadata, { topics: [{ topicId: id, name: null }] }, { version: 12 })
    expect((await ask(topicId)).topics[0]).toMatchObject({ errorCode: 0, name: 't', topicId })
    expect((await ask('a'.repeat(32))).topics[0]).toMatchObject({ errorCode: 100, name: null })
  })

  it('tells what may be done only when asked (KIP-430)', async () => {
    const { connection } = await startHarness({ topics: [{ name: 't' }] })
    const asked = await connection.call(
      apis.metadata,
      {
        topics: [{ name: 't' }],
        includeTopicAuthorizedOperations: true,
        includeClusterAuthorizedOperations: true
      },
      { version: 8 }
    )
    // AclOperation.WRITE is 4, IDEMPOTENT_WRITE 12.
    expect(asked.topics[0]!.topicAuthorizedOperations & (1 << 4)).not.toBe(0)
    expect(asked.clusterAuthorizedOperations & (1 << 12)).not.toBe(0)
    const notAsked = await connection.call(apis.metadata, { topics: [{ name: 't' }] }, { version: 8 })
    expect([notAsked.topics[0]!.topicAuthorizedOperations, notAsked.clusterAuthorizedOperations]).toEqual([
      -(2 ** 31),
      -(2 ** 31)
    ])
  })
})

describe('CreateTopics', () => {
  const create = async ({ connection }: Harness, topic: Record<string, unknown>, validateOnly = false) => {
    const topics = [{ name: 't', numPartitions: -1, replicationFactor: -1, ...topic }]
    return (await connection.call(apis.createTopics, { topics, validateOnly })).topics[0]!
  }

  it("makes a topic with the broker's defaults or those given", async () => {
    const harness = await startHarness({ defaultPartitions: 2 })
    expect(await create(harness, {})).toMatchObject({ errorCode: 0, numPartitions: 2, replicationFactor: 1 })
    const given = await create(harness, {
      name: 'u',
      numPartitions: 5,
      replicationFactor: 1,
      configs: [{ name: 'cleanup.policy', value: 'compact' }]
    })
    expect(given).toMatchObject({ numPartitions: 5, configs: [{ name: 'cleanup.policy', value: 'compact' }] })
    expect(given.topicId).toMatch(/^[0-9a-f]{32}$/)
  })

  it('only looks when asked to', async () => {
    const harness = await startHarness()
    expect(await create(harness, {}, true)).toMatchObject({ errorCode: 0 })
    expect(harness.broker.topics.names()).toEqual([])
  })

  it.each<[string, Record<string, unknown>, number]>([
    ['a name Kafka would not take', { name: '..' }, 17],
    ['a long name', { name: 'x'.repeat(250) }, 17],
    ['no partitions', { numPartitions: 0 }, 37],
    ['more partitions than there is room for', { numPartitions: 10_001 }, 44],
    ['more replicas than brokers', { replicationFactor: 2 }, 38],
    ['an assignment to another broker', { assignments: [{ partitionIndex: 0, brokerIds: [9] }] }, 39],
    ['an assignment with a gap', { assignments: [{ partitionIndex: 1, brokerIds: [1] }] }, 39],
    ['an assignment and numbers', { numPartitions: 1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, 42],
    ['an unknown setting', { configs: [{ name: 'no.such', value: '1' }] }, 40],
    ['a timestamp type that is none', { configs: [{ name: 'message.timestamp.type', value: 'Now' }] }, 40],
    ['a number that is none', { configs: [{ name: 'max.message.bytes', value: 'many' }] }, 40]
  ])('refuses %s, with words', async (_, topic, errorCode) => {
    const answer = await create(await startHarness(), topic)
    expect(answer.errorCode).toBe(errorCode)
    expect(answer.errorMessage).not.toBeNull()
  })

  it('refuses what is there already, and what is named twice', async () => {
    const harness = await startHarness({ topics: [{ name: 't' }] })
    expect(await create(harness, {})).toMatchObject({ errorCode: 36 })
    const topic = { name: 'u', numPartitions: 1, replicationFactor: 1 }
    const { topics } = await harness.connection.call(apis.createTopics, { topics: [topic, topic] })
    expect(topics.map((t) => t.errorCode)).toEqual([42, 42])
  })

  it('accepts an assignment to itself', async () => {
    const assignments = [
      { partitionIndex: 1, brokerIds: [1] },
      { partitionIndex: 0, brokerIds: [1] }
    ]
    expect(await create(await startHarness(), { assignments })).toMatchObject({ errorCode: 0, numPartitions: 2 })
  })
})

describe('DeleteTopics and CreatePartitions', () => {
  it('deletes by name and by id, and takes committed offsets along', async () => {
    const harness = await startHarness({ topics: [{ name: 'a' }, { name: 'b' }] })
    const { broker, connection } = harness
    const [a] = (await metadataOf(harness, ['a'])).topics
    await connection.call(apis.offsetCommit, {
      groupId: 'g',
      generationIdOrMemberEpoch: -1,
      topics: [{ name: 'a', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] }]
    })
    const gone = await connection.call(apis.deleteTopics, {
      topics: [{ name: null, topicId: a!.topicId }, { name: 'b' }]
    })
    expect(gone.responses.map((r) => [r.name, r.errorCode])).toEqual([
      ['a', 0],
      ['b', 0]
    ])
    const again = await connection.call(apis.deleteTopics, {
      topics: [{ name: null, topicId: a!.topicId }, { name: 'b' }]
    })
    expect(again.responses.map((r) => r.errorCode)).toEqual([100, 3])
    broker.topics.create({ name: 'a' })
    const { groups } = await connection.call(apis.offsetFetch, { groups: [{ groupId: 'g', topics: null }] })
    expect(groups[0]!.topics).toEqual([])
  })

  it('only lets a topic grow', async () => {
    const harness = await startHarness({ topics: [{ name: 't', partitions: 2 }] })
    const grow = async (topic: Record<string, unknown>, validateOnly = false) =>
      (
        await harness.connection.call(apis.createPartitions, {
          topics: [{ name: 't', count: 3, assignments: null, ...topic }],
          validateOnly
        })
      ).results[0]!.errorCode
    expect(await grow({ count: 2 })).toBe(37)
    expect(await grow({ name: 'missing' })).toBe(3)
    expect(await grow({ assignments: [{ brokerIds: [2] }] })).toBe(39)
    expect(await grow({}, true)).toBe(0)
    expect((await metadataOf(harness, ['t'])).topics[0]!.partitions).toHaveLength(2)
    expect(await grow({})).toBe(0)
    expect((await metadataOf(harness, ['t'])).topics[0]!.partitions).toHaveLength(3)
  })
})

describe('DescribeConfigs, DescribeCluster, DescribeProducers', () => {
  it('tells the settings of a topic and where each comes from', async () => {
    const { connection } = await startHarness({ topics: [{ name: 't', configs: { 'retention.ms': '5' } }] })
    const { results } = await connection.call(apis.describeConfigs, {
      resources: [{ resourceType: 2, resourceName: 't', configurationKeys: null }]
    })
    const configs = new Map(results[0]!.configs.map((c) => [c.name, c]))
    expect([...configs.keys()].sort()).toEqual(Object.keys(defaultTopicConfigs).sort())
    expect(configs.get('retention.ms')).toMatchObject({ value: '5', configSource: 1 })
    expect(configs.get('max.message.bytes')).toMatchObject({ value: '1048588', configSource: 5 })
  })

  it('tells only the keys asked for, of itself too, and refuses what it is not', async () => {
    const { connection } = await startHarness({ nodeId: 3 })
    const ask = async (resourceType: number, resourceName: string) =>
      (
        await connection.call(apis.describeConfigs, {
          resources: [{ resourceType, resourceName, configurationKeys: ['num.partitions'] }]
        })
      ).results[0]!
    expect((await ask(4, '3')).configs).toMatchObject([
      { name: 'num.partitions', value: '1', configSource: 4, readOnly: true }
    ])
    expect((await ask(4, '4')).errorCode).toBe(42)
    expect((await ask(2, 'missing')).errorCode).toBe(3)
    expect((await ask(8, '')).errorCode).toBe(42)
  })

  it('is a broker and no controller endpoint', async () => {
    const { connection } = await startHarness({ nodeId: 3 })
    expect(await connection.call(apis.describeCluster, {})).toMatchObject({
      controllerId: 3,
      brokers: [{ brokerId: 3 }]
    })
    expect(await connection.call(apis.describeCluster, { endpointType: 2 })).toMatchObject({
      errorCode: 114,
      brokers: []
    })
  })

  it('hands out producer ids once, and has no transactions', async () => {
    const { connection } = await startHarness()
    const ids = await Promise.all([1, 2, 3].map(() => connection.call(apis.initProducerId, { transactionalId: null })))
    expect(new Set(ids.map((i) => i.producerId)).size).toBe(3)
    expect(await connection.call(apis.initProducerId, { transactionalId: 't' })).toMatchObject({
      errorCode: 53,
      producerId: -1n
    })
    const { coordinators } = await connection.call(apis.findCoordinator, { keyType: 1, coordinatorKeys: ['t'] })
    expect(coordinators).toMatchObject([{ key: 't', errorCode: 53, nodeId: -1, host: '' }])
    expect(coordinators[0]!.errorMessage).toContain('no transactions')
  })
})

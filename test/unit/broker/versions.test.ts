/** Every API in every version it is offered in, once: asked by our own client, answered, and the answer readable. */
import { describe, expect, it } from 'vitest'
import { handlers } from '../../../src/broker/handlers.ts'
import type { Connection } from '../../../src/kafka/connection.ts'
import { apis, batchOf, fetchOf, produceOf, startHarness, versionsOf } from './harness.ts'

const topic = 'orders'

type Bodies = { readonly [K in keyof typeof apis]: (version: number) => Parameters<(typeof apis)[K]['encode']>[0] }

const member = { memberId: '', protocolType: 'consumer', protocols: [{ name: 'range', metadata: Buffer.from('m') }] }

const bodies: Bodies = {
  apiVersions: () => ({ clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }),
  metadata: (v) => ({
    topics: v === 0 ? [] : [{ name: topic }, { name: 'new' }],
    includeTopicAuthorizedOperations: v >= 8
  }),
  produce: () => produceOf(topic, batchOf(['a', 'b'], { codec: 'gzip' })),
  fetch: () => fetchOf(topic, 0n),
  listOffsets: () => ({
    replicaId: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }]
  }),
  findCoordinator: (v) => (v < 4 ? { key: 'g' } : { coordinatorKeys: ['g'] }),
  joinGroup: () => ({ groupId: 'g', sessionTimeoutMs: 1000, ...member }),
  syncGroup: () => ({ groupId: 'g', generationId: 1, memberId: 'nobody' }),
  heartbeat: () => ({ groupId: 'g', generationId: 1, memberId: 'nobody' }),
  leaveGroup: (v) =>
    v < 3 ? { groupId: 'g', memberId: 'nobody' } : { groupId: 'g', members: [{ memberId: 'nobody' }] },
  offsetCommit: () => ({
    groupId: 'committer',
    generationIdOrMemberEpoch: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: 'x' }] }]
  }),
  offsetFetch: (v) =>
    v < 8
      ? { groupId: 'committer', topics: [{ name: topic, partitionIndexes: [0] }] }
      : { groups: [{ groupId: 'committer', topics: [{ name: topic, partitionIndexes: [0] }] }] },
  listGroups: () => ({}),
  describeGroups: (v) => ({ groups: ['nobody'], includeAuthorizedOperations: v >= 3 }),
  deleteGroups: () => ({ groupsNames: ['nobody'] }),
  initProducerId: () => ({ transactionalId: null }),
  createTopics: () => ({ topics: [{ name: 'made', numPartitions: 2, replicationFactor: 1 }] }),
  deleteTopics: (v) => (v < 6 ? { topicNames: ['nothing'] } : { topics: [{ name: 'nothing' }] }),
  createPartitions: () => ({ topics: [{ name: topic, count: 1, assignments: null }] }),
  describeConfigs: () => ({ resources: [{ resourceType: 2, resourceName: topic, configurationKeys: null }] }),
  describeCluster: () => ({}),
  describeProducers: () => ({ topics: [{ name: topic, partitionIndexes: [0] }] })
}

async function ask(connection: Connection, name: keyof typeof apis, version: number): Promise<unknown> {
  // The table pairs each API with a body of its own; the compiler cannot follow that through the key.
  const api = apis[name] as unknown as (typeof apis)['apiVersions']
  return connection.call(api, bodies[name], { version })
}

/** Every error code in an answer, whatever its shape. */
function errorsIn(answer: unknown): number[] {
  if (typeof answer !== 'object' || answer === null || Buffer.isBuffer(answer)) return []
  return Object.entries(answer).flatMap(([key, value]) =>
    key === 'errorCode' ? (value === 0 ? [] : [value as number]) : errorsIn(value)
  )
}

/** Where the request above is not one that can succeed. */
const expectedErrors: { readonly [K in keyof typeof apis]?: readonly number[] } = {
  syncGroup: [25],
  heartbeat: [25],
  leaveGroup: [25],
  deleteGroups: [69],
  deleteTopics: [3],
  createPartitions: [37]
}

const cases = (Object.keys(apis) as (keyof typeof apis)[]).flatMap((name) =>
  versionsOf(apis[name]).map((version) => [name, version] as const)
)

describe('the versions that are offered', () => {
  it('are those of this test', () => {
    for (const [name, handler] of Object.entries(handlers)) {
      const api = apis[name as keyof typeof apis]
      expect([name, ...handler.versions]).toEqual([name, api.minVersion, api.maxVersion])
    }
  })

  it.each(cases)('%s v%i is answered', async (name, version) => {
    const { connection } = await startHarness({ topics: [{ name: topic }] })
    const answer = await ask(connection, name, version)
    const known = [...(expectedErrors[name] ?? [])]
    // By name, where it must be asked by id.
    if (name === 'fetch' && version >= 13) known.push(100)
    if (name === 'joinGroup' && version >= 4) known.push(79)
    if (name === 'describeGroups' && version >= 6) known.push(69)
    expect(errorsIn(answer)).toEqual(known)
  })
})

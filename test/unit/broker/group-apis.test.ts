import { describe, expect, it } from 'vitest'
import type { Connection } from '../../../src/kafka/connection.ts'
import { apis, batchOf, produceTo, startHarness, type Harness } from './harness.ts'

const metadata = Buffer.from('subscribes')

function join(connection: Connection, memberId: string, version = 9) {
  return connection.call(
    apis.joinGroup,
    {
      groupId: 'g',
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }]
    },
    { version }
  )
}

/** A stable group `g` of one member, asked over `connection`. */
async function stableGroup(harness: Harness) {
  const { memberId } = await join(harness.connection, '')
  const joined = await join(harness.connection, memberId)
  await harness.connection.call(apis.syncGroup, {
    groupId: 'g',
    generationId: joined.generationId,
    memberId,
    assignments: [{ memberId, assignment: Buffer.from('all') }]
  })
  return { memberId, generationId: joined.generationId }
}

function commit(
  connection: Connection,
  member: { memberId?: string; generationId?: number },
  partition: Record<string, unknown> = {}
) {
  return connection
    .call(apis.offsetCommit, {
      groupId: 'g',
      generationIdOrMemberEpoch: member.generationId ?? -1,
      memberId: member.memberId ?? '',
      topics: [
        { name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: 'm', ...partition }] }
      ]
    })
    .then((answer) => answer.topics[0]!.partitions[0]!.errorCode)
}

describe('a group over the protocol', () => {
  it('is joined, described, listed, left and deleted', async () => {
    const harness = await startHarness({ topics: [{ name: 't' }] })
    const { connection } = harness
    const { memberId } = await stableGroup(harness)
    const described = await connection.call(apis.describeGroups, { groups: ['g'], includeAuthorizedOperations: true })
    expect(described.groups[0]).toMatchObject({
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        {
          memberId,
          clientId: 'test',
          clientHost: '/127.0.0.1',
          memberMetadata: metadata,
          memberAssignment: Buffer.from('all')
        }
      ]
    })
    const list = async (filter: object) => (await connection.call(apis.listGroups, filter)).groups.map((g) => g.groupId)
    expect(await list({ statesFilter: ['stable'], typesFilter: ['Classic'] })).toEqual(['g'])
    expect(await list({ statesFilter: ['Empty'] })).toEqual([])
    expect(await list({ typesFilter: ['consumer'] })).toEqual([])
    const remove = async () => (await connection.call(apis.deleteGroups, { groupsNames: ['g'] })).results[0]!.errorCode
    expect(await remove()).toBe(68)
    const left = await connection.call(apis.leaveGroup, {
      groupId: 'g',
      members: [{ memberId }, { memberId: 'nobody' }]
    })
    expect(left.members.map((m) => m.errorCode)).toEqual([0, 25])
    expect(await remove()).toBe(0)
    expect(await remove()).toBe(69)
  })

  it('before version 4 takes a member in without the detour', async () => {
    const { connection } = await startHarness()
    expect(await join(connection, '', 3)).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  it.each([
    ['no group id', { groupId: '' }, 24],
    ['a session timeout of 0', { sessionTimeoutMs: 0 }, 26],
    ['a session timeout above 30 minutes', { sessionTimeoutMs: 1_800_001 }, 26],
    ['a member of a group that does not exist', { memberId: 'x' }, 25]
  ])('refuses %s', async (_, changed, errorCode) => {
    const { connection } = await startHarness()
    const answer = await connection.call(apis.joinGroup, {
      groupId: 'g',
      sessionTimeoutMs: 1000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'r', metadata }],
      ...changed
    })
    expect(answer).toMatchObject({ errorCode, generationId: -1 })
  })

  it('keeps offsets that are committed by its members, and by nobody else while it has some', async () => {
    const harness = await startHarness({ topics: [{ name: 't' }] })
    const { connection } = harness
    expect(await commit(connection, {})).toBe(0)
    const member = await stableGroup(harness)
    expect(await commit(connection, {})).toBe(25)
    expect(await commit(connection, { ...member, generationId: 99 })).toBe(22)
    expect(await commit(connection, member, { committedOffset: 6n })).toBe(0)
    const { groups } = await connection.call(apis.offsetFetch, { groups: [{ groupId: 'g', topics: null }] })
    expect(groups[0]!.topics).toMatchObject([
      {
        name: 't',
        partitions: [{ partitionIndex: 0, committedOffset: 6n, metadata: 'm', errorCode: 0 }]
      }
    ])
  })

  it('refuses an offset of a partition that is not there, long metadata, and a group that never was', async () => {
    const { connection } = await startHarness({ topics: [{ name: 't' }] })
    expect(await commit(connection, {}, { partitionIndex: 1 })).toBe(3)
    expect(await commit(connection, {}, { committedMetadata: 'x'.repeat(4097) })).toBe(12)
    const other = await connection.call(apis.offsetCommit, {
      groupId: 'never',
      generationIdOrMemberEpoch: 3,
      memberId: 'm',
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: null }] }]
    })
    expect(other.topics[0]!.partitions[0]!.errorCode).toBe(22)
  })

  it('says -1 without an error where nothing was committed', async () => {
    const { connection } = await startHarness()
    const { topics } = await connection.call(
      apis.offsetFetch,
      {
        groupId: 'nobody',
        topics: [{ name: 't', partitionIndexes: [0] }]
      },
      { version: 5 }
    )
    expect(topics[0]!.partitions[0]).toMatchObject({ committedOffset: -1n, committedLeaderEpoch: -1, errorCode: 0 })
  })
})

describe('DescribeProducers', () => {
  it('names the idempotent producers of a partition and how far they have come', async () => {
    const { clock, connection } = await startHarness({ topics: [{ name: 't' }] })
    const batch = batchOf(['a', 'b', 'c'], { producerId: 9n, producerEpoch: 2, baseSequence: 0 })
    await produceTo(connection, 't', batch)
    const { topics } = await connection.call(apis.describeProducers, {
      topics: [{ name: 't', partitionIndexes: [0, 1] }]
    })
    expect(topics[0]!.partitions).toMatchObject([
      {
        errorCode: 0,
        activeProducers: [
          {
            producerId: 9n,
            producerEpoch: 2,
            lastSequence: 2,
            lastTimestamp: BigInt(clock.nowMs()),
            coordinatorEpoch: -1,
            currentTxnStartOffset: -1n
          }
        ]
      },
      { errorCode: 3, activeProducers: [] }
    ])
  })
})

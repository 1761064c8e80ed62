import { describe, expect, it } from 'vitest'
import { Group, type JoinAnswer, type JoinRequest } from '../../../src/broker/groups/group.ts'
import { Groups } from '../../../src/broker/groups/groups.ts'
import { FakeClock } from '../kafka/fake-clock.ts'

const code = {
  illegalGeneration: 22,
  inconsistent: 23,
  unknownMember: 25,
  rebalance: 27,
  memberIdRequired: 79,
  full: 81
}
const sessionTimeoutMs = 10_000
const rebalanceTimeoutMs = 30_000

function joinRequest(memberId = '', changed: Partial<JoinRequest> = {}): JoinRequest {
  return {
    memberId,
    groupInstanceId: null,
    clientId: 'c',
    clientHost: '127.0.0.1',
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
    needsKnownId: false,
    ...changed
  }
}

/** What a promise has come to after everything that is ready has run; undefined while it waits. */
async function settled<T extends object>(promise: Promise<T> | T): Promise<T | undefined> {
  const waiting = Symbol('waiting')
  for (let i = 0; i < 10; i++) await Promise.resolve()
  const result = await Promise.race([promise, Promise.resolve(waiting)])
  return typeof result === 'symbol' ? undefined : result
}

function syncRequest(member: JoinAnswer, assignments: Record<string, string> = {}) {
  return {
    memberId: member.memberId,
    generationId: member.generationId,
    protocolType: null,
    protocolName: null,
    assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) }))
  }
}

/** A stable group of members a (the leader) and b. */
async function pair(clock = new FakeClock()) {
  const group = new Group('g', clock)
  const first = await group.join(joinRequest())
  const joiningB = group.join(joinRequest())
  const a = await group.join(joinRequest(first.memberId))
  const b = await joiningB
  const syncB = group.sync(syncRequest(b))
  const syncA = group.sync(syncRequest(a, { [a.memberId]: 'for a', [b.memberId]: 'for b' }))
  return { clock, group, a, b, syncA: await syncA, syncB: await syncB }
}

describe('Group', () => {
  it('takes a first member in at once, as leader', async () => {
    const group = new Group('g', new FakeClock())
    const answer = await group.join(joinRequest())
    expect(answer).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: answer.memberId })
    expect(answer.members).toEqual([
      { memberId: answer.memberId, groupInstanceId: null, metadata: Buffer.from('topics') }
    ])
    expect(group.state).toBe('CompletingRebalance')
  })

  it('waits for all known members, tells the leader who they are and the others nothing', async () => {
    const { group, a, b, syncA, syncB } = await pair()
    expect([a.generationId, b.generationId, a.leader, b.leader]).toEqual([2, 2, a.memberId, a.memberId])
    expect(a.members.map((m) => m.memberId)).toEqual([a.memberId, b.memberId])
    expect(b.members).toEqual([])
    expect([String(syncA.assignment), String(syncB.assignment), group.state]).toEqual(['for a', 'for b', 'Stable'])
  })

  it('gives a client without an id one to come back with, and waits for it (KIP-394)', async () => {
    const clock = new FakeClock()
    const group = new Group('g', clock)
    const first = await group.join(joinRequest('', { needsKnownId: true }))
    expect(first).toMatchObject({ errorCode: code.memberIdRequired, generationId: -1 })
    const second = await group.join(joinRequest('', { needsKnownId: true }))
    const joining = group.join(joinRequest(first.memberId))
    expect(await settled(joining)).toBeUndefined()
    clock.advance(sessionTimeoutMs)
    expect(await joining).toMatchObject({ errorCode: 0, memberId: first.memberId })
    expect(await group.join(joinRequest(second.memberId))).toMatchObject({ errorCode: code.unknownMember })
  })

  it('knows no ids but those it gave', async () => {
    expect(await new Group('g', new FakeClock()).join(joinRequest('mine'))).toMatchObject({
      errorCode: code.unknownMember
    })
  })

  it.each([
    ['no protocol', { protocols: [] }],
    ['no protocol type', { protocolType: '' }],
    ['another protocol type', { protocolType: 'connect' }],
    ['no protocol that the others have', { protocols: [{ name: 'sticky', metadata: Buffer.alloc(0) }] }]
  ])('refuses a member with %s', async (_, changed) => {
    const { group } = await pair()
    expect(await group.join(joinRequest('', changed))).toMatchObject({ errorCode: code.inconsistent })
    expect(group.state).toBe('Stable')
  })

  it('chooses the protocol most members prefer among those all have', async () => {
    const group = new Group('g', new FakeClock())
    const protocols = (...names: string[]) => ({
      protocols: names.map((name) => ({ name, metadata: Buffer.from(name) }))
    })
    const first = await group.join(joinRequest('', protocols('only-a', 'range', 'sticky')))
    const b = group.join(joinRequest('', protocols('sticky', 'range')))
    const c = group.join(joinRequest('', protocols('sticky', 'range')))
    const a = await group.join(joinRequest(first.memberId, protocols('only-a', 'range', 'sticky')))
    expect([a, await b, await c].map((m) => m.protocolName)).toEqual(['sticky', 'sticky', 'sticky'])
    expect(a.members.map((m) => String(m.metadata))).toEqual(['sticky', 'sticky', 'sticky'])
  })

  it('tells members of a rebalance by heartbeat, and goes on without those who do not come', async () => {
    const { clock, group, a, b } = await pair()
    const joiningC = group.join(joinRequest())
    expect(group.state).toBe('PreparingRebalance')
    expect(group.heartbeat(a.memberId, a.generationId)).toBe(code.rebalance)
    const joiningA = group.join(joinRequest(a.memberId))
    expect(await settled(joiningC)).toBeUndefined()
    for (let i = 0; i < 6; i++) {
      group.heartbeat(b.memberId, b.generationId)
      clock.advance(rebalanceTimeoutMs / 6)
    }
    const [againA, c] = [await joiningA, await joiningC]
    expect([againA.generationId, c.generationId]).toEqual([3, 3])
    expect(againA.members.map((m) => m.memberId)).toEqual([a.memberId, c.memberId])
    expect(group.heartbeat(b.memberId, b.generationId)).toBe(code.unknownMember)
  })

  it('lets a member die that is not heard of, and not one that waits', async () => {
    const { clock, group, a, b } = await pair()
    clock.advance(sessionTimeoutMs - 1)
    expect(group.heartbeat(a.memberId, a.generationId)).toBe(0)
    clock.advance(1)
    expect(group.members().map((m) => m.id)).toEqual([a.memberId])
    expect(group.state).toBe('PreparingRebalance')
    expect(group.heartbeat(b.memberId, b.generationId)).toBe(code.unknownMember)
    const again = await group.join(joinRequest(a.memberId))
    expect(again).toMatchObject({ errorCode: 0, generationId: 3, leader: a.memberId })
    const joining = group.join(joinRequest())
    clock.advance(rebalanceTimeoutMs)
    expect(await settled(joining)).toMatchObject({ errorCode: 0 })
  })

  it('elects another leader when the leader leaves', async () => {
    const { group, a, b } = await pair()
    expect(group.leave(a.memberId)).toBe(0)
    const again = await group.join(joinRequest(b.memberId))
    expect([again.leader, again.members.length]).toEqual([b.memberId, 1])
    expect(group.leave(a.memberId)).toBe(code.unknownMember)
  })

  it('is empty when the last member leaves, and starts anew', async () => {
    const { group, a, b } = await pair()
    group.leave(a.memberId)
    group.leave(b.memberId)
    expect([group.state, group.protocolName]).toEqual(['Empty', ''])
    expect(await group.join(joinRequest('', { protocolType: 'connect' }))).toMatchObject({
      errorCode: 0,
      generationId: 4
    })
  })

  it('sends those who wait for the leader back to join when somebody comes, and the late leader too', async () => {
    const group = new Group('g', new FakeClock())
    const first = await group.join(joinRequest())
    const joiningB = group.join(joinRequest())
    const a = await group.join(joinRequest(first.memberId))
    const b = await joiningB
    const waiting = group.sync(syncRequest(b))
    void group.join(joinRequest())
    expect(await waiting).toMatchObject({ errorCode: code.rebalance })
    expect(await group.sync(syncRequest(a, {}))).toMatchObject({ errorCode: code.rebalance })
  })

  it('does not wait for a leader that never brings the assignments', async () => {
    const clock = new FakeClock()
    const group = new Group('g', clock)
    const first = await group.join(joinRequest('', { sessionTimeoutMs: 100_000 }))
    const joiningB = group.join(joinRequest('', { sessionTimeoutMs: 100_000 }))
    await group.join(joinRequest(first.memberId, { sessionTimeoutMs: 100_000 }))
    const b = await joiningB
    const waiting = group.sync(syncRequest(b))
    clock.advance(rebalanceTimeoutMs)
    expect(await waiting).toMatchObject({ errorCode: code.rebalance })
    expect(group.members().map((m) => m.id)).toEqual([b.memberId])
  })

  it('tells a member that asks again what is settled, without a rebalance', async () => {
    const { group, a, b } = await pair()
    expect(await group.join(joinRequest(b.memberId))).toMatchObject({ errorCode: 0, generationId: 2, members: [] })
    expect(await group.sync(syncRequest(b))).toMatchObject({ assignment: Buffer.from('for b') })
    expect(group.state).toBe('Stable')
    void group.join(joinRequest(a.memberId))
    expect(group.state).toBe('PreparingRebalance')
  })

  it.each<[string, Partial<ReturnType<typeof syncRequest>>, number]>([
    ['an unknown member', { memberId: 'nobody' }, code.unknownMember],
    ['an old generation', { generationId: 1 }, code.illegalGeneration],
    ['another protocol', { protocolName: 'sticky' as unknown as null }, code.inconsistent],
    ['another protocol type', { protocolType: 'connect' as unknown as null }, code.inconsistent]
  ])('refuses a sync of %s', async (_, changed, errorCode) => {
    const { group, b } = await pair()
    expect(await group.sync({ ...syncRequest(b), ...changed })).toMatchObject({ errorCode })
  })

  it('lets members commit in their generation, outsiders only while it is empty', async () => {
    const { group, a, b } = await pair()
    expect(group.mayCommit(a.memberId, 2)).toBe(0)
    expect(group.mayCommit(a.memberId, 1)).toBe(code.illegalGeneration)
    expect(group.mayCommit('', -1)).toBe(code.unknownMember)
    void group.join(joinRequest())
    expect(group.mayCommit(a.memberId, 2)).toBe(0)
    const joining = [a, b].map(async (m) => group.join(joinRequest(m.memberId)))
    await Promise.all(joining)
    expect(group.mayCommit(a.memberId, 3)).toBe(code.rebalance)
    expect(new Group('g', new FakeClock()).mayCommit('', -1)).toBe(0)
  })

  it('has a limit of members, counting ids that were given out', async () => {
    const group = new Group('g', new FakeClock())
    for (let i = 0; i < 1000; i++) await group.join(joinRequest('', { needsKnownId: true }))
    expect(await group.join(joinRequest())).toMatchObject({ errorCode: code.full })
  })

  it('leaves no timer behind', async () => {
    const { clock, group, a } = await pair()
    void group.join(joinRequest('', { needsKnownId: true }))
    expect(group.heartbeat(a.memberId, a.generationId)).toBe(0)
    group.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('Groups', () => {
  it('keeps at most its limit, and gives up a group only when that loses nothing', () => {
    const groups = new Groups(new FakeClock())
    for (let i = 0; i < 1000; i++) groups.getOrCreate(`g${i}`)
    groups.commit('g0', 't', 0, { offset: 1n, leaderEpoch: -1, metadata: null })
    void groups.get('g1')!.join(joinRequest())
    expect(groups.getOrCreate('one more')).not.toBeNull()
    expect([groups.get('g0'), groups.get('g1'), groups.get('g2')].map((g) => g === null)).toEqual([false, false, true])
    for (const group of groups.all()) void group.join(joinRequest())
    expect(groups.getOrCreate('another')).toBeNull()
    groups.close()
  })

  it('keeps at most its limit of offsets, and always takes a newer one', () => {
    const groups = new Groups(new FakeClock())
    groups.getOrCreate('g')
    const committed = { offset: 1n, leaderEpoch: -1, metadata: null }
    for (let p = 0; p < 10_000; p++) expect(groups.commit('g', 't', p, committed)).toBe(true)
    expect(groups.commit('g', 't', 10_000, committed)).toBe(false)
    expect(groups.commit('g', 't', 5, { ...committed, offset: 2n })).toBe(true)
    expect(groups.committed('g', 't', 5)).toMatchObject({ offset: 2n })
    groups.forgetTopic('t')
    expect(groups.committedPartitions('g')).toEqual([])
  })
})

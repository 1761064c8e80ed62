/**
 * Consuming in groups: join, commit, resume where it stopped, share the partitions between members; with the classic
 * protocol, with KIP-848, and in a share group.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConsumerOptions, OutRecord, TestConsumer } from '../clients/driver.ts'
import { byPartition, epochMs } from './produce.ts'
import { readBack, type Scenario, type Scene } from './scenario.ts'

async function fill(scene: Scene, topic: string, partitions: number, count: number, first = 0): Promise<void> {
  const producer = await scene.producer()
  await producer.send(
    Array.from({ length: count }, (_, index): OutRecord => ({
      topic,
      partition: index % partitions,
      key: null,
      value: Buffer.from(String(first + index)),
      timestamp: epochMs + index
    }))
  )
  await scene.closeNow(producer)
}

function resuming(protocol: NonNullable<ConsumerOptions['protocol']>): Scenario {
  return {
    name: `a group that resumes (${protocol})`,
    applies: (driver, version) => protocol === 'classic' || (driver.can.consumerProtocol && version.startsWith('4.')),
    async run(scene) {
      const topic = await scene.topic('resumed')
      const groupId = scene.named('resumers')
      await fill(scene, topic, 1, 10)
      const member = await scene.consumer({ groupId, topics: [topic], protocol })
      scene.note('assigned', await member.assignment())
      scene.note('first half', readBack(await member.read(5)))
      await scene.try('commit', () => member.commit())
      scene.note('read on, not committed', readBack(await member.read(2)))
      scene.note('while it is there', await scene.admin.describeGroup(groupId))
      await scene.closeNow(member)
      scene.note('after it left', await scene.admin.describeGroup(groupId))
      scene.note('positions', await scene.admin.groupOffsets(groupId, topic))
      const next = await scene.consumer({ groupId, topics: [topic], protocol })
      scene.note('second half', readBack(await next.read(5)))
      await scene.try('commit again', () => next.commit())
      await scene.closeNow(next)
      scene.note('positions at the end', await scene.admin.groupOffsets(groupId, topic))
      scene.note(
        'listed',
        (await scene.admin.listGroups()).filter((id) => id === groupId)
      )
    }
  }
}

export const resumeClassic = resuming('classic')
export const resumeConsumer = resuming('consumer')

export const twoMembers: Scenario = {
  name: 'two members share the partitions',
  async run(scene) {
    const topic = await scene.topic('divided', 4)
    const groupId = scene.named('dividers')
    const options = { groupId, topics: [topic] }
    const members = [
      await scene.consumer({ ...options, clientId: 'one' }),
      await scene.consumer({ ...options, clientId: 'two' })
    ]
    await untilEachHas(2, members)
    await fill(scene, topic, 4, 40)
    const halves = await Promise.all(members.map((member) => member.read(20)))
    scene.note(
      'each read',
      halves.map((half) => half.length)
    )
    scene.note('together', readBack(halves.flat()))
    scene.note('members', await scene.admin.describeGroup(groupId))
    for (const member of members) await member.commit()
    scene.note('positions', byPartition(await scene.admin.groupOffsets(groupId, topic)))
    // What one leaves behind, the other reads.
    await scene.closeNow(members[1]!)
    await untilEachHas(4, members.slice(0, 1))
    await fill(scene, topic, 4, 8, 40)
    scene.note('after one left', readBack(await members[0]!.read(8)))
  }
}

/** Which member gets which partitions depends on random member ids; how many each gets does not. */
async function untilEachHas(count: number, members: TestConsumer[]): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    // Asking takes part in the group; a rebalance needs all members to do so at once.
    const assigned = await Promise.all(members.map((member) => member.assignment(1_000)))
    if (assigned.every((partitions) => partitions.length === count)) return
    await sleep(50)
  }
  throw new Error(`the group did not settle with ${count} partitions for each member`)
}

export const shareGroup: Scenario = {
  name: 'a share group',
  applies: (driver, version) => driver.can.shareGroups && version.startsWith('4.'),
  async run(scene) {
    const topic = await scene.topic('shared', 2)
    await fill(scene, topic, 2, 10)
    const member = await scene.consumer({ groupId: scene.named('sharers'), topics: [topic], protocol: 'share' })
    scene.note('read', readBack(await member.read(10)))
    await scene.try('acknowledge', () => member.commit())
    await fill(scene, topic, 2, 4, 10)
    scene.note('read on', readBack(await member.read(4)))
    await scene.try('acknowledge again', () => member.commit())
  }
}

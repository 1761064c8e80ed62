/**
 * Administration: topics, settings, offsets, groups, the cluster; and what refusals look like.
 */
import { byPartition } from './produce.ts'
import type { Scenario } from './scenario.ts'

export const administration: Scenario = {
  name: 'topics, settings and the cluster',
  async run(scene) {
    const { admin } = scene
    const name = scene.named('managed')
    const config = { 'retention.ms': '86400000', 'cleanup.policy': 'compact' }
    const topic = { name, replicas: scene.replicas(3), config }
    const replicas = scene.replicas(1)
    await scene.try('create', () => admin.createTopics([topic]))
    await scene.try('create again', () => admin.createTopics([topic]))
    await scene.try('create with an unknown broker', () =>
      admin.createTopics([{ name: scene.named('bad-1'), replicas: [[99]] }])
    )
    await scene.try('create with an unknown setting', () =>
      admin.createTopics([{ name: scene.named('bad-2'), replicas, config: { 'no.such.setting': '1' } }])
    )
    await scene.try('create with an invalid name', () => admin.createTopics([{ name: `${name}/x`, replicas }]))
    await scene.try('describe', async () => {
      const { partitions } = await admin.describeTopic(name)
      // Followers join in their own time.
      return byPartition(partitions).map(({ partition, leader, replicas }) => ({ partition, leader, replicas }))
    })
    await scene.try('describe an unknown topic', () => admin.describeTopic(scene.named('nobody')))
    await scene.try('settings', async () => {
      const { 'retention.ms': retention, 'cleanup.policy': cleanup, ...others } = await admin.topicConfig(name)
      return { retention, cleanup, others: Object.keys(others).sort() }
    })
    await scene.try('offsets', async () => byPartition(await admin.listOffsets(name)))
    await scene.try('cluster', async () => {
      const { brokers, controller } = await admin.describeCluster()
      return {
        brokers: brokers
          .sort((left, right) => left.id - right.id)
          .map(({ id, host, port }) => ({ id, addressed: host !== '' && port > 0 })),
        // Any broker answers as controller: which one is chance.
        controller: controller !== null
      }
    })
    await scene.try('positions of an unknown group', () => admin.groupOffsets(scene.named('nobody'), name))
    if (scene.driver.can.describeProducers) {
      await scene.try('producers', () => admin.describeProducers(name, 0))
    }
    await scene.try('delete', () => admin.deleteTopics([name]))
    await scene.try('delete an unknown topic', () => admin.deleteTopics([scene.named('nobody')]))
  }
}

/**
 * The settings of a test node, the same for every provider: small, quick to start, replicated as far as there are
 * nodes, and without surprises such as topics that create themselves.
 */
import type { ClusterOptions } from './types.ts'

/** Where one node listens and what it tells others. */
export interface NodeAddresses {
  id: number
  /** `host:port` pairs. Clients dial `advertised`, which leads to `listen`; brokers reach each other at `inner`. */
  client: { listen: string; advertised: string }
  inner: { listen: string; advertised: string }
  controller: { listen: string; advertised: string }
}

/** Every test cluster has the same id; nothing joins them. */
export const clusterId = 'kontraktTestClusterAA'

/** The text of `server.properties` for one node. */
export function serverProperties(
  node: NodeAddresses,
  all: readonly NodeAddresses[],
  options: ClusterOptions,
  dataFolder: string
): string {
  const detour = options.detours?.[all.indexOf(node)]
  const replicas = String(all.length)
  const inSync = String(Math.min(2, all.length))
  const settings: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    'controller.quorum.voters': all.map((peer) => `${peer.id}@${peer.controller.advertised}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INNER',
    listeners:
      `PLAINTEXT://${node.client.listen},INNER://${node.inner.listen},CONTROLLER://${node.controller.listen}` +
      (detour === undefined ? '' : `,DETOUR://${detour.listen}`),
    'advertised.listeners':
      `PLAINTEXT://${node.client.advertised},INNER://${node.inner.advertised}` +
      (detour === undefined ? '' : `,DETOUR://${detour.advertised}`),
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT,DETOUR:PLAINTEXT',
    'log.dirs': dataFolder,
    // An unknown topic must be an error, or a misspelt test passes.
    'auto.create.topics.enable': 'false',
    // Records of tests carry fixed timestamps, which retention would take for old data.
    'log.retention.ms': '-1',
    'default.replication.factor': replicas,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': '4',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // Members of the newer group protocols learn of each other with their heartbeats: not every five seconds.
    'group.consumer.min.heartbeat.interval.ms': '200',
    'group.consumer.heartbeat.interval.ms': '200',
    'group.share.min.heartbeat.interval.ms': '200',
    'group.share.heartbeat.interval.ms': '200',
    // A killed broker's leaders move after this, not after the default nine seconds.
    'broker.session.timeout.ms': '4000',
    'broker.heartbeat.interval.ms': '500',
    // The defaults are made for servers: 128 MB for the cleaner alone.
    'log.cleaner.dedupe.buffer.size': '4194304',
    'num.network.threads': '2',
    'num.io.threads': '4',
    'background.threads': '2',
    'log.segment.delete.delay.ms': '1000',
    ...options.config
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

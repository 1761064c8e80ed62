/**
 * A real Kafka of a test's own. Prefer the shared ones (`describeKafka`): each start costs seconds.
 */
import { startContainerCluster } from './container-cluster.ts'
import { startJavaCluster } from './java-cluster.ts'
import { findProvider } from './provider.ts'
import { warmUp } from './ready.ts'
import type { ClusterOptions, TestCluster } from './types.ts'

/**
 * Starts a cluster by the provider that this machine has, or by the one named, and resolves when clients can use it,
 * groups and transactions included. Rejects when nothing here can run Kafka.
 */
export async function startCluster(options: ClusterOptions, provider?: 'java' | 'containers'): Promise<TestCluster> {
  const kind = provider ?? (await findProvider()).kind
  if (kind === 'none') throw new Error('nothing on this machine can run Kafka')
  const cluster = kind === 'java' ? await startJavaCluster(options) : await startContainerCluster(options)
  try {
    await warmUp(cluster.bootstrap)
  } catch (error) {
    await cluster.close()
    throw error
  }
  return cluster
}

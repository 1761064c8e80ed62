/**
 * How a test file asks for real Kafka: `describeKafka` for a shared cluster, `describeClients` for each client. What
 * the machine cannot run is skipped; the runner says so at the end, in words.
 */
import { afterAll, afterEach, beforeAll, describe, inject } from 'vitest'
import type { ClientDriver, ClientName } from './clients/driver.ts'
import { clientNames, openDriver, type MissingClients } from './clients/index.ts'
import type { Provider } from './cluster/provider.ts'
import { restoreClusters, sharedCluster } from './cluster/shared.ts'
import type { ClusterOptions, TestCluster } from './cluster/types.ts'

/** What the global set-up found and started; plain data. */
export interface KafkaEnvironment {
  provider: Provider
  missingClients: MissingClients
  /** Version of the container engine, null when none answers or when it has not the image of Kafka. */
  engine: string | null
  /** Unix socket of the host of shared clusters. */
  clusterSocket: string
}

declare module 'vitest' {
  interface ProvidedContext {
    kafka: KafkaEnvironment
  }
}

/** First start of a cluster, downloads included. */
const clusterTimeoutMs = 300_000
/** Nodes that a test killed come back, which takes a broker's session timeout. */
const restoreTimeoutMs = 60_000

/**
 * A suite on a shared cluster, started when the first test needs it. The cluster is the same for every file that asks
 * with the same options, so use names of your own; nodes that a test kills or freezes are brought back after it.
 */
export function describeKafka(
  title: string,
  options: ClusterOptions,
  body: (cluster: () => TestCluster) => void
): void {
  const { provider, clusterSocket } = inject('kafka')
  const nodes = options.nodes === 1 ? 'one node' : `${options.nodes} nodes`
  const name = `${title}, Apache Kafka ${options.version}, ${nodes}`
  describe.skipIf(!provider.versions.includes(options.version))(name, () => {
    let cluster: TestCluster | undefined
    beforeAll(async () => {
      cluster = await sharedCluster(clusterSocket, options)
    }, clusterTimeoutMs)
    afterEach(() => restoreClusters(clusterSocket), restoreTimeoutMs)
    body(() => {
      if (cluster === undefined) throw new Error('the cluster is there from beforeAll on')
      return cluster
    })
  })
}

/** A suite for each real client that this machine can run; each gets one driver for all its tests. */
export function describeClients(
  body: (driver: () => ClientDriver, name: ClientName) => void,
  names: readonly ClientName[] = clientNames
): void {
  const { missingClients } = inject('kafka')
  for (const name of names) {
    describe.skipIf(missingClients[name] !== undefined)(name, () => {
      let driver: ClientDriver | undefined
      beforeAll(async () => {
        driver = await openDriver(name)
      }, clusterTimeoutMs)
      afterAll(() => driver?.close())
      body(() => {
        if (driver === undefined) throw new Error('the client is there from beforeAll on')
        return driver
      }, name)
    })
  }
}

/**
 * Provider `containers`: Kafka in containers of the local image `kontrakt-test/kafka:<version>` on a network of their
 * own, clients on fixed loopback ports, so that an address survives the restart of its node.
 */
import type { StartedNetwork, StartedTestContainer } from 'testcontainers'
import { freePorts } from '../ports.ts'
import { runId, runLabel, testcontainers } from '../engine.ts'
import { serverProperties, type NodeAddresses } from './properties.ts'
import { untilReady } from './ready.ts'
import type { ClusterNode, ClusterOptions, KafkaVersion, TestCluster } from './types.ts'

const host = '127.0.0.1'
/** Three nodes on two cores were usable after 25 s at the worst. */
const readyTimeoutMs = 90_000
const stopTimeoutSeconds = 20
const dataFolder = '/var/lib/kafka/data'

export function kafkaImage(version: KafkaVersion): string {
  return `kontrakt-test/kafka:${version}`
}

export async function startContainerCluster(options: ClusterOptions): Promise<TestCluster> {
  if (options.detours !== undefined) throw new Error('detours are not offered in containers')
  const { GenericContainer, Network, Wait } = await testcontainers()
  const network = await new Network().start()
  const ports = await freePorts(options.nodes)
  const addresses = ports.map((port, index) => addressesOf(index + 1, port))
  const nodes: ContainerNode[] = []
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.remove()))
    await removeNetwork(network)
  }
  try {
    await Promise.all(
      addresses.map(async (address, index) => {
        const container = await new GenericContainer(kafkaImage(options.version))
          .withNetwork(network)
          .withNetworkAliases(alias(address.id))
          .withLabels({ [runLabel]: runId() })
          .withEnvironment({ KAFKA_PROPERTIES: serverProperties(address, addresses, options, dataFolder) })
          .withExposedPorts({ container: 9092, host: ports[index]! })
          // Whether it is up is asked by a client's requests; here only: has the container started?
          .withWaitStrategy(Wait.forSuccessfulCommand('true'))
          .start()
        nodes.push(new ContainerNode(address.id, ports[index]!, container, await handleOf(container)))
      })
    )
    nodes.sort((left, right) => left.id - right.id)
    await Promise.all(nodes.map((node) => node.ready(nodes.map(({ id }) => id))))
  } catch (error) {
    await close()
    throw error
  }
  return {
    version: options.version,
    provider: 'containers',
    bootstrap: nodes.map((node) => `${node.host}:${node.port}`),
    nodes,
    close
  }
}

function alias(id: number): string {
  return `kafka-${id}`
}

function addressesOf(id: number, port: number): NodeAddresses {
  return {
    id,
    client: { listen: '0.0.0.0:9092', advertised: `${host}:${port}` },
    inner: { listen: '0.0.0.0:9094', advertised: `${alias(id)}:9094` },
    controller: { listen: '0.0.0.0:9093', advertised: `${alias(id)}:9093` }
  }
}

/** The engine's own handle: testcontainers can restart a container but neither kill nor freeze it. */
async function handleOf(container: StartedTestContainer): Promise<ContainerHandle> {
  const { getContainerRuntimeClient } = await testcontainers()
  return (await getContainerRuntimeClient()).container.getById(container.getId())
}

interface ContainerHandle {
  kill(options: { signal: string }): Promise<unknown>
  stop(options: { t: number }): Promise<unknown>
  start(): Promise<unknown>
  wait(): Promise<unknown>
  pause(): Promise<unknown>
  unpause(): Promise<unknown>
  inspect(): Promise<{ State: { Running: boolean; Paused: boolean; ExitCode: number } }>
}

class ContainerNode implements ClusterNode {
  readonly id: number
  readonly host = host
  readonly port: number
  readonly #container: StartedTestContainer
  readonly #handle: ContainerHandle
  #exit: string | undefined

  constructor(id: number, port: number, container: StartedTestContainer, handle: ContainerHandle) {
    this.id = id
    this.port = port
    this.#container = container
    this.#handle = handle
  }

  async ready(brokerIds: number[]): Promise<void> {
    const watch = this.#handle.wait().then(
      (end) => (this.#exit = JSON.stringify(end)),
      () => undefined
    )
    void watch
    const failure = (): string | undefined =>
      this.#exit === undefined ? undefined : `Kafka container ${this.id} ended: ${this.#exit}`
    await untilReady({ bootstrap: [`${this.host}:${this.port}`], brokerIds, timeoutMs: readyTimeoutMs, failure })
  }

  async start(): Promise<void> {
    const { State } = await this.#handle.inspect()
    if (State.Running) return
    this.#exit = undefined
    await this.#handle.start()
    await this.ready([this.id])
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const { State } = await this.#handle.inspect()
    if (!State.Running) return
    await this.#handle.kill({ signal })
    await this.#handle.wait()
  }

  async stop(): Promise<void> {
    await this.resume()
    await this.#handle.stop({ t: stopTimeoutSeconds })
  }

  async pause(): Promise<void> {
    const { State } = await this.#handle.inspect()
    if (State.Running && !State.Paused) await this.#handle.pause()
  }

  async resume(): Promise<void> {
    const { State } = await this.#handle.inspect()
    if (State.Paused) await this.#handle.unpause()
  }

  async remove(): Promise<void> {
    await this.resume()
    await this.#container.stop({ remove: true, removeVolumes: true, timeout: 0 })
  }
}

/** An engine takes a moment to let go of a network's last container. */
async function removeNetwork(network: StartedNetwork): Promise<void> {
  await network.stop().catch(() => undefined)
}

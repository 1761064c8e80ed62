/**
 * Clusters that all test files of a run share, each started when it is first asked for and only once.
 *
 * Test files run in processes of their own, so the clusters belong to the process that outlives them: vitest's own,
 * where the global set-up opens a host on a Unix socket. A test holds a stand-in whose calls go there. Between tests
 * the host undoes what a test did to nodes (frozen, killed), so that one failure does not fail the rest.
 */
import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { messageOf } from '../message-of.ts'
import type { ClusterNode, ClusterOptions, TestCluster } from './types.ts'

export interface ClusterHost {
  close(): Promise<void>
}

type Kill = 'SIGKILL' | 'SIGTERM'
type NodeCall = 'kill' | 'stop' | 'start' | 'pause' | 'resume'
type Call =
  | { call: 'acquire'; options: ClusterOptions }
  | { call: 'node'; options: ClusterOptions; id: number; operation: NodeCall; signal?: Kill }
  | { call: 'restore' }

type Description = Pick<TestCluster, 'version' | 'provider' | 'bootstrap'> & {
  nodes: Pick<ClusterNode, 'id' | 'host' | 'port'>[]
}

/** Serves shared clusters on a Unix socket; `close` ends the clusters. */
export async function hostClusters(
  socket: string,
  startCluster: (options: ClusterOptions) => Promise<TestCluster>
): Promise<ClusterHost> {
  const pool = new ClusterPool(startCluster)
  const server: Server = createServer((incoming, outgoing) => {
    const reply = (body: object): void => {
      outgoing.end(JSON.stringify(body))
    }
    void answer(pool, incoming).then(
      (result) => reply({ result }),
      (error: unknown) => reply({ error: messageOf(error) })
    )
  })
  // A first start may have to download Kafka.
  server.requestTimeout = 0
  server.listen(socket)
  await once(server, 'listening')
  return {
    close: async () => {
      server.closeAllConnections()
      server.close()
      await pool.close()
    }
  }
}

async function answer(pool: ClusterPool, incoming: IncomingMessage): Promise<unknown> {
  const call = JSON.parse(await text(incoming)) as Call
  switch (call.call) {
    case 'acquire':
      return describe(await pool.acquire(call.options))
    case 'node':
      await pool.operate(call.options, call.id, call.operation, call.signal)
      return null
    case 'restore':
      await pool.restore()
      return null
  }
}

function describe({ version, provider, bootstrap, nodes }: TestCluster): Description {
  return { version, provider, bootstrap, nodes: nodes.map(({ id, host, port }) => ({ id, host, port })) }
}

class ClusterPool {
  readonly #clusters = new Map<string, Promise<TestCluster>>()
  /** Nodes that a test left frozen or down. */
  readonly #disturbed = new Set<ClusterNode>()
  readonly #start: (options: ClusterOptions) => Promise<TestCluster>

  constructor(startCluster: (options: ClusterOptions) => Promise<TestCluster>) {
    this.#start = startCluster
  }

  acquire(options: ClusterOptions): Promise<TestCluster> {
    const key = JSON.stringify([options.version, options.nodes, Object.entries(options.config ?? {}).sort()])
    let cluster = this.#clusters.get(key)
    if (cluster === undefined) {
      cluster = this.#start(options)
      this.#clusters.set(key, cluster)
      // A start that failed is tried again by the next test, which then fails with its own message.
      cluster.catch(() => this.#clusters.delete(key))
    }
    return cluster
  }

  async operate(options: ClusterOptions, id: number, operation: NodeCall, signal?: Kill): Promise<void> {
    const cluster = await this.acquire(options)
    const node = cluster.nodes.find((candidate) => candidate.id === id)
    if (node === undefined) throw new Error(`no node ${id}`)
    if (operation === 'start' || operation === 'resume') this.#disturbed.delete(node)
    else this.#disturbed.add(node)
    if (operation === 'kill') await node.kill(signal)
    else await node[operation]()
  }

  async restore(): Promise<void> {
    const nodes = [...this.#disturbed]
    this.#disturbed.clear()
    for (const node of nodes) await node.resume()
    await Promise.all(nodes.map((node) => node.start()))
  }

  async close(): Promise<void> {
    const clusters = await Promise.allSettled(this.#clusters.values())
    for (const cluster of clusters) if (cluster.status === 'fulfilled') await cluster.value.close()
  }
}

/** The shared cluster with these options; starts it when this is the first call of the run. */
export async function sharedCluster(socket: string, options: ClusterOptions): Promise<TestCluster> {
  const description = (await send(socket, { call: 'acquire', options })) as Description
  const nodeCall =
    (id: number, operation: NodeCall) =>
    async (signal?: Kill): Promise<void> => {
      await send(socket, { call: 'node', options, id, operation, ...(signal === undefined ? {} : { signal }) })
    }
  return {
    ...description,
    nodes: description.nodes.map((node) => ({
      ...node,
      kill: nodeCall(node.id, 'kill'),
      stop: nodeCall(node.id, 'stop'),
      start: nodeCall(node.id, 'start'),
      pause: nodeCall(node.id, 'pause'),
      resume: nodeCall(node.id, 'resume')
    })),
    close: () => Promise.resolve()
  }
}

/** Brings back the nodes that a test froze, stopped or killed. Cheap when there are none. */
export async function restoreClusters(socket: string): Promise<void> {
  await send(socket, { call: 'restore' })
}

async function send(socketPath: string, call: Call): Promise<unknown> {
  const outgoing = request({ socketPath, method: 'POST', path: '/' })
  outgoing.end(JSON.stringify(call))
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const answered = JSON.parse(await text(incoming)) as { result?: unknown; error?: string }
  if (answered.error !== undefined) throw new Error(answered.error)
  return answered.result
}

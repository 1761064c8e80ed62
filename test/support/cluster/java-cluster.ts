/**
 * Provider `java`: Kafka as plain Java processes from the cached jars. A node is ready in one to two seconds.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cached } from '../cache.ts'
import { mustRun } from '../command.ts'
import { messageOf } from '../message-of.ts'
import { freePorts } from '../ports.ts'
import { runFolder, start, type RunningProcess } from '../processes.ts'
import { classPath, jarsEntry, kafkaJars } from './jars.ts'
import { clusterId, serverProperties, type NodeAddresses } from './properties.ts'
import { untilReady } from './ready.ts'
import type { ClusterNode, ClusterOptions, KafkaVersion, TestCluster } from './types.ts'

const host = '127.0.0.1'

/** The client compiler only and the simplest collector: a test broker lives for a minute. */
const fastStart = [
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-Xshare:auto',
  '-XX:-UsePerfData',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'
]
const brokerHeap = '-Xmx384m'
const formatHeap = '-Xmx128m'

/** A first start on a busy machine; measured 2 s on a quiet one. */
const readyTimeoutMs = 60_000
/** A controlled shutdown that takes longer is ended. */
const stopTimeoutMs = 20_000

export async function startJavaCluster(options: ClusterOptions): Promise<TestCluster> {
  const java = await javaOptions(options.version)
  const folder = await mkdtemp(join(runFolder(), 'kontrakt-kafka-'))
  const nodes = (await addresses(options.nodes)).map(
    (address, _index, all) =>
      new JavaNode(address, serverProperties(address, all, options, dataOf(folder, address)), folder, java)
  )
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.kill()))
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    await Promise.all(nodes.map((node) => node.launch()))
    await Promise.all(nodes.map((node) => node.ready(nodes.map(({ id }) => id))))
  } catch (error) {
    await close()
    throw error
  }
  return {
    version: options.version,
    provider: 'java',
    bootstrap: nodes.map((node) => `${node.host}:${node.port}`),
    nodes,
    close
  }
}

async function addresses(count: number): Promise<NodeAddresses[]> {
  const ports = await freePorts(count * 3)
  const at = (port: number): { listen: string; advertised: string } => ({
    listen: `${host}:${port}`,
    advertised: `${host}:${port}`
  })
  return Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    client: at(ports[index * 3]!),
    inner: at(ports[index * 3 + 1]!),
    controller: at(ports[index * 3 + 2]!)
  }))
}

function dataOf(folder: string, node: NodeAddresses): string {
  return join(folder, `data-${node.id}`)
}

class JavaNode implements ClusterNode {
  readonly id: number
  readonly host = host
  readonly port: number
  readonly #properties: string
  readonly #propertiesFile: string
  readonly #logFile: string
  readonly #java: string[]
  #process: RunningProcess | undefined

  constructor(address: NodeAddresses, properties: string, folder: string, java: string[]) {
    this.id = address.id
    this.port = Number(address.client.listen.split(':')[1])
    this.#properties = properties
    this.#propertiesFile = join(folder, `server-${address.id}.properties`)
    this.#logFile = join(folder, `server-${address.id}.log`)
    this.#java = java
  }

  /** Formats the data folder when it is new, and starts the process. */
  async launch(): Promise<void> {
    if (this.#process === undefined) {
      await writeFile(this.#propertiesFile, this.#properties)
      await format(this.#java, this.#propertiesFile)
    }
    const args = [...this.#java, brokerHeap, 'kafka.Kafka', this.#propertiesFile]
    this.#process = start('java', args, { logFile: this.#logFile })
  }

  async ready(brokerIds: number[]): Promise<void> {
    const failure = (): string | undefined =>
      this.#process?.end === undefined ? undefined : `Kafka node ${this.id} ended with ${this.#process.end}`
    try {
      await untilReady({ bootstrap: [`${this.host}:${this.port}`], brokerIds, timeoutMs: readyTimeoutMs, failure })
    } catch (error) {
      const log = await readFile(this.#logFile, 'utf8').catch(() => '')
      throw new Error(`${messageOf(error)}\n${log.slice(-4_000)}`, { cause: error })
    }
  }

  async start(): Promise<void> {
    if (this.#process?.end === undefined) return
    await this.launch()
    await this.ready([this.id])
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#process?.signal(signal)
    await this.#process?.ended
  }

  async stop(): Promise<void> {
    // A frozen process would not hear it.
    this.#process?.signal('SIGCONT')
    this.#process?.signal('SIGTERM')
    await Promise.race([this.#process?.ended, sleep(stopTimeoutMs, undefined, { ref: false })])
    await this.kill()
  }

  pause(): Promise<void> {
    this.#process?.signal('SIGSTOP')
    return Promise.resolve()
  }

  resume(): Promise<void> {
    this.#process?.signal('SIGCONT')
    return Promise.resolve()
  }
}

async function format(java: string[], propertiesFile: string): Promise<void> {
  await mustRun('java', [
    ...java,
    formatHeap,
    'kafka.tools.StorageTool',
    'format',
    '--ignore-formatted',
    '-t',
    clusterId,
    '-c',
    propertiesFile
  ])
}

/** Flags and class path for this version, with the archive of its loaded classes. */
async function javaOptions(version: KafkaVersion): Promise<string[]> {
  const jars = await classPath(await kafkaJars(version))
  const archive = join(await classArchive(version, jars), archiveFile)
  return [...fastStart, `-XX:SharedArchiveFile=${archive}`, '-cp', jars]
}

const archiveFile = 'classes.jsa'

/**
 * Half of a broker's start is loading classes; an archive of them, written by one broker that starts and stops, halves
 * it. Java itself checks that it fits its version and the class path, and goes on without it when not.
 */
async function classArchive(version: KafkaVersion, jars: string): Promise<string> {
  return await cached(`${jarsEntry(version)}-classes`, async (folder) => {
    const work = await mkdtemp(join(tmpdir(), 'kontrakt-classes-'))
    const archive = join(folder, archiveFile)
    const address = (await addresses(1))[0]!
    const propertiesFile = join(work, 'server.properties')
    const base = [...fastStart, '-cp', jars]
    try {
      await mkdir(folder, { recursive: true })
      await writeFile(propertiesFile, serverProperties(address, [address], { version, nodes: 1 }, join(work, 'data')))
      await format(base, propertiesFile)
      const args = [`-XX:ArchiveClassesAtExit=${archive}`, ...base, brokerHeap, 'kafka.Kafka', propertiesFile]
      const broker = start('java', args, { logFile: join(work, 'log') })
      const bootstrap = [address.client.advertised]
      const failure = (): string | undefined => broker.end
      try {
        await untilReady({ bootstrap, brokerIds: [address.id], timeoutMs: readyTimeoutMs, failure })
      } finally {
        broker.signal('SIGTERM')
        await broker.ended
      }
      if (!(await readdir(folder)).includes(archiveFile)) throw new Error('java wrote no class archive')
    } finally {
      await rm(work, { recursive: true, force: true, maxRetries: 3 })
    }
  })
}

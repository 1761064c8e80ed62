/**
 * The driver half that Java and librdkafka share: their client is a process of its own, spoken to in JSON lines. Every
 * call gets a number; answers may come in any order.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import {
  ClientFailure,
  type ClientDriver,
  type ClientError,
  type ClientName,
  type ConsumerOptions,
  type InRecord,
  type OutRecord,
  type ProducerOptions,
  type RecordResult,
  type Security,
  type TestAdmin,
  type TestConsumer,
  type TestProducer
} from './driver.ts'
import { tiedToParent } from '../processes.ts'

export interface ProcessClient {
  name: ClientName
  can: ClientDriver['can']
  /** Program and arguments. */
  command: string[]
  /** The client's own settings for transport security. */
  security(security: Security): Record<string, string>
}

const defaultReadMs = 20_000
/** Of what the process says on stderr: a stack trace, not a log. */
const keptErrorOutput = 4_000

export function processDriver(client: ProcessClient): ClientDriver {
  return driverOver(client, new Conversation(client.command), {})
}

function driverOver(client: ProcessClient, conversation: Conversation, security: Record<string, string>): ClientDriver {
  type Kind = 'producer' | 'consumer' | 'admin'
  const open = async (kind: Kind, bootstrap: string[], options: object): Promise<Session> => {
    const name = await conversation.ask(`${kind}.open`, { ...options, bootstrap, security })
    return new Session(conversation, name as string)
  }
  return {
    name: client.name,
    can: client.can,
    async producer(bootstrap, options: ProducerOptions) {
      return producerOf(await open('producer', bootstrap, options))
    },
    async consumer(bootstrap, options: ConsumerOptions) {
      return new ProcessConsumer(await open('consumer', bootstrap, options))
    },
    async admin(bootstrap) {
      return adminOf(await open('admin', bootstrap, {}))
    },
    secured: (wanted) => driverOver(client, conversation, client.security(wanted)),
    close: () => conversation.close()
  }
}

/** One process and its calls. The process starts with the first call. */
class Conversation {
  readonly #command: string[]
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  #child: ChildProcessWithoutNullStreams | undefined
  #lastId = 0
  #errorOutput = ''

  constructor(command: string[]) {
    this.#command = command
  }

  ask(call: string, options: object): Promise<unknown> {
    const child = (this.#child ??= this.#start())
    const id = ++this.#lastId
    const answered = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    child.stdin.write(`${JSON.stringify({ id, call, with: options })}\n`)
    return answered
  }

  #start(): ChildProcessWithoutNullStreams {
    const [program, ...args] = tiedToParent(this.#command)
    const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(line))
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#errorOutput = (this.#errorOutput + text).slice(-keptErrorOutput)))
    const gone = (how: string): void => {
      this.#child = undefined
      const failure = `the client's process ${how}: ${this.#errorOutput}`
      for (const { reject } of this.#waiting.values()) reject(new Error(failure))
      this.#waiting.clear()
    }
    child.once('error', (error) => gone(`could not start (${error.message})`))
    child.once('exit', (code, signal) => gone(`ended with ${signal ?? code}`))
    // A process that died while a line was on its way; `gone` tells the callers.
    child.stdin.on('error', () => undefined)
    return child
  }

  #answered(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result?: unknown; error?: ClientError }
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new ClientFailure(error))
  }

  async close(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.stdin.end()
    const late = setTimeout(() => child.kill('SIGKILL'), 3_000)
    await ended
    clearTimeout(late)
  }
}

class Session {
  readonly name: string
  readonly #conversation: Conversation

  constructor(conversation: Conversation, name: string) {
    this.#conversation = conversation
    this.name = name
  }

  call(call: string, options: object = {}): Promise<unknown> {
    return this.#conversation.ask(call, { ...options, session: this.name })
  }

  /** A call without a result. */
  async do(call: string, options: object = {}): Promise<void> {
    await this.call(call, options)
  }

  close(): Promise<void> {
    return this.do('close')
  }
}

function producerOf(session: Session): TestProducer {
  return {
    send: async (records) => (await session.call('send', { records: records.map(outgoing) })) as RecordResult[],
    begin: () => session.do('begin'),
    commit: () => session.do('commit'),
    abort: () => session.do('abort'),
    async sendOffsets(consumer) {
      if (!(consumer instanceof ProcessConsumer)) throw new Error('a consumer of another driver')
      await session.do('sendOffsets', { consumer: consumer.session.name })
    },
    close: () => session.close()
  }
}

class ProcessConsumer implements TestConsumer {
  readonly session: Session

  constructor(session: Session) {
    this.session = session
  }

  async read(count: number, timeoutMs = defaultReadMs): Promise<InRecord[]> {
    return ((await this.session.call('read', { count, timeoutMs })) as WireRecord[]).map(incoming)
  }

  async assignment(timeoutMs = defaultReadMs): Promise<{ topic: string; partition: number }[]> {
    return (await this.session.call('assignment', { timeoutMs })) as { topic: string; partition: number }[]
  }

  commit(): Promise<void> {
    return this.session.do('commit')
  }

  close(): Promise<void> {
    return this.session.close()
  }
}

function adminOf(session: Session): TestAdmin {
  type Result<K extends keyof TestAdmin> = Awaited<ReturnType<TestAdmin[K]>>
  return {
    createTopics: (topics) => session.do('createTopics', { topics }),
    deleteTopics: (names) => session.do('deleteTopics', { names }),
    describeTopic: async (name) => (await session.call('describeTopic', { name })) as Result<'describeTopic'>,
    listOffsets: async (topic) => (await session.call('listOffsets', { topic })) as Result<'listOffsets'>,
    topicConfig: async (topic) => (await session.call('topicConfig', { topic })) as Result<'topicConfig'>,
    describeCluster: async () => (await session.call('describeCluster')) as Result<'describeCluster'>,
    listGroups: async () => (await session.call('listGroups')) as Result<'listGroups'>,
    describeGroup: async (groupId) => (await session.call('describeGroup', { groupId })) as Result<'describeGroup'>,
    groupOffsets: async (groupId, topic) =>
      (await session.call('groupOffsets', { groupId, topic })) as Result<'groupOffsets'>,
    describeProducers: async (topic, partition) =>
      (await session.call('describeProducers', { topic, partition })) as Result<'describeProducers'>,
    close: () => session.close()
  }
}

type WireRecord = Omit<InRecord, 'key' | 'value' | 'headers'> & {
  key: string | null
  value: string | null
  headers: [string, string | null][]
}

function outgoing(record: OutRecord): object {
  return {
    ...record,
    key: record.key?.toString('base64') ?? null,
    value: record.value?.toString('base64') ?? null,
    headers: (record.headers ?? []).map(([name, value]) => [name, value?.toString('base64') ?? null])
  }
}

function incoming(record: WireRecord): InRecord {
  const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text, 'base64'))
  return {
    ...record,
    key: bytes(record.key),
    value: bytes(record.value),
    headers: record.headers.map(([name, value]): [string, Buffer | null] => [name, bytes(value)])
  }
}

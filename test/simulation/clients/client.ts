/**
 * What all simulated producers share: records to send, connections per broker, requests in flight, and the habit of
 * doing one thing at a time. How a client numbers, retries and gives up is what tells them apart.
 */
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { ClusterModel } from '../broker.ts'
import type { Quality } from '../contracts.ts'
import type { Answer, Connection, Network } from '../network.ts'
import { always, Lane } from '../world.ts'
import type { World } from '../world.ts'

export interface SentRecord {
  readonly client: string
  readonly number: number
  readonly partition: number
  readonly value: string
  /** Step of the first attempt; null when it was never sent. */
  firstStep: number | null
  /** What the application was told. */
  fate: 'waiting' | 'delivered' | 'failed'
  code: number
  /** Epoch of an attempt of which the client does not know whether it was appended; null without one. */
  unsureIn: number | null
  /** The client itself sent it in a later epoch after such an attempt: the broker cannot know it again. */
  mayRepeat: boolean
}

/** Records of one partition under one number, as they are on the wire. */
export interface WireBatch {
  readonly partition: number
  readonly records: readonly SentRecord[]
  /** -1n without idempotence. */
  readonly producerId: bigint
  readonly epoch: number
  readonly sequence: number
}

export interface InFlight<B extends WireBatch> {
  readonly batches: readonly B[]
  readonly cancelTimeout: () => void
}

export interface ClientOptions {
  readonly world: World
  readonly cluster: ClusterModel
  readonly network: Network
  readonly name: string
  /** Most records of one batch. */
  readonly batchRecords: number
}

const requestTimeoutMs = 30_000
const reconnectMs = 50

export abstract class Client<B extends WireBatch> {
  readonly name: string
  readonly records: SentRecord[] = []
  /** Why it cannot go on at all, in its own words. */
  fatal: string | null = null
  protected readonly world: World
  protected readonly cluster: ClusterModel
  protected readonly batchRecords: number
  readonly #network: Network
  readonly #actions: Lane
  readonly #connections = new Map<number, { connection: Connection; inFlight: Map<number, InFlight<B>> }>()
  readonly #reconnecting = new Set<number>()
  #asleep = true

  constructor({ world, cluster, network, name, batchRecords }: ClientOptions) {
    this.world = world
    this.cluster = cluster
    this.#network = network
    this.name = name
    this.batchRecords = batchRecords
    this.#actions = new Lane(world, 'client', always)
  }

  /** Of Produce; 9 where nothing else is known. */
  protected readonly apiVersion: number = 9
  protected readonly acks: number = -1

  /** Hands records to the producer. */
  produce(partition: number, qualities: readonly Quality[]): SentRecord[] {
    const added = qualities.map((quality): SentRecord => {
      const number = this.records.length
      const value = `${this.name}.${number}.${quality}`
      const record: SentRecord = {
        client: this.name,
        number,
        partition,
        value,
        firstStep: null,
        fate: 'waiting',
        code: 0,
        unsureIn: null,
        mayRepeat: false
      }
      this.records.push(record)
      this.accept(record)
      return record
    })
    this.wake()
    return added
  }

  get done(): boolean {
    return this.fatal !== null || this.records.every(({ fate }) => fate !== 'waiting')
  }

  /** The client hangs up everywhere, as after `request.timeout.ms`. */
  disconnect(): void {
    for (const node of [...this.#connections.keys()]) this.#hangUp(node)
  }

  /** Queues a record. */
  protected abstract accept(record: SentRecord): void
  /** The next request for this broker; null when there is none now. */
  protected abstract next(node: number): readonly B[] | null
  protected abstract succeeded(batch: B, baseOffset: bigint): void
  protected abstract failed(batch: B, code: number): void
  /** All of a request is answered. */
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- for those who override it
  protected answeredAll(batches: readonly B[]): void {}
  /** The connection went, and nobody knows what became of these. */
  protected abstract lost(batches: readonly B[]): void

  protected inFlight(node: number): number {
    return this.#connections.get(node)?.inFlight.size ?? 0
  }

  protected leads(node: number, partition: number): boolean {
    return this.cluster.leaders[partition] === node
  }

  protected tell(records: readonly SentRecord[], fate: 'delivered' | 'failed', code = 0): void {
    for (const record of records) {
      if (record.fate !== 'waiting') continue
      record.fate = fate
      record.code = code
    }
    if (records.length > 0)
      this.world.note(`  ${this.name}: ${fate}${code === 0 ? '' : ` ${code}`} ${valuesOf(records)}`)
  }

  protected goFatal(reason: string): void {
    if (this.fatal !== null) return
    this.world.note(`  ${this.name}: FATAL ${reason}`)
    this.fatal = reason
    this.tell(
      this.records.filter(({ fate }) => fate === 'waiting'),
      'failed'
    )
  }

  protected wake(): void {
    if (!this.#asleep) return
    this.#asleep = false
    this.#actions.push(`${this.name} has its turn`, () => {
      this.#asleep = true
      if (this.fatal !== null) return
      if (this.#sendNext()) this.wake()
    })
  }

  #sendNext(): boolean {
    const nodes = Array.from({ length: this.cluster.nodes }, (_, node) => node)
    const start = this.world.random.whole(0, nodes.length - 1)
    for (const node of [...nodes.slice(start), ...nodes.slice(0, start)]) {
      if (this.#reconnecting.has(node)) continue
      const batches = this.next(node)
      if (batches === null) continue
      this.#send(node, batches)
      return true
    }
    return false
  }

  #send(node: number, batches: readonly B[]): void {
    for (const { records, epoch } of batches) {
      for (const record of records) {
        record.firstStep ??= this.world.steps
        if (record.unsureIn !== null && record.unsureIn !== epoch) record.mayRepeat = true
      }
    }
    const connected = this.#connections.get(node) ?? this.#connect(node)
    if (connected === null) {
      this.#reconnecting.add(node)
      this.world.timer(reconnectMs, always, `${this.name} tries to connect again`, () => {
        this.#reconnecting.delete(node)
        this.wake()
      })
      this.answeredAll(batches)
      this.lost(batches)
      return
    }
    const id = connected.connection.send({
      acks: this.acks,
      apiVersion: this.apiVersion,
      batches: batches.map((batch) => ({ partition: batch.partition, bytes: bytesOf(batch) }))
    })
    if (this.acks === 0) {
      this.answeredAll(batches)
      for (const batch of batches) this.succeeded(batch, -1n)
      return
    }
    const cancelTimeout = this.world.timer(requestTimeoutMs, always, `a request of ${this.name} takes too long`, () => {
      this.#hangUp(node)
    })
    connected.inFlight.set(id, { batches, cancelTimeout })
  }

  #connect(node: number): { connection: Connection; inFlight: Map<number, InFlight<B>> } | null {
    const inFlight = new Map<number, InFlight<B>>()
    const connection = this.#network.connect(node, this.name, {
      answered: (id, answers) => {
        const request = inFlight.get(id)
        if (request === undefined) throw new Error(`${this.name} got an answer to nothing`)
        if (id !== inFlight.keys().next().value) throw new Error(`${this.name} got an answer out of turn`)
        inFlight.delete(id)
        request.cancelTimeout()
        this.#answered(request.batches, answers)
      },
      closed: () => this.#lose(node, connected)
    })
    if (connection === null) return null
    const connected = { connection, inFlight }
    this.#connections.set(node, connected)
    return connected
  }

  #answered(batches: readonly B[], answers: readonly Answer[]): void {
    if (answers.length !== batches.length) throw new Error(`${this.name} got ${answers.length} answers`)
    this.answeredAll(batches)
    for (const batch of batches) {
      const answer = answers.find(({ partition }) => partition === batch.partition)
      if (answer === undefined) throw new Error(`${this.name} got no answer for partition ${batch.partition}`)
      if (this.fatal !== null) return
      if (unsureCodes.has(answer.errorCode)) markUnsure(batch)
      if (answer.errorCode === 0) this.succeeded(batch, answer.baseOffset)
      else this.failed(batch, answer.errorCode)
    }
    this.wake()
  }

  #hangUp(node: number): void {
    const connected = this.#connections.get(node)
    if (connected === undefined) return
    this.world.note(`  ${this.name} hangs up`)
    connected.connection.close()
    this.#lose(node, connected)
  }

  #lose(node: number, connected: { inFlight: Map<number, InFlight<B>> }): void {
    if (this.#connections.get(node) !== connected) return
    this.#connections.delete(node)
    const requests = [...connected.inFlight.values()]
    connected.inFlight.clear()
    for (const { cancelTimeout } of requests) cancelTimeout()
    for (const { batches } of requests) {
      for (const batch of batches) markUnsure(batch)
      this.answeredAll(batches)
      this.lost(batches)
    }
    this.wake()
  }
}

export function valuesOf(records: readonly SentRecord[]): string {
  return records.map(({ value }) => value).join(' ')
}

/** By these the broker says that it has, or may have, appended the batch. */
const unsureCodes: ReadonlySet<number> = new Set([7, 20])

function markUnsure({ records, epoch }: WireBatch): void {
  for (const record of records) record.unsureIn = epoch
}

function bytesOf({ records, producerId, epoch, sequence }: WireBatch): Buffer {
  return buildBatch({
    records: records.map(({ value, number }) => ({
      key: null,
      value: Buffer.from(value),
      timestamp: 1_700_000_000_000 + number
    })),
    producerId,
    producerEpoch: epoch,
    baseSequence: sequence
  })
}

/** What Kafka's own client tries again (`RetriableException`). */
export const retriableCodes: ReadonlySet<number> = new Set([2, 3, 5, 6, 7, 13, 19, 20, 56])

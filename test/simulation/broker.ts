/**
 * A cluster as far as a producer can tell: logs, what each partition remembers of producers, leaders, connections.
 *
 * The rules are those of `ProducerStateEntry`, `ProducerAppendInfo.checkSequence` and `UnifiedLog` up to Kafka 4.4;
 * `broker-model.test.ts` holds them against real brokers. Ways in which a cluster fails are switched by whoever runs it.
 */
import { crcMatches, MalformedBatchError, readBatchHeader, readRecords } from '../../protocol/records/batch.ts'
import type { BatchHeader } from '../../protocol/records/batch.ts'
import type { ProduceRequest } from '../../protocol/messages/produce.ts'
import { addSequence } from './sequences.ts'
import { always, Lane } from './world.ts'
import type { Kind, Life, World } from './world.ts'

export interface Appended {
  readonly errorCode: number
  /** -1 with an error. */
  readonly baseOffset: bigint
}

export interface StoredRecord {
  readonly offset: number
  readonly value: string
  readonly step: number
  readonly producerId: bigint
  readonly producerEpoch: number
  /** -1 without a producer id. */
  readonly sequence: number
}

interface ProducerState {
  readonly epoch: number
  /** The last five, the latest last. */
  readonly batches: readonly { readonly first: number; readonly last: number; readonly baseOffset: number }[]
}

const batchesRemembered = 5

export interface PartitionRules {
  /** Default 1,048,588, as Kafka's `max.message.bytes`. */
  readonly maxMessageBytes?: number
  /**
   * A producer it knows nothing of has to begin with sequence 0, as with Redpanda, and with Kafka once KAFKA-15591 is
   * done. Default: any sequence will do.
   */
  readonly startsAtZero?: boolean
}

/** Ends the value of a record that the broker itself refuses, as a compacted topic does without a key. */
const refusedByBroker = '.refused'

export class PartitionModel {
  readonly records: StoredRecord[] = []
  readonly #producers = new Map<bigint, ProducerState>()
  readonly #maxMessageBytes: number
  readonly #startsAtZero: boolean

  constructor({ maxMessageBytes = 1_048_588, startsAtZero = false }: PartitionRules = {}) {
    this.#maxMessageBytes = maxMessageBytes
    this.#startsAtZero = startsAtZero
  }

  append(batch: Buffer | null, step = 0): Appended {
    let header: BatchHeader
    try {
      if (batch === null) return refused(87)
      header = readBatchHeader(batch)
    } catch (error) {
      if (error instanceof MalformedBatchError) return refused(87)
      throw error
    }
    if (header.sizeInBytes !== batch.length || header.baseOffset !== 0n) return refused(87)
    if (header.sizeInBytes > this.#maxMessageBytes) return refused(10)
    if (!crcMatches(batch, header)) return refused(2)
    if (header.control || header.recordCount <= 0 || header.recordCount !== header.lastOffsetDelta + 1)
      return refused(87)
    if (header.producerId >= 0n && header.baseSequence < 0) return refused(87)
    const records = readRecords(batch)
    if (records.some(({ value }) => value?.toString().endsWith(refusedByBroker) === true)) return refused(87)
    const known = this.#check(header)
    if (known !== null) return known
    const baseOffset = this.records.length
    for (const [index, { value }] of records.entries()) {
      this.records.push({
        offset: baseOffset + index,
        value: value?.toString() ?? '',
        step,
        producerId: header.producerId,
        producerEpoch: header.producerEpoch,
        sequence: header.producerId < 0n ? -1 : addSequence(header.baseSequence, index)
      })
    }
    this.#remember(header, baseOffset)
    return { errorCode: 0, baseOffset: BigInt(baseOffset) }
  }

  /** As DescribeProducers tells it. */
  lastSequence(producerId: bigint, epoch: number): number | null {
    const state = this.#producers.get(producerId)
    return state?.epoch === epoch ? (state.batches.at(-1)?.last ?? null) : null
  }

  /** `producer.id.expiration.ms` is over. */
  forget(producerId: bigint): void {
    this.#producers.delete(producerId)
  }

  get producerIds(): readonly bigint[] {
    return [...this.#producers.keys()]
  }

  knows(producerId: bigint): boolean {
    return this.#producers.has(producerId)
  }

  /** Null: to be appended. */
  #check({ producerId, producerEpoch, baseSequence, lastOffsetDelta }: BatchHeader): Appended | null {
    const state = producerId < 0n ? undefined : this.#producers.get(producerId)
    if (state === undefined) {
      return this.#startsAtZero && producerId >= 0n && baseSequence !== 0 ? refused(45) : null
    }
    if (producerEpoch < state.epoch) return refused(47)
    if (producerEpoch > state.epoch) return baseSequence === 0 ? null : refused(45)
    const last = addSequence(baseSequence, lastOffsetDelta)
    const repeated = state.batches.find((batch) => batch.first === baseSequence && batch.last === last)
    if (repeated !== undefined) return { errorCode: 0, baseOffset: BigInt(repeated.baseOffset) }
    return baseSequence === addSequence(state.batches.at(-1)!.last, 1) ? null : refused(45)
  }

  #remember({ producerId, producerEpoch, baseSequence, lastOffsetDelta }: BatchHeader, baseOffset: number): void {
    if (producerId < 0n) return
    const before = this.#producers.get(producerId)
    const kept = before?.epoch === producerEpoch ? before.batches : []
    const batch = { first: baseSequence, last: addSequence(baseSequence, lastOffsetDelta), baseOffset }
    this.#producers.set(producerId, { epoch: producerEpoch, batches: [...kept, batch].slice(-batchesRemembered) })
  }
}

function refused(errorCode: number): Appended {
  return { errorCode, baseOffset: -1n }
}

/** How often, from 0 to 1, a partition of a request meets something. */
export interface BrokerFaults {
  /** 19 or 6, not appended. */
  retriable: number
  /** 7 or 20, appended. */
  afterAppend: number
  /** The connection is lost before the answer leaves. */
  lostAnswer: number
}

export const noBrokerFaults: BrokerFaults = { retriable: 0, afterAppend: 0, lostAnswer: 0 }

export type TopicData = ProduceRequest['topicData']

export interface ProduceOnWire {
  readonly acks: number
  readonly topicData: TopicData
}

export interface PartitionResult extends Appended {
  readonly topic: string
  readonly partition: number
}

/** What Metadata tells of a topic to one client on one node: 0, or why it may not write there. */
export type WriteStatus = 0 | 3 | 6 | 29

export class ClusterModel {
  readonly world: World
  readonly topic: string
  readonly nodes: number
  /** Client ids without WRITE on the topic. */
  readonly denied = new Set<string>()
  faults: BrokerFaults = noBrokerFaults
  /** Lets a first batch be refused although later ones are on their way: Kafka then loses it by itself (KAFKA-15591). */
  refusesFirstBatches = false
  partitions: PartitionModel[]
  /** Of topics of the same name that were deleted. */
  readonly deleted: PartitionModel[][] = []
  readonly leaders: number[]
  /** Of what a peer had sent when it went: whether it arrives. Null: up to somewhere, by the seed. */
  deadSocketsArrive: boolean | null = null
  #lastProducerId = 1_000n

  readonly #rules: PartitionRules

  constructor(world: World, topic: string, { partitions = 1, nodes = 1, rules = {} } = {}) {
    this.world = world
    this.topic = topic
    this.nodes = nodes
    this.#rules = rules
    this.partitions = Array.from({ length: partitions }, () => new PartitionModel(rules))
    this.leaders = Array.from({ length: partitions }, (_, index) => index % nodes)
  }

  newProducerId(): bigint {
    this.#lastProducerId += 1n
    return this.#lastProducerId
  }

  moveLeader(partition: number): void {
    this.leaders[partition] = (this.leaders[partition]! + 1) % this.nodes
  }

  recreateTopic(): void {
    this.deleted.push(this.partitions)
    this.partitions = this.partitions.map(() => new PartitionModel(this.#rules))
  }

  writeStatus(clientId: string, node: number, partition: number): WriteStatus {
    if (this.denied.has(clientId)) return 29
    if (this.partitions[partition] === undefined) return 3
    return this.leaders[partition] === node ? 0 : 6
  }

  /** One partition of a request, with what may go wrong. */
  produce(clientId: string, node: number, partition: number, batch: Buffer | null): Appended {
    const { random } = this.world
    const status = this.writeStatus(clientId, node, partition)
    if (status !== 0) return refused(status)
    const model = this.partitions[partition]!
    if (random.chance(this.faults.retriable) && this.#mayRefuse(model, batch)) return refused(random.pick([19, 6]))
    const before = model.records.length
    const appended = model.append(batch, this.world.steps)
    const added = model.records.length > before
    return added && random.chance(this.faults.afterAppend) ? refused(random.pick([7, 20])) : appended
  }

  #mayRefuse(model: PartitionModel, batch: Buffer | null): boolean {
    if (this.refusesFirstBatches || batch === null) return true
    const producerId = batch.readBigInt64BE(43)
    return producerId < 0n || model.knows(producerId)
  }
}

export interface BrokerPeer {
  readonly clientId: string
  /** Answers wait until it can take them. */
  readonly life: Life
  readonly answers: Kind
  answered(results: readonly PartitionResult[]): void
  proven(status: (partition: number) => WriteStatus): void
  closed(): void
}

/** The broker's end of one connection: requests are taken one after the other, in order. */
export class BrokerConnection {
  readonly #cluster: ClusterModel
  readonly #node: number
  readonly #peer: BrokerPeer
  readonly #requests: Lane
  readonly #answers: Lane

  constructor(cluster: ClusterModel, node: number, peer: BrokerPeer) {
    this.#cluster = cluster
    this.#node = node
    this.#peer = peer
    this.#requests = new Lane(cluster.world, 'broker', always)
    this.#answers = new Lane(cluster.world, peer.answers, peer.life)
  }

  produce(request: ProduceOnWire): void {
    const what = request.topicData.flatMap(({ partitionData }) =>
      partitionData.map(({ index, records }) => describeBatch(index, records))
    )
    this.#requests.push(`broker ${this.#node} takes ${what.join(', ')} of ${this.#peer.clientId}`, () => {
      this.#take(request)
    })
  }

  askProof(): void {
    this.#requests.push(`broker ${this.#node} tells ${this.#peer.clientId} its rights`, () => {
      const statuses = this.#cluster.partitions.map((_, partition) =>
        this.#cluster.writeStatus(this.#peer.clientId, this.#node, partition)
      )
      this.#answers.push('rights arrive', () => this.#peer.proven((partition) => statuses[partition] ?? 3))
    })
  }

  /** The peer has gone. What it had sent may still arrive, up to somewhere. */
  gone(): void {
    const { world, deadSocketsArrive } = this.#cluster
    const all = this.#requests.length
    this.#requests.cut(deadSocketsArrive === null ? world.random.whole(0, all) : deadSocketsArrive ? all : 0)
    this.#answers.cut(0)
  }

  /** The broker's end breaks: nothing more is taken, and what was answered may or may not arrive. */
  break(): void {
    this.#requests.cut(0)
    this.#answers.truncate(this.#cluster.world.random.whole(0, this.#answers.length))
    this.#answers.push(`the connection of ${this.#peer.clientId} to broker ${this.#node} is lost`, () => {
      this.#peer.closed()
    })
  }

  #take({ acks, topicData }: ProduceOnWire): void {
    const results = topicData.flatMap(({ name, partitionData }) =>
      partitionData.map(({ index, records }) => {
        const appended = this.#cluster.produce(this.#peer.clientId, this.#node, index, records)
        return { topic: name, partition: index, ...appended }
      })
    )
    const codes = results.map(({ partition, errorCode, baseOffset }) => `${partition}: ${errorCode}@${baseOffset}`)
    this.#cluster.world.note(`  says ${codes.join(', ')}`)
    if (this.#cluster.world.random.chance(this.#cluster.faults.lostAnswer)) {
      this.break()
      return
    }
    if (acks === 0) {
      if (results.some(({ errorCode }) => errorCode !== 0)) this.break()
      return
    }
    this.#answers.push(`${this.#peer.clientId} hears ${codes.join(', ')} of broker ${this.#node}`, () => {
      this.#peer.answered(results)
    })
  }
}

export function describeBatch(partition: number, records: Buffer | null): string {
  if (records === null || records.length < 61) return `${partition}: nothing`
  const header = readBatchHeader(records)
  const values = readRecords(records).map(({ value }) => value?.toString() ?? '')
  const chain = header.producerId < 0n ? '' : ` ${header.producerId}/${header.producerEpoch}#${header.baseSequence}`
  return `${partition}:${chain} [${values.join(' ')}]`
}

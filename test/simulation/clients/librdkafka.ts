/**
 * librdkafka, idempotent (`rdkafka_request.c`, `rdkafka_partition.c`): one partition per request, five messages in
 * flight, everything in flight awaited before a retry. An error 45 at the head of line is the end of the producer, and
 * a success counts for all messages before it.
 */
import { Client } from './client.ts'
import type { SentRecord, WireBatch } from './client.ts'

interface Message {
  /** From 1, per partition. */
  readonly id: number
  readonly record: SentRecord
  /** Times it may have been appended before. */
  retries: number
  /** Where the batch ends that it began, so that a retry has the same bounds. */
  lastId: number | null
}

interface RdBatch extends WireBatch {
  readonly messages: readonly Message[]
}

interface Partition {
  queue: Message[]
  lastId: number
  epoch: number
  /** Sequence 0 of the epoch is this message. */
  baseId: number
  nextAck: number
  nextError: number
  ackedId: number
  inFlight: number
  /** Broker of what is in flight. */
  inFlightOn: number
  draining: boolean
}

const maxMessagesInFlight = 5
const retries: ReadonlyMap<number, 'sure' | 'unsure'> = new Map([
  [2, 'sure'],
  [3, 'sure'],
  [5, 'sure'],
  [6, 'sure'],
  [7, 'unsure'],
  [19, 'sure'],
  [20, 'unsure'],
  [56, 'sure']
])

export class LibrdkafkaProducer extends Client<RdBatch> {
  readonly #producerId: bigint
  #epoch = 0
  #bumping = false
  readonly #partitions: Partition[]

  constructor(options: ConstructorParameters<typeof Client>[0]) {
    super(options)
    this.#producerId = options.cluster.newProducerId()
    this.#partitions = options.cluster.partitions.map(() => ({
      queue: [],
      lastId: 0,
      epoch: 0,
      baseId: 1,
      nextAck: 0,
      nextError: 0,
      ackedId: 0,
      inFlight: 0,
      inFlightOn: 0,
      draining: false
    }))
  }

  protected override accept(record: SentRecord): void {
    const partition = this.#partitions[record.partition]!
    partition.lastId += 1
    partition.queue.push({ id: partition.lastId, record, retries: 0, lastId: null })
  }

  protected override next(node: number): RdBatch[] | null {
    if (this.#bumping && this.#partitions.every(({ inFlight }) => inFlight === 0)) {
      this.#bumping = false
      this.#epoch += 1
    }
    if (this.#bumping) return null
    for (const [index, partition] of this.#partitions.entries()) {
      if (!this.leads(node, index)) continue
      if (partition.inFlight > 0 && partition.inFlightOn !== node) continue
      const batch = this.#drain(partition, index)
      if (batch === null) continue
      partition.inFlightOn = node
      return [batch]
    }
    return null
  }

  #drain(partition: Partition, index: number): RdBatch | null {
    const [first] = partition.queue
    if (first === undefined || partition.inFlight >= maxMessagesInFlight) return null
    if (partition.draining && partition.inFlight > 0) return null
    partition.draining = false
    if (partition.epoch !== this.#epoch) {
      if (partition.inFlight > 0) return null
      partition.epoch = this.#epoch
      partition.baseId = first.id
      partition.nextAck = 0
      partition.nextError = 0
    }
    const count = first.lastId === null ? this.world.random.whole(1, this.batchRecords) : first.lastId - first.id + 1
    // Messages of a batch that was tried before are not joined with others.
    const fits = partition.queue.findIndex((message, at) => at > 0 && message.lastId !== null)
    const messages = partition.queue.splice(0, Math.min(count, fits < 0 ? count : fits))
    first.lastId = messages.at(-1)!.id
    partition.inFlight += messages.length
    return {
      partition: index,
      records: messages.map(({ record }) => record),
      messages,
      producerId: this.#producerId,
      epoch: partition.epoch,
      sequence: first.id - partition.baseId
    }
  }

  protected override answeredAll(batches: readonly RdBatch[]): void {
    for (const { partition, messages } of batches) this.#partitions[partition]!.inFlight -= messages.length
  }

  protected override succeeded({ partition: index, messages, sequence }: RdBatch): void {
    const partition = this.#partitions[index]!
    const first = messages[0]!
    const last = messages.at(-1)!
    const nextSequence = sequence + messages.length
    if (partition.ackedId < first.id - 1) {
      const implied = partition.queue.filter(({ id }) => id <= last.id)
      partition.queue = partition.queue.filter(({ id }) => id > last.id)
      if (implied.length > 0) this.world.note(`  ${this.name}: implicitly acknowledged`)
      this.tell(
        implied.map(({ record }) => record),
        'delivered'
      )
    } else if (sequence !== partition.nextAck && sequence === partition.nextError) {
      this.goFatal('succeeded when expecting failure')
      return
    }
    if (partition.nextError === partition.nextAck) partition.nextError = nextSequence
    partition.nextAck = nextSequence
    partition.ackedId = Math.max(partition.ackedId, last.id)
    this.tell(
      messages.map(({ record }) => record),
      'delivered'
    )
  }

  protected override failed(batch: RdBatch, code: number): void {
    const partition = this.#partitions[batch.partition]!
    const again = retries.get(code)
    if (code === 45) {
      if (batch.sequence <= partition.nextAck) {
        this.goFatal(`45 for ${batch.sequence} where ${partition.nextAck} is next`)
        return
      }
      this.#bumping = true
      this.#requeue(partition, batch, false)
    } else if (code === 59) {
      if (batch.messages[0]!.retries > 0 || partition.nextError !== batch.sequence) {
        this.goFatal('59 for what may have been appended')
        return
      }
      this.#bumping = true
      this.#requeue(partition, batch, false)
    } else if (again !== undefined) {
      partition.draining = true
      this.#requeue(partition, batch, again === 'unsure')
    } else {
      this.#bumping = true
      this.tell(batch.records, 'failed', code)
    }
    partition.nextError = batch.sequence + batch.messages.length
  }

  protected override lost(batches: readonly RdBatch[]): void {
    for (const batch of batches) {
      const partition = this.#partitions[batch.partition]!
      partition.draining = true
      this.#requeue(partition, batch, true)
      partition.nextError = batch.sequence + batch.messages.length
    }
  }

  #requeue(partition: Partition, { messages }: RdBatch, unsure: boolean): void {
    if (unsure) for (const message of messages) message.retries += 1
    partition.queue = [...partition.queue, ...messages].sort((a, b) => a.id - b.id)
  }
}

/**
 * Kafka's Java producer, idempotent (`Sender`, `TransactionManager`, `RecordAccumulator`): five requests in flight,
 * retries one after the other from the first sequence on, a bump of the epoch by itself when a batch failed for good, and
 * then all of the partition numbered anew from 0, what is in flight included.
 */
import { addSequence } from '../sequences.ts'
import { always } from '../world.ts'
import { Client, retriableCodes } from './client.ts'
import type { SentRecord, WireBatch } from './client.ts'

/** A batch of the accumulator: its numbers change when the epoch does, those on the wire do not. */
interface ProducerBatch {
  readonly records: readonly SentRecord[]
  epoch: number
  sequence: number
  renumbered: boolean
  readonly createdMs: number
  attempts: number
}

interface JavaWireBatch extends WireBatch {
  readonly of: ProducerBatch
}

interface Partition {
  epoch: number
  nextSequence: number
  /** -1: none. */
  lastAcked: number
  /** Sent and not done with, by sequence; those to be sent again are in `again`, too. */
  inFlight: ProducerBatch[]
  again: ProducerBatch[]
  fresh: SentRecord[]
  /** Nothing is sent before. */
  waiting: boolean
  /** A batch expired that may have been appended: nothing new until what is in flight is done with. */
  unresolved: boolean
}

const maxInFlight = 5
const deliveryTimeoutMs = 120_000
/** `retry.backoff.ms` and its maximum. */
const backoffMs = { first: 100, most: 1_000 }

export class JavaProducer extends Client<JavaWireBatch> {
  readonly #producerId: bigint
  #epoch = 0
  readonly #partitions: Partition[]
  /** Partitions to be numbered anew; the epoch is bumped first. */
  readonly #rewrite = new Set<Partition>()

  constructor(options: ConstructorParameters<typeof Client>[0]) {
    super(options)
    this.#producerId = options.cluster.newProducerId()
    this.#partitions = options.cluster.partitions.map(() => ({
      epoch: 0,
      nextSequence: 0,
      lastAcked: -1,
      inFlight: [],
      again: [],
      fresh: [],
      waiting: false,
      unresolved: false
    }))
  }

  protected override accept(record: SentRecord): void {
    this.#partitions[record.partition]!.fresh.push(record)
  }

  protected override next(node: number): JavaWireBatch[] | null {
    if (this.#rewrite.size > 0) this.#bump()
    if (this.inFlight(node) >= maxInFlight) return null
    const batches = this.#partitions.flatMap((partition, index) => {
      if (!this.leads(node, index)) return []
      const batch = this.#drain(partition)
      if (batch === null) return []
      const { records, epoch, sequence } = batch
      return [{ partition: index, records, producerId: this.#producerId, epoch, sequence, of: batch }]
    })
    return batches.length > 0 ? batches : null
  }

  #drain(partition: Partition): ProducerBatch | null {
    if (partition.waiting) return null
    const [again] = partition.again
    if (again !== undefined) {
      if (partition.inFlight[0] !== again) return null
      partition.again.shift()
      return again
    }
    if (partition.fresh.length === 0) return null
    if (partition.unresolved) {
      if (partition.inFlight.length > 0) return null
      partition.unresolved = false
      this.#rewrite.add(partition)
      this.#bump()
    }
    if (partition.epoch !== this.#epoch) {
      if (partition.inFlight.length > 0) return null
      this.#restart(partition)
    }
    const records = partition.fresh.splice(0, this.world.random.whole(1, this.batchRecords))
    const batch = {
      records,
      epoch: partition.epoch,
      sequence: partition.nextSequence,
      renumbered: false,
      createdMs: this.world.nowMs,
      attempts: 0
    }
    partition.nextSequence = addSequence(partition.nextSequence, records.length)
    partition.inFlight.push(batch)
    return batch
  }

  #bump(): void {
    this.#epoch += 1
    for (const partition of this.#rewrite) this.#restart(partition)
    this.#rewrite.clear()
  }

  #restart(partition: Partition): void {
    partition.epoch = this.#epoch
    partition.lastAcked = -1
    let sequence = 0
    for (const batch of partition.inFlight) {
      batch.epoch = this.#epoch
      batch.sequence = sequence
      batch.renumbered = true
      sequence = addSequence(sequence, batch.records.length)
    }
    partition.nextSequence = sequence
  }

  protected override succeeded({ of: batch, partition: index }: JavaWireBatch): void {
    const partition = this.#partitions[index]!
    partition.lastAcked = Math.max(partition.lastAcked, addSequence(batch.sequence, batch.records.length - 1))
    this.#remove(partition, batch)
    this.tell(batch.records, 'delivered')
  }

  protected override failed({ of: batch, partition: index }: JavaWireBatch, code: number): void {
    const partition = this.#partitions[index]!
    if (code === 10 && batch.records.length > 1) {
      this.#split(partition, batch)
    } else if (this.#canRetry(partition, batch, code)) {
      this.#retry(partition, batch)
    } else {
      this.#remove(partition, batch)
      this.tell(batch.records, 'failed', code)
      this.#rewrite.add(partition)
    }
  }

  #canRetry(partition: Partition, batch: ProducerBatch, code: number): boolean {
    if (code === 45) {
      const isNext = batch.sequence === (partition.lastAcked < 0 ? 0 : addSequence(partition.lastAcked, 1))
      if (!batch.renumbered && isNext) this.#rewrite.add(partition)
      return true
    }
    // Without a log start offset it takes 59 for something that passes.
    return code === 59 || retriableCodes.has(code)
  }

  /** MESSAGE_TOO_LARGE: the halves keep the numbers. */
  #split(partition: Partition, whole: ProducerBatch): void {
    const half = Math.ceil(whole.records.length / 2)
    const halves = [
      { ...whole, records: whole.records.slice(0, half) },
      { ...whole, records: whole.records.slice(half), sequence: addSequence(whole.sequence, half) }
    ]
    partition.inFlight.splice(partition.inFlight.indexOf(whole), 1, ...halves)
    for (const batch of halves) this.#again(partition, batch)
  }

  #retry(partition: Partition, batch: ProducerBatch): void {
    if (this.world.nowMs - batch.createdMs > deliveryTimeoutMs) {
      this.#remove(partition, batch)
      this.tell(batch.records, 'failed', 7)
      partition.unresolved = true
      return
    }
    this.#again(partition, batch)
    if (partition.waiting) return
    partition.waiting = true
    const ms = Math.min(backoffMs.most, backoffMs.first * 2 ** batch.attempts)
    batch.attempts += 1
    this.world.timer(ms, always, `${this.name} tries again`, () => {
      partition.waiting = false
      this.wake()
    })
  }

  #again(partition: Partition, batch: ProducerBatch): void {
    partition.again.push(batch)
    partition.again.sort((a, b) => partition.inFlight.indexOf(a) - partition.inFlight.indexOf(b))
  }

  #remove(partition: Partition, batch: ProducerBatch): void {
    partition.inFlight = partition.inFlight.filter((other) => other !== batch)
  }

  protected override lost(batches: readonly JavaWireBatch[]): void {
    for (const { of: batch, partition } of batches) this.#retry(this.#partitions[partition]!, batch)
  }
}

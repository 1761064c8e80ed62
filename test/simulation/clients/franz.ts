/**
 * franz-go, idempotent (`sink.go`): only the first batch of a partition counts in an answer, later ones are sent again
 * with it. One that is refused fails all that is buffered for the partition, and what is produced then takes the same
 * sequences in the same epoch. A partition is pipelined only after a first success, and moves to another broker only
 * when nothing of it is in flight.
 */
import { addSequence } from '../sequences.ts'
import { Client, retriableCodes } from './client.ts'
import type { SentRecord, WireBatch } from './client.ts'

interface BufferedBatch {
  readonly records: readonly SentRecord[]
}

interface FranzBatch extends WireBatch {
  readonly of: BufferedBatch
}

interface Partition {
  fresh: SentRecord[]
  batches: BufferedBatch[]
  /** Of `batches`, the next to send. */
  drainIndex: number
  sequence: number
  /** Of the first of `batches`. */
  firstSequence: number
  needsReset: boolean
  inFlight: number
  inFlightOn: number | null
}

const maxInFlight = 5

export class FranzProducer extends Client<FranzBatch> {
  readonly #producerId: bigint
  #epoch = 0
  #failedEpoch = -1
  readonly #partitions: Partition[]
  /** Brokers that have taken something. */
  readonly #proven = new Set<number>()

  constructor(options: ConstructorParameters<typeof Client>[0]) {
    super(options)
    this.#producerId = options.cluster.newProducerId()
    this.#partitions = options.cluster.partitions.map(() => ({
      fresh: [],
      batches: [],
      drainIndex: 0,
      sequence: 0,
      firstSequence: 0,
      needsReset: false,
      inFlight: 0,
      inFlightOn: null
    }))
  }

  protected override accept(record: SentRecord): void {
    this.#partitions[record.partition]!.fresh.push(record)
  }

  protected override next(node: number): FranzBatch[] | null {
    if (this.inFlight(node) >= (this.#proven.has(node) ? maxInFlight : 1)) return null
    if (this.#failedEpoch === this.#epoch) {
      this.#epoch += 1
      for (const partition of this.#partitions) partition.needsReset = true
    }
    const batches = this.#partitions.flatMap((partition, index) => {
      if (!this.leads(node, index)) return []
      if (partition.inFlight > 0 && partition.inFlightOn !== node) return []
      const batch = this.#drain(partition)
      if (batch === null) return []
      const sequence = partition.sequence
      partition.sequence = addSequence(sequence, batch.records.length)
      partition.inFlight += 1
      partition.inFlightOn = node
      const { records } = batch
      return [{ partition: index, records, producerId: this.#producerId, epoch: this.#epoch, sequence, of: batch }]
    })
    return batches.length > 0 ? batches : null
  }

  #drain(partition: Partition): BufferedBatch | null {
    if (partition.drainIndex === partition.batches.length) {
      if (partition.fresh.length === 0) return null
      partition.batches.push({ records: partition.fresh.splice(0, this.world.random.whole(1, this.batchRecords)) })
    }
    if (partition.needsReset && partition.drainIndex === 0) {
      partition.needsReset = false
      partition.sequence = 0
      partition.firstSequence = 0
    }
    const batch = partition.batches[partition.drainIndex]!
    partition.drainIndex += 1
    return batch
  }

  protected override answeredAll(batches: readonly FranzBatch[]): void {
    for (const { partition } of batches) this.#partitions[partition]!.inFlight -= 1
  }

  protected override succeeded(batch: FranzBatch): void {
    const partition = this.#partitions[batch.partition]!
    this.#proven.add(this.cluster.leaders[batch.partition]!)
    if (partition.batches[0] !== batch.of) return
    partition.batches.shift()
    partition.drainIndex -= 1
    partition.firstSequence = addSequence(partition.firstSequence, batch.records.length)
    this.tell(batch.records, 'delivered')
  }

  protected override failed(batch: FranzBatch, code: number): void {
    const partition = this.#partitions[batch.partition]!
    if (partition.batches[0] !== batch.of) return
    if (code === 45 || code === 59 || code === 47) {
      this.#failedEpoch = batch.epoch
      this.#rewind(partition)
    } else if (retriableCodes.has(code) && code !== 2) {
      this.#rewind(partition)
    } else {
      const buffered = [...partition.batches.flatMap(({ records }) => records), ...partition.fresh]
      partition.batches = []
      partition.fresh = []
      this.#rewind(partition)
      this.tell(buffered, 'failed', code)
    }
  }

  #rewind(partition: Partition): void {
    partition.drainIndex = 0
    partition.sequence = partition.firstSequence
  }

  protected override lost(batches: readonly FranzBatch[]): void {
    for (const batch of batches) {
      const partition = this.#partitions[batch.partition]!
      if (partition.batches[0] === batch.of) this.#rewind(partition)
    }
  }
}

/** Clients with little to remember: kafkajs, and those without idempotence. */
import { addSequence } from '../sequences.ts'
import { Client, retriableCodes } from './client.ts'
import type { ClientOptions, SentRecord, WireBatch } from './client.ts'

/**
 * kafkajs, idempotent: Produce v7, one request per broker at a time, each a whole `send()`. When one partition of it
 * fails for good all of it fails, and the sequences of all its partitions are given to other records.
 */
export class KafkajsProducer extends Client<WireBatch> {
  protected override readonly apiVersion = 7
  readonly #producerId: bigint
  readonly #sequences: number[]
  readonly #fresh: SentRecord[][]
  /** By broker: the request that is in flight or has to be sent again. */
  readonly #current = new Map<number, { readonly batches: readonly WireBatch[]; sent: boolean }>()
  #failedWith = 0
  #retry = false

  constructor(options: ClientOptions) {
    super(options)
    this.#producerId = options.cluster.newProducerId()
    this.#sequences = options.cluster.partitions.map(() => 0)
    this.#fresh = options.cluster.partitions.map(() => [])
  }

  protected override accept(record: SentRecord): void {
    this.#fresh[record.partition]!.push(record)
  }

  protected override next(node: number): readonly WireBatch[] | null {
    const current = this.#current.get(node)
    if (current !== undefined) {
      if (current.sent) return null
      if (!current.batches.every(({ partition }) => this.leads(node, partition))) this.#move(node, current.batches)
      else {
        current.sent = true
        return current.batches
      }
    }
    if (this.#current.has(node)) return null
    const batches = this.#fresh.flatMap((fresh, partition): WireBatch[] => {
      const busy = [...this.#current.values()].some((other) => other.batches.some((b) => b.partition === partition))
      if (fresh.length === 0 || busy || !this.leads(node, partition)) return []
      const records = fresh.splice(0, this.world.random.whole(1, this.batchRecords))
      const sequence = this.#sequences[partition]!
      this.#sequences[partition] = addSequence(sequence, records.length)
      return [{ partition, records, producerId: this.#producerId, epoch: 0, sequence }]
    })
    if (batches.length === 0) return null
    this.#current.set(node, { batches, sent: true })
    return batches
  }

  /** The leaders have changed: each partition goes to its own. */
  #move(node: number, batches: readonly WireBatch[]): void {
    this.#current.delete(node)
    for (const batch of batches) {
      const leader = this.cluster.leaders[batch.partition]!
      const there = this.#current.get(leader)
      if (there !== undefined && there.sent) {
        // Its turn comes when that broker is free again.
        this.#current.set(node, { batches, sent: false })
        return
      }
    }
    for (const batch of batches) {
      const leader = this.cluster.leaders[batch.partition]!
      const there = this.#current.get(leader)?.batches ?? []
      this.#current.set(leader, { batches: [...there, batch], sent: false })
    }
    this.wake()
  }

  protected override answeredAll(): void {
    this.#failedWith = 0
    this.#retry = false
    this.#answered = 0
  }

  #answered = 0

  protected override succeeded(batch: WireBatch): void {
    this.#concluded(batch)
  }

  protected override failed(batch: WireBatch, code: number): void {
    if (retriableCodes.has(code)) this.#retry = true
    else if (this.#failedWith === 0) this.#failedWith = code
    this.#concluded(batch)
  }

  #concluded(batch: WireBatch): void {
    const [node, current] = [...this.#current].find(([, { batches }]) => batches.includes(batch))!
    this.#answered += 1
    if (this.#answered < current.batches.length) return
    if (this.#failedWith !== 0) {
      this.#current.delete(node)
      for (const { partition, sequence, records } of current.batches) {
        this.#sequences[partition] = sequence
        this.tell(records, 'failed', this.#failedWith)
      }
    } else if (this.#retry) current.sent = false
    else {
      this.#current.delete(node)
      for (const { records } of current.batches) this.tell(records, 'delivered')
    }
  }

  protected override lost(batches: readonly WireBatch[]): void {
    for (const current of this.#current.values()) if (current.batches === batches) current.sent = false
  }
}

/** No producer id. Retries what may be retried, in whatever order comes of it. */
export class PlainProducer extends Client<WireBatch> {
  protected override readonly acks: number
  readonly #fresh: SentRecord[][]
  readonly #again: WireBatch[] = []

  constructor(options: ClientOptions, acks: -1 | 0 | 1) {
    super(options)
    this.acks = acks
    this.#fresh = options.cluster.partitions.map(() => [])
  }

  protected override accept(record: SentRecord): void {
    this.#fresh[record.partition]!.push(record)
  }

  protected override next(node: number): readonly WireBatch[] | null {
    if (this.inFlight(node) >= 5) return null
    const again = this.#again.findIndex(({ partition }) => this.leads(node, partition))
    if (again >= 0) return this.#again.splice(again, 1)
    const batches = this.#fresh.flatMap((fresh, partition): WireBatch[] => {
      if (fresh.length === 0 || !this.leads(node, partition)) return []
      const records = fresh.splice(0, this.world.random.whole(1, this.batchRecords))
      return [{ partition, records, producerId: -1n, epoch: -1, sequence: -1 }]
    })
    return batches.length > 0 ? batches : null
  }

  protected override succeeded({ records }: WireBatch): void {
    this.tell(records, 'delivered')
  }

  protected override failed(batch: WireBatch, code: number): void {
    if (retriableCodes.has(code)) this.#again.push(batch)
    else this.tell(batch.records, 'failed', code)
  }

  protected override lost(batches: readonly WireBatch[]): void {
    this.#again.push(...batches)
  }
}

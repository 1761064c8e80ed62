/**
 * Logs in memory with transactions, as far as redriving needs them: what is sent lies in the log at once, a marker
 * decides it, and whoever takes a transactional id over aborts what the one before it has left open.
 */
import { buildBatch, readBatches, readRecords } from '../../../protocol/records/batch.ts'
import type { BatchContents, NewRecord, ReadRecord } from '../../../protocol/records/batch.ts'
import type { FetchOptions, Fetched, OffsetAnswer, OffsetQuery } from '../../../src/kafka/client.ts'
import { KafkaError } from '../../../src/kafka/errors.ts'
import { TransactionError } from '../../../src/kafka/transactional-writer.ts'
import type { PlacesClient } from '../../../src/quarantine/places.ts'
import type { RedriveWriter } from '../../../src/quarantine/redrive-writer.ts'
import { transactionMarker } from '../../../src/quarantine/transaction-marker.ts'

interface StoredBatch {
  readonly bytes: Buffer
  readonly first: bigint
  readonly last: bigint
  readonly timestampMs: number
}

interface Log {
  batches: StoredBatch[]
  start: bigint
  end: bigint
}

interface Transaction {
  readonly producerId: bigint
  readonly partitions: Set<string>
}

/** Called before anything a writer does; may throw. */
export type WriterHook = (call: {
  readonly what: 'open' | 'begin' | 'send' | 'commit' | 'abort'
  readonly topic?: string
  readonly partition?: number
  readonly records?: readonly NewRecord[]
}) => void

export class FakeCluster {
  readonly #logs = new Map<string, Log[]>()
  readonly #owners = new Map<string, bigint>()
  readonly #open = new Map<string, Transaction>()
  #nextProducerId = 1n
  /** Of the topics' log append time. */
  nowMs = 1_767_225_600_000
  /** Bytes that one fetch gives at most. */
  fetchBytes = 4 * 1024 * 1024
  fetches = 0
  hook: WriterHook = () => undefined

  create(topic: string, partitions = 1): this {
    this.#logs.set(
      topic,
      Array.from({ length: partitions }, () => ({ batches: [], start: 0n, end: 0n }))
    )
    return this
  }

  delete(topic: string): void {
    this.#logs.delete(topic)
  }

  log(topic: string, partition: number): Log {
    const log = this.#logs.get(topic)?.[partition]
    if (log === undefined) throw unknown(`${topic}-${partition}`)
    return log
  }

  append(topic: string, partition: number, contents: BatchContents): bigint {
    const log = this.log(topic, partition)
    const bytes = buildBatch({ ...contents, baseOffset: log.end })
    const first = log.end
    const last = first + BigInt(contents.records.length - 1)
    log.batches.push({ bytes, first, last, timestampMs: contents.records[0]!.timestamp })
    log.end = last + 1n
    return first
  }

  /** As retention does: what lies below is gone. */
  deleteBefore(topic: string, partition: number, offset: bigint): void {
    const log = this.log(topic, partition)
    log.batches = log.batches.filter(({ last }) => last >= offset)
    log.start = offset
  }

  /** What a reader of committed records sees. */
  committed(topic: string, partition = 0): ReadRecord[] {
    const pending = new Map<bigint, ReadRecord[]>()
    const seen: ReadRecord[] = []
    for (const { bytes } of this.log(topic, partition).batches) {
      for (const { header, bytes: batch } of readBatches(bytes)) {
        if (header.control) {
          if (transactionMarker(batch, header) === 'commit') seen.push(...(pending.get(header.producerId) ?? []))
          pending.delete(header.producerId)
        } else if (header.transactional) {
          pending.set(header.producerId, [...(pending.get(header.producerId) ?? []), ...readRecords(batch)])
        } else {
          seen.push(...readRecords(batch))
        }
      }
    }
    return seen
  }

  get client(): PlacesClient & { produce: FakeCluster['produce'] } {
    return {
      metadata: (topics) => {
        const names = topics ?? [...this.#logs.keys()]
        const described = names.map((name) => {
          const logs = this.#logs.get(name)
          return {
            name,
            topicId: null,
            isInternal: false,
            error: logs === undefined ? unknown(name) : null,
            partitions: (logs ?? []).map((_, partition) => ({
              partition,
              leaderId: 1,
              replicas: [1],
              inSyncReplicas: [1]
            }))
          }
        })
        return Promise.resolve({ clusterId: null, controllerId: 1, brokers: [], topics: described })
      },
      listOffsets: (wanted) => promised(() => wanted.map((one) => this.#offsetOf(one))),
      fetch: (options) => promised(() => this.#fetch(options)),
      produce: (options) => this.produce(options)
    }
  }

  produce({ topic, partition, batch }: { topic: string; partition: number; batch: Buffer }) {
    return promised(() => {
      this.hook({ what: 'send', topic, partition, records: [] })
      const records = readRecords(batch)
      return { baseOffset: this.append(topic, partition, { records }), logAppendTimeMs: -1n, logStartOffset: 0n }
    })
  }

  #offsetOf({ topic, partition, time }: OffsetQuery): OffsetAnswer {
    const log = this.log(topic, partition)
    const young = typeof time === 'number' ? log.batches.find((batch) => batch.timestampMs >= time) : undefined
    const offset = time === 'latest' ? log.end : time === 'earliest' ? log.start : (young?.first ?? -1n)
    return { topic, partition, error: null, offset, timestampMs: -1n }
  }

  #fetch({ partitions }: FetchOptions): Fetched[] {
    this.fetches += 1
    return partitions.map(({ topic, partition, offset }) => {
      const log = this.log(topic, partition)
      const isOut = offset < log.start || offset > log.end
      const error = isOut ? new KafkaError(1, { api: 'Fetch', address: 'fake:9092' }) : null
      const taken: Buffer[] = []
      let bytes = 0
      for (const batch of log.batches) {
        if (isOut || batch.last < offset) continue
        bytes += batch.bytes.length
        if (taken.length > 0 && bytes > this.fetchBytes) break
        taken.push(batch.bytes)
      }
      const offsets = { highWatermark: log.end, lastStableOffset: log.end, logStartOffset: log.start }
      return { topic, partition, error, ...offsets, abortedTransactions: [], records: Buffer.concat(taken) }
    })
  }

  writer(transactionalId: string): RedriveWriter {
    let producerId = -1n
    let failure: TransactionError | null = null
    const check = (): void => {
      if (this.#owners.get(transactionalId) !== producerId)
        throw new TransactionError('fenced', `transaction ${transactionalId}: fenced`, 47)
      if (failure !== null) throw failure
    }
    const end = (marker: 0 | 1): void => {
      const transaction = this.#open.get(transactionalId)
      this.#open.delete(transactionalId)
      if (transaction !== undefined) this.#mark(transaction, marker)
    }
    const open = (): void => {
      if (producerId >= 0n) return
      this.hook({ what: 'open' })
      end(0)
      producerId = this.#nextProducerId++
      this.#owners.set(transactionalId, producerId)
    }
    return {
      open: () => promised(open),
      begin: () =>
        promised(() => {
          open()
          check()
          this.hook({ what: 'begin' })
          this.#open.set(transactionalId, { producerId, partitions: new Set() })
        }),
      send: (topic, partition, records, options) =>
        promised(() => {
          check()
          try {
            this.hook({ what: 'send', topic, partition, records })
            this.log(topic, partition)
          } catch (error) {
            if (error instanceof KafkaError) {
              failure = new TransactionError('abortable', error.message, error.code, error)
              throw failure
            }
            throw error
          }
          this.#open.get(transactionalId)!.partitions.add(`${topic} ${partition}`)
          const codec = options?.codec ?? 'none'
          const contents = { records, codec, producerId, producerEpoch: 0, baseSequence: 0, transactional: true }
          return { baseOffset: this.append(topic, partition, contents) }
        }),
      commit: () =>
        promised(() => {
          check()
          this.hook({ what: 'commit' })
          end(1)
        }),
      abort: () =>
        promised(() => {
          if (this.#owners.get(transactionalId) !== producerId) return
          this.hook({ what: 'abort' })
          failure = null
          end(0)
        }),
      close: () => undefined
    }
  }

  #mark({ producerId, partitions }: Transaction, marker: 0 | 1): void {
    for (const place of partitions) {
      const [topic, partition] = place.split(' ')
      this.append(topic!, Number(partition), {
        records: [{ key: Buffer.from([0, 0, 0, marker]), value: Buffer.alloc(6), timestamp: this.nowMs }],
        producerId,
        producerEpoch: 0,
        transactional: true,
        control: true
      })
    }
  }
}

export function unknown(subject: string): KafkaError {
  return new KafkaError(3, { api: 'Metadata', address: 'fake:9092', subject })
}

function promised<T>(run: () => T): Promise<T> {
  return new Promise((resolve) => resolve(run()))
}

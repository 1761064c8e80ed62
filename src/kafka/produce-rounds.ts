/**
 * Produce requests in rounds: one is under way on a connection at a time, and what is to be sent there meanwhile goes
 * together into the next. A broker takes up one request of a connection after the other, so a crowd of small ones would
 * wait behind each other for their replicas, and those at the end for longer than their timeout.
 */
import { setImmediate as nextRound } from 'node:timers/promises'
import * as apis from './apis.ts'
import type { Produced, ProduceOptions } from './client-types.ts'
import type { Connection } from './connection.ts'
import { isRetriable } from './errors.ts'
import * as limits from './limits.ts'
import type { Routes } from './routes.ts'

/** From 12 on Produce adds partitions to a transaction by itself, which is for producers of transactions v2 (KIP-890). */
const lastProduceOfTransactionsV1 = 11

interface Item {
  readonly topic: string
  readonly partition: number
  readonly batch: Buffer
  readonly acks: -1 | 1
  readonly timeoutMs: number
  readonly transactionalId: string | null
  readonly resolve: (produced: Produced) => void
  readonly reject: (error: unknown) => void
}

interface Queue {
  waiting: Item[]
  isSending: boolean
}

export class ProduceRounds {
  readonly #routes: Routes
  /** What waits is bounded by those who call: each partition's writer has one batch under way. */
  readonly #queues = new WeakMap<Connection, Queue>()

  constructor(routes: Routes) {
    this.#routes = routes
  }

  /** As `KafkaClient.produce`. */
  async produce(options: ProduceOptions): Promise<Produced | null> {
    const { topic, partition, batch, acks = -1, transactionalId = null } = options
    const timeoutMs = options.timeoutMs ?? Math.floor(this.#routes.requestTimeoutMs * 0.75)
    const connection = await this.#routes.toLeader(options)
    if (acks === 0) {
      const topicData = [{ name: topic, partitionData: [{ index: partition, records: batch }] }]
      await this.#routes.doubting(topic, () =>
        connection.send(apis.produce, { transactionalId, acks, timeoutMs, topicData })
      )
      return null
    }
    return new Promise((resolve, reject) => {
      this.#add(connection, { topic, partition, batch, acks, timeoutMs, transactionalId, resolve, reject })
    })
  }

  #add(connection: Connection, item: Item): void {
    const queue = this.#queues.get(connection) ?? { waiting: [], isSending: false }
    this.#queues.set(connection, queue)
    queue.waiting.push(item)
    if (!queue.isSending) void this.#sendAll(connection, queue)
  }

  async #sendAll(connection: Connection, queue: Queue): Promise<void> {
    queue.isSending = true
    // Partitions whose writers begin at one moment go into one request from the first on.
    await nextRound()
    // On a connection that has ended each round fails at once, and those who asked find another.
    while (queue.waiting.length > 0) await this.#send(connection, takeRound(queue))
    queue.isSending = false
  }

  /** Never rejects. */
  async #send(connection: Connection, round: readonly Item[]): Promise<void> {
    const { acks, timeoutMs, transactionalId } = round[0]!
    const api = apis.produce
    try {
      const newest = connection.versionOf(api)
      const version = transactionalId === null ? newest : Math.min(newest, lastProduceOfTransactionsV1)
      const topicData = [...Map.groupBy(round, ({ topic }) => topic)].map(([name, items]) => ({
        name,
        partitionData: items.map(({ partition, batch }) => ({ index: partition, records: batch }))
      }))
      const answer = await connection.call(api, { transactionalId, acks, timeoutMs, topicData }, { version })
      const answers = new Map(
        answer.responses.flatMap(({ name, partitionResponses }) =>
          partitionResponses.map((part) => [placeOf({ topic: name, partition: part.index }), part])
        )
      )
      for (const item of round) {
        const part = answers.get(placeOf(item))
        if (part === undefined) {
          item.reject(new Error(`${connection.address} did not answer for ${item.topic}-${item.partition}`))
          continue
        }
        const recordErrors = part.recordErrors.map((r) => ({
          batchIndex: r.batchIndex,
          message: r.batchIndexErrorMessage
        }))
        const { topic, partition } = item
        const { errorCode, errorMessage } = part
        const error = this.#routes.leaderError(
          errorCode,
          api.name,
          connection,
          topic,
          partition,
          errorMessage,
          recordErrors
        )
        if (error !== null) this.#fail([item], error)
        else {
          const { baseOffset, logAppendTimeMs, logStartOffset } = part
          item.resolve({ baseOffset, logAppendTimeMs, logStartOffset })
        }
      }
    } catch (error) {
      this.#fail(round, error)
    }
  }

  #fail(items: readonly Item[], error: unknown): void {
    for (const { topic, reject } of items) {
      if (isRetriable(error)) this.#routes.forget(topic)
      reject(error)
    }
  }
}

/**
 * From the front of the queue: what may go into one request. Of each partition one batch, and never one before an earlier
 * one of its partition.
 */
function takeRound(queue: Queue): Item[] {
  const [first] = queue.waiting
  const round: Item[] = []
  const left: Item[] = []
  const places = new Set<string>()
  let bytes = 0
  for (const item of queue.waiting) {
    const place = placeOf(item)
    const isLike =
      item.acks === first!.acks &&
      item.timeoutMs === first!.timeoutMs &&
      item.transactionalId === first!.transactionalId
    const fits = round.length === 0 || bytes + item.batch.length <= limits.produceRequestBytes
    if (isLike && fits && !places.has(place)) {
      round.push(item)
      bytes += item.batch.length
    } else left.push(item)
    places.add(place)
  }
  queue.waiting = left
  return round
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}\n${partition}`
}

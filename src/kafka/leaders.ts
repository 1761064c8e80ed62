/** What the last Metadata answers said about brokers and about the leaders of the partitions we use. */
import { LRUCache } from 'lru-cache'

export interface Broker {
  readonly id: number
  readonly host: string
  readonly port: number
  /** Null when the broker has none. */
  readonly rack: string | null
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Topics remembered; forgetting one costs a Metadata request. */
const maxTopics = 10_000

interface Topic {
  readonly name: string
  readonly partitions: readonly { readonly partition: number; readonly leaderId: number }[]
}

export class Leaders {
  #brokers: ReadonlyMap<number, Broker> = new Map()
  readonly #leaderIds = new LRUCache<string, ReadonlyMap<number, number>>({ max: maxTopics })

  learn(brokers: readonly Broker[], topics: readonly Topic[]): void {
    this.#brokers = new Map(brokers.map((b) => [b.id, b]))
    for (const topic of topics) {
      this.#leaderIds.set(topic.name, new Map(topic.partitions.map((p) => [p.partition, p.leaderId])))
    }
  }

  broker(id: number): Broker | null {
    return this.#brokers.get(id) ?? null
  }

  /** Null when it is not known, or there is none. */
  of(topic: string, partition: number): Broker | null {
    const id = this.#leaderIds.get(topic)?.get(partition)
    return id === undefined ? null : this.broker(id)
  }

  forget(topic: string): void {
    this.#leaderIds.delete(topic)
  }
}

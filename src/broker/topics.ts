/** The topics of the embedded broker: names, ids, settings, and a log per partition. All partitions are led by it. */
import { randomUUID } from 'node:crypto'
import { errorCodes } from '../../protocol/errors.ts'
import * as limits from './limits.ts'
import { PartitionLog } from './log/partition-log.ts'
import { defaultTopicConfigs, faultOfTopicConfig, type TopicConfigs } from './topic-configs.ts'

export interface Topic {
  readonly name: string
  /** 32 hex digits. */
  readonly id: string
  /** What was set when it was created; the rest has its default. */
  readonly configs: TopicConfigs
  /** Index is partition number. */
  readonly partitions: readonly PartitionLog[]
}

/** Why a topic could not be created or changed, as the broker answers it. */
export interface Refusal {
  readonly errorCode: number
  readonly message: string
}

export interface TopicRequest {
  readonly name: string
  /** Default: the broker's. */
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** Kafka's Topic.validate. */
export function isTopicName(name: string): boolean {
  return /^[a-zA-Z0-9._-]{1,249}$/.test(name) && name !== '.' && name !== '..'
}

export class Topics {
  readonly #retentionBytes: number
  readonly #defaultPartitions: number
  readonly #byName = new Map<string, Topic & { readonly partitions: PartitionLog[] }>()
  readonly #byId = new Map<string, Topic>()

  constructor(options: { readonly retentionBytesPerPartition: number; readonly defaultPartitions: number }) {
    this.#retentionBytes = options.retentionBytesPerPartition
    this.#defaultPartitions = options.defaultPartitions
  }

  get(name: string): Topic | null {
    return this.#byName.get(name) ?? null
  }

  getById(id: string): Topic | null {
    return this.#byId.get(id) ?? null
  }

  all(): Topic[] {
    return [...this.#byName.values()]
  }

  log(name: string, partition: number): PartitionLog | null {
    return this.#byName.get(name)?.partitions[partition] ?? null
  }

  config(topic: Topic, name: keyof typeof defaultTopicConfigs): string {
    return topic.configs.get(name) ?? defaultTopicConfigs[name]
  }

  /** With `validateOnly` nothing is made and the answer is only whether it could be. */
  create(request: TopicRequest, validateOnly = false): Topic | Refusal {
    const { name, partitions = this.#defaultPartitions } = request
    const configs = Object.entries(request.configs ?? {})
    if (!isTopicName(name)) {
      return refusal(
        'INVALID_TOPIC_EXCEPTION',
        'a topic name has 1 to 249 letters, digits, dots, underscores and dashes'
      )
    }
    if (this.#byName.has(name)) return refusal('TOPIC_ALREADY_EXISTS', `topic ${name} already exists`)
    if (partitions < 1) return refusal('INVALID_PARTITIONS', 'a topic needs at least 1 partition')
    if (!this.#hasRoomFor(partitions)) return refusal('POLICY_VIOLATION', roomMessage)
    for (const [key, value] of configs) {
      const fault = faultOfTopicConfig(key, value)
      if (fault !== null) return refusal('INVALID_CONFIG', fault)
    }
    const topic = {
      name,
      id: randomUUID().replaceAll('-', ''),
      configs: new Map(configs),
      partitions: Array.from({ length: partitions }, () => new PartitionLog(this.#retentionBytes))
    }
    if (!validateOnly) {
      this.#byName.set(name, topic)
      this.#byId.set(topic.id, topic)
    }
    return topic
  }

  delete(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.id)
  }

  /** Null when the topic has, or with `validateOnly` could have, that many partitions. */
  grow(name: string, partitions: number, validateOnly: boolean): Refusal | null {
    const topic = this.#byName.get(name)
    if (topic === undefined) return refusal('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic ${name}`)
    const added = partitions - topic.partitions.length
    if (added <= 0) return refusal('INVALID_PARTITIONS', `${name} already has ${topic.partitions.length} partitions`)
    if (!this.#hasRoomFor(added)) return refusal('POLICY_VIOLATION', roomMessage)
    if (!validateOnly) {
      for (let i = 0; i < added; i++) topic.partitions.push(new PartitionLog(this.#retentionBytes))
    }
    return null
  }

  #hasRoomFor(partitions: number): boolean {
    return this.all().reduce((sum, t) => sum + t.partitions.length, partitions) <= limits.maxPartitions
  }
}

const roomMessage = `the embedded broker holds at most ${limits.maxPartitions} partitions`

function refusal(name: keyof typeof errorCodes, message: string): Refusal {
  return { errorCode: errorCodes[name], message }
}

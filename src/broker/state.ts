/** All that the embedded broker knows; the APIs read and change it, connections come and go. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { Groups } from './groups/groups.ts'
import { Topics } from './topics.ts'

export interface BrokerSettings {
  readonly nodeId: number
  readonly clock: Clock
  /** Whether Metadata and nothing else brings topics into being (`auto.create.topics.enable`). */
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  readonly retentionBytesPerPartition: number
}

/** There is no earlier state to collide with; anything but 0 shows who confuses a producer id with a missing one. */
const firstProducerId = 1000n

export class BrokerState {
  readonly nodeId: number
  readonly clock: Clock
  readonly autoCreateTopics: boolean
  readonly defaultPartitions: number
  /** 22 characters, as Kafka makes them. */
  readonly clusterId = randomBytes(16).toString('base64url')
  readonly topics: Topics
  readonly groups: Groups
  /** What clients are told to connect to; known when the port is. */
  advertised: { readonly host: string; readonly port: number } = { host: '', port: 0 }
  #nextProducerId = firstProducerId

  constructor(settings: BrokerSettings) {
    this.nodeId = settings.nodeId
    this.clock = settings.clock
    this.autoCreateTopics = settings.autoCreateTopics
    this.defaultPartitions = settings.defaultPartitions
    this.topics = new Topics(settings)
    this.groups = new Groups(settings.clock)
  }

  takeProducerId(): bigint {
    return this.#nextProducerId++
  }
}

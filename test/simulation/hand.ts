/** A producer driven by hand: what is sent where and when is the test's to say. */
import { buildBatch } from '../../protocol/records/batch.ts'
import type { Quality } from './contracts.ts'
import type { Instance } from './instance.ts'
import type { Connection } from './network.ts'
import type { Stage } from './stage.ts'

export interface HandBatch {
  readonly values: readonly string[]
  readonly sequence: number
  readonly epoch: number
}

/** One attempt of a batch. */
export interface Attempt {
  readonly batch: HandBatch
  /** Null while there is no answer. */
  code: number | null
  baseOffset: bigint | null
}

export class Hand {
  readonly producerId: bigint
  readonly name: string
  readonly #stage: Stage
  #records = 0
  #nextSequence = 0

  constructor(stage: Stage, name = 'hand') {
    this.#stage = stage
    this.name = name
    this.producerId = stage.cluster.newProducerId()
  }

  /** The next batch of the producer, or one at another place. */
  batch(qualities: readonly Quality[], place: { sequence?: number; epoch?: number } = {}): HandBatch {
    const { sequence = this.#nextSequence, epoch = 0 } = place
    this.#nextSequence = sequence + qualities.length
    const values = qualities.map((quality) => `${this.name}.${this.#records++}.${quality}`)
    return { values, sequence, epoch }
  }

  connect(instance: Instance, node = 0): HandConnection {
    return new HandConnection(this.#stage, this, instance, node)
  }
}

export class HandConnection {
  lost = false
  readonly #producer: Hand
  readonly #connection: Connection
  readonly #waiting = new Map<number, Attempt>()

  constructor(stage: Stage, producer: Hand, instance: Instance, node: number) {
    this.#producer = producer
    this.#connection = stage.proxies.connectTo(instance, node, producer.name, {
      answered: (id, answers) => {
        const attempt = this.#waiting.get(id)!
        attempt.code = answers[0]!.errorCode
        attempt.baseOffset = answers[0]!.baseOffset
      },
      closed: () => {
        this.lost = true
      }
    })
  }

  send(batch: HandBatch): Attempt {
    const bytes = buildBatch({
      records: batch.values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: 1_700_000_000_000 })),
      producerId: this.#producer.producerId,
      producerEpoch: batch.epoch,
      baseSequence: batch.sequence
    })
    const attempt: Attempt = { batch, code: null, baseOffset: null }
    this.#waiting.set(this.#connection.send({ acks: -1, apiVersion: 9, batches: [{ partition: 0, bytes }] }), attempt)
    return attempt
  }

  close(): void {
    this.#connection.close()
  }
}

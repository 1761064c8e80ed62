/**
 * What the brokers remember of producers (DescribeProducers, KIP-664; brokers from 2.8 on), asked so that a crowd of
 * questions costs few requests: what is asked while a partition's answer is awaited goes into its next request, and
 * partitions that are asked about at the same time go together. An answer serves only who asked before the request.
 */
import { pause, systemClock, type Cancel, type Clock } from '../clock.ts'
import type { ChainId, ProducerStates } from '../enforcement/ledger/ports.ts'
import type { DescribedProducers, KafkaClient, TopicPartition } from '../kafka/client.ts'
import { isRetriable } from '../kafka/errors.ts'
import { backoffMs } from '../kafka/retrying.ts'

/** A chain that has not been seen holds a request of its producer back; that one has some seconds in all. */
const withinMs = 3_000

/** Questions that wait; each stands for a request that is held back, whose memory was reserved. */
const maxQuestions = 10_000

export interface ProducerStatesOptions {
  /** Its requests should time out within some seconds: a frozen broker's partition is asked for elsewhere only then. */
  readonly client: Pick<KafkaClient, 'describeProducers'>
  readonly clock?: Clock
}

interface Question {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly answer: (lastSequence: number | null) => void
  readonly fail: (error: unknown) => void
}

class Partition {
  readonly at: TopicPartition
  /** Not answered; those who ask while a request is under way are not in it. */
  readonly questions = new Set<Question>()
  isAsked = false
  failures = 0
  lastError: unknown = null

  constructor({ topic, partition }: TopicPartition) {
    this.at = { topic, partition }
  }
}

export class KafkaProducerStates implements ProducerStates {
  readonly #client: ProducerStatesOptions['client']
  readonly #clock: Clock
  /** Only those that somebody asks about. */
  readonly #partitions = new Map<string, Partition>()
  #questions = 0
  #isGathering = false

  constructor({ client, clock = systemClock }: ProducerStatesOptions) {
    this.#client = client
    this.#clock = clock
  }

  /**
   * Null also when the broker knows only another epoch of the producer: it remembers one. Retriable errors are asked
   * again for 3 s. Rejects with KafkaError (29: no READ on the topic), ConnectionError or NoCommonVersionError.
   */
  lastSequence({ topic, partition: index, producerId, producerEpoch }: ChainId): Promise<number | null> {
    if (this.#questions >= maxQuestions) {
      return Promise.reject(new Error(`${maxQuestions} questions about producers wait already`))
    }
    const name = `${topic}-${index}`
    const partition = this.#partitions.get(name) ?? new Partition({ topic, partition: index })
    this.#partitions.set(name, partition)
    this.#questions++
    return new Promise((resolve, reject) => {
      const done = (): void => {
        cancelTimeout()
        if (partition.questions.delete(question)) this.#questions--
        this.#forgetIdle(name, partition)
      }
      const question: Question = {
        producerId,
        producerEpoch,
        answer: (lastSequence) => {
          done()
          resolve(lastSequence)
        },
        fail: (error) => {
          done()
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      const cancelTimeout: Cancel = this.#clock.after(withinMs, () => {
        question.fail(partition.lastError ?? new Error(`nobody told the producers of ${name} within ${withinMs} ms`))
      })
      partition.questions.add(question)
      this.#gather()
    })
  }

  /** What is asked in the same turn goes into one request. */
  #gather(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    queueMicrotask(() => {
      this.#isGathering = false
      const due = [...this.#partitions.values()].filter((p) => !p.isAsked && p.questions.size > 0)
      if (due.length > 0) void this.#ask(due)
    })
  }

  async #ask(partitions: readonly Partition[]): Promise<void> {
    const rounds = partitions.map((partition) => ({ partition, questions: [...partition.questions] }))
    for (const partition of partitions) partition.isAsked = true
    let answers: readonly DescribedProducers[]
    try {
      answers = await this.#client.describeProducers(partitions.map(({ at }) => at))
    } catch (error) {
      // One leader that cannot be reached fails the whole; the others are asked again without it.
      if (partitions.length > 1) for (const partition of partitions) void this.#ask([partition])
      else for (const { partition, questions } of rounds) await this.#failed(partition, questions, error)
      return
    }
    for (const { partition, questions } of rounds) {
      const { topic, partition: index } = partition.at
      const found = answers.find((a) => a.topic === topic && a.partition === index)
      if (found?.error !== null) {
        void this.#failed(partition, questions, found?.error ?? new Error(`nobody answered for ${topic}-${index}`))
        continue
      }
      for (const question of questions) question.answer(lastSequenceOf(question, found))
      partition.failures = 0
      this.#answered(partition)
    }
  }

  async #failed(partition: Partition, questions: readonly Question[], error: unknown): Promise<void> {
    partition.lastError = error
    if (isRetriable(error)) await pause(this.#clock, backoffMs(partition.failures++))
    else for (const question of questions) question.fail(error)
    this.#answered(partition)
  }

  #answered(partition: Partition): void {
    partition.isAsked = false
    this.#forgetIdle(`${partition.at.topic}-${partition.at.partition}`, partition)
    if (partition.questions.size > 0) this.#gather()
  }

  #forgetIdle(name: string, partition: Partition): void {
    if (partition.questions.size === 0 && !partition.isAsked) this.#partitions.delete(name)
  }
}

function lastSequenceOf({ producerId, producerEpoch }: Question, { producers }: DescribedProducers): number | null {
  const found = producers.find((p) => p.producerId === producerId && p.producerEpoch === producerEpoch)
  // -1: it has written nothing in this epoch.
  return found === undefined || found.lastSequence < 0 ? null : found.lastSequence
}

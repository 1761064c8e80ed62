/**
 * The story itself: three producers send orders through the proxy while a consumer reads the topic through it.
 *
 * Two producers are kafkajs, as users have them. kafkajs speaks Produce v7, whose answer has no room for a reason; it is
 * taken from the proxy's journal, which is what `kontrakt why` asks. The third is our own client with Produce v12, so
 * that the reasons are seen where newer clients see them: in the answer itself, per record (KIP-467).
 */
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { RunningProxy } from '../../app.ts'
import { KafkaClient } from '../../kafka/client.ts'
import { pause, systemClock } from '../../clock.ts'
import { KafkaError } from '../../kafka/errors.ts'
import { createKafkaJs, type Consumer, type Kafka, type Producer } from '../../kafka/kafkajs.ts'
import type { RefusalEntry } from '../../observability/refusal-journal.ts'
import { badOrders, goodOrders, mixedBatch, topic, type DemoOrder } from './orders.ts'
import { newTally, orderIdOf, type ProducerTally } from './tally.ts'
import type { DemoText } from './text.ts'

/** Between two orders, so that they can be followed. */
const paceMs = 120

/** The journal is written before the answer is; this is for a machine that is busy. */
const journalWaitMs = 1_000

const acceptedShown = 3

export interface StoryOptions {
  readonly proxy: RunningProxy
  readonly text: DemoText
  /** Ends the story early; what is under way is given up. */
  readonly signal: AbortSignal
}

export interface Told {
  readonly tallies: readonly ProducerTally[]
  /** Ids of the orders that a producer was told are accepted. */
  readonly accepted: readonly string[]
}

export class Story {
  readonly #proxy: RunningProxy
  readonly #text: DemoText
  readonly #signal: AbortSignal
  readonly #kafka: (clientId: string) => Kafka
  readonly #closers: (() => Promise<void> | void)[] = []
  readonly #accepted: string[] = []
  readonly #consumed: string[] = []

  constructor({ proxy, text, signal }: StoryOptions) {
    this.#proxy = proxy
    this.#text = text
    this.#signal = signal
    this.#kafka = (clientId) => createKafkaJs({ brokers: [proxy.bootstrap], clientId, retry: { retries: 2 } })
  }

  /** Ids of the orders the consumer got so far. */
  get consumed(): readonly string[] {
    return this.#consumed
  }

  /** Resolves early when the signal aborts. Rejects when something happened that should not. */
  async tell(): Promise<Told> {
    const checkout = newTally('checkout', 'kafkajs')
    const legacy = newTally('legacy-import', 'kafkajs')
    const mobile = newTally('mobile-app', 'Produce v12')
    const tellers = [
      () => this.#consume(),
      () => this.#tellGood(checkout),
      () => this.#tellBad(legacy),
      () => this.#tellMixed(mobile)
    ]
    for (const teller of tellers) if (!this.#signal.aborted) await teller()
    return { tallies: [checkout, legacy, mobile], accepted: this.#accepted }
  }

  /** Waits until the consumer got that many orders; false when it did not in time. */
  async waitForConsumer(count: number, patienceMs: number): Promise<boolean> {
    const deadlineMs = Date.now() + patienceMs
    while (this.#consumed.length < count && Date.now() < deadlineMs && !this.#signal.aborted) {
      await pause(systemClock, 20, this.#signal)
    }
    return this.#consumed.length >= count
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#closers.splice(0).map(async (close) => close()))
  }

  async #consume(): Promise<void> {
    const consumer: Consumer = this.#kafka('warehouse').consumer({ groupId: 'warehouse', maxWaitTimeInMs: 200 })
    this.#closers.push(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: ({ message }) => {
        this.#consumed.push(orderIdOf(message.value?.toString() ?? ''))
        return Promise.resolve()
      }
    })
  }

  async #tellGood(tally: ProducerTally): Promise<void> {
    this.#text.heading(`${tally.name}: every order keeps the contract`)
    const producer = await this.#connectProducer(tally.name)
    for (const [index, order] of goodOrders.entries()) {
      if (!(await this.#goOn())) return
      const offset = await this.#send(producer, order, tally)
      if (offset instanceof Error) this.#text.refused(tally.name, order.id, offset.message)
      else if (index < acceptedShown) this.#text.accepted(tally.name, order.id, offset)
    }
    this.#text.note(`... and ${goodOrders.length - acceptedShown} more like these.`)
    this.#text.gap()
  }

  async #tellBad(tally: ProducerTally): Promise<void> {
    this.#text.heading(`${tally.name}: breaks it, each time in another way`)
    this.#text.note(
      'kafkajs speaks Produce v7, whose answer has no room for a reason. Those below are from ' +
        'kontrakt itself, as `kontrakt why` tells them.'
    )
    const producer = await this.#connectProducer(tally.name)
    for (const order of badOrders) {
      if (!(await this.#goOn())) return
      const sinceMs = Date.now()
      const offset = await this.#send(producer, order, tally)
      if (offset instanceof Error) {
        this.#text.refused(tally.name, order.id, errorTypeOf(offset))
        for (const reason of await this.#reasonsSince(sinceMs, tally.name)) this.#text.reason(reason)
      } else this.#text.accepted(tally.name, order.id, offset)
    }
    this.#text.gap()
  }

  async #tellMixed(tally: ProducerTally): Promise<void> {
    this.#text.heading(`${tally.name}: one batch of ${mixedBatch.length} orders, one of them bad`)
    this.#text.note(
      'A batch is appended whole or not at all. Since Produce v8 the answer names the records at fault, ' +
        'so the client knows which ones to send again:'
    )
    const client = new KafkaClient({ bootstrapServers: [this.#proxy.bootstrap], clientId: tally.name })
    this.#closers.push(() => client.close())
    if (!(await this.#goOn())) return
    const atFault = await this.#sendBatch(client, mixedBatch, tally)
    const rest = mixedBatch.filter((_, index) => !atFault.includes(index))
    if (rest.length === mixedBatch.length || !(await this.#goOn())) return
    this.#text.note('The others, sent again:')
    await this.#sendBatch(client, rest, tally)
  }

  async #connectProducer(clientId: string): Promise<Producer> {
    const producer = this.#kafka(clientId).producer({ allowAutoTopicCreation: false })
    this.#closers.push(() => producer.disconnect())
    await producer.connect()
    return producer
  }

  /** The offset, or the error that the producer was given. */
  async #send(producer: Producer, order: DemoOrder, tally: ProducerTally): Promise<string | Error> {
    tally.sent++
    try {
      const [answer] = await producer.send({
        topic,
        messages: [{ key: order.key, value: order.value, headers: { source: tally.name } }]
      })
      tally.accepted++
      this.#accepted.push(order.id)
      return answer?.baseOffset ?? '?'
    } catch (error) {
      if (!(error instanceof Error)) throw error
      tally.refused++
      return error
    }
  }

  /** Indices of the records at fault; none when the batch was accepted. */
  async #sendBatch(
    client: KafkaClient,
    orders: readonly DemoOrder[],
    tally: ProducerTally
  ): Promise<readonly number[]> {
    tally.sent += orders.length
    const batch = buildBatch({
      records: orders.map((o) => ({
        key: Buffer.from(o.key),
        value: Buffer.from(o.value),
        headers: [{ name: 'source', value: Buffer.from(tally.name) }],
        timestamp: Date.now()
      }))
    })
    const ids = `${orders[0]!.id}..${orders.at(-1)!.id.slice(-1)}`
    try {
      const answer = await client.produce({ topic, partition: 0, batch })
      tally.accepted += orders.length
      this.#accepted.push(...orders.map((o) => o.id))
      this.#text.accepted(tally.name, ids, String(answer?.baseOffset ?? '?'))
      return []
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      tally.refused += orders.length
      this.#text.refused(tally.name, ids, error.errorName)
      for (const { batchIndex, message } of error.recordErrors) {
        this.#text.recordError(orders[batchIndex]?.id ?? '?', batchIndex, message ?? '')
      }
      return error.recordErrors.map((r) => r.batchIndex)
    }
  }

  /** What the proxy wrote down about this client since then, oldest first. */
  async #reasonsSince(sinceMs: number, clientId: string): Promise<RefusalEntry[]> {
    const deadlineMs = Date.now() + journalWaitMs
    for (;;) {
      const { items } = this.#proxy.journal.query({ topic, clientId, sinceMs }, 0, 10)
      if (items.length > 0 || Date.now() >= deadlineMs || this.#signal.aborted) return items.toReversed()
      await pause(systemClock, 10, this.#signal)
    }
  }

  /** False when the story is to end here. */
  async #goOn(): Promise<boolean> {
    await pause(systemClock, paceMs, this.#signal)
    return !this.#signal.aborted
  }
}

/** `INVALID_RECORD`; kafkajs calls an error code that is newer than itself by another name. */
function errorTypeOf(error: Error): string {
  return 'type' in error && typeof error.type === 'string' ? error.type : error.message
}

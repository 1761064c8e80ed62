/** What the demo counts while it plays, and what it finds in the topic when it reads it back. */
import { readRecords } from '../../../protocol/records/batch.ts'
import { KafkaClient } from '../../kafka/client.ts'
import { badOrders, mixedBatch, topic, type DemoOrder } from './orders.ts'

export interface ProducerTally {
  readonly name: string
  readonly client: string
  sent: number
  accepted: number
  refused: number
}

export function newTally(name: string, client: string): ProducerTally {
  return { name, client, sent: 0, accepted: 0, refused: 0 }
}

export interface TopicContents {
  /** Ids of the orders, in the order of the topic. */
  readonly ids: readonly string[]
  /** How many of them are known to break the contract. */
  readonly bad: number
}

/** Asks the broker itself, not the proxy. */
export async function readTopic(brokerAddress: string): Promise<TopicContents> {
  const client = new KafkaClient({ bootstrapServers: [brokerAddress], clientId: 'kontrakt-demo' })
  try {
    const [end] = await client.listOffsets([{ topic, partition: 0, time: 'latest' }])
    if (end === undefined || end.error !== null) throw end?.error ?? new Error('no answer')
    const ids: string[] = []
    let bad = 0
    for (let offset = 0n; offset < end.offset;) {
      const [part] = await client.fetch({ partitions: [{ topic, partition: 0, offset }] })
      if (part === undefined || part.error !== null) throw part?.error ?? new Error('no answer')
      const records = readRecords(part.records).filter((r) => r.offset >= offset)
      if (records.length === 0) throw new Error(`${topic} cannot be read at offset ${offset}`)
      for (const record of records) {
        const value = record.value?.toString() ?? ''
        ids.push(orderIdOf(value))
        if (isKnownBad(value)) bad++
      }
      offset = records.at(-1)!.offset + 1n
    }
    return { ids, bad }
  } finally {
    client.close()
  }
}

/** Empty when the value is no order at all. */
export function orderIdOf(value: string): string {
  try {
    const { order_id: id } = JSON.parse(value) as { order_id?: unknown }
    return typeof id === 'string' ? id : ''
  } catch {
    return ''
  }
}

function isKnownBad(value: string): boolean {
  const isBad = (o: DemoOrder): boolean => !o.isGood && o.value === value
  return badOrders.some(isBad) || mixedBatch.some(isBad)
}

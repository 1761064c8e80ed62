import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'
import { afterEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { CompressionTypes, createKafkaJs, isKafkaJsError, type KafkaJsLog } from '../../../src/kafka/kafkajs.ts'

const brokers: EmbeddedBroker[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close()
})

async function startBroker(): Promise<EmbeddedBroker> {
  const broker = await startEmbeddedBroker({ topics: [{ name: 't' }] })
  brokers.push(broker)
  return broker
}

describe('createKafkaJs', () => {
  const { None, GZIP, Snappy, LZ4, ZSTD } = CompressionTypes

  it.each([None, GZIP, Snappy, LZ4, ZSTD])('has the codec %i', async (compression) => {
    const broker = await startBroker()
    const producer = createKafkaJs({ brokers: [broker.address], clientId: 'test' }).producer()
    await producer.connect()
    await producer.send({ topic: 't', compression, messages: [{ value: 'x'.repeat(1000) }] })
    await producer.disconnect()
    expect(broker.topics.batches('t')[0]!.readInt16BE(21) & 7).toBe(compression)
    expect(String(broker.topics.records('t')[0]!.value)).toHaveLength(1000)
  })

  it('does not decompress beyond its limit', async () => {
    const codec = kafkajs.CompressionCodecs[CompressionTypes.Snappy]() as { decompress(bytes: Buffer): Promise<Buffer> }
    // A raw snappy block that claims 4 GiB - 1.
    await expect(codec.decompress(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0]))).rejects.toThrow()
  })

  it('hands over the warnings of the library, or keeps them to itself', async () => {
    const broker = await startBroker()
    const address = broker.address
    await broker.close()
    const logs: KafkaJsLog[] = []
    const producer = createKafkaJs({
      brokers: [address],
      clientId: 'test',
      onLog: (entry) => logs.push(entry),
      retry: { retries: 0 }
    }).producer()
    const error: unknown = await producer.connect().catch((e: unknown) => e)
    expect(isKafkaJsError(error)).toBe(true)
    expect(isKafkaJsError(new Error('another'))).toBe(false)
    expect(logs.some((l) => l.level === 'error' && l.part === 'Connection')).toBe(true)
    await producer.disconnect()
  })

  it('arms no timer while nothing waits, which the library would do without end', () => {
    interface Queue {
      throttleCheckTimeoutId: unknown
      throttledUntil: number
      pending: unknown[]
      scheduleCheckPendingRequests(): void
    }
    const RequestQueue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as new (
      options: object
    ) => Queue
    const queue = new RequestQueue({ clientId: 'test' })
    queue.scheduleCheckPendingRequests()
    expect(queue.throttleCheckTimeoutId).toBeNull()
    queue.throttledUntil = Date.now() + 60_000
    queue.scheduleCheckPendingRequests()
    expect(queue.throttleCheckTimeoutId).not.toBeNull()
    clearTimeout(queue.throttleCheckTimeoutId as NodeJS.Timeout)
  })
})

/**
 * The load generator: a process that sends ready-made batches as fast as they are acknowledged and says how long that
 * took. It makes no batch while it runs, so that what is measured is whatever stands between it and the broker.
 *
 * Reads one job as JSON from its first argument, prints one result as JSON.
 */
import { connect, type Socket } from 'node:net'
import { requestFrame } from '../protocol/frames/header.ts'
import { apiKeys } from '../protocol/messages/api-table.ts'
import { produceRequest, produceResponse } from '../protocol/messages/produce.ts'
import type { Codec } from '../protocol/records/batch.ts'
import { KafkaClient } from '../src/kafka/client.ts'
import { orderBatch, type Payload } from './payloads.ts'

export interface LoadJob {
  /** `host:port` */
  readonly bootstrap: string
  readonly topic: string
  readonly payload: Payload
  readonly codec: Codec
  readonly recordsPerBatch: number
  /** Batches over all partitions. */
  readonly batches: number
  /** Requests under way per connection; there is one connection per partition. */
  readonly inflight: number
}

export interface LoadResult {
  readonly records: number
  readonly bytes: number
  readonly valueBytes: number
  readonly seconds: number
}

const produceVersion = 9

async function run(job: LoadJob): Promise<LoadResult> {
  const client = new KafkaClient({ bootstrapServers: [job.bootstrap], clientId: 'kontrakt-bench' })
  const metadata = await client.metadata([job.topic])
  const addresses = new Map(metadata.brokers.map((broker) => [broker.id, broker]))
  const partitions = metadata.topics[0]!.partitions
  const { batch, valueBytes } = orderBatch(job)
  const share = Math.ceil(job.batches / partitions.length)
  const sockets = await Promise.all(
    partitions.map(async ({ partition: index, leaderId }) => {
      const { host, port } = addresses.get(leaderId)!
      const socket = connect({ host, port, noDelay: true })
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
      return { socket, index }
    })
  )
  client.close()
  const started = process.hrtime.bigint()
  await Promise.all(
    sockets.map(({ socket, index }) => pump(socket, frameFor(job.topic, index, batch), share, job.inflight))
  )
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  for (const { socket } of sockets) socket.destroy()
  const batches = share * partitions.length
  return { records: batches * job.recordsPerBatch, bytes: batches * batch.length, valueBytes, seconds }
}

function frameFor(topic: string, index: number, records: Buffer): Buffer {
  const topicData = [{ name: topic, partitionData: [{ index, records }] }]
  const body = produceRequest.encode({ acks: 1, timeoutMs: 30_000, topicData }, produceVersion)
  const header = { apiKey: apiKeys.produce, apiVersion: produceVersion, correlationId: 0, clientId: 'kontrakt-bench' }
  return requestFrame(header, body)
}

/** Sends the frame `count` times over one connection, `inflight` at a time. Rejects when one is refused. */
function pump(socket: Socket, frame: Buffer, count: number, inflight: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    let pending = Buffer.alloc(0)
    const send = (): void => {
      // The correlation id is not looked at here, and the broker does not mind that it repeats.
      while (sent < count && sent - answered < inflight) {
        socket.write(frame)
        sent += 1
      }
    }
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0)
        const answer = produceResponse.decode(pending.subarray(9, end), produceVersion)
        const partition = answer.responses[0]!.partitionResponses[0]!
        if (partition.errorCode !== 0)
          reject(new Error(`refused with ${partition.errorCode}: ${partition.errorMessage}`))
        answered += 1
        pending = pending.subarray(end)
      }
      if (answered === count) resolve()
      else send()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
    send()
  })
}

const result = await run(JSON.parse(process.argv[2]!) as LoadJob)
process.stdout.write(`${JSON.stringify(result)}\n`)

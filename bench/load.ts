/**
 * The load generator: a process that sends ready-made batches as fast as they are acknowledged and says how long that
 * took. It makes no batch while it runs, so that what is measured is whatever stands between it and the broker; of an
 * idempotent producer's batch only the sequence and the checksum are written anew.
 *
 * Reads one job as JSON from its first argument, prints one result as JSON.
 */
import { connect, type Socket } from 'node:net'
import { requestFrame } from '../protocol/frames/header.ts'
import { apiKeys } from '../protocol/messages/api-table.ts'
import { produceRequest, produceResponse } from '../protocol/messages/produce.ts'
import { renumberBatch } from '../protocol/records/batch.ts'
import type { Codec } from '../protocol/records/batch.ts'
import { KafkaClient } from '../src/kafka/client.ts'
import { orderBatches, type OrderBatch, type Payload } from './payloads.ts'

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
  /** With a producer id and counted sequences, acks=all; otherwise without, acks=1. */
  readonly idempotent: boolean
  /** Share of the records that break the contract, 0 to 1. */
  readonly bad: number
}

export interface LoadResult {
  readonly records: number
  /** Of the records. */
  readonly badRecords: number
  readonly bytes: number
  readonly valueBytes: number
  readonly seconds: number
}

const produceVersion = 9
/** More than are in flight: a batch is written over only when it has been answered. */
const differentBatches = 8

/** A batch in its request, ready to be sent. */
interface ReadyFrame {
  readonly frame: Buffer
  /** Part of the frame. */
  readonly batch: Buffer
  readonly bad: number
}

async function run(job: LoadJob): Promise<LoadResult> {
  const { topic, recordsPerBatch, inflight, idempotent } = job
  if (inflight >= differentBatches) throw new Error(`at most ${differentBatches - 1} in flight`)
  const client = new KafkaClient({ bootstrapServers: [job.bootstrap], clientId: 'kontrakt-bench' })
  const metadata = await client.metadata([topic])
  const addresses = new Map(metadata.brokers.map((broker) => [broker.id, broker]))
  const partitions = metadata.topics[0]!.partitions
  const producer = idempotent ? await client.initProducerId() : null
  const { batches, valueBytes } = orderBatches(differentBatches, { ...job, producer })
  const share = Math.ceil(job.batches / partitions.length)
  const pumps = await Promise.all(
    partitions.map(async ({ partition: index, leaderId }) => {
      const { host, port } = addresses.get(leaderId)!
      const socket = connect({ host, port, noDelay: true })
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
      return { socket, frames: batches.map((batch) => readyFrame(job, index, batch)) }
    })
  )
  client.close()
  const started = process.hrtime.bigint()
  const totals = await Promise.all(
    pumps.map(({ socket, frames }) => pump(socket, frames, share, inflight, idempotent ? recordsPerBatch : null))
  )
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  for (const { socket } of pumps) socket.destroy()
  return {
    records: share * partitions.length * recordsPerBatch,
    badRecords: totals.reduce((sum, { bad }) => sum + bad, 0),
    bytes: totals.reduce((sum, { bytes }) => sum + bytes, 0),
    valueBytes,
    seconds
  }
}

function readyFrame({ topic, idempotent }: LoadJob, index: number, { bytes, bad }: OrderBatch): ReadyFrame {
  const topicData = [{ name: topic, partitionData: [{ index, records: bytes }] }]
  const acks = idempotent ? -1 : 1
  const body = produceRequest.encode({ acks, timeoutMs: 30_000, topicData }, produceVersion)
  const header = { apiKey: apiKeys.produce, apiVersion: produceVersion, correlationId: 0, clientId: 'kontrakt-bench' }
  const frame = requestFrame(header, body)
  const start = frame.indexOf(bytes)
  return { frame, batch: frame.subarray(start, start + bytes.length), bad }
}

/**
 * Sends the frames in turns over one connection, `count` times in all, `inflight` at a time. Rejects when one is refused.
 *
 * @param sequencesPerBatch null: they are sent as they are
 */
function pump(
  socket: Socket,
  frames: readonly ReadyFrame[],
  count: number,
  inflight: number,
  sequencesPerBatch: number | null
): Promise<{ bytes: number; bad: number }> {
  return new Promise((resolve, reject) => {
    let sent = 0
    let answered = 0
    let bytes = 0
    let bad = 0
    let pending = Buffer.alloc(0)
    const send = (): void => {
      // The correlation id is not looked at here, and the broker does not mind that it repeats.
      while (sent < count && sent - answered < inflight) {
        const next = frames[sent % frames.length]!
        if (sequencesPerBatch !== null) renumberBatch(next.batch, sent * sequencesPerBatch)
        socket.write(next.frame)
        bytes += next.batch.length
        bad += next.bad
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
      if (answered === count) resolve({ bytes, bad })
      else send()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
    send()
  })
}

const result = await run(JSON.parse(process.argv[2]!) as LoadJob)
process.stdout.write(`${JSON.stringify(result)}\n`)

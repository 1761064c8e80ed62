/**
 * The load generator: a process that sends ready-made batches and says how long that took. It makes no batch while it
 * runs, so that what is measured is whatever stands between it and the broker; of an idempotent producer's batch only
 * the sequence and the checksum are written anew.
 *
 * Reads one job as JSON from its first argument, prints one result as JSON.
 */
import { requestFrame } from '../protocol/frames/header.ts'
import { apiKeys } from '../protocol/messages/api-table.ts'
import { produceRequest } from '../protocol/messages/produce.ts'
import { KafkaClient } from '../src/kafka/client.ts'
import { orderBatches, type OrderBatch } from './payloads.ts'
import { openSocket, produceVersion, pump, type ReadyRequest, type Target } from './pump.ts'
import { topicsOf, type Load } from './ways.ts'

export interface LoadJob extends Load {
  /** `host:port` */
  readonly bootstrap: string
  readonly topic: string
}

export interface LoadResult {
  readonly records: number
  /** Of the records. */
  readonly badRecords: number
  readonly bytes: number
  readonly valueBytes: number
  readonly seconds: number
  /** Null without a rate. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly p999: number } | null
}

/** More than are in flight: an idempotent producer's batch is written over only when it has been answered. */
const differentBatches = 8

async function run(job: LoadJob): Promise<LoadResult> {
  const { recordsPerBatch, inflight, idempotent, rate } = job
  if (idempotent && inflight >= differentBatches) throw new Error(`at most ${differentBatches - 1} in flight`)
  const client = new KafkaClient({ bootstrapServers: [job.bootstrap], clientId: 'kontrakt-bench' })
  const names = topicsOf({ topic: job.topic, load: job })
  const { brokers, topics } = await client.metadata([...names])
  const producer = idempotent ? await client.initProducerId() : null
  client.close()
  const addresses = new Map(brokers.map((broker) => [broker.id, broker]))
  const { batches, valueBytes } = orderBatches(differentBatches, { ...job, producer })
  const targets = topics.flatMap(({ name, partitions }) =>
    partitions.map(({ partition, leaderId }) => ({
      address: addresses.get(leaderId)!,
      target: targetOf(name, partition, batches, idempotent)
    }))
  )
  if (idempotent && job.connections > targets.length) throw new Error('an idempotent partition has one connection')
  const share = Math.ceil(job.batches / job.connections)
  const pumps = await Promise.all(
    Array.from({ length: job.connections }, async (_, c) => {
      const own =
        job.connections > targets.length
          ? [targets[c % targets.length]!]
          : targets.filter((_target, t) => t % job.connections === c)
      const { host, port } = own[0]!.address
      const copies = own.map(({ target }) => ({ ...target }))
      return { socket: await openSocket(host, port), targets: copies }
    })
  )
  const started = process.hrtime.bigint()
  const intervalMs = rate === null ? null : (1_000 * recordsPerBatch * job.connections) / rate
  const sequencesPerBatch = idempotent ? recordsPerBatch : null
  const totals = await Promise.all(
    pumps.map(({ socket, targets }) => pump(socket, { targets, count: share, inflight, sequencesPerBatch, intervalMs }))
  )
  const seconds = Number(process.hrtime.bigint() - started) / 1e9
  for (const { socket } of pumps) socket.destroy()
  return {
    records: share * job.connections * recordsPerBatch,
    badRecords: totals.reduce((sum, { bad }) => sum + bad, 0),
    bytes: totals.reduce((sum, { bytes }) => sum + bytes, 0),
    valueBytes,
    seconds,
    latencyMs: rate === null ? null : quantiles(totals.map(({ latenciesMs }) => latenciesMs))
  }
}

function targetOf(topic: string, index: number, batches: readonly OrderBatch[], ownCopies: boolean): Target {
  return { requests: batches.map((batch) => readyRequest(topic, index, batch, ownCopies)), sent: 0 }
}

function readyRequest(name: string, index: number, { bytes, bad }: OrderBatch, ownCopy: boolean): ReadyRequest {
  const topicData = [{ name, partitionData: [{ index, records: bytes }] }]
  const acks = ownCopy ? -1 : 1
  const body = produceRequest.encode({ acks, timeoutMs: 30_000, topicData }, produceVersion)
  const header = { apiKey: apiKeys.produce, apiVersion: produceVersion, correlationId: 0, clientId: 'kontrakt-bench' }
  const frame = requestFrame(header, body)
  const start = frame.indexOf(bytes)
  // Copies: a part of the frame would keep all of it.
  return {
    head: Buffer.from(frame.subarray(0, start)),
    batch: ownCopy ? Buffer.from(bytes) : bytes,
    tail: Buffer.from(frame.subarray(start + bytes.length)),
    bad
  }
}

function quantiles(parts: readonly Float64Array[]): LoadResult['latencyMs'] {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  all.sort()
  const quantile = (share: number): number => all[Math.min(all.length - 1, Math.floor(share * all.length))]!
  return { p50: quantile(0.5), p99: quantile(0.99), p999: quantile(0.999) }
}

const result = await run(JSON.parse(process.argv[2]!) as LoadJob)
process.stdout.write(`${JSON.stringify(result)}\n`)

/** One connection of the load generator: sends ready-made batches, as fast as they are answered or by the clock. */
import { connect, type Socket } from 'node:net'
import { produceResponse } from '../protocol/messages/produce.ts'
import { renumberBatch } from '../protocol/records/batch.ts'

export const produceVersion = 9

/** A request as it is written: the batch stands between two pieces that name its partition. */
export interface ReadyRequest {
  readonly head: Buffer
  /** Requests of a producer without sequences share it. */
  readonly batch: Buffer
  readonly tail: Buffer
  /** Records that break the contract. */
  readonly bad: number
}

/** A partition and the requests that go to it in turns. */
export interface Target {
  readonly requests: readonly ReadyRequest[]
  /** Requests sent so far. */
  sent: number
}

export interface PumpJob {
  readonly targets: readonly Target[]
  /** Requests in all, over the targets in turns. */
  readonly count: number
  readonly inflight: number
  /** Null: the batches are sent as they are. */
  readonly sequencesPerBatch: number | null
  /** Milliseconds from one request to the next, answered or not; null: as soon as one is answered. */
  readonly intervalMs: number | null
}

export interface Pumped {
  readonly bytes: number
  readonly bad: number
  /** With an interval: from when each was due, so that one that could not be sent in time counts in full. */
  readonly latenciesMs: Float64Array
}

export async function openSocket(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return socket
}

/** Resolves when all is answered; rejects when one is refused or the connection is lost. */
export function pump(socket: Socket, job: PumpJob): Promise<Pumped> {
  const { targets, count, inflight, sequencesPerBatch, intervalMs } = job
  return new Promise((resolve, reject) => {
    let [sent, answered, bytes, bad] = [0, 0, 0, 0]
    let pending = Buffer.alloc(0)
    const startedMs = performance.now()
    const latenciesMs = new Float64Array(intervalMs === null ? 0 : count)
    const send = (): void => {
      const target = targets[sent % targets.length]!
      const next = target.requests[target.sent % target.requests.length]!
      if (sequencesPerBatch !== null) renumberBatch(next.batch, target.sent * sequencesPerBatch)
      socket.cork()
      socket.write(next.head)
      socket.write(next.batch)
      socket.write(next.tail)
      socket.uncork()
      bytes += next.batch.length
      bad += next.bad
      target.sent += 1
      sent += 1
    }
    const sendDue = (): void => {
      if (intervalMs === null) {
        // The correlation id is not looked at here, and the broker does not mind that it repeats.
        while (sent < count && sent - answered < inflight) send()
        return
      }
      while (sent < count && performance.now() - startedMs >= sent * intervalMs) send()
      if (sent < count) setTimeout(sendDue, 1)
    }
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0)
        const answer = produceResponse.decode(pending.subarray(9, end), produceVersion)
        const partition = answer.responses[0]!.partitionResponses[0]!
        if (partition.errorCode !== 0)
          reject(new Error(`refused with ${partition.errorCode}: ${partition.errorMessage}`))
        if (intervalMs !== null) latenciesMs[answered] = performance.now() - startedMs - answered * intervalMs
        answered += 1
        pending = pending.subarray(end)
      }
      if (answered === count) resolve({ bytes, bad, latenciesMs })
      else if (intervalMs === null) sendDue()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the connection was closed')))
    sendDue()
  })
}

/**
 * A relay before the one node of a cluster that loses what a test wants lost: a request on its way there, or the answer
 * to it; the connection ends with it. Addresses in answers are exchanged for the relay's own, so that clients stay.
 */
import { decodeResponseHeader, responseFrame } from '../../protocol/frames/header.ts'
import { openAddressed } from '../../src/proxy/addresses.ts'
import { FrameSplitter } from './hostile/frame-splitter.ts'
import { startSocketRelay, type Target } from './socket-relay.ts'

/** `request`: the broker never sees it. `answer`: it was carried out, and nobody is told. */
export type Loss = 'request' | 'answer' | null

export interface KafkaRelay {
  /** `host:port`. */
  readonly address: string
  /** Asked for every request, by its API key. */
  lose: (apiKey: number) => Loss
  close(): Promise<void>
}

interface Waiting {
  readonly apiKey: number
  readonly apiVersion: number
  readonly loss: Loss
}

export async function startKafkaRelay(target: Target): Promise<KafkaRelay> {
  const sockets = await startSocketRelay(
    () => target,
    (client, broker) => {
      const waiting = new Map<number, Waiting>()
      const requests = new FrameSplitter()
      const answers = new FrameSplitter()
      client.on('data', (chunk) => {
        for (const request of requests.push(chunk)) {
          const [apiKey, apiVersion] = [request.readInt16BE(4), request.readInt16BE(6)]
          const loss = relay.lose(apiKey)
          if (loss === 'request') {
            client.destroy()
            return
          }
          waiting.set(request.readInt32BE(8), { apiKey, apiVersion, loss })
          broker.write(request)
        }
      })
      broker.on('data', (chunk) => {
        for (const answer of answers.push(chunk)) {
          const correlationId = answer.readInt32BE(4)
          const { apiKey, apiVersion, loss } = waiting.get(correlationId)!
          waiting.delete(correlationId)
          if (loss === 'answer') {
            client.destroy()
            return
          }
          const frame = answer.subarray(4)
          const opened = openAddressed(
            apiKey,
            apiVersion,
            frame.subarray(decodeResponseHeader(frame, apiKey, apiVersion).headerLength)
          )
          client.write(
            opened === null
              ? answer
              : responseFrame(
                  apiKey,
                  apiVersion,
                  correlationId,
                  opened.rewritten(() => ({ host: '127.0.0.1', port }))
                )
          )
        }
      })
    }
  )
  const { port, address } = sockets
  const relay: KafkaRelay = { address, lose: () => null, close: () => sockets.close() }
  return relay
}

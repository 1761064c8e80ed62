/**
 * A recording relay before one broker: every request a client sends, with the answer it gets, frame by frame.
 *
 * Clients must not go past it, so addresses in answers are exchanged for its own on the way down; what is recorded is
 * what the broker said. With `narrow` it offers clients no newer versions than the proxy does.
 */
import { responseFrame, decodeResponseHeader } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { openAddressed } from '../../../src/proxy/addresses.ts'
import { narrowApiVersions } from '../../../src/proxy/api-versions.ts'
import { startSocketRelay, type Target } from '../socket-relay.ts'
import { FrameSplitter } from './frame-splitter.ts'

export interface Exchange {
  /** What was going on when the request was sent; see `Tap.phase`. */
  readonly phase: string
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** Whole frames, length prefixes included. */
  readonly request: Buffer
  /** Null while there is none, and for good with acks=0. */
  response: Buffer | null
}

export interface Tap {
  readonly bootstrap: string
  /** In the order in which the requests came. */
  readonly exchanges: readonly Exchange[]
  /** Written into every exchange that follows. */
  phase: string
  close(): Promise<void>
}

export interface TapOptions {
  readonly upstream: Target
  readonly narrow: boolean
}

/** Of the answers that carry addresses those that a cluster of one node gives. */
const addressed = new Set<number>([apiKeys.metadata, apiKeys.findCoordinator, apiKeys.describeCluster])

export async function startTap({ upstream, narrow }: TapOptions): Promise<Tap> {
  const exchanges: Exchange[] = []
  const sockets = await startSocketRelay(
    () => upstream,
    (client, broker) => {
      const waiting = new Map<number, Exchange>()
      const requests = new FrameSplitter()
      const answers = new FrameSplitter()
      client.on('data', (chunk) => {
        for (const request of requests.push(chunk)) {
          const exchange = exchangeOf(tap.phase, request)
          exchanges.push(exchange)
          waiting.set(exchange.correlationId, exchange)
        }
        broker.write(chunk)
      })
      broker.on('data', (chunk) => {
        for (const answer of answers.push(chunk)) {
          const exchange = waiting.get(answer.readInt32BE(4))
          if (exchange === undefined) throw new Error('an answer nobody asked for')
          waiting.delete(exchange.correlationId)
          exchange.response = answer
          client.write(forClient(exchange, answer))
        }
      })
    }
  )
  const { port, address } = sockets
  const advertised = (): { host: string; port: number } => ({ host: '127.0.0.1', port })
  const forClient = ({ apiKey, apiVersion, correlationId }: Exchange, answer: Buffer): Buffer => {
    const frame = answer.subarray(4)
    const body = (): Buffer => frame.subarray(decodeResponseHeader(frame, apiKey, apiVersion).headerLength)
    if (apiKey === apiKeys.apiVersions) {
      return narrow ? responseFrame(apiKey, apiVersion, correlationId, narrowApiVersions(body(), apiVersion)) : answer
    }
    if (!addressed.has(apiKey)) return answer
    const opened = openAddressed(apiKey, apiVersion, body())
    return opened === null ? answer : responseFrame(apiKey, apiVersion, correlationId, opened.rewritten(advertised))
  }
  const tap: Tap = {
    bootstrap: address,
    exchanges,
    phase: 'start',
    close: () => sockets.close()
  }
  return tap
}

function exchangeOf(phase: string, request: Buffer): Exchange {
  return {
    phase,
    apiKey: request.readInt16BE(4),
    apiVersion: request.readInt16BE(6),
    correlationId: request.readInt32BE(8),
    request,
    response: null
  }
}

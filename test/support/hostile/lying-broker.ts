/**
 * A broker that lies: a relay before an honest one that may put another answer, or any bytes, in the place of an
 * answer. The broker behind it is started when the port is known, because it must name this one as its address.
 */
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { startSocketRelay } from '../socket-relay.ts'
import { FrameSplitter } from './frame-splitter.ts'

/** What is sent instead of the answer to a request of this API; null: the connection is cut after `bytes`. */
export type Lie = (apiKey: number, answer: Buffer) => { readonly bytes: Buffer; readonly cut?: boolean }

export interface LyingBroker {
  readonly address: string
  readonly honest: EmbeddedBroker
  /** Null: it tells the truth. */
  lie: Lie | null
  close(): Promise<void>
}

export async function startLyingBroker(): Promise<LyingBroker> {
  let honest: EmbeddedBroker | undefined = undefined
  const sockets = await startSocketRelay(
    () => ({ host: '127.0.0.1', port: honest!.port }),
    (client, broker) => {
      const asked: number[] = []
      const requests = new FrameSplitter()
      const answers = new FrameSplitter()
      client.on('data', (chunk) => {
        for (const request of requests.push(chunk)) asked.push(request.readInt16BE(4))
        broker.write(chunk)
      })
      broker.on('data', (chunk) => {
        for (const answer of answers.push(chunk)) {
          const { bytes, cut } = liar.lie?.(asked.shift()!, answer) ?? { bytes: answer }
          client.write(bytes)
          if (cut === true) client.end()
        }
      })
    }
  )
  const { port, address } = sockets
  honest = await startEmbeddedBroker({ advertised: { host: '127.0.0.1', port }, autoCreateTopics: false })
  const liar: LyingBroker = {
    address,
    honest,
    lie: null,
    close: async () => {
      await sockets.close()
      await honest.close()
    }
  }
  return liar
}

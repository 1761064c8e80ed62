/**
 * A broker that lies: a relay before an honest one that may put another answer, or any bytes, in the place of an
 * answer. The broker behind it is started when the port is known, because it must name this one as its address.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
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
  const sockets = new Set<Socket>()
  let honest: EmbeddedBroker | undefined = undefined
  const server = createServer({ noDelay: true }, (client) => {
    const broker = connect({ host: '127.0.0.1', port: honest!.port, noDelay: true })
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
    for (const [socket, other] of [
      [client, broker],
      [broker, client]
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  honest = await startEmbeddedBroker({ advertised: { host: '127.0.0.1', port }, autoCreateTopics: false })
  const liar: LyingBroker = {
    address: `127.0.0.1:${port}`,
    honest,
    lie: null,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      await honest.close()
    }
  }
  return liar
}

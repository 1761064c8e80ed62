/**
 * A server on a port of its own before another one: each client's socket comes with one to the target, and when one of
 * the two is gone the other goes, too. What passes between them is the caller's.
 */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface SocketRelay {
  readonly port: number
  /** `host:port`. */
  readonly address: string
  /** Cuts all connections and takes no more. */
  close(): Promise<void>
}

export interface Target {
  readonly host: string
  readonly port: number
}

const host = '127.0.0.1'

/**
 * @param target asked for every connection
 * @param join called with each pair before a byte has passed
 */
export async function startSocketRelay(
  target: () => Target,
  join: (client: Socket, upstream: Socket) => void
): Promise<SocketRelay> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ ...target(), noDelay: true })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
    join(client, upstream)
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    address: `${host}:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}

/**
 * Stands before brokers on plain TCP and can cut: every connection is reset at once and none is taken for a while, as
 * when a proxy's process dies. It shows what a client makes of lost connections with no proxy of ours in between.
 */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Detour } from '../cluster/types.ts'
import { freePorts } from '../ports.ts'

export interface Forwarder {
  /** One for each node: what it has to listen at, and what stands here for it. */
  readonly detours: readonly Detour[]
  /** Resets all connections, and refuses new ones for this long. */
  cut(downMs: number): Promise<void>
  close(): Promise<void>
}

const host = '127.0.0.1'

export async function startForwarder(nodes: number): Promise<Forwarder> {
  const ports = await freePorts(2 * nodes)
  const routes = Array.from({ length: nodes }, (_, index) => ({
    own: ports[2 * index]!,
    target: ports[2 * index + 1]!
  }))
  const sockets = new Set<Socket>()
  let servers: Server[] = []
  const open = async (): Promise<void> => {
    servers = await Promise.all(routes.map((route) => listen(route, sockets)))
  }
  const shut = async (): Promise<void> => {
    const closed = servers.map((server) => once(server, 'close'))
    for (const server of servers) server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await Promise.all(closed)
  }
  await open()
  return {
    detours: routes.map(({ own, target }) => ({ listen: `${host}:${target}`, advertised: `${host}:${own}` })),
    async cut(downMs) {
      await shut()
      await sleep(downMs)
      await open()
    },
    close: shut
  }
}

async function listen(route: { own: number; target: number }, sockets: Set<Socket>): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(route.target, host)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.pipe(other)
      // A reset is passed on as one, and so is a broker that is not there: a client tells it from a tidy end.
      socket.on('error', () => other.resetAndDestroy())
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(route.own, host)
  await once(server, 'listening')
  return server
}

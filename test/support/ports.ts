/**
 * Free ports that stay free. The kernel takes the local ports of outgoing connections from 32768 upwards (Linux'
 * default), so a broker's port from there may be gone when the broker comes back; these are taken from below.
 */
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { randomInt } from 'node:crypto'

const first = 20_000
const last = 32_000

/** So many different free ports on loopback. */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = []
  const ports: number[] = []
  for (let attempt = 0; ports.length < count && attempt < 1_000; attempt++) {
    const port = randomInt(first, last)
    const server = await listen(port)
    if (server === undefined) continue
    servers.push(server)
    ports.push(port)
  }
  await Promise.all(servers.map(close))
  if (ports.length < count) throw new Error(`found only ${ports.length} of ${count} free ports in ${first}-${last}`)
  return ports
}

/** The first of so many free ports in a row. */
export async function freePortRange(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const start = randomInt(first, last - count)
    const servers = await Promise.all(Array.from({ length: count }, (_, index) => listen(start + index)))
    await Promise.all(servers.map(close))
    if (!servers.includes(undefined)) return start
  }
  throw new Error(`found no ${count} free ports in a row in ${first}-${last}`)
}

async function close(server: Server | undefined): Promise<void> {
  if (server === undefined) return
  server.close()
  await once(server, 'close')
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return server
  } catch {
    return undefined
  }
}

/** What a connection costs that does nothing: resident memory of the proxy before and after so many are opened. */
import type { Socket } from 'node:net'
import { requestFrame } from '../protocol/frames/header.ts'
import { apiKeys } from '../protocol/messages/api-table.ts'
import { apiVersionsRequest } from '../protocol/messages/api-versions.ts'
import { openSocket } from './pump.ts'

/** Bytes per connection. Each has asked for the API versions, as every client does, and then waits. */
export async function idleConnectionBytes(
  port: number,
  count: number,
  residentBytes: () => Promise<number>
): Promise<number> {
  const sockets: Socket[] = []
  try {
    // The first hundreds fill pools that later ones share.
    await openInto(sockets, port, Math.ceil(count / 4))
    const before = await residentBytes()
    const opened = sockets.length
    await openInto(sockets, port, count)
    const after = await residentBytes()
    return Math.max(0, after - before) / (sockets.length - opened)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}

async function openInto(sockets: Socket[], port: number, count: number): Promise<void> {
  const header = { apiKey: apiKeys.apiVersions, apiVersion: 3, correlationId: 1, clientId: 'kontrakt-bench' }
  const body = apiVersionsRequest.encode({ clientSoftwareName: 'bench', clientSoftwareVersion: '1' }, 3)
  const ask = requestFrame(header, body)
  while (sockets.length < count) {
    const some = Math.min(50, count - sockets.length)
    const opened = await Promise.all(Array.from({ length: some }, () => openSocket('127.0.0.1', port)))
    sockets.push(...opened)
    await Promise.all(
      opened.map(async (socket) => {
        socket.write(ask)
        await new Promise((answered) => socket.once('data', answered))
      })
    )
  }
  // What the requests left behind is collected, and what was to be freed is free.
  await new Promise((wake) => setTimeout(wake, 3_000))
}

/**
 * Sockets that a server has accepted, made to read into memory of ours. Node offers that (`onread`) for sockets that
 * connect only; for an accepted one a new socket takes over its handle, by options that are not documented. So it is
 * tried out first on a connection of our own, and where it does not work sockets stay as they came.
 */
import { Socket, connect, createServer } from 'node:net'
import type { AddressInfo, OnReadOpts, SocketConstructorOpts } from 'node:net'
import { Inlet } from './inlet.ts'
import type { ReadBuffers } from './read-buffers.ts'

/** How long trying it may take; on loopback it takes some milliseconds. */
const trialMs = 2_000

interface TakenOver extends Omit<SocketConstructorOpts, 'handle'> {
  readonly handle: unknown
  /** Leaves the handle paused, as `pauseOnConnect` has left it. */
  readonly pauseOnCreate: true
}

/** A socket and what arrives on it. */
export interface Accepted {
  readonly socket: Socket
  readonly inlet: Inlet
}

/** `socket`: accepted with `pauseOnConnect` and `allowHalfOpen`, and not listened to yet. It is of no more use. */
function takeOver(socket: Socket, onread: OnReadOpts): Socket {
  const from = socket as unknown as { _handle: unknown }
  const handle = from._handle
  from._handle = null
  const options: TakenOver = { handle, onread, allowHalfOpen: true, pauseOnCreate: true }
  const taken = new Socket(options as SocketConstructorOpts)
  // Without its handle it has nothing to close but its place in the server's count.
  socket.destroy()
  return taken
}

/** `works`: what `onreadWorks` said. The socket is paused either way. */
export function accept(socket: Socket, buffers: ReadBuffers, works: boolean): Accepted {
  const inlet = new Inlet(buffers)
  const accepted = works ? takeOver(socket, inlet.onread) : socket
  inlet.attach(accepted, works ? 'onread' : 'stream')
  return { socket: accepted, inlet }
}

let tried: Promise<boolean> | null = null

/** Whether this Node can do it; tried once in a process. Never rejects. */
export function onreadWorks(): Promise<boolean> {
  tried ??= tryTakeOver()
  return tried
}

/** Both ways, pausing and both ends on a connection of our own. */
export async function tryTakeOver(take: typeof takeOver = takeOver): Promise<boolean> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  const sockets: Socket[] = []
  let timer: NodeJS.Timeout | undefined
  try {
    return await new Promise<boolean>((resolve) => {
      const no = (): void => resolve(false)
      timer = setTimeout(no, trialMs)
      const memory = Buffer.alloc(64)
      server.on('error', no)
      server.on('connection', (socket) => {
        sockets.push(socket)
        try {
          const callback = (length: number, into: Uint8Array): true => {
            if (into !== memory) no()
            else taken.write(Buffer.from(memory.subarray(0, length)))
            return true
          }
          const taken = take(socket, { buffer: () => memory, callback })
          sockets.push(taken)
          taken.on('error', no)
          taken.on('end', () => taken.end())
          // Nothing may have been read before this.
          setImmediate(() => (taken.bytesRead === 0 ? taken.resume() : no()))
        } catch {
          no()
        }
      })
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo
        const client = connect({ host: '127.0.0.1', port }, () => client.end('ping'))
        sockets.push(client)
        let echoed = ''
        client.on('error', no)
        client.on('data', (chunk: Buffer) => (echoed += chunk.toString()))
        client.on('end', () => resolve(echoed === 'ping'))
      })
    })
  } finally {
    clearTimeout(timer)
    for (const socket of sockets) socket.destroy()
    server.close()
  }
}

/**
 * TCP peers that do exactly what a test says: answer, stay silent, stop reading, send half a frame, reset. A
 * `RawUpstream` plays a broker, `connectRaw` a client. Neither knows Kafka beyond the length in front of a frame.
 */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { ChunkQueue } from '../../protocol/frames/chunk-queue.ts'

export class RawPeer {
  readonly socket: Socket
  /** Whole frames received, lengths included. */
  readonly frames: Buffer[] = []
  receivedBytes = 0
  /** The other side has sent its end (FIN). */
  ended = false
  /** The socket is gone, whoever ended it. */
  closed = false
  /** `ECONNRESET` and the like. */
  errorCode: string | null = null
  readonly #rest = new ChunkQueue()
  readonly #onFrame: (frame: Buffer) => void

  constructor(socket: Socket, onFrame: (frame: Buffer, peer: RawPeer) => void = () => undefined) {
    this.socket = socket
    this.#onFrame = (frame) => onFrame(frame, this)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => {
      this.ended = true
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.errorCode = error.code ?? error.message
    })
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** Everything received, half frames included. */
  get received(): Buffer {
    return Buffer.concat([...this.frames, this.#rest.peek(this.#rest.length)!])
  }

  /** True once nothing more can come. */
  get over(): boolean {
    return this.ended || this.closed
  }

  send(...parts: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(parts))
  }

  /** In writes of `size` bytes, each on its way before the next. */
  async sendInPieces(bytes: Buffer, size: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise<void>((resolve) => {
        this.socket.write(bytes.subarray(at, at + size), () => setImmediate(resolve))
      })
    }
  }

  /** Sends FIN and goes on reading. */
  end(): void {
    this.socket.end()
  }

  /** Sends RST. */
  reset(): void {
    this.socket.resetAndDestroy()
  }

  /** Reads no more: what comes fills the buffers of the kernel. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  #take(chunk: Buffer): void {
    this.receivedBytes += chunk.length
    this.#rest.push(chunk)
    for (let prefix = this.#rest.peek(4); prefix !== null; prefix = this.#rest.peek(4)) {
      const length = 4 + prefix.readInt32BE(0)
      if (length < 4 || this.#rest.length < length) return
      const frame = Buffer.allocUnsafe(length)
      this.#rest.moveInto(frame, 0)
      this.frames.push(frame)
      this.#onFrame(frame)
    }
  }
}

export class RawUpstream {
  /** Connections in the order in which they came. */
  readonly links: RawPeer[] = []
  /** Called with every whole frame; what it answers is sent. */
  answer: (frame: Buffer, link: RawPeer) => Buffer | null = () => null
  #server: Server | null = null
  #port = 0

  /** Rejects when the port is taken; 0 for any free one. */
  static async start(port = 0): Promise<RawUpstream> {
    const upstream = new RawUpstream()
    upstream.#port = port
    await upstream.open()
    return upstream
  }

  get port(): number {
    return this.#port
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.#port }
  }

  /** Takes connections, on the same port as before. */
  async open(): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const peer = new RawPeer(socket, (frame, link) => {
        const answer = this.answer(frame, link)
        if (answer !== null) link.send(answer)
      })
      this.links.push(peer)
    })
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const bound = server.address()
    if (bound !== null && typeof bound === 'object') this.#port = bound.port
    this.#server = server
  }

  /** Refuses connections; those that are open stay open. */
  refuse(): void {
    this.#server?.close()
    this.#server = null
  }

  /** As a broker that is killed: refuses, and every connection ends. */
  close(): void {
    this.refuse()
    for (const link of this.links) link.socket.destroy()
  }
}

/** A client; it keeps its side open until the test ends it. Rejects with the error of the system. */
export async function connectRaw(port: number): Promise<RawPeer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return new RawPeer(socket)
}

/** `connected`, or why not: `ECONNREFUSED`. */
export async function tryConnect(port: number): Promise<string> {
  try {
    const peer = await connectRaw(port)
    peer.socket.destroy()
    return 'connected'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

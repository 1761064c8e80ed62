/** A client that is nothing but a socket: it sends what it is given, as it is, and sees what any client would see. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameSplitter } from './frame-splitter.ts'

export class RawClient {
  readonly #socket: Socket
  readonly #frames: Buffer[] = []
  readonly #splitter = new FrameSplitter()
  #wake = Promise.withResolvers<undefined>()
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => {
      this.#frames.push(...this.#splitter.push(chunk))
      this.#changed()
    })
    // Whether it ends with FIN or with RST is the system's choice.
    socket.on('error', () => undefined)
    socket.on('end', () => this.#end())
    socket.on('close', () => this.#end())
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Resolves when the bytes have left, or can never leave. */
  send(...parts: readonly Buffer[]): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) resolve()
      else {
        this.#socket.once('close', resolve)
        this.#socket.write(Buffer.concat(parts), () => {
          this.#socket.off('close', resolve)
          resolve()
        })
      }
    })
  }

  /** The next whole frame, or that there will be none. */
  async answer(): Promise<Buffer | 'closed'> {
    for (;;) {
      const frame = this.#frames.shift()
      if (frame !== undefined) return frame
      if (this.#closed) return 'closed'
      await this.#wake.promise
    }
  }

  async ask(...parts: readonly Buffer[]): Promise<Buffer | 'closed'> {
    void this.send(...parts)
    return await this.answer()
  }

  /** Resolves when the other side has ended the connection. */
  async ended(): Promise<void> {
    while (!this.#closed) await this.#wake.promise
  }

  get isEnded(): boolean {
    return this.#closed
  }

  /** Stops reading: what is sent to this client stays on its way. */
  stopReading(): void {
    this.#socket.pause()
  }

  /** Vanishes without a word of farewell. */
  vanish(): void {
    this.#socket.resetAndDestroy()
  }

  #end(): void {
    this.#closed = true
    this.#socket.destroy()
    this.#changed()
  }

  #changed(): void {
    const { resolve } = this.#wake
    this.#wake = Promise.withResolvers<undefined>()
    resolve(undefined)
  }
}

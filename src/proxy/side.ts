/** One of the two sockets of a connection, with what arrives on it and what is sent on it. */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Consumer, Inlet } from './inlet.ts'
import { Outlet } from './outlet.ts'
import type { ReadBuffer } from './read-buffers.ts'

/**
 * A socket that is paused does not notice that its peer is gone. One that stays so for longer is read once more: most
 * pauses are over by then, and cost nothing.
 */
const watchAfterMs = 100

export interface SideEvents {
  /** What was buffered for it has been taken. */
  readonly unblocked: () => void
  /** It sends no more. */
  readonly ended: () => void
}

export class Side {
  readonly socket: Socket
  readonly outlet: Outlet
  readonly #inlet: Inlet
  #reading = false
  #blocked = false
  #watch: NodeJS.Timeout | null = null

  /** `socket` is paused, `inlet` attached to it. */
  constructor({ socket, inlet }: { socket: Socket; inlet: Inlet }, nowMs: () => number) {
    this.socket = socket
    this.outlet = new Outlet(socket, nowMs)
    this.#inlet = inlet
  }

  /** Begins to read. */
  serve(consumer: Omit<Consumer, 'reads'>, events: SideEvents): void {
    this.#inlet.feed({ ...consumer, reads: () => this.#reading })
    this.socket.on('drain', () => {
      if (!this.#blocked) return
      this.#blocked = false
      events.unblocked()
    })
    this.socket.on('end', () => events.ended())
    this.steer(true)
  }

  /** Reads on, or pauses. */
  steer(wanted: boolean): void {
    if (wanted === this.#reading) return
    this.#reading = wanted
    clearTimeout(this.#watch ?? undefined)
    if (wanted) {
      this.socket.resume()
    } else {
      this.socket.pause()
      this.#watch = setTimeout(() => this.#readOnce(), watchAfterMs).unref()
    }
  }

  /**
   * Still paused as a stream; the inlet pauses it for good when bytes have come. Its end is told at once, and comes after
   * all its bytes.
   */
  #readOnce(): void {
    if (this.#reading || this.socket.destroyed) return
    this.socket.resume()
    Duplex.prototype.pause.call(this.socket)
  }

  /** Sends what the turn has added; true when that has filled it up. See `Outlet.flush`. */
  flush(source: ReadBuffer | null): boolean {
    this.outlet.flush(source)
    if (this.#blocked || !this.outlet.blocked) return false
    this.#blocked = true
    return true
  }

  /**
   * Ends it; what still arrives is dropped. `gone` is called once, when the socket has closed. `reset`: as where nobody
   * listens; a tidy end before the first answer is for good with franz-go, which takes itself for unwelcome.
   */
  end(gone: () => void, reset: boolean): void {
    const { socket } = this
    clearTimeout(this.#watch ?? undefined)
    this.#inlet.feed(null)
    socket.on('error', () => undefined)
    const closed = (): void => {
      this.#inlet.close()
      gone()
    }
    if (socket.closed) setImmediate(closed)
    else socket.once('close', closed)
    socket.resume()
    if (reset) socket.resetAndDestroy()
    else socket.end(() => socket.destroy())
  }
}

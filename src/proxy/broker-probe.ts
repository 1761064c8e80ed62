/**
 * Watches over brokers that may be down: while one refuses connections, so do the ports that stand for it.
 *
 * A probe is a TCP connection that is closed at once. It is made when a broker has ended a connection or refused one,
 * and then again and again until the broker takes one; never while all is well.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Address } from '../address.ts'

export interface BrokerProbeOptions {
  readonly addressOf: (nodeId: number) => Address | null
  /** The broker refuses connections now. */
  readonly onDown: (nodeId: number) => void
  /** It takes them again. */
  readonly onUp: (nodeId: number) => void
}

/** A refusal arrives at once; a host that answers nothing is left to the time-outs of those who connect. */
const probeTimeoutMs = 1_000
/** How soon a broker that came back is noticed; clients back off for 50 ms to 1 s themselves. */
const probeAgainMs = 250

export class BrokerProbe {
  readonly #options: BrokerProbeOptions
  readonly #probing = new Map<number, Promise<void>>()
  readonly #down = new Map<number, NodeJS.Timeout>()
  #closed = false

  constructor(options: BrokerProbeOptions) {
    this.#options = options
  }

  /** Resolves when it is known whether the broker takes connections. Never rejects. */
  suspect(nodeId: number): Promise<void> {
    const running = this.#probing.get(nodeId)
    if (running !== undefined) return running
    if (this.#closed || this.#down.has(nodeId)) return Promise.resolve()
    const probing = this.#probe(nodeId).finally(() => this.#probing.delete(nodeId))
    this.#probing.set(nodeId, probing)
    return probing
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#down.values()) clearTimeout(timer)
    this.#down.clear()
  }

  async #probe(nodeId: number): Promise<void> {
    if ((await this.#refuses(nodeId)) && !this.#isClosed()) {
      this.#options.onDown(nodeId)
      this.#again(nodeId)
    }
  }

  #again(nodeId: number): void {
    const timer = setTimeout(() => {
      void this.#refuses(nodeId).then((refuses) => {
        if (this.#closed) return
        if (refuses) {
          this.#again(nodeId)
        } else {
          this.#down.delete(nodeId)
          this.#options.onUp(nodeId)
        }
      })
    }, probeAgainMs)
    timer.unref()
    this.#down.set(nodeId, timer)
  }

  #refuses(nodeId: number): Promise<boolean> {
    const address = this.#options.addressOf(nodeId)
    if (address === null) return Promise.resolve(false)
    return new Promise((resolve) => {
      const socket = connectOrNull(address)
      if (socket === null) {
        resolve(false)
        return
      }
      const done = (refuses: boolean): void => {
        socket.destroy()
        resolve(refuses)
      }
      socket.setTimeout(probeTimeoutMs, () => done(false))
      socket.once('connect', () => done(false))
      socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'))
    })
  }

  /** As a call, so that an answer from before an `await` is not taken for granted. */
  #isClosed(): boolean {
    return this.#closed
  }
}

/** Null when the address is none, such as a port above 65535: it neither takes nor refuses anything. */
function connectOrNull({ host, port }: Address): Socket | null {
  try {
    return connect({ host, port })
  } catch {
    return null
  }
}

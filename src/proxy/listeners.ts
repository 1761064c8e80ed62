/**
 * The addresses clients connect to: for each configured listener a bootstrap address and one port per broker, so that
 * the address given out for broker N reaches broker N and no other.
 */
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import type { Address } from '../address.ts'

export interface ListenerOptions {
  readonly address: Address
  /** The host that answers name. */
  readonly advertisedHost: string
  /** The port for a broker; null when it has none, 0 for any free one. */
  readonly portOf: (nodeId: number) => number | null
}

/** Called for each connection; `nodeId` is null on the bootstrap address. */
export type Accept = (socket: Socket, nodeId: number | null, listener: Listener) => void

export class Listener {
  readonly #options: ListenerOptions
  readonly #accept: Accept
  readonly #servers = new Map<number | null, Server>()
  readonly #opening = new Map<number, Promise<Address | null>>()
  readonly #advertised = new Map<number, Address>()
  #closed = false

  constructor(options: ListenerOptions, accept: Accept) {
    this.#options = options
    this.#accept = accept
  }

  /** The bootstrap address as bound. Rejects when the port is taken. */
  async open(): Promise<Address> {
    return await this.#listen(null, this.#options.address.port)
  }

  /** True when nothing has to be opened before clients may learn of this broker. */
  knows(nodeId: number): boolean {
    return this.#advertised.has(nodeId) || this.hasNoPort(nodeId)
  }

  /** True when no port is configured for this broker. */
  hasNoPort(nodeId: number): boolean {
    return this.#options.portOf(nodeId) === null
  }

  /** True when clients cannot be told of this broker. */
  lacks(nodeId: number): boolean {
    return !this.#advertised.has(nodeId)
  }

  /** Where clients reach the broker through this listener; null when it has no port here. */
  advertised(nodeId: number): Address | null {
    return this.#advertised.get(nodeId) ?? null
  }

  /** Opens the port of a broker unless it is open. Null when it has none. Rejects when the port is taken. */
  ensure(nodeId: number): Promise<Address | null> {
    const port = this.#options.portOf(nodeId)
    if (port === null || this.#closed) return Promise.resolve(null)
    const known = this.#opening.get(nodeId)
    if (known !== undefined) return known
    const opening = this.#listen(nodeId, port).then((bound) => {
      const address = { host: this.#options.advertisedHost, port: bound.port }
      this.#advertised.set(nodeId, address)
      return address
    })
    opening.catch(() => this.#opening.delete(nodeId))
    this.#opening.set(nodeId, opening)
    return opening
  }

  /**
   * Refuses connections for a broker that is down, as the broker itself does; its address is still given out. kafkajs for
   * one tells "cannot connect" from "connected and closed", and loses records on the latter.
   */
  refuse(nodeId: number): void {
    this.#servers.get(nodeId)?.close()
    this.#servers.delete(nodeId)
  }

  /** Takes connections for that broker again. Rejects, and gives its address out no more, when the port was taken. */
  async admit(nodeId: number): Promise<void> {
    const address = this.#advertised.get(nodeId)
    if (address === undefined || this.#servers.has(nodeId) || this.#closed) return
    try {
      await this.#listen(nodeId, address.port)
    } catch (error) {
      this.#advertised.delete(nodeId)
      this.#opening.delete(nodeId)
      throw error
    }
  }

  /** Stops accepting; connections that are open stay open. */
  close(): void {
    this.#closed = true
    for (const server of this.#servers.values()) server.close()
    this.#servers.clear()
  }

  #listen(nodeId: number | null, port: number): Promise<Address> {
    const { host } = this.#options.address
    const server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true, allowHalfOpen: true })
    server.on('connection', (socket) => this.#accept(socket, nodeId, this))
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.removeListener('error', reject)
        // Failing to accept one connection (out of descriptors) must not end the process.
        server.on('error', () => undefined)
        if (this.#closed) server.close()
        else this.#servers.set(nodeId, server)
        const bound = server.address()
        resolve({ host, port: bound !== null && typeof bound === 'object' ? bound.port : port })
      })
    })
  }
}

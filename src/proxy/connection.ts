/**
 * The driver of one session: owns the two sockets, turns what happens on them into events and carries the effects out.
 * All decisions are the session's.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Address } from '../address.ts'
import type { ByteBudget, Ticket } from './byte-budget.ts'
import type { ConnectionInfo, ProxyEvents } from './events.ts'
import { FrameTickets } from './frame-tickets.ts'
import { IncomingRate } from './incoming-rate.ts'
import type { CloseReason, Direction, Effect, SessionEvent } from './session/effects.ts'
import { Session } from './session/session.ts'
import type { SessionContext } from './session/shared.ts'
import type { Broker } from './addresses.ts'

export interface ConnectionOptions {
  readonly id: number
  readonly client: Socket
  readonly session: SessionContext
  /** Which of the upstreams it became. */
  readonly onConnected: (upstream: Address) => void
  /** Tried in order until one can be connected to; more than one on a bootstrap address only. */
  readonly upstreams: readonly Address[]
  readonly connectTimeoutMs: number
  readonly requestBudget: ByteBudget
  readonly responseBudget: ByteBudget
  readonly reconcile: (brokers: readonly Broker[]) => Promise<void>
  /** The broker ended the connection, or could not be reached; resolves when what follows from that is done. */
  readonly upstreamLost: () => Promise<void>
  readonly events: ProxyEvents
}

/** A frame with reserved memory that a socket has not taken yet. */
interface Sending {
  readonly direction: Direction
  readonly socket: Socket
  sinceMs: number
  takenBytes: number
}

/** How long both sides get to take what is still buffered for them before they are cut. */
const lingerMs = 1_000

export class Connection {
  readonly id: number
  /** Resolves when both sockets are gone. */
  readonly closed: Promise<void>
  readonly #options: ConnectionOptions
  readonly #session: Session
  readonly #client: Socket
  readonly #remoteAddress: string
  readonly #openedAtMs: number
  #upstream: Socket | null = null
  #events: SessionEvent[] = []
  #running = false
  readonly #requestTickets = new FrameTickets()
  #responseTicket: Ticket | null = null
  #clientReading = false
  #upstreamReading = true
  readonly #abort = new AbortController()
  #closing = false
  #clientEnded = false
  #upstreamGone = false
  #resolveClosed: () => void = () => undefined
  #clientId: string | null = null
  #requests = 0
  #bytesFromClient = 0
  #bytesToClient = 0
  readonly #rate = new IncomingRate()
  /** Frames with reserved memory that a socket has not taken yet. */
  readonly #sending = new Set<Sending>()

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.id = options.id
    this.#client = options.client
    this.#remoteAddress = `${options.client.remoteAddress ?? '?'}:${options.client.remotePort ?? 0}`
    this.#openedAtMs = options.session.nowMs()
    this.#session = new Session(options.session)
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    this.#client.on('error', () => this.#end('client-closed'))
    this.#client.on('close', () => this.#end('client-closed'))
  }

  get info(): ConnectionInfo {
    return {
      id: this.id,
      remoteAddress: this.#remoteAddress,
      nodeId: this.#options.session.nodeId(),
      clientId: this.#clientId,
      openedAtMs: this.#openedAtMs,
      requests: this.#requests,
      bytesFromClient: this.#bytesFromClient,
      bytesToClient: this.#bytesToClient,
      pendingAnswers: this.#session.pendingAnswers
    }
  }

  /** Connects upstream and begins to serve. Never rejects. */
  async start(): Promise<void> {
    try {
      await this.#start()
    } catch (error) {
      this.#options.events.internalError(error)
      this.#end('internal-error')
    }
  }

  async #start(): Promise<void> {
    const upstream = await this.#connectUpstream()
    if (upstream === null) {
      await this.#options.upstreamLost()
      this.#end('upstream-unreachable')
      return
    }
    if (this.#closing) {
      upstream.destroy()
      return
    }
    this.#upstream = upstream
    upstream.on('data', (chunk: Buffer) => this.#handle({ type: 'upstream-bytes', chunk }))
    upstream.on('drain', () => this.#handle({ type: 'upstream-blocked', blocked: false }))
    upstream.on('end', () => this.#lost())
    upstream.on('error', () => this.#lost())
    upstream.on('close', () => this.#lost())
    const client = this.#client
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk))
    client.on('drain', () => this.#handle({ type: 'client-blocked', blocked: false }))
    client.on('end', () => {
      this.#clientEnded = true
      this.#handle({ type: 'client-end' })
    })
    this.#clientReading = true
    client.resume()
  }

  /** Finishes what produces, then closes. */
  drain(): void {
    if (this.#upstream === null) this.#end('drained')
    else this.#handle({ type: 'drain' })
  }

  cut(reason: CloseReason): void {
    this.#end(reason)
    this.#client.destroy()
    this.#upstream?.destroy()
  }

  /**
   * Called every second or so: closes the connection when a frame under way comes in slower than allowed, or when one
   * that holds memory others wait for is taken slower than that.
   */
  checkRate(minBytesPerSecond: number, windowMs: number): void {
    this.#checkIncoming(minBytesPerSecond, windowMs)
    for (const sending of this.#sending) {
      const budget = sending.direction === 'request' ? this.#options.requestBudget : this.#options.responseBudget
      const nowMs = this.#options.session.nowMs()
      const elapsedMs = nowMs - sending.sinceMs
      if (elapsedMs < windowMs || budget.waiting === 0) continue
      const taken = takenBytes(sending.socket)
      if (taken - sending.takenBytes < (minBytesPerSecond * elapsedMs) / 1_000) this.#end('stalled')
      else Object.assign(sending, { sinceMs: nowMs, takenBytes: taken })
    }
  }

  #checkIncoming(minBytesPerSecond: number, windowMs: number): void {
    const { awaitsClient, framesBegun } = this.#session
    const nowMs = this.#options.session.nowMs()
    if (!awaitsClient) this.#rate.rest()
    else if (this.#rate.tooSlow(framesBegun, nowMs, minBytesPerSecond, windowMs)) this.#end('slow-body')
  }

  async #connectUpstream(): Promise<Socket | null> {
    for (const { host, port } of this.#options.upstreams) {
      if (this.#closing) return null
      const socket = connect({ host, port, noDelay: true, keepAlive: true })
      const failure = await new Promise<Error | null>((resolve) => {
        socket.setTimeout(this.#options.connectTimeoutMs, () => resolve(new Error('timed out')))
        socket.once('connect', () => resolve(null))
        socket.once('error', resolve)
      })
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      if (failure === null) {
        this.#options.onConnected({ host, port })
        return socket
      }
      socket.on('error', () => undefined)
      socket.destroy()
      this.#options.events.upstreamUnreachable({ host, port }, failure.message)
    }
    return null
  }

  /** A lost upstream closes the client connection; it is never silently opened again. */
  #lost(): void {
    if (this.#closing) return
    this.#client.pause()
    this.#upstreamGone = true
    this.#handle({ type: 'upstream-lost' })
  }

  /** What the broker said last may still wait for memory, a listener or the client. */
  #endWhenDelivered(): void {
    if (!this.#upstreamGone || this.#closing || this.#session.holdsAnswer) return
    if (this.#clientEnded) this.#end('client-closed')
    else void this.#options.upstreamLost().then(() => this.#end('upstream-closed'))
  }

  #fromClient(chunk: Buffer): void {
    this.#bytesFromClient += chunk.length
    this.#rate.arrived(chunk.length)
    this.#handle({ type: 'client-bytes', chunk })
  }

  /** Effects may cause events at once (a verdict, granted memory): they are handled in order, not nested. */
  #handle(event: SessionEvent): void {
    if (this.#closing) return
    this.#events.push(event)
    if (this.#running) return
    this.#running = true
    this.#client.cork()
    this.#upstream?.cork()
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        for (const effect of this.#session.handle(next)) this.#carryOut(effect)
      }
    } catch (error) {
      this.#options.events.internalError(error)
      this.#end('internal-error')
    } finally {
      this.#running = false
      this.#client.uncork()
      this.#upstream?.uncork()
    }
    this.#steerReading()
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'to-upstream':
        this.#write('request', this.#upstream!, effect.bytes, effect.frees)
        break
      case 'to-client':
        this.#bytesToClient += effect.bytes.length
        this.#write('response', this.#client, effect.bytes, effect.frees)
        break
      case 'reserve':
        this.#reserve(effect.direction, effect.bytes)
        break
      case 'free':
        this.#free(effect.direction)
        break
      case 'give-up':
        this.#requestTickets.releaseAll()
        break
      case 'judge':
        this.#judge(effect)
        break
      case 'await':
        this.#requestTickets.grow(effect.heldBytes)
        this.#whenCome(effect.ready, () => ({ type: 'ready', departure: effect.departure }))
        break
      case 'reconcile':
        void this.#options.reconcile(effect.brokers).then(() => this.#handle({ type: 'reconciled' }))
        break
      case 'count':
        if (effect.what === 'request') this.#requests += 1
        this.#options.events.counted(effect.what, effect.apiKey, effect.bytes)
        break
      case 'client-id':
        this.#clientId = effect.clientId
        break
      case 'finish':
        // The broker answers our end with its own, after everything it still has to say.
        this.#upstream?.end()
        break
      case 'close':
        this.#end(effect.reason, effect.detail)
        break
    }
  }

  #write(direction: Direction, socket: Socket, bytes: Buffer, frees: boolean): void {
    if (socket.destroyed || socket.writableEnded) {
      if (frees) this.#free(direction)
      return
    }
    const ticket = frees ? this.#takeTicket(direction) : null
    let accepted: boolean
    if (ticket === null) {
      accepted = socket.write(bytes)
    } else {
      ticket.grow(Math.max(0, bytes.length - ticket.bytes))
      const sending = { direction, socket, sinceMs: this.#options.session.nowMs(), takenBytes: takenBytes(socket) }
      this.#sending.add(sending)
      accepted = socket.write(bytes, () => {
        this.#sending.delete(sending)
        ticket.release()
      })
    }
    if (accepted) return
    const type = direction === 'request' ? 'upstream-blocked' : 'client-blocked'
    this.#events.push({ type, blocked: true })
  }

  #reserve(direction: Direction, bytes: number): void {
    const budget = direction === 'request' ? this.#options.requestBudget : this.#options.responseBudget
    const ticket = budget.reserve(bytes, () => this.#handle({ type: 'reserved', direction }))
    if (direction === 'request') this.#requestTickets.add(ticket)
    else this.#responseTicket = ticket
    if (ticket.granted) this.#events.push({ type: 'reserved', direction })
    else this.#options.events.budgetWait(direction)
  }

  #free(direction: Direction): void {
    this.#takeTicket(direction)?.release()
  }

  /** Of the frame that leaves; from now on it is released by whoever took it. */
  #takeTicket(direction: Direction): Pick<Ticket, 'bytes' | 'grow' | 'release'> | null {
    if (direction === 'request') return this.#requestTickets.shift() ?? null
    const ticket = this.#responseTicket
    this.#responseTicket = null
    return ticket
  }

  #judge({ call }: Extract<Effect, { type: 'judge' }>): void {
    const judged = this.#options.session.producePath.judge(call, this.#abort.signal)
    if (judged instanceof Promise) this.#whenCome(judged, (later) => ({ type: 'judged', judged: later }))
    else this.#events.push({ type: 'judged', judged })
  }

  /** The youngest request is held until then, and looked at by others: its memory counts as long, come what may. */
  #whenCome<T>(coming: Promise<T>, eventOf: (value: T) => SessionEvent): void {
    this.#requestTickets.lend(coming)
    coming.then(
      (value) => this.#handle(eventOf(value)),
      (error: unknown) => {
        this.#options.events.internalError(error)
        this.#end('internal-error')
      }
    )
  }

  #steerReading(): void {
    this.#endWhenDelivered()
    if (this.#closing || this.#upstreamGone) return
    const wantsClient = this.#session.wantsClientBytes
    if (wantsClient !== this.#clientReading) {
      this.#clientReading = wantsClient
      if (wantsClient) this.#client.resume()
      else this.#client.pause()
    }
    const wantsUpstream = this.#session.wantsUpstreamBytes
    if (wantsUpstream !== this.#upstreamReading && this.#upstream !== null) {
      this.#upstreamReading = wantsUpstream
      if (wantsUpstream) this.#upstream.resume()
      else this.#upstream.pause()
    }
  }

  /** Idempotent. What is buffered towards either side is still sent, for a short while. */
  #end(reason: CloseReason, detail?: string): void {
    if (this.#closing) return
    this.#closing = true
    this.#abort.abort()
    this.#requestTickets.releaseAll()
    this.#responseTicket?.release()
    const sockets = [this.#client, this.#upstream].filter((socket) => socket !== null)
    let open = sockets.length
    for (const socket of sockets) {
      socket.removeAllListeners('data')
      socket.on('error', () => undefined)
      const gone = (): void => {
        open -= 1
        if (open > 0) return
        clearTimeout(timer)
        this.#options.events.closed(this.info, reason, detail)
        this.#resolveClosed()
      }
      if (socket.closed) setImmediate(gone)
      else socket.once('close', gone)
      socket.resume()
      socket.end(() => socket.destroy())
    }
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, lingerMs)
  }
}

/** Bytes that the kernel has taken; `bytesWritten` counts what is still buffered here as well. */
function takenBytes(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength
}

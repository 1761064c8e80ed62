/**
 * The driver of one session: owns the two sockets, turns what happens on them into events and carries the effects out.
 * All decisions are the session's.
 */
import type { Address } from '../address.ts'
import type { Accepted } from './accepted-sockets.ts'
import type { ByteBudget, Ticket } from './byte-budget.ts'
import { connectUpstream } from './connect-upstream.ts'
import type { ConnectionInfo, ProxyEvents } from './events.ts'
import { FrameTickets, withItsMemory } from './frame-tickets.ts'
import { IncomingRate } from './incoming-rate.ts'
import type { Outlet } from './outlet.ts'
import type { ReadBuffer, ReadBuffers } from './read-buffers.ts'
import type { CloseReason, Direction, Effect, SessionEvent } from './session/effects.ts'
import { Session } from './session/session.ts'
import type { SessionContext } from './session/shared.ts'
import { Side } from './side.ts'
import type { Broker } from './addresses.ts'

export interface ConnectionOptions {
  readonly id: number
  readonly client: Accepted
  readonly buffers: ReadBuffers
  /** Whether sockets can read into memory of ours. */
  readonly onread: boolean
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

/** How long both sides get to take what is still buffered for them before they are cut. */
const lingerMs = 1_000

/** Frames that are copied after one had to be kept where it lay: those of one client mostly fare alike. */
const copiesAfterKept = 64

export class Connection {
  readonly id: number
  /** Resolves when both sockets are gone. */
  readonly closed: Promise<void>
  readonly #options: ConnectionOptions
  readonly #session: Session
  readonly #client: Side
  readonly #remoteAddress: string
  readonly #openedAtMs: number
  #upstream: Side | null = null
  /** Where the bytes of the turn lie, when they lie in memory that is used again. */
  #source: ReadBuffer | null = null
  /** Frames in memory of their own that others look at since this turn. */
  readonly #collected = new Set<Buffer>()
  #copiesDue = 0
  #events: SessionEvent[] = []
  #running = false
  readonly #requestTickets = new FrameTickets()
  #responseTicket: Ticket | null = null
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

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.id = options.id
    const { socket } = options.client
    this.#client = new Side(options.client, options.session.nowMs)
    this.#remoteAddress = `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`
    this.#openedAtMs = options.session.nowMs()
    this.#session = new Session(options.session)
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
    socket.on('error', () => this.#end('client-closed'))
    socket.on('close', () => this.#end('client-closed'))
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
    const { upstreams: addresses, connectTimeoutMs, buffers, onread, events, session } = this.#options
    const connected = await connectUpstream({
      ...{ addresses, connectTimeoutMs, buffers, onread },
      gone: () => this.#closing,
      unreachable: (address, message) => events.upstreamUnreachable(address, message)
    })
    if (connected === null) {
      await this.#options.upstreamLost()
      this.#end('upstream-unreachable')
      return
    }
    this.#options.onConnected(connected.address)
    if (this.#closing) {
      connected.socket.destroy()
      return
    }
    this.#upstream = new Side(connected, session.nowMs)
    this.#serve(this.#client, this.#upstream)
  }

  #serve(client: Side, upstream: Side): void {
    const session = this.#session
    upstream.socket.on('error', () => this.#lost())
    upstream.socket.on('close', () => this.#lost())
    const answers = {
      unused: session.unusedOfUpstream,
      arrived: (chunk: Buffer, _: number, source: ReadBuffer | null) =>
        this.#handle({ type: 'upstream-bytes', chunk }, source),
      place: () => null,
      placed: () => undefined
    }
    upstream.serve(answers, {
      unblocked: () => this.#handle({ type: 'upstream-blocked', blocked: false }),
      ended: () => this.#lost()
    })
    const requests = {
      unused: session.unusedOfClient,
      arrived: (chunk: Buffer, fresh: number, source: ReadBuffer | null) => {
        this.#cameFromClient(fresh)
        this.#handle({ type: 'client-bytes', chunk }, source)
      },
      place: () => session.placeForClient,
      placed: (bytes: number) => {
        this.#cameFromClient(bytes)
        this.#handle({ type: 'client-placed', bytes })
      }
    }
    client.serve(requests, {
      unblocked: () => this.#handle({ type: 'client-blocked', blocked: false }),
      ended: () => {
        this.#clientEnded = true
        this.#handle({ type: 'client-end' })
      }
    })
  }

  /** Finishes what produces, then closes. */
  drain(): void {
    if (this.#upstream === null) this.#end('drained')
    else this.#handle({ type: 'drain' })
  }

  cut(reason: CloseReason): void {
    this.#end(reason)
    this.#client.socket.destroy()
    this.#upstream?.socket.destroy()
  }

  /**
   * Called every second or so: closes the connection when a frame under way comes in slower than allowed, or when one
   * that holds memory others wait for is taken slower than that.
   */
  checkRate(minBytesPerSecond: number, windowMs: number): void {
    this.#checkIncoming(minBytesPerSecond, windowMs)
    const { requestBudget, responseBudget } = this.#options
    const stalled = (outlet: Outlet | undefined, { waiting }: ByteBudget): boolean =>
      waiting > 0 && outlet?.stalled(minBytesPerSecond, windowMs) === true
    if (stalled(this.#upstream?.outlet, requestBudget) || stalled(this.#client.outlet, responseBudget))
      this.#end('stalled')
  }

  #checkIncoming(minBytesPerSecond: number, windowMs: number): void {
    const { awaitsClient, framesBegun } = this.#session
    const nowMs = this.#options.session.nowMs()
    if (!awaitsClient) this.#rate.rest()
    else if (this.#rate.tooSlow(framesBegun, nowMs, minBytesPerSecond, windowMs)) this.#end('slow-body')
  }

  /** A lost upstream closes the client connection; it is never silently opened again. */
  #lost(): void {
    if (this.#closing) return
    this.#client.steer(false)
    this.#upstreamGone = true
    this.#handle({ type: 'upstream-lost' })
  }

  /** What the broker said last may still wait for memory, a listener or the client. */
  #endWhenDelivered(): void {
    if (!this.#upstreamGone || this.#closing || this.#session.holdsAnswer) return
    if (this.#clientEnded) this.#end('client-closed')
    else void this.#options.upstreamLost().then(() => this.#end('upstream-closed'))
  }

  #cameFromClient(bytes: number): void {
    this.#bytesFromClient += bytes
    this.#rate.arrived(bytes)
  }

  /**
   * Effects may cause events at once (a verdict, granted memory): they are handled in order, not nested, and what they
   * all have to say is sent together. `source`: where the bytes of the event lie.
   */
  #handle(event: SessionEvent, source: ReadBuffer | null = null): void {
    if (this.#closing) return
    this.#events.push(event)
    if (this.#running) return
    this.#running = true
    this.#source = source
    try {
      for (let next = this.#nextEvent(); next !== undefined; next = this.#nextEvent()) {
        for (const effect of this.#session.handle(next)) this.#carryOut(effect)
      }
    } catch (error) {
      this.#options.events.internalError(error)
      this.#end('internal-error')
    } finally {
      this.#running = false
      this.#source = null
      this.#collected.clear()
    }
    if (source?.shown === true) this.#keeps(source)
    this.#steerReading()
  }

  /** A frame that stays keeps what it lies in: that counts, too, and the next frames are copied to their own size. */
  #keeps(source: ReadBuffer): void {
    this.#requestTickets.grow(source.bytes.length)
    this.#copiesDue = copiesAfterKept
    this.#session.inPlace = false
  }

  /** Before a turn ends everything is on its way, and the session knows of a side that is full. */
  #nextEvent(): SessionEvent | undefined {
    if (this.#events.length === 0) this.#flush()
    return this.#events.shift()
  }

  #flush(): void {
    if (this.#upstream?.flush(this.#source) === true) this.#events.push({ type: 'upstream-blocked', blocked: true })
    if (this.#client.flush(this.#source)) this.#events.push({ type: 'client-blocked', blocked: true })
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'to-upstream':
        this.#write('request', this.#upstream!.outlet, effect.bytes, effect.frees)
        break
      case 'to-client':
        this.#bytesToClient += effect.bytes.length
        this.#write('response', this.#client.outlet, effect.bytes, effect.frees)
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
        this.#flush()
        this.#upstream?.socket.end()
        break
      case 'close':
        this.#end(effect.reason, effect.detail)
        break
    }
  }

  #write(direction: Direction, outlet: Outlet, bytes: Buffer, frees: boolean): void {
    if (!outlet.open) {
      if (frees) this.#free(direction)
      return
    }
    const ticket = frees ? this.#takeTicket(direction) : null
    ticket?.grow(Math.max(0, bytes.length - ticket.bytes))
    const spent = ticket !== null && this.#collected.delete(bytes)
    outlet.add(bytes, spent ? withItsMemory(ticket, bytes) : ticket)
    if (frees && this.#source?.contains(bytes) === true) this.#source.leave()
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

  #judge({ call, frame }: Extract<Effect, { type: 'judge' }>): void {
    // From here on others look at it: its memory is used again only if it leaves, as it came, in this very turn.
    if (this.#source?.contains(frame) === true) this.#source.show()
    else this.#collected.add(frame)
    this.#copiesDue = Math.max(0, this.#copiesDue - 1)
    this.#session.inPlace = this.#copiesDue === 0
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
    this.#client.steer(this.#session.wantsClientBytes)
    this.#upstream?.steer(this.#session.wantsUpstreamBytes)
  }

  /** Idempotent. What is buffered towards either side is still sent, for a short while. */
  #end(reason: CloseReason, detail?: string): void {
    if (this.#closing) return
    this.#closing = true
    this.#abort.abort()
    this.#requestTickets.releaseAll()
    this.#responseTicket?.release()
    this.#flush()
    const sides = [this.#client, this.#upstream].filter((side) => side !== null)
    let open = sides.length
    const gone = (): void => {
      open -= 1
      if (open > 0) return
      clearTimeout(timer)
      this.#options.events.closed(this.info, reason, detail)
      this.#resolveClosed()
    }
    for (const side of sides) side.end(gone, reason === 'upstream-unreachable')
    const timer = setTimeout(() => {
      for (const { socket } of sides) socket.destroy()
    }, lingerMs)
  }
}

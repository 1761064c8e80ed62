/**
 * One client connection and its one upstream connection: a state machine without I/O.
 *
 * `handle` takes what happened and answers what is to be done. Both halves share the queue of owed answers; each makes
 * room for the other: an answer that leaves lets the next request in, a request answered here may be next to leave.
 */
import type { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import type { Effect, SessionEvent } from './effects.ts'
import { RequestHalf } from './requests.ts'
import { ResponseHalf } from './responses.ts'
import { SessionShared } from './shared.ts'
import type { SessionContext } from './shared.ts'

export class Session {
  readonly #shared: SessionShared
  readonly #requests: RequestHalf
  readonly #responses: ResponseHalf
  #draining = false

  constructor(context: SessionContext) {
    this.#shared = new SessionShared(context)
    this.#requests = new RequestHalf(this.#shared)
    this.#responses = new ResponseHalf(this.#shared, (response, asker) => this.#requests.proven(response, asker))
  }

  /** False: stop reading from the client until it is true again. */
  get wantsClientBytes(): boolean {
    return !this.#shared.closed && this.#requests.wantsBytes
  }

  get wantsUpstreamBytes(): boolean {
    return !this.#shared.closed && this.#responses.wantsBytes
  }

  /** True while the client owes the rest of a frame; the driver holds it to a minimal rate. */
  get awaitsClient(): boolean {
    return this.#requests.awaitsClient
  }

  /** True while bytes of the broker are here that can still reach the client. */
  get holdsAnswer(): boolean {
    return !this.#shared.closed && this.#responses.holdsAnswer
  }

  /** Bytes of the client that are here and could not be used yet. */
  get unusedOfClient(): ChunkQueue {
    return this.#requests.unused
  }

  get unusedOfUpstream(): ChunkQueue {
    return this.#responses.unused
  }

  /** Whether a frame that came in one piece is looked at where it lies, and not in a copy. */
  set inPlace(inPlace: boolean) {
    this.#shared.inPlace = inPlace
  }

  /** Where the client's next bytes belong, as many as fit: said by `client-placed`. Null: they come as a chunk. */
  get placeForClient(): Buffer | null {
    return this.#shared.closed ? null : this.#requests.place
  }

  /** Requests taken up so far. */
  get framesBegun(): number {
    return this.#requests.framesBegun
  }

  /** Answers that are owed to the client. */
  get pendingAnswers(): number {
    return this.#shared.pending.size
  }

  handle(event: SessionEvent): readonly Effect[] {
    const shared = this.#shared
    if (shared.closed) return []
    shared.begin()
    switch (event.type) {
      case 'client-bytes':
        this.#requests.push(event.chunk)
        break
      case 'client-placed':
        this.#requests.placed(event.bytes)
        break
      case 'upstream-bytes':
        this.#responses.push(event.chunk)
        break
      case 'client-end':
        this.#requests.end()
        break
      case 'upstream-blocked':
        shared.upstreamBlocked = event.blocked
        break
      case 'client-blocked':
        shared.clientBlocked = event.blocked
        break
      case 'reserved':
        if (event.direction === 'request') this.#requests.reserved()
        else this.#responses.reserved()
        break
      case 'judged':
        this.#requests.judged(event.judged)
        break
      case 'ready':
        this.#requests.ready(event.departure)
        break
      case 'upstream-lost':
        // The connection ends when what the broker said last is delivered, and not because it was drained.
        this.#draining = false
        this.#requests.giveUp()
        break
      case 'reconciled':
        this.#responses.reconciled()
        break
      case 'drain':
        this.#draining = true
        this.#requests.drain()
        break
    }
    this.#settleBoth()
    return shared.effects
  }

  /** Until neither half can go on: each may have made room for the other. */
  #settleBoth(): void {
    const shared = this.#shared
    let before: number
    do {
      before = shared.effects.length
      this.#responses.pump()
      this.#requests.pump()
    } while (shared.effects.length !== before)
    if (shared.closeWhenEmpty !== null && shared.pending.size === 0) shared.close(shared.closeWhenEmpty)
    if (this.#draining && !this.#requests.holdsRequest && !shared.pending.owesProduce) shared.close('drained')
  }
}

/**
 * The way up: a client's requests, one after the other.
 *
 *        ┌───────────── between frames ◄────────────────────────────────────────────┐
 *        │                │        │                                                │
 *   header of an API      │   a Produce that someone watches                         │
 *   that is not read      │        ▼                                                 │
 *        ▼                │   awaiting budget ──► collecting ──► judging ◄─► (proving) ──► admitted: departures
 *   (in line) ─► relaying ┘
 *
 * Requests leave in the order they came, as a broker takes them. While some wait for their departure only a Produce
 * that has to be opened is read, to be judged meanwhile and to wait behind them; any other frame waits in line until
 * they have left, so that nothing overtakes and nothing is held that need not be.
 * Reading stops between frames, never inside one whose memory others wait for.
 */
import { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import { tryDecodeRequestHeader } from '../../../protocol/frames/header.ts'
import type { RequestHeader } from '../../../protocol/frames/header.ts'
import { MalformedMessageError } from '../../../protocol/bytes/malformed.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import type { MetadataResponse } from '../../../protocol/messages/metadata.ts'
import { unsupportedApiVersions } from '../api-versions.ts'
import { smallFrameBytes } from '../byte-budget.ts'
import { peekProduce, producePeekBytes } from '../peek-produce.ts'
import type { Judged, ProduceCall, WriteProofs } from '../produce-path.ts'
import { Departures, maxDepartures } from './departures.ts'
import type { CloseReason } from './effects.ts'
import { frameStart } from './frame-start.ts'
import { openProduce } from './open-produce.ts'
import { answerKind } from './pending.ts'
import type { Asker, RelayedAnswer } from './pending.ts'
import { askForProof } from './proof-request.ts'
import type { SessionShared } from './shared.ts'

type State =
  | { readonly at: 'between-frames' }
  /** The next frame is not begun before everything that was admitted has departed. */
  | { readonly at: 'in-line' }
  /** A Produce header is on its way: not looked at again before `lookAgainAt` bytes are there. */
  | { readonly at: 'header'; readonly frameBytes: number; lookAgainAt: number }
  | { readonly at: 'relaying'; remaining: number }
  /** Skips the body of a request that has been answered here. */
  | { readonly at: 'skipping'; remaining: number }
  | { readonly at: 'awaiting-budget'; readonly frameBytes: number }
  | { readonly at: 'collecting'; readonly frame: Buffer; filled: number }
  /** `proofs`: what was shown for it, when it is judged once more. */
  | { readonly at: 'judging'; readonly frame: Buffer; readonly proofs: WriteProofs }
  | { readonly at: 'proving'; readonly frame: Buffer; readonly judged: Judged }
  /** What came last ends the connection, as soon as everything that was admitted has departed. */
  | { readonly at: 'refused'; readonly reason: CloseReason; readonly detail: string }
  | { readonly at: 'ended' }

/** Where nothing is under way that a drain has to wait for. */
const idleStates: ReadonlySet<State['at']> = new Set(['between-frames', 'in-line', 'header', 'refused', 'ended'])

export class RequestHalf {
  readonly #shared: SessionShared
  readonly #queue = new ChunkQueue()
  readonly #departures: Departures
  #state: State = { at: 'between-frames' }
  #clientEnded = false
  #draining = false
  #framesBegun = 0
  #clientId: string | null = null

  constructor(shared: SessionShared) {
    this.#shared = shared
    this.#departures = new Departures(shared)
  }

  /** True while a request is being read or decided or has not left, so that a drain has to wait for it. */
  get holdsRequest(): boolean {
    return this.#departures.size > 0 || !idleStates.has(this.#state.at)
  }

  /** Requests taken up so far; tells one frame that dawdles from many that follow each other. */
  get framesBegun(): number {
    return this.#framesBegun
  }

  /** True while the rest of a frame is owed by the client, and nothing but the client keeps it. */
  get awaitsClient(): boolean {
    switch (this.#state.at) {
      case 'skipping':
      case 'collecting':
        return true
      case 'relaying':
        return !this.#shared.upstreamBlocked
      case 'header':
        return this.#takesMore
      case 'between-frames':
        return this.#queue.length > 0 && this.#takesMore
      default:
        return false
    }
  }

  /** False while bytes would only pile up. */
  get wantsBytes(): boolean {
    switch (this.#state.at) {
      case 'between-frames':
      case 'header':
        return this.#takesMore
      case 'relaying':
        return !this.#shared.upstreamBlocked
      case 'skipping':
      case 'collecting':
        // Memory is reserved for it, or nothing keeps it: whatever else is blocked, it is read to its end.
        return true
      default:
        return false
    }
  }

  get unused(): ChunkQueue {
    return this.#queue
  }

  /** The rest of a frame that is collected, when it is large. */
  get place(): Buffer | null {
    const state = this.#state
    if (state.at !== 'collecting' || this.#queue.length > 0) return null
    return state.frame.length - state.filled < smallFrameBytes ? null : state.frame.subarray(state.filled)
  }

  push(chunk: Buffer): void {
    if (this.#state.at === 'ended') return
    this.#queue.push(chunk)
    this.pump()
  }

  placed(bytes: number): void {
    if (this.#state.at === 'collecting') this.#state.filled += bytes
    this.pump()
  }

  end(): void {
    this.#clientEnded = true
    this.pump()
  }

  /** Nothing that is not begun is taken up any more. */
  drain(): void {
    this.#draining = true
    this.pump()
  }

  reserved(): void {
    if (this.#state.at !== 'awaiting-budget') return
    const { frameBytes } = this.#state
    const whole = this.#shared.inPlace ? this.#queue.takeWhole(frameBytes) : null
    if (whole === null) this.#state = { at: 'collecting', frame: Buffer.allocUnsafe(frameBytes), filled: 0 }
    else this.#open(whole)
    this.pump()
  }

  judged(judged: Judged): void {
    if (this.#state.at !== 'judging') return
    const { frame, proofs } = this.#state
    this.#admit(frame, judged, proofs)
    this.pump()
  }

  /** What that departure waited for has come. */
  ready(departure: number): void {
    this.#departures.ready(departure)
    this.pump()
  }

  /** The answer to our own Metadata request. */
  proven(response: MetadataResponse, asker: Asker): void {
    const proofs = this.#shared.proofs.learnFromMetadata(response)
    if (asker === 'departure') this.#departures.proven(proofs)
    else if (this.#state.at === 'proving') this.#admit(this.#state.frame, this.#state.judged, proofs)
    this.pump()
  }

  /** Nothing goes on any more, and nothing is taken up: what is held is let go. */
  giveUp(): void {
    if (this.#state.at === 'ended') return
    this.#state = { at: 'ended' }
    this.#departures.clear()
    this.#queue.clear()
    this.#shared.effects.push({ type: 'give-up' })
  }

  pump(): void {
    const shared = this.#shared
    while (!shared.closed && shared.closeWhenEmpty === null && (this.#departures.step() || this.#step())) continue
    if (shared.closeWhenEmpty !== null) this.giveUp()
    else if (this.#clientEnded && !shared.closed) this.#finish()
  }

  /** The client has sent its last byte: what is whole is carried out, what is half is dropped, as a broker does. */
  #finish(): void {
    if (this.#departures.size > 0) return
    const { at } = this.#state
    const incomplete = (at === 'between-frames' || at === 'header') && !this.#mustWait()
    const cut = this.#queue.length === 0 && (at === 'relaying' || at === 'collecting' || at === 'skipping')
    if (!incomplete && !cut) return
    if (this.#state.at === 'collecting') this.#shared.effects.push({ type: 'free', direction: 'request' })
    this.#state = { at: 'ended' }
    this.#shared.effects.push({ type: 'finish' })
  }

  get #takesMore(): boolean {
    return !this.#draining && !this.#mustWait()
  }

  #mustWait(): boolean {
    const { pending, context, clientBlocked, upstreamBlocked, localAnswersFull } = this.#shared
    if (clientBlocked || upstreamBlocked || localAnswersFull) return true
    const waiting = this.#departures.size
    return waiting >= maxDepartures || pending.size + waiting >= context.limits.pendingResponses
  }

  /** One step; false when there is nothing to do until something happens. */
  #step(): boolean {
    const state = this.#state
    switch (state.at) {
      case 'between-frames':
        return this.#takesMore && this.#begin()
      case 'in-line':
        if (this.#departures.size > 0) return false
        this.#state = { at: 'between-frames' }
        return true
      case 'header':
        if (this.#draining || this.#queue.length < state.lookAgainAt) return false
        return this.#beginProduce(state.frameBytes)
      case 'relaying':
      case 'skipping': {
        if (state.at === 'relaying' && this.#shared.upstreamBlocked) return false
        const slice = this.#queue.takeSlice(state.remaining)
        if (slice === null) return false
        if (state.at === 'relaying') this.#shared.relay('to-upstream', slice)
        state.remaining -= slice.length
        if (state.remaining === 0) this.#state = { at: 'between-frames' }
        return true
      }
      case 'collecting': {
        state.filled += this.#queue.moveInto(state.frame, state.filled)
        if (state.filled < state.frame.length) return false
        this.#open(state.frame)
        return true
      }
      case 'refused':
        if (this.#departures.size === 0) this.#shared.close(state.reason, state.detail)
        return false
      default:
        return false
    }
  }

  /** Looks at the beginning of a frame and decides which way it takes. */
  #begin(): boolean {
    const start = frameStart(this.#queue, this.#shared.context.limits.requestBytes)
    if (start === null) return false
    if (start.kind === 'refused') return this.#refuse(start.reason, start.detail)
    if (start.kind !== 'produce' && this.#departures.size > 0) return this.#getInLine()
    this.#framesBegun += 1
    const { apiKey, apiVersion, correlationId, frameBytes } = start
    switch (start.kind) {
      case 'produce':
        return this.#beginProduce(frameBytes)
      case 'newer-api-versions':
        this.#answerApiVersions(correlationId, frameBytes)
        return true
      case 'other':
        if (this.#clientId === null) this.#learnClientId(frameBytes)
        this.#relay(frameBytes, { kind: answerKind(apiKey), apiKey, apiVersion, correlationId })
        return true
    }
  }

  #getInLine(): false {
    this.#state = { at: 'in-line' }
    return false
  }

  #learnClientId(frameBytes: number): void {
    const start = this.#queue.peek(Math.min(this.#queue.length, frameBytes, 1_024))
    if (start === null) return
    try {
      const header = tryDecodeRequestHeader(start.subarray(4), frameBytes - 4)
      if (header !== null) this.#setClientId(header.clientId)
    } catch {
      // Only a name for people; whether the header is right is the broker's to judge.
    }
  }

  #setClientId(clientId: string | null): void {
    if (clientId === null || clientId === this.#clientId) return
    this.#clientId = clientId
    this.#shared.effects.push({ type: 'client-id', clientId })
  }

  #answerApiVersions(correlationId: number, frameBytes: number): void {
    this.#shared.count('request', apiKeys.apiVersions, frameBytes)
    const frame = unsupportedApiVersions(correlationId)
    this.#shared.pending.push({ kind: 'local', apiKey: apiKeys.apiVersions, frame })
    this.#shared.localBytes += frame.length
    this.#state = { at: 'skipping', remaining: frameBytes }
  }

  #beginProduce(frameBytes: number): boolean {
    const start = this.#queue.peek(Math.min(this.#queue.length, frameBytes, producePeekBytes))!
    let header: RequestHeader | null
    try {
      header = tryDecodeRequestHeader(start.subarray(4), frameBytes - 4)
    } catch (error) {
      return this.#malformed(error)
    }
    const peek = header === null ? null : peekProduce(start.subarray(4), header)
    if (header === null || peek === null) {
      const enough = Math.min(frameBytes, producePeekBytes)
      if (start.length < enough) {
        // Each look costs what has arrived so far, so the next is due when that has doubled.
        this.#state = { at: 'header', frameBytes, lookAgainAt: Math.min(enough, start.length * 2) }
        return false
      }
      return this.#malformed('the request ends before its topics')
    }
    if (peek === 'malformed') return this.#malformed('the topics of the request cannot be read')
    this.#setClientId(header.clientId)
    const path = this.#shared.context.producePath
    const passes =
      path.idle() ||
      (peek.topicCount === 1 && peek.firstTopic !== null && !path.concerns(peek.firstTopic, header.clientId))
    if (!passes) {
      // A place in the queue for memory has to be earned, or those who promise and do not send hold up those who do.
      const earned = Math.min(frameBytes, smallFrameBytes)
      if (this.#queue.length < earned) {
        this.#state = { at: 'header', frameBytes, lookAgainAt: earned }
        return false
      }
      this.#shared.effects.push({ type: 'reserve', direction: 'request', bytes: frameBytes })
      this.#state = { at: 'awaiting-budget', frameBytes }
      return false
    }
    if (this.#departures.size > 0) return this.#getInLine()
    const { apiKey, apiVersion, correlationId } = header
    // The answer has addresses since v10 (KIP-951).
    const kind = apiVersion >= 10 ? 'rewrite' : 'relay'
    this.#relay(frameBytes, peek.acks === 0 ? null : { kind, apiKey, apiVersion, correlationId }, apiKey)
    return true
  }

  /** `answer` null: acks=0, which no broker answers. */
  #relay(frameBytes: number, answer: RelayedAnswer | null, apiKey = answer?.apiKey ?? -1): void {
    this.#shared.count('request', apiKey, frameBytes)
    if (answer !== null) this.#shared.pending.push(answer)
    this.#state = { at: 'relaying', remaining: frameBytes }
  }

  #malformed(error: unknown): true {
    if (typeof error !== 'string' && !(error instanceof MalformedMessageError)) throw error
    return this.#refuse('malformed-request', typeof error === 'string' ? error : error.message)
  }

  /** Closes the connection; what was sent before is still carried out. */
  #refuse(reason: CloseReason, detail: string): true {
    this.#state = { at: 'refused', reason, detail }
    return true
  }

  /** A whole Produce frame is here. */
  #open(frame: Buffer): void {
    let call: ProduceCall
    try {
      call = openProduce(frame)
    } catch (error) {
      this.#malformed(error)
      return
    }
    this.#shared.count('request', apiKeys.produce, frame.length)
    this.#judge(frame, call, this.#shared.proofs)
  }

  #judge(frame: Buffer, call: ProduceCall, proofs: WriteProofs): void {
    this.#state = { at: 'judging', frame, proofs }
    this.#shared.effects.push({ type: 'judge', call, frame })
  }

  #admit(frame: Buffer, judged: Judged, proofs: WriteProofs): void {
    const admission = this.#shared.context.producePath.admit(judged, proofs)
    switch (admission.kind) {
      case 'needs-proof':
        this.#state = { at: 'proving', frame, judged }
        askForProof(this.#shared, 'admission', admission.topics, judged.call.clientId)
        break
      case 'again':
        this.#judge(frame, judged.call, proofs)
        break
      case 'admitted':
        this.#state = { at: 'between-frames' }
        this.#departures.add(frame, judged, admission.ready, admission.heldBytes ?? 0)
        break
    }
  }
}

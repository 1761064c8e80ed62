/**
 * The way down: the broker's answers, and ours among them, in the order of the client's requests.
 *
 *   between frames ──► relaying                          (answers nobody needs to read)
 *        │  ▲
 *        ▼  └──────────────────────────────────────┐
 *   awaiting budget ──► collecting ──► (reconciling: listeners of new brokers open first) ──► rewritten or merged
 */
import { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import { decodeResponseHeader, responseFrame } from '../../../protocol/frames/header.ts'
import { MalformedMessageError } from '../../../protocol/bytes/malformed.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { metadataResponse } from '../../../protocol/messages/metadata.ts'
import type { MetadataResponse } from '../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../../protocol/messages/produce.ts'
import { addressedProduce, openAddressed } from '../addresses.ts'
import type { AddressedAnswer } from '../addresses.ts'
import { narrowApiVersions } from '../api-versions.ts'
import { mergeProduceAnswers, mergedProduceFrame } from '../produce-answers.ts'
import type { Asker, FromUpstream, LocalProduce, ProduceAnswer } from './pending.ts'
import type { SessionShared } from './shared.ts'

type State =
  | { readonly at: 'between-frames' }
  | { readonly at: 'relaying'; remaining: number }
  | { readonly at: 'awaiting-budget'; readonly answer: FromUpstream; readonly frameBytes: number }
  | { readonly at: 'collecting'; readonly answer: FromUpstream; readonly frame: Buffer; filled: number }
  | { readonly at: 'reconciling'; readonly answer: FromUpstream; readonly opened: AddressedAnswer }

type Told = ProduceResponse | 'unsafe'

export class ResponseHalf {
  readonly #shared: SessionShared
  readonly #queue = new ChunkQueue()
  /** Called with the answer to our own Metadata request. */
  readonly #onOwnMetadata: (response: MetadataResponse, asker: Asker) => void
  #state: State = { at: 'between-frames' }

  constructor(shared: SessionShared, onOwnMetadata: (response: MetadataResponse, asker: Asker) => void) {
    this.#shared = shared
    this.#onOwnMetadata = onOwnMetadata
  }

  get unused(): ChunkQueue {
    return this.#queue
  }

  get wantsBytes(): boolean {
    // Memory is reserved for a frame that is collected: it is read to its end whatever the client does.
    if (this.#state.at === 'collecting') return true
    return !this.#shared.clientBlocked && this.#state.at !== 'awaiting-budget' && this.#state.at !== 'reconciling'
  }

  /** True while bytes of the broker are here that can still reach the client. */
  get holdsAnswer(): boolean {
    const { at } = this.#state
    return at === 'awaiting-budget' || at === 'reconciling' || (this.#queue.length > 0 && this.#shared.clientBlocked)
  }

  push(chunk: Buffer): void {
    this.#queue.push(chunk)
    this.pump()
  }

  reserved(): void {
    if (this.#state.at !== 'awaiting-budget') return
    const { answer, frameBytes } = this.#state
    this.#state = { at: 'collecting', answer, frame: Buffer.allocUnsafe(frameBytes), filled: 0 }
    this.pump()
  }

  reconciled(): void {
    if (this.#state.at !== 'reconciling') return
    this.#send(this.#state.answer, this.#state.opened)
    this.pump()
  }

  pump(): void {
    while (!this.#shared.closed && this.#step()) continue
  }

  #step(): boolean {
    const shared = this.#shared
    const state = this.#state
    switch (state.at) {
      case 'between-frames':
        return this.#begin()
      case 'relaying': {
        const slice = shared.clientBlocked ? null : this.#queue.takeSlice(state.remaining)
        if (slice === null) return false
        shared.relay('to-client', slice)
        state.remaining -= slice.length
        if (state.remaining === 0) {
          shared.pending.pop()
          this.#state = { at: 'between-frames' }
        }
        return true
      }
      case 'collecting':
        state.filled += this.#queue.moveInto(state.frame, state.filled)
        if (state.filled < state.frame.length) return false
        this.#open(state.answer, state.frame)
        return true
      default:
        return false
    }
  }

  #begin(): boolean {
    const shared = this.#shared
    const next = shared.pending.peek()
    if (next?.kind === 'local') {
      shared.localBytes -= next.frame.length
      this.#answerHere(next.apiKey, next.frame)
      return true
    }
    if (next?.kind === 'local-produce') return this.#answerProduce(next)
    const prefix = shared.clientBlocked ? null : this.#queue.peek(8)
    if (prefix === null) return false
    const length = prefix.readInt32BE(0)
    const correlationId = prefix.readInt32BE(4)
    if (next === undefined || next.correlationId !== correlationId) {
      const expected = next === undefined ? 'no answer' : `correlation id ${next.correlationId}`
      shared.close('unexpected-response', `the broker sent correlation id ${correlationId}, expected ${expected}`)
      return false
    }
    if (length < 4) {
      shared.close('malformed-response', `the broker announced a frame of ${length} bytes`)
      return false
    }
    const frameBytes = 4 + length
    if (next.kind === 'relay') {
      shared.count('response', next.apiKey, frameBytes)
      this.#state = { at: 'relaying', remaining: frameBytes }
      return true
    }
    if (length > shared.context.limits.responseBytes) {
      shared.close('malformed-response', `an answer of ${length} bytes is larger than limits.responseBytes`)
      return false
    }
    this.#state = { at: 'awaiting-budget', answer: next, frameBytes }
    shared.effects.push({ type: 'reserve', direction: 'response', bytes: frameBytes })
    return false
  }

  #answerHere(apiKey: number, frame: Buffer): void {
    this.#shared.pending.pop()
    this.#shared.count('response', apiKey, frame.length)
    this.#shared.toClient(frame, false)
  }

  #answerProduce({ apiKey, request, header, answers, answerBytes }: LocalProduce): boolean {
    const shared = this.#shared
    shared.localBytes -= answerBytes
    const answered = answers()
    if (answered === 'unsafe') {
      shared.close('chain-moved')
      return false
    }
    this.#answerHere(apiKey, mergedProduceFrame(request, header, null, answered, shared.context.advertised))
    return true
  }

  #open(answer: FromUpstream, frame: Buffer): void {
    try {
      const { headerLength } = decodeResponseHeader(frame.subarray(4), answer.apiKey, answer.apiVersion)
      this.#read(answer, frame, frame.subarray(4 + headerLength))
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error
      this.#shared.close('malformed-response', error.message)
    }
  }

  #read(answer: FromUpstream, frame: Buffer, body: Buffer): void {
    const { apiKey, apiVersion, correlationId } = answer
    if (answer.kind === 'own-metadata') {
      const response = metadataResponse.decode(body, apiVersion, { maxElements: body.length })
      this.#shared.pending.pop()
      this.#shared.effects.push({ type: 'free', direction: 'response' })
      this.#state = { at: 'between-frames' }
      this.#onOwnMetadata(response, answer.asker)
      return
    }
    if (apiKey === apiKeys.apiVersions) {
      const narrowed = narrowApiVersions(body, apiVersion)
      this.#deliver(responseFrame(apiKey, apiVersion, correlationId, narrowed))
      return
    }
    if (apiKey === apiKeys.produce) {
      const response = produceResponse.decode(body, apiVersion, { maxElements: body.length })
      this.#shared.proofs.learnFromProduce(response)
      const told = answer.kind === 'produce' ? this.#merged(answer, response) : response
      if (told === 'unsafe') this.#shared.close('chain-moved')
      else if (told === response && response.nodeEndpoints.length === 0) this.#deliver(frame)
      else this.#reconcile(answer, addressedProduce(told, apiVersion))
      return
    }
    const opened = openAddressed(apiKey, apiVersion, body)
    if (opened === null) this.#deliver(frame)
    else this.#reconcile(answer, opened)
  }

  /** The very response when there is nothing to change about it. */
  #merged({ request, confirm, answers, answerBytes }: ProduceAnswer, response: ProduceResponse): Told {
    this.#shared.localBytes -= answerBytes
    const confirmed = confirm === null ? response : confirm(response)
    if (confirmed === 'unsafe') return 'unsafe'
    const ours = answers()
    if (ours === 'unsafe') return 'unsafe'
    return ours.size === 0 ? confirmed : mergeProduceAnswers(request, confirmed, ours)
  }

  /** A client must not learn of an address that nothing listens on yet. */
  #reconcile(answer: FromUpstream, opened: AddressedAnswer): void {
    const { reconciled } = this.#shared.context
    if (opened.brokers.every((broker) => reconciled(broker.id, broker.host, broker.port))) {
      this.#send(answer, opened)
      return
    }
    this.#state = { at: 'reconciling', answer, opened }
    this.#shared.effects.push({ type: 'reconcile', brokers: opened.brokers })
  }

  #send(answer: FromUpstream, opened: AddressedAnswer): void {
    const body = opened.rewritten(this.#shared.context.advertised)
    this.#deliver(responseFrame(answer.apiKey, answer.apiVersion, answer.correlationId, body))
  }

  #deliver(frame: Buffer): void {
    const answered = this.#shared.pending.peek()!
    this.#shared.pending.pop()
    this.#shared.count('response', answered.apiKey, frame.length)
    this.#shared.toClient(frame, true)
    this.#state = { at: 'between-frames' }
  }
}

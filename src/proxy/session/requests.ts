/**
 * The way up: a client's requests, one after the other.
 *
 *        ┌───────────── between frames ◄───────────────────────────────────────────┐
 *        │                │        │                                               │
 *   header of an API      │   a Produce that someone watches                        │
 *   that is not read      │        ▼                                                │
 *        ▼                │   awaiting budget ──► collecting ──► judging ──► (proving) ──► sent on
 *    relaying ────────────┘
 *
 * While a request is held nothing behind it moves: requests leave in the order they came, as a broker takes them.
 * Reading stops between frames, never inside one whose memory others wait for.
 */
import { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import {
  decodeRequestHeader,
  requestFrame,
  tryDecodeRequestHeader,
  withLengthPrefix
} from '../../../protocol/frames/header.ts'
import type { RequestHeader } from '../../../protocol/frames/header.ts'
import { MalformedMessageError } from '../../../protocol/bytes/malformed.ts'
import { apiByKey, apiKeys } from '../../../protocol/messages/api-table.ts'
import { metadataRequest } from '../../../protocol/messages/metadata.ts'
import { produceRequest } from '../../../protocol/messages/produce.ts'
import type { MetadataResponse } from '../../../protocol/messages/metadata.ts'
import { unsupportedApiVersions } from '../api-versions.ts'
import { smallFrameBytes } from '../byte-budget.ts'
import { mergedProduceFrame, namesPartitionTwice } from '../produce-answers.ts'
import { peekProduce, producePeekBytes } from '../peek-produce.ts'
import type { Judged, ProduceCall, WriteProofs } from '../produce-path.ts'
import type { FromUpstream } from './pending.ts'
import type { SessionShared } from './shared.ts'

type State =
  | { readonly at: 'between-frames' }
  /** A Produce header is on its way: not looked at again before `lookAgainAt` bytes are there. */
  | { readonly at: 'header'; readonly frameBytes: number; lookAgainAt: number }
  | { readonly at: 'relaying'; remaining: number }
  /** Skips the body of a request that has been answered here. */
  | { readonly at: 'skipping'; remaining: number }
  | { readonly at: 'awaiting-budget'; readonly frameBytes: number }
  | { readonly at: 'collecting'; readonly frame: Buffer; filled: number }
  | { readonly at: 'judging'; readonly frame: Buffer }
  | { readonly at: 'proving'; readonly frame: Buffer; readonly judged: Judged }
  | { readonly at: 'ended' }

/**
 * Topics and partitions in one Produce request: more than any cluster has leaders on one broker, and few enough that a
 * frame full of empty ones does not become a heap many times its size.
 */
const maxProduceElements = 20_000
/** What a client may send before it is authenticated; none of it is large, and brokers have been felled by it. */
const authenticationKeys: ReadonlySet<number> = new Set([
  apiKeys.saslHandshake,
  apiKeys.apiVersions,
  apiKeys.saslAuthenticate
])
/** Answers made here that may wait for those before them; beyond it no further request is read. */
const maxLocalBytes = 1024 * 1024
/** Length prefix, API key, version, correlation id: what every request starts with. */
const fixedPrefixBytes = 12
/** Metadata v8 (Kafka 2.3) is the first that tells authorized operations; every newer broker still speaks it. */
const proofMetadataVersion = 8

export class RequestHalf {
  readonly #shared: SessionShared
  readonly #queue = new ChunkQueue()
  #state: State = { at: 'between-frames' }
  #clientEnded = false
  #draining = false
  #framesBegun = 0
  #clientId: string | null = null

  constructor(shared: SessionShared) {
    this.#shared = shared
  }

  /** True while a request is being read or decided, so that a drain has to wait for it. */
  get holdsRequest(): boolean {
    return !['between-frames', 'header', 'ended'].includes(this.#state.at)
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
        return !this.#mustWait()
      case 'between-frames':
        return this.#queue.length > 0 && !this.#mustWait()
      default:
        return false
    }
  }

  /** False while bytes would only pile up. */
  get wantsBytes(): boolean {
    switch (this.#state.at) {
      case 'between-frames':
      case 'header':
        return !this.#mustWait()
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

  push(chunk: Buffer): void {
    this.#queue.push(chunk)
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
    this.#state = { at: 'collecting', frame: Buffer.allocUnsafe(this.#state.frameBytes), filled: 0 }
    this.pump()
  }

  judged(judged: Judged): void {
    if (this.#state.at !== 'judging') return
    this.#settle(this.#state.frame, judged)
    this.pump()
  }

  /** The answer to our own Metadata request. */
  proven(response: MetadataResponse): void {
    if (this.#state.at !== 'proving') return
    const { frame, judged } = this.#state
    this.#settle(frame, judged, this.#shared.proofs.learnFromMetadata(response))
    this.pump()
  }

  pump(): void {
    while (!this.#shared.closed && this.#step()) continue
    if (this.#clientEnded && !this.#shared.closed) this.#finish()
  }

  /** The client has sent its last byte: what is whole is carried out, what is half is dropped, as a broker does. */
  #finish(): void {
    const { at } = this.#state
    const incomplete = (at === 'between-frames' || at === 'header') && !this.#mustWait()
    const cut = this.#queue.length === 0 && (at === 'relaying' || at === 'collecting' || at === 'skipping')
    if (!incomplete && !cut) return
    if (this.#state.at === 'collecting') this.#shared.effects.push({ type: 'free', direction: 'request' })
    this.#state = { at: 'ended' }
    this.#shared.effects.push({ type: 'finish' })
  }

  #mustWait(): boolean {
    const { pending, context, clientBlocked, upstreamBlocked } = this.#shared
    if (clientBlocked || upstreamBlocked || this.#shared.closeWhenEmpty !== null) return true
    return pending.size >= context.limits.pendingResponses || this.#shared.localBytes >= maxLocalBytes
  }

  /** One step; false when there is nothing to do until something happens. */
  #step(): boolean {
    const state = this.#state
    switch (state.at) {
      case 'between-frames':
        return !this.#mustWait() && !this.#draining && this.#begin()
      case 'header':
        if (this.#draining || this.#queue.length < state.lookAgainAt) return false
        return this.#beginProduce(state.frameBytes)
      case 'relaying': {
        if (this.#shared.upstreamBlocked) return false
        const slice = this.#queue.takeSlice(state.remaining)
        if (slice === null) return false
        this.#shared.relay('to-upstream', slice)
        state.remaining -= slice.length
        if (state.remaining === 0) this.#state = { at: 'between-frames' }
        return true
      }
      case 'skipping': {
        const slice = this.#queue.takeSlice(state.remaining)
        if (slice === null) return false
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
      default:
        return false
    }
  }

  /** Looks at the beginning of a frame and decides which way it takes. */
  #begin(): boolean {
    const lengthPrefix = this.#queue.peek(4)
    if (lengthPrefix === null) return false
    const length = lengthPrefix.readInt32BE(0)
    const { requestBytes } = this.#shared.context.limits
    if (length < fixedPrefixBytes - 4 || length > requestBytes) {
      this.#shared.close('frame-length', `a frame of ${length} bytes; allowed are 8 to ${requestBytes}`)
      return false
    }
    const prefix = this.#queue.peek(fixedPrefixBytes)
    if (prefix === null) return false
    const apiKey = prefix.readInt16BE(4)
    const apiVersion = prefix.readInt16BE(6)
    const correlationId = prefix.readInt32BE(8)
    const frameBytes = 4 + length
    this.#framesBegun += 1
    if (length > smallFrameBytes && authenticationKeys.has(apiKey)) {
      this.#shared.close('frame-length', `${length} bytes before authentication; allowed are ${smallFrameBytes}`)
      return false
    }
    const api = apiByKey(apiKey)
    if (api === undefined || apiVersion < 0 || apiVersion > api.maxVersion) {
      if (apiKey === apiKeys.apiVersions && apiVersion > 0) {
        this.#answerApiVersions(correlationId, frameBytes)
        return true
      }
      this.#shared.close('unsupported-api', `API key ${apiKey} version ${apiVersion}`)
      return false
    }
    if (apiKey === apiKeys.produce) return this.#beginProduce(frameBytes)
    if (apiKey === apiKeys.saslHandshake && apiVersion === 0) {
      this.#shared.close('sasl-handshake-v0', 'raw SASL frames are not supported; use SaslHandshake v1')
      return false
    }
    if (this.#clientId === null) this.#learnClientId(frameBytes)
    this.#relay(frameBytes, { kind: answerKind(apiKey), apiKey, apiVersion, correlationId })
    return true
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
    this.#answerHere(apiKeys.apiVersions, frame)
    this.#state = { at: 'skipping', remaining: frameBytes }
  }

  #answerHere(apiKey: number, frame: Buffer): void {
    this.#shared.pending.push({ kind: 'local', apiKey, frame })
    this.#shared.localBytes += frame.length
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
    const { apiKey, apiVersion, correlationId } = header
    // The answer has addresses since v10 (KIP-951).
    const kind = apiVersion >= 10 ? 'rewrite' : 'relay'
    this.#relay(frameBytes, peek.acks === 0 ? null : { kind, apiKey, apiVersion, correlationId }, apiKey)
    return true
  }

  /** `answer` null: acks=0, which no broker answers. */
  #relay(frameBytes: number, answer: FromUpstream | null, apiKey = answer?.apiKey ?? -1): void {
    this.#shared.count('request', apiKey, frameBytes)
    if (answer !== null) this.#shared.pending.push(answer)
    this.#state = { at: 'relaying', remaining: frameBytes }
  }

  #malformed(error: unknown): false {
    if (typeof error !== 'string' && !(error instanceof MalformedMessageError)) throw error
    this.#shared.close('malformed-request', typeof error === 'string' ? error : error.message)
    return false
  }

  /** A whole Produce frame is here. */
  #open(frame: Buffer): void {
    let call: ProduceCall
    try {
      const header = decodeRequestHeader(frame.subarray(4))
      const body = frame.subarray(4 + header.headerLength)
      const request = produceRequest.decode(body, header.apiVersion, { maxElements: maxProduceElements })
      call = { header, request, clientId: header.clientId }
    } catch (error) {
      this.#malformed(error)
      return
    }
    const twice = namesPartitionTwice(call.request)
    if (twice !== null) {
      this.#malformed(`the request names partition ${twice} twice`)
      return
    }
    this.#shared.count('request', apiKeys.produce, frame.length)
    this.#state = { at: 'judging', frame }
    this.#shared.effects.push({ type: 'judge', call })
  }

  #settle(frame: Buffer, judged: Judged, proofs: WriteProofs = this.#shared.proofs): void {
    const shared = this.#shared
    const settlement = shared.context.producePath.settle(judged, proofs)
    if (settlement.kind === 'needs-proof') {
      this.#state = { at: 'proving', frame, judged }
      this.#askForProof(settlement.topics)
      return
    }
    const { header, request } = judged.call
    const { apiKey, apiVersion, correlationId } = header
    if (settlement.forward !== null) {
      const bytes =
        settlement.forward === 'original'
          ? frame
          : withLengthPrefix(frame.subarray(4, 4 + header.headerLength), settlement.forward)
      shared.toUpstream(bytes, true)
    } else {
      shared.effects.push({ type: 'free', direction: 'request' })
    }
    this.#state = { at: 'between-frames' }
    if (settlement.closeAfter) {
      shared.closeWhenEmpty = request.acks === 0 ? 'acks-zero-refused' : 'too-many-gates'
      return
    }
    if (request.acks === 0) return
    const { answers, confirm } = settlement
    if (settlement.forward === null) {
      this.#answerHere(apiKey, mergedProduceFrame(request, header, null, answers, shared.context.advertised))
    } else {
      const produce = { request: withoutRecords(request), answers, confirm }
      shared.pending.push({ kind: 'produce', apiKey, apiVersion, correlationId, produce })
    }
  }

  #askForProof(topics: readonly string[]): void {
    const correlationId = -1
    const apiVersion = proofMetadataVersion
    const body = metadataRequest.encode(
      {
        topics: topics.map((name) => ({ name })),
        allowAutoTopicCreation: false,
        includeTopicAuthorizedOperations: true
      },
      apiVersion
    )
    const header = { apiKey: apiKeys.metadata, apiVersion, correlationId, clientId: this.#clientId }
    this.#shared.toUpstream(requestFrame(header, body), false)
    this.#shared.pending.push({ kind: 'own-metadata', apiKey: apiKeys.metadata, apiVersion, correlationId })
  }
}

/** What is kept until the broker answers: names and indices, not the records. */
function withoutRecords({ acks, timeoutMs, topicData }: ProduceCall['request']): ProduceCall['request'] {
  return {
    transactionalId: null,
    acks,
    timeoutMs,
    topicData: topicData.map(({ name, partitionData }) => ({
      name,
      partitionData: partitionData.map(({ index }) => ({ index, records: null }))
    }))
  }
}

function answerKind(apiKey: number): 'relay' | 'rewrite' {
  switch (apiKey) {
    case apiKeys.metadata:
    case apiKeys.findCoordinator:
    case apiKeys.describeCluster:
    case apiKeys.apiVersions:
    case apiKeys.shareFetch:
    case apiKeys.shareAcknowledge:
      return 'rewrite'
    default:
      return 'relay'
  }
}

/**
 * Produce requests that were admitted and have not left yet, in the order in which they came.
 *
 *   admitted ──► waiting (until `ready`, and for its turn) ──► at the head: (proving) ──► departed
 *
 * Only the head departs. It needs nothing that a later one holds: no memory, no turn, no answer but those of requests
 * that left before it. So whoever waits here goes on as soon as what it waits for outside has come.
 */
import { withLengthPrefix } from '../../../protocol/frames/header.ts'
import type { ProduceRequest } from '../../../protocol/messages/produce.ts'
import type { Departure, Judged, WriteProofs } from '../produce-path.ts'
import { askForProof } from './proof-request.ts'
import type { SessionShared } from './shared.ts'

/**
 * Requests that may wait at a time. An idempotent client has at most five in flight on a connection, the others a
 * handful unless they are told otherwise; those with acks=0 and librdkafka without idempotence know no bound of their
 * own. It lets a client fill the time of one append to the quarantine topic, and keeps what is looked through short.
 */
export const maxDepartures = 32

interface Waiting {
  /** Counts up on a connection. */
  readonly id: number
  readonly frame: Buffer
  readonly judged: Judged
  ready: boolean
  /** What was shown for it; null: what the connection has shown. */
  proofs: WriteProofs | null
}

export class Departures {
  readonly #shared: SessionShared
  readonly #queue: Waiting[] = []
  #nextId = 0
  /** The head has asked whether the client may write. */
  #proving = false

  constructor(shared: SessionShared) {
    this.#shared = shared
  }

  get size(): number {
    return this.#queue.length
  }

  /** `ready` null: as soon as everything before it has departed. `heldBytes`: memory taken meanwhile. */
  add(frame: Buffer, judged: Judged, ready: Promise<void> | null, heldBytes: number): void {
    const id = this.#nextId++
    this.#queue.push({ id, frame, judged, ready: ready === null, proofs: null })
    if (ready !== null) this.#shared.effects.push({ type: 'await', ready, departure: id, heldBytes })
  }

  /** What that one waited for has come. */
  ready(id: number): void {
    const waiting = this.#queue.find((other) => other.id === id)
    if (waiting !== undefined) waiting.ready = true
  }

  /** The answer to what the head has asked. */
  proven(proofs: WriteProofs): void {
    const head = this.#queue[0]
    if (!this.#proving || head === undefined) return
    this.#proving = false
    head.proofs = proofs
  }

  /** None of them departs any more. Their memory is the caller's to free. */
  clear(): void {
    this.#queue.length = 0
    this.#proving = false
  }

  /** Lets the head depart when it can; false when there is nothing to do until something happens. */
  step(): boolean {
    const shared = this.#shared
    const head = this.#queue[0]
    if (head === undefined || !head.ready || this.#proving || shared.localAnswersFull) return false
    const departure = shared.context.producePath.depart(head.judged, head.proofs ?? shared.proofs)
    switch (departure.kind) {
      case 'needs-proof':
        this.#proving = true
        askForProof(shared, 'departure', departure.topics, head.judged.call.clientId)
        break
      case 'unsafe':
        shared.closeWhenEmpty = departure.reason
        break
      case 'departed':
        this.#queue.shift()
        this.#send(head, departure)
        break
    }
    return true
  }

  #send({ frame, judged }: Waiting, departure: Extract<Departure, { kind: 'departed' }>): void {
    const shared = this.#shared
    const { header, request } = judged.call
    const { forward, answers, answerBytes, closeAfter, confirm } = departure
    if (forward === null) shared.effects.push({ type: 'free', direction: 'request' })
    else if (forward === 'original') shared.toUpstream(frame, true)
    else shared.toUpstream(withLengthPrefix(frame.subarray(4, 4 + header.headerLength), forward), true)
    if (closeAfter) shared.closeWhenEmpty = request.acks === 0 ? 'acks-zero-refused' : 'refused-for-now'
    if (request.acks === 0) return
    const { apiKey, apiVersion, correlationId } = header
    const produce = { request: withoutRecords(request), answers, answerBytes }
    shared.localBytes += answerBytes
    if (forward === null) shared.pending.push({ kind: 'local-produce', apiKey, header, ...produce })
    else shared.pending.push({ kind: 'produce', apiKey, apiVersion, correlationId, ...produce, confirm })
  }
}

/** What is kept until the broker answers: names and indices, not the records. */
function withoutRecords({ acks, timeoutMs, topicData }: ProduceRequest): ProduceRequest {
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

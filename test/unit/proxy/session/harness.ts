/** A session with everything around it made up: what it is given and what it answers, step by step. */
import { requestFrame, responseFrame } from '../../../../protocol/frames/header.ts'
import { apiKeys } from '../../../../protocol/messages/api-table.ts'
import { metadataResponse } from '../../../../protocol/messages/metadata.ts'
import { produceRequest, produceResponse } from '../../../../protocol/messages/produce.ts'
import type { ProduceResponseInput } from '../../../../protocol/messages/produce.ts'
import { buildBatch } from '../../../../protocol/records/batch.ts'
import type {
  Admission,
  Departure,
  Judged,
  LocalAnswers,
  ProduceCall,
  ProducePath,
  WriteProofs
} from '../../../../src/proxy/produce-path.ts'
import type { Effect, SessionEvent } from '../../../../src/proxy/session/effects.ts'
import { Session } from '../../../../src/proxy/session/session.ts'
import type { SessionContext } from '../../../../src/proxy/session/shared.ts'

export type Departed = Extract<Departure, { kind: 'departed' }>

/** Goes on as it came, unless told otherwise. */
export function departed(how: Partial<Omit<Departed, 'answers'>> & { answers?: LocalAnswers } = {}): Departed {
  const { answers = new Map() } = how
  return {
    kind: 'departed',
    forward: 'original',
    answerBytes: 100,
    closeAfter: false,
    confirm: null,
    ...how,
    answers: () => answers
  }
}

/** A produce path that opens the topics it is told to, and lets go as it is told. */
export class ScriptedPath implements ProducePath {
  readonly watched = new Set<string>()
  readonly calls: ProduceCall[] = []
  admission: (judged: Judged, proofs: WriteProofs) => Admission = () => ({ kind: 'admitted', ready: null })
  departure: (judged: Judged, proofs: WriteProofs) => Departure = () => departed()

  idle(): boolean {
    return this.watched.size === 0
  }

  concerns(topic: string): boolean {
    return this.watched.has(topic)
  }

  judge(call: ProduceCall): Judged {
    this.calls.push(call)
    return { call }
  }

  admit(judged: Judged, proofs: WriteProofs): Admission {
    return this.admission(judged, proofs)
  }

  depart(judged: Judged, proofs: WriteProofs): Departure {
    return this.departure(judged, proofs)
  }
}

export class Bench {
  readonly path = new ScriptedPath()
  readonly session: Session
  readonly effects: Effect[] = []
  /** When false, `reserve` effects are left for the test to grant. */
  grants = true
  /** When false, `judge` effects are left for the test to answer. */
  judges = true
  /** Request frames with reserved memory, or a place in the queue for it, that neither left nor were given up. */
  heldFrames = 0
  /** Node ids whose listener is open. */
  readonly open = new Set([1, 2, 3])
  nowMs = 1_000_000

  constructor(context: Partial<SessionContext> = {}) {
    this.session = new Session({
      nodeId: () => 1,
      producePath: this.path,
      advertised: (id) => (this.open.has(id) ? { host: 'proxy.test', port: 9_200 + id } : null),
      reconciled: (id) => this.open.has(id),
      limits: { requestBytes: 100_000, responseBytes: 100_000, pendingResponses: 100 },
      nowMs: () => this.nowMs,
      ...context
    })
  }

  /** Carries out what needs no test: grants memory, judges. */
  handle(event: SessionEvent): void {
    const queue: SessionEvent[] = [event]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      for (const effect of this.session.handle(next)) {
        this.effects.push(effect)
        this.#account(effect)
        if (effect.type === 'reserve' && this.grants) queue.push({ type: 'reserved', direction: effect.direction })
        if (effect.type === 'judge' && this.judges) queue.push({ type: 'judged', judged: this.path.judge(effect.call) })
      }
    }
  }

  /** What the n-th request that waited (from 0 on) waited for has come. */
  ready(departure: number): void {
    this.handle({ type: 'ready', departure: this.awaited[departure]! })
  }

  /** The names under which requests wait, in their order. */
  get awaited(): number[] {
    return this.effects.flatMap((effect) => (effect.type === 'await' ? [effect.departure] : []))
  }

  client(...frames: readonly Buffer[]): void {
    this.handle({ type: 'client-bytes', chunk: Buffer.concat(frames) })
  }

  upstream(...frames: readonly Buffer[]): void {
    this.handle({ type: 'upstream-bytes', chunk: Buffer.concat(frames) })
  }

  get sentUp(): Buffer {
    return this.#sent('to-upstream')
  }

  get sentDown(): Buffer {
    return this.#sent('to-client')
  }

  get closed(): Extract<Effect, { type: 'close' }> | undefined {
    return this.effects.find((effect) => effect.type === 'close')
  }

  #account(effect: Effect): void {
    if (effect.type === 'reserve' && effect.direction === 'request') this.heldFrames += 1
    if (effect.type === 'give-up') this.heldFrames = 0
    const leaves =
      (effect.type === 'to-upstream' && effect.frees) || (effect.type === 'free' && effect.direction === 'request')
    if (leaves) this.heldFrames -= 1
    if (this.heldFrames < 0) throw new Error('more memory was given back than was reserved')
  }

  #sent(type: 'to-upstream' | 'to-client'): Buffer {
    return Buffer.concat(this.effects.flatMap((effect) => (effect.type === type ? [effect.bytes] : [])))
  }
}

export const heartbeat = (correlationId: number): Buffer =>
  requestFrame({ apiKey: apiKeys.heartbeat, apiVersion: 0, correlationId, clientId: 'c' }, Buffer.from('body'))

export const heartbeatAnswer = (correlationId: number): Buffer =>
  responseFrame(apiKeys.heartbeat, 0, correlationId, Buffer.from('ok'))

export function produceFrame(
  correlationId: number,
  topics: Readonly<Record<string, readonly number[]>>,
  { apiVersion = 9, acks = -1 } = {}
): Buffer {
  const records = buildBatch({ records: [{ key: null, value: Buffer.from('v'), timestamp: 1 }] })
  const topicData = Object.entries(topics).map(([name, indices]) => ({
    name,
    partitionData: indices.map((index) => ({ index, records }))
  }))
  const body = produceRequest.encode({ acks, timeoutMs: 30_000, topicData }, apiVersion)
  return requestFrame({ apiKey: apiKeys.produce, apiVersion, correlationId, clientId: 'c' }, body)
}

export function produceAnswer(correlationId: number, response: ProduceResponseInput, apiVersion = 9): Buffer {
  return responseFrame(apiKeys.produce, apiVersion, correlationId, produceResponse.encode(response, apiVersion))
}

export function metadataAnswer(
  correlationId: number,
  apiVersion: number,
  brokers: readonly { nodeId: number; host: string; port: number }[]
): Buffer {
  return responseFrame(apiKeys.metadata, apiVersion, correlationId, metadataResponse.encode({ brokers }, apiVersion))
}

/** Cuts a stream of frames into frames, lengths included. */
export function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let position = 0; position < bytes.length;) {
    const end = position + 4 + bytes.readInt32BE(position)
    frames.push(bytes.subarray(position, end))
    position = end
  }
  return frames
}

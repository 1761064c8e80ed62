/** What the two halves of a session (requests going up, answers coming down) have in common. */
import type { AdvertisedAddress } from '../addresses.ts'
import type { ProducePath } from '../produce-path.ts'
import { ConnectionWriteProofs } from '../write-proofs.ts'
import type { CloseReason, Effect } from './effects.ts'
import { PendingAnswers } from './pending.ts'

export interface SessionContext {
  /** The broker this connection reaches; null while it is not known (a bootstrap address under another name). */
  readonly nodeId: () => number | null
  readonly producePath: ProducePath
  readonly advertised: AdvertisedAddress
  /** True when the listener of this node is open, or when it is known that it will have none. */
  readonly reconciled: (nodeId: number, host: string, port: number) => boolean
  readonly limits: SessionLimits
  readonly nowMs: () => number
}

export interface SessionLimits {
  /** Largest frame a client may send. Kafka: `socket.request.max.bytes`. */
  readonly requestBytes: number
  /** Largest answer that is opened here. */
  readonly responseBytes: number
  /** Answers owed at a time; beyond it no further request is read. */
  readonly pendingResponses: number
}

/** Answers made here that may wait for those before them; beyond it no further request is read, and none departs. */
const maxLocalBytes = 1024 * 1024

export class SessionShared {
  readonly context: SessionContext
  readonly pending = new PendingAnswers()
  readonly proofs: ConnectionWriteProofs
  effects: Effect[] = []
  closed = false
  /** A frame that came in one piece is looked at where it lies; otherwise in a copy that takes no more than its size. */
  inPlace = true
  upstreamBlocked = false
  clientBlocked = false
  /** Close as soon as every answer owed has left; no further request goes on. */
  closeWhenEmpty: CloseReason | null = null
  /** Bytes of answers made here, or that they may come to, while they wait for their turn. */
  localBytes = 0
  #lastRelay: Extract<Effect, { type: 'to-upstream' | 'to-client' }> | null = null

  constructor(context: SessionContext) {
    this.context = context
    this.proofs = new ConnectionWriteProofs(context.nodeId, context.nowMs)
  }

  get localAnswersFull(): boolean {
    return this.localBytes >= maxLocalBytes
  }

  close(reason: CloseReason, detail?: string): void {
    if (this.closed) return
    this.closed = true
    this.effects.push(detail === undefined ? { type: 'close', reason } : { type: 'close', reason, detail })
  }

  /** Bytes that only pass through: neighbours in one chunk become one write. */
  relay(type: 'to-upstream' | 'to-client', bytes: Buffer): void {
    const last = this.#lastRelay
    if (last?.type === type && adjacent(last.bytes, bytes)) {
      last.bytes = Buffer.from(last.bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length)
    } else {
      const relay = { type, bytes, frees: false }
      this.#lastRelay = relay
      this.effects.push(relay)
    }
  }

  /** Begins the effects of another event; everything after something that is no relay is a write of its own. */
  begin(): void {
    this.effects = []
    this.#lastRelay = null
  }

  toUpstream(frame: Buffer, frees: boolean): void {
    this.#lastRelay = null
    this.effects.push({ type: 'to-upstream', bytes: frame, frees })
  }

  toClient(frame: Buffer, frees: boolean): void {
    this.#lastRelay = null
    this.effects.push({ type: 'to-client', bytes: frame, frees })
  }

  count(what: 'request' | 'response', apiKey: number, bytes: number): void {
    this.effects.push({ type: 'count', what, apiKey, bytes })
  }
}

function adjacent(a: Buffer, b: Buffer): boolean {
  return a.buffer === b.buffer && a.byteOffset + a.length === b.byteOffset
}

/** What the two halves of a session (requests going up, answers coming down) have in common. */
import type { AdvertisedAddress } from '../addresses.ts'
import type { ProducePath } from '../produce-path.ts'
import { ConnectionWriteProofs } from '../write-proofs.ts'
import type { CloseReason, Effect } from './effects.ts'
import { PendingAnswers } from './pending.ts'

export interface SessionContext {
  /** The broker this connection reaches; null on a bootstrap address. */
  readonly nodeId: number | null
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

export class SessionShared {
  readonly context: SessionContext
  readonly pending = new PendingAnswers()
  readonly proofs: ConnectionWriteProofs
  effects: Effect[] = []
  closed = false
  upstreamBlocked = false
  clientBlocked = false

  constructor(context: SessionContext) {
    this.context = context
    this.proofs = new ConnectionWriteProofs(context.nodeId, context.nowMs)
  }

  close(reason: CloseReason, detail?: string): void {
    if (this.closed) return
    this.closed = true
    this.effects.push(detail === undefined ? { type: 'close', reason } : { type: 'close', reason, detail })
  }

  /** Bytes that only pass through: neighbours in one chunk become one write. */
  relay(type: 'to-upstream' | 'to-client', bytes: Buffer): void {
    const last = this.effects.findLast((effect) => effect.type !== 'count' && effect.type !== 'client-id')
    if (last?.type === type && !last.frees && adjacent(last.bytes, bytes)) {
      last.bytes = Buffer.from(last.bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length)
    } else {
      this.effects.push({ type, bytes, frees: false })
    }
  }

  toClient(frame: Buffer, frees: boolean): void {
    this.effects.push({ type: 'to-client', bytes: frame, frees })
  }

  count(what: 'request' | 'response', apiKey: number, bytes: number): void {
    this.effects.push({ type: 'count', what, apiKey, bytes })
  }
}

function adjacent(a: Buffer, b: Buffer): boolean {
  return a.buffer === b.buffer && a.byteOffset + a.length === b.byteOffset
}

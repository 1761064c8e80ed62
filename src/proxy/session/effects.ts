/**
 * What goes into a session and what comes out of it. The session owns no socket, no clock and no timer: a driver turns
 * what happens on the sockets into events, and carries the effects out.
 */
import type { Broker } from '../addresses.ts'
import type { Judged, ProduceCall } from '../produce-path.ts'

export type SessionEvent =
  | { readonly type: 'client-bytes'; readonly chunk: Buffer }
  /** So many bytes of the client were put where `placeForClient` said. */
  | { readonly type: 'client-placed'; readonly bytes: number }
  | { readonly type: 'upstream-bytes'; readonly chunk: Buffer }
  /** The client will send no more (FIN). What it sent is still carried out. */
  | { readonly type: 'client-end' }
  /** The write buffer towards that side has filled up, or has run empty again. */
  | { readonly type: 'upstream-blocked'; readonly blocked: boolean }
  | { readonly type: 'client-blocked'; readonly blocked: boolean }
  /** The bytes asked for by a `reserve` effect are reserved. */
  | { readonly type: 'reserved'; readonly direction: Direction }
  | { readonly type: 'judged'; readonly judged: Judged }
  /** What an `await` effect named has come. */
  | { readonly type: 'ready'; readonly departure: number }
  /** Every broker named by a `reconcile` effect has its listener, or is known to have no port. */
  | { readonly type: 'reconciled' }
  /** The broker takes nothing any more. What it said is still delivered; requests that are held go nowhere. */
  | { readonly type: 'upstream-lost' }
  /** Finish what produces, then close. */
  | { readonly type: 'drain' }

export type Direction = 'request' | 'response'

export type Effect =
  /**
   * `frees`: the frame's reservation (of requests: the oldest that is held) ends when these bytes have left the process.
   */
  | { readonly type: 'to-upstream'; bytes: Buffer; readonly frees: boolean }
  | { readonly type: 'to-client'; bytes: Buffer; readonly frees: boolean }
  | { readonly type: 'reserve'; readonly direction: Direction; readonly bytes: number }
  /** Nothing of the frame (of requests: the oldest that is held) was sent on: its reservation ends now. */
  | { readonly type: 'free'; readonly direction: Direction }
  /** No request that is held goes on: all their reservations end. */
  | { readonly type: 'give-up' }
  /** The youngest request that is held. `call` looks into `frame`. */
  | { readonly type: 'judge'; readonly call: ProduceCall; readonly frame: Buffer }
  /** The youngest request that is held may depart when `ready` resolves. */
  | { readonly type: 'await'; readonly ready: Promise<void>; readonly departure: number; readonly heldBytes: number }
  | { readonly type: 'reconcile'; readonly brokers: readonly Broker[] }
  /** For metrics: one request was taken up, or one response went out. */
  | { readonly type: 'count'; readonly what: Direction; readonly apiKey: number; readonly bytes: number }
  | { readonly type: 'client-id'; readonly clientId: string | null }
  /** The client's bytes are all on their way: end the upstream side, and close when it answers with its own end. */
  | { readonly type: 'finish' }
  /** Send what is buffered towards both sides, then close. */
  | { readonly type: 'close'; readonly reason: CloseReason; readonly detail?: string }

/** Why a connection was closed; also the values of the metric's label. */
export const closeReasons = [
  'client-closed',
  'upstream-closed',
  'upstream-unreachable',
  'drained',
  'drain-timeout',
  'frame-length',
  'unsupported-api',
  'malformed-request',
  'malformed-response',
  'unexpected-response',
  'sasl-handshake-v0',
  'acks-zero-refused',
  'refused-for-now',
  'too-many-gates',
  'chain-moved',
  'slow-body',
  'stalled',
  'connection-limit',
  'internal-error'
] as const

export type CloseReason = (typeof closeReasons)[number]

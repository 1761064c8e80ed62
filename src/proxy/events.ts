/** What the proxy tells the rest of the instance: for logs and metrics. Nothing here changes what it does. */
import type { Address } from '../address.ts'
import type { CloseReason, Direction } from './session/effects.ts'

/** A client connection in numbers, as the admin API shows it. */
export interface ConnectionInfo {
  readonly id: number
  readonly remoteAddress: string
  /** The broker it leads to; null on a bootstrap address while that is not known. */
  readonly nodeId: number | null
  readonly clientId: string | null
  readonly openedAtMs: number
  readonly requests: number
  readonly bytesFromClient: number
  readonly bytesToClient: number
  readonly pendingAnswers: number
}

export interface ProxyEvents {
  opened(info: ConnectionInfo): void
  /** Once per opened connection, when both of its sockets are gone. */
  closed(info: ConnectionInfo, reason: CloseReason, detail: string | undefined): void
  upstreamUnreachable(address: Address, message: string): void
  counted(what: Direction, apiKey: number, bytes: number): void
  /** A frame had to wait for memory. */
  budgetWait(direction: Direction): void
  /** A fault of our own; the connection it happened on is closed. */
  internalError(error: unknown): void
  /** A listener for this broker has been opened. */
  listening(nodeId: number, address: Address): void
  /** The port of a live broker cannot be had now; it is tried again whenever an answer names the broker. */
  cannotListen(nodeId: number, message: string): void
  /** A live broker has no port of ours: clients are not told of it. Called once per broker. */
  brokerWithoutPort(nodeId: number): void
}

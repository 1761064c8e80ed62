/** What the first bytes of a client's frame tell: which request it is, or why no broker would take it either. */
import type { ChunkQueue } from '../../../protocol/frames/chunk-queue.ts'
import { apiByKey, apiKeys } from '../../../protocol/messages/api-table.ts'
import { smallFrameBytes } from '../byte-budget.ts'
import type { CloseReason } from './effects.ts'

export type FrameStart =
  | {
      /** `newer-api-versions`: an ApiVersions request of a version nobody here knows; it has an answer (KIP-511). */
      readonly kind: 'produce' | 'newer-api-versions' | 'other'
      readonly apiKey: number
      readonly apiVersion: number
      readonly correlationId: number
      /** The whole frame, its length prefix included. */
      readonly frameBytes: number
    }
  | { readonly kind: 'refused'; readonly reason: CloseReason; readonly detail: string }

/** What a client may send before it is authenticated; none of it is large, and brokers have been felled by it. */
const authenticationKeys: ReadonlySet<number> = new Set([
  apiKeys.saslHandshake,
  apiKeys.apiVersions,
  apiKeys.saslAuthenticate
])
/** Length prefix, API key, version, correlation id: what every request starts with. */
const fixedPrefixBytes = 12

/** Takes nothing from the queue. Null while not enough has arrived. `requestBytes`: the largest frame allowed. */
export function frameStart(queue: ChunkQueue, requestBytes: number): FrameStart | null {
  const lengthPrefix = queue.peek(4)
  if (lengthPrefix === null) return null
  const length = lengthPrefix.readInt32BE(0)
  if (length < fixedPrefixBytes - 4 || length > requestBytes) {
    return refused('frame-length', `a frame of ${length} bytes; allowed are 8 to ${requestBytes}`)
  }
  const prefix = queue.peek(fixedPrefixBytes)
  if (prefix === null) return null
  const apiKey = prefix.readInt16BE(4)
  const apiVersion = prefix.readInt16BE(6)
  if (length > smallFrameBytes && authenticationKeys.has(apiKey)) {
    return refused('frame-length', `${length} bytes before authentication; allowed are ${smallFrameBytes}`)
  }
  const api = apiByKey(apiKey)
  const known = api !== undefined && apiVersion >= 0 && apiVersion <= api.maxVersion
  const newerApiVersions = !known && apiKey === apiKeys.apiVersions && apiVersion > 0
  if (!known && !newerApiVersions) return refused('unsupported-api', `API key ${apiKey} version ${apiVersion}`)
  if (apiKey === apiKeys.saslHandshake && apiVersion === 0) {
    return refused('sasl-handshake-v0', 'raw SASL frames are not supported; use SaslHandshake v1')
  }
  const kind = newerApiVersions ? 'newer-api-versions' : apiKey === apiKeys.produce ? 'produce' : 'other'
  return { kind, apiKey, apiVersion, correlationId: prefix.readInt32BE(8), frameBytes: 4 + length }
}

function refused(reason: CloseReason, detail: string): FrameStart {
  return { kind: 'refused', reason, detail }
}

/**
 * What became of a quarantined record: it is open until it was sent home or discarded. Kept in a compacted topic, one
 * entry per record, because the quarantine topic itself cannot be changed: without an entry the record is open.
 */

export type RecordState =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'redriven'
      /** Where it lies now. */
      readonly topic: string
      readonly partition: number
      readonly offset: bigint
      /** Epoch milliseconds. */
      readonly atMs: number
      readonly by: string
    }
  | {
      readonly kind: 'discarded'
      /** Epoch milliseconds. */
      readonly atMs: number
      readonly by: string
      readonly reason: string
    }
  /** Somebody wrote what this version does not understand. Never sent home: it may have been. */
  | { readonly kind: 'unreadable' }

export type Handled = Extract<RecordState, { readonly kind: 'redriven' | 'discarded' }>

export const open: RecordState = { kind: 'open' }

export const stateLimits = {
  /** UTF-16 units of who did it. */
  by: 200,
  /** UTF-16 units of why it was discarded. */
  reason: 1_000
} as const

const version = 1

/** No topic name has a slash. */
export function stateKey(quarantineTopic: string, id: string): Buffer {
  return Buffer.from(`${quarantineTopic}/${id}`)
}

/** Null for a key that is none of ours. */
export function parseStateKey(key: Buffer | null): { readonly quarantineTopic: string; readonly id: string } | null {
  const match = /^([A-Za-z0-9._-]{1,249})\/([0-9a-f]{32})$/.exec(key?.toString() ?? '')
  return match === null ? null : { quarantineTopic: match[1]!, id: match[2]! }
}

export function stateValue(state: Handled): Buffer {
  const by = state.by.slice(0, stateLimits.by).toWellFormed()
  const written =
    state.kind === 'redriven'
      ? { ...state, by, offset: String(state.offset) }
      : { ...state, by, reason: state.reason.slice(0, stateLimits.reason).toWellFormed() }
  return Buffer.from(JSON.stringify({ version, ...written }))
}

/** @param value null is a tombstone: the record is open again */
export function parseState(value: Buffer | null): RecordState {
  if (value === null) return open
  let document: unknown
  try {
    document = JSON.parse(value.toString())
  } catch {
    return { kind: 'unreadable' }
  }
  const fields = (typeof document === 'object' && document !== null ? document : {}) as Readonly<
    Record<string, unknown>
  >
  const { kind, topic, partition, offset, atMs, by, reason } = fields
  if (fields['version'] !== version || typeof atMs !== 'number' || typeof by !== 'string') return { kind: 'unreadable' }
  if (
    kind === 'redriven' &&
    typeof topic === 'string' &&
    typeof partition === 'number' &&
    typeof offset === 'string' &&
    /^-?\d{1,19}$/.test(offset)
  ) {
    return { kind, topic, partition, offset: BigInt(offset), atMs, by }
  }
  if (kind === 'discarded' && typeof reason === 'string') return { kind, atMs, by, reason }
  return { kind: 'unreadable' }
}

/** A quarantined record as plain data for programs. Nothing of what stood in it. */
import type { CheckPlace } from '../contracts/policy/check-place.ts'
import type { ListedRecord } from './listing.ts'
import type { RecordState } from './state.ts'

export interface RecordView {
  readonly id: string
  readonly quarantineTopic: string
  readonly quarantinePartition: number
  readonly quarantineOffset: number
  /** When it was quarantined, epoch milliseconds. */
  readonly atMs: number
  /** Where it was sent to. */
  readonly topic: string
  readonly partition: number
  /** The producer's, epoch milliseconds; -1 when it gave none. */
  readonly timestampMs: number
  /** Decimal: it may be beyond what a JSON number holds. */
  readonly producerId: string | null
  readonly producerEpoch: number | null
  readonly sequence: number | null
  readonly batchIndex: number
  readonly clientId: string | null
  readonly principal: string | null
  /** `orders@3f2a91c04b7e`: the one that quarantined it. */
  readonly policy: string
  readonly violations: readonly ViolationView[]
  readonly moreViolations: number
  readonly keyBytes: number | null
  readonly valueBytes: number | null
  readonly headerCount: number
  readonly valueDropped: boolean
  readonly state: StateView
}

export interface ViolationView {
  readonly rule: string
  readonly path: string
  readonly message: string
  readonly expected: string | null
  readonly found: string | null
  /** Where the rule stands in today's policy; null when it is not in it any more. */
  readonly place: CheckPlace | null
}

export type StateView =
  | Exclude<RecordState, { readonly kind: 'redriven' }>
  | (Omit<Extract<RecordState, { readonly kind: 'redriven' }>, 'offset'> & { readonly offset: number })

export function recordView(
  record: ListedRecord,
  placeOf: (rule: string, path: string) => CheckPlace | null
): RecordView {
  const { entry, state } = record
  const { valueDropped, violations, producerId, ...rest } = entry
  return {
    ...rest,
    producerId: producerId === null ? null : String(producerId),
    quarantineTopic: record.quarantineTopic,
    quarantinePartition: record.quarantinePartition,
    quarantineOffset: Number(record.offset),
    atMs: record.atMs,
    violations: violations.map(({ rule, path, message, expected, found }) => ({
      rule,
      path,
      message,
      expected: expected ?? null,
      found: found ?? null,
      place: placeOf(rule, path)
    })),
    keyBytes: record.keyBytes,
    valueBytes: record.valueBytes,
    headerCount: record.headerCount,
    valueDropped,
    state: state.kind === 'redriven' ? { ...state, offset: Number(state.offset) } : state
  }
}

/**
 * From decisions to answers: the gate, the rule for kafkajs, the broker's own refusals. Pure; what it decides is carried
 * out by `Enforcer` in the same turn, so that nothing can come between.
 */
import type { WriteProofs } from '../proxy/produce-path.ts'
import type { Fate, PartitionDecision } from './judge.ts'
import type { RefusalCause } from './report.ts'
import type { SequenceGates } from './sequence-gate.ts'

export interface LocalRefusal {
  readonly decision: PartitionDecision
  readonly code: number
  readonly cause: RefusalCause
  readonly message: string
  readonly recordErrors: readonly { index: number; message: string }[]
  /** The gate has to stand at this batch: the connection may write here, and its batch is answered by us. */
  readonly closesGate: boolean
}

export type Resolution =
  | { readonly kind: 'needs-proof'; readonly topics: readonly string[] }
  | {
      readonly kind: 'resolved'
      readonly refused: readonly LocalRefusal[]
      readonly forwarded: readonly PartitionDecision[]
    }

type Refusal = Omit<LocalRefusal, 'closesGate'>

export function resolve(
  apiVersion: number,
  decisions: readonly PartitionDecision[],
  gates: SequenceGates,
  proofs: WriteProofs
): Resolution {
  const own = decisions.map((decision) => ownRefusal(decision, gates))
  const first = own.find((refusal) => refusal !== null)
  const atomic = first !== undefined && rewindsWholeRequest(apiVersion, decisions)
  const refusals = atomic ? decisions.map((decision, i) => own[i] ?? asNeighbour(decision, first)) : own

  const unknown = new Set<string>()
  const refused: LocalRefusal[] = []
  const forwarded: PartitionDecision[] = []
  decisions.forEach((decision, i) => {
    const refusal = refusals[i]
    if (refusal === null || refusal === undefined) {
      forwarded.push(decision)
      return
    }
    const status = proofs.status(decision.topic, decision.partition)
    if (status === 'unknown') unknown.add(decision.topic)
    else refused.push(inBrokersPlace(refusal, status))
  })
  if (unknown.size > 0) return { kind: 'needs-proof', topics: [...unknown] }
  return { kind: 'resolved', refused, forwarded }
}

function ownRefusal(decision: PartitionDecision, gates: SequenceGates): Refusal | null {
  if (decision.position !== null && gates.refuses(decision.position)) {
    return {
      decision,
      code: 45,
      cause: 'gate',
      message: 'an earlier batch of this producer and partition was refused and has to come first',
      recordErrors: []
    }
  }
  const { fate } = decision
  return fate.kind === 'refuse' ? { decision, ...withoutKind(fate) } : null
}

function withoutKind(fate: Extract<Fate, { kind: 'refuse' }>): Omit<Refusal, 'decision'> {
  return { code: fate.code, cause: fate.cause, message: fate.message, recordErrors: fate.recordErrors }
}

/**
 * kafkajs (the client that speaks Produce v7 at most with a producer id) rewinds the sequences of all partitions of a
 * request when one fails, so its next batches would be taken for duplicates: silent loss. Such a request is refused as a
 * whole.
 */
function rewindsWholeRequest(apiVersion: number, decisions: readonly PartitionDecision[]): boolean {
  return apiVersion <= 7 && decisions.length > 1 && decisions.some((decision) => decision.position !== null)
}

function asNeighbour(decision: PartitionDecision, first: Refusal): Refusal {
  return {
    decision,
    code: first.code,
    cause: 'neighbour',
    message: `refused with ${first.decision.topic}-${first.decision.partition} of the same request: ${first.message}`,
    recordErrors: []
  }
}

/** What the broker itself would say comes before what we have to say. */
function inBrokersPlace(refusal: Refusal, status: 0 | 3 | 6 | 29): LocalRefusal {
  if (status === 0) return { ...refusal, closesGate: true }
  return {
    decision: refusal.decision,
    code: status,
    cause: 'broker-would-refuse',
    message: brokerMessages[status],
    recordErrors: [],
    // With 6 the client may write and comes back with this batch; with 3 and 29 it shows no right to touch the chain.
    closesGate: status === 6
  }
}

const brokerMessages = {
  3: 'This server does not host this topic-partition.',
  6: 'For requests intended only for the leader, this error indicates that the broker is not the current leader.',
  29: 'Topic authorization failed.'
} as const

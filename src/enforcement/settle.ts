/**
 * From decisions to answers: the gate, the rule for kafkajs, the broker's own refusals. Pure; what it decides is carried
 * out by `Enforcer` in the same turn, so that nothing can come between.
 */
import type { WriteProofs } from '../proxy/produce-path.ts'
import type { PartitionDecision, Refusal } from './decision.ts'
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

type Unproven = Omit<LocalRefusal, 'closesGate'>

/**
 * @param refusalOf why this one is refused here; null when it goes on
 * @param acts something is done for this one that needs the right to write, though it is not refused
 */
export function resolve(
  apiVersion: number,
  decisions: readonly PartitionDecision[],
  refusalOf: (decision: PartitionDecision) => Refusal | null,
  acts: (decision: PartitionDecision) => boolean,
  proofs: WriteProofs
): Resolution {
  const own = decisions.map((decision) => {
    const refusal = refusalOf(decision)
    return refusal === null ? null : { decision, ...withoutKind(refusal) }
  })
  const first = own.find((refusal) => refusal !== null)
  const atomic = first !== undefined && rewindsWholeRequest(apiVersion, decisions)
  const refusals = atomic ? decisions.map((decision, i) => own[i] ?? asNeighbour(decision, first)) : own

  const unknown = new Set<string>()
  const refused: LocalRefusal[] = []
  const forwarded: PartitionDecision[] = []
  decisions.forEach((decision, i) => {
    const refusal = refusals[i] ?? null
    if (refusal === null && !acts(decision)) {
      forwarded.push(decision)
      return
    }
    const status = proofs.status(decision.topic, decision.partition)
    if (status === 'unknown') unknown.add(decision.topic)
    else if (status !== 0) refused.push(brokersRefusal(decision, status))
    else if (refusal === null) forwarded.push(decision)
    else refused.push({ ...refusal, closesGate: refusal.cause !== 'sequence-reused' })
  })
  if (unknown.size > 0) return { kind: 'needs-proof', topics: [...unknown] }
  return { kind: 'resolved', refused, forwarded }
}

/**
 * What was decided about the batch, or the gate of its chain, refuses it.
 *
 * @param lane the connection it comes on
 */
export function gateOrOwnRefusal(
  decision: PartitionDecision,
  gates: SequenceGates,
  lane: AbortSignal | null = null
): Refusal | null {
  const { position, link, fate } = decision
  const isPast = (sequence: number): boolean => link?.chain.isPast(sequence) === true
  const code = position === null ? null : gates.refusal(position, lane, isPast)
  if (code !== null) return gateRefusal(code)
  return fate.kind === 'refuse' ? fate : null
}

export function gateRefusal(code: number): Refusal {
  const message = 'an earlier batch of this producer and partition was refused and has to come first'
  return { kind: 'refuse', code, cause: 'gate', message, recordErrors: [] }
}

/**
 * A batch is to come again, and no sequence number tells a broker to keep those behind it back until it has: clients
 * would have them stored before it (franz-go and librdkafka without idempotence did). So nothing more of this connection
 * may go on. What a client has in flight on a connection that is lost it sends again from the first on.
 */
export function endsConnection(refused: readonly LocalRefusal[]): boolean {
  return refused.some(({ decision, code }) => code === notEnoughReplicas && decision.position === null)
}

/** The one code given here upon which clients send a batch again that stands behind no other. */
const notEnoughReplicas = 19

function withoutKind({ code, cause, message, recordErrors }: Refusal): Omit<Unproven, 'decision'> {
  return { code, cause, message, recordErrors }
}

/**
 * kafkajs (the client that speaks Produce v7 at most with a producer id) rewinds the sequences of all partitions of a
 * request when one fails, so its next batches would be taken for duplicates: silent loss. Such a request is refused as a
 * whole.
 */
function rewindsWholeRequest(apiVersion: number, decisions: readonly PartitionDecision[]): boolean {
  return takesSequencesBack(apiVersion) && decisions.length > 1 && decisions.some(({ position }) => position !== null)
}

/** kafkajs: what fails gives its sequences to what comes next, stored or not, and there is no new epoch. */
export function takesSequencesBack(apiVersion: number): boolean {
  return apiVersion <= 7
}

function asNeighbour(decision: PartitionDecision, first: Unproven): Unproven {
  return {
    decision,
    code: first.code,
    cause: 'neighbour',
    message: `refused with ${first.decision.topic}-${first.decision.partition} of the same request: ${first.message}`,
    recordErrors: []
  }
}

/** What the broker itself would say comes before what we have to say. */
function brokersRefusal(decision: PartitionDecision, status: 3 | 6 | 29): LocalRefusal {
  return {
    decision,
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

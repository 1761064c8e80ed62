/**
 * What a partition remembers of its idempotent producers, as Kafka does (ProducerStateEntry, ProducerAppendInfo).
 *
 * - A batch whose first and last sequence are those of one of the last five, in the same epoch, is a repeat: it is
 *   answered with the offset it got then, and nothing is appended.
 * - Otherwise the next batch of the same epoch starts one above the last sequence (0 follows 2^31 - 1), the first batch
 *   of a higher epoch starts at 0, and a lower epoch is fenced.
 * - A producer that is not known may start anywhere.
 */
import { errorCodes } from '../../../protocol/errors.ts'
import * as limits from '../limits.ts'

/** Kafka's ProducerStateEntry.NUM_BATCHES_TO_RETAIN: a client has at most five batches in flight. */
const batchesRemembered = 5

const maxSequence = 0x7fff_ffff

export interface SequencedBatch {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export type SequenceCheck =
  | { readonly kind: 'next' }
  | { readonly kind: 'repeat'; readonly baseOffset: number }
  | { readonly kind: 'refused'; readonly errorCode: number; readonly message: string }

export interface ActiveProducer {
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly lastSequence: number
  /** Of the last append, epoch milliseconds. */
  readonly lastTimestampMs: number
}

interface RememberedBatch {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

interface ProducerState {
  readonly epoch: number
  /** Oldest first; at least one, at most `batchesRemembered`. */
  readonly batches: readonly RememberedBatch[]
  readonly lastAppendMs: number
}

/** The sequence `count` records later. */
export function advanceSequence(sequence: number, count: number): number {
  return (sequence + count) % (maxSequence + 1)
}

export class ProducerStates {
  /** In the order of their last append. */
  readonly #states = new Map<bigint, ProducerState>()

  check(batch: SequencedBatch, nowMs: number): SequenceCheck {
    const state = this.#states.get(batch.producerId)
    if (state === undefined || isExpired(state, nowMs)) return { kind: 'next' }
    const { producerEpoch: epoch, baseSequence: first } = batch
    if (epoch < state.epoch) {
      return refused('INVALID_PRODUCER_EPOCH', `epoch ${epoch} is below the current ${state.epoch}`)
    }
    if (epoch > state.epoch) {
      return first === 0
        ? { kind: 'next' }
        : refused('OUT_OF_ORDER_SEQUENCE_NUMBER', `the new epoch ${epoch} must start at 0, not ${first}`)
    }
    const last = lastSequenceOf(batch)
    const repeated = state.batches.find((b) => b.firstSequence === first && b.lastSequence === last)
    if (repeated !== undefined) return { kind: 'repeat', baseOffset: repeated.baseOffset }
    const due = advanceSequence(state.batches.at(-1)!.lastSequence, 1)
    return first === due
      ? { kind: 'next' }
      : refused('OUT_OF_ORDER_SEQUENCE_NUMBER', `sequence ${first} came where ${due} was due`)
  }

  /** Only for a batch that `check` called `next`. */
  appended(batch: SequencedBatch, baseOffset: number, nowMs: number): void {
    const before = this.#states.get(batch.producerId)
    const kept = before?.epoch === batch.producerEpoch && !isExpired(before, nowMs) ? before.batches : []
    const added = { firstSequence: batch.baseSequence, lastSequence: lastSequenceOf(batch), baseOffset }
    this.#states.delete(batch.producerId)
    this.#states.set(batch.producerId, {
      epoch: batch.producerEpoch,
      batches: [...kept, added].slice(-batchesRemembered),
      lastAppendMs: nowMs
    })
    if (this.#states.size > limits.maxProducersPerPartition) {
      const [oldest] = this.#states.keys()
      this.#states.delete(oldest!)
    }
  }

  active(nowMs: number): ActiveProducer[] {
    return [...this.#states]
      .filter(([, state]) => !isExpired(state, nowMs))
      .map(([producerId, state]) => ({
        producerId,
        producerEpoch: state.epoch,
        lastSequence: state.batches.at(-1)!.lastSequence,
        lastTimestampMs: state.lastAppendMs
      }))
  }

  /** As when the broker has expired it (`producer.id.expiration.ms`). */
  forget(producerId: bigint): void {
    this.#states.delete(producerId)
  }
}

function lastSequenceOf(batch: SequencedBatch): number {
  return advanceSequence(batch.baseSequence, batch.recordCount - 1)
}

function isExpired(state: ProducerState, nowMs: number): boolean {
  return nowMs - state.lastAppendMs >= limits.producerIdExpirationMs
}

function refused(name: 'INVALID_PRODUCER_EPOCH' | 'OUT_OF_ORDER_SEQUENCE_NUMBER', message: string): SequenceCheck {
  return { kind: 'refused', errorCode: errorCodes[name], message }
}

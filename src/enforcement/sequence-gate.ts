/**
 * The sequence gate: after a batch of a chain was answered here, nothing later of that chain may reach the broker before
 * that batch does.
 *
 * Without it: a broker that has no state for a producer takes any first sequence, so when batch A is refused here and B,
 * already on its way, is appended, librdkafka takes A for delivered ("implicitly acked by subsequent batch success") and
 * Java retries A against 45 until it expires: silent loss with idempotence switched on (KAFKA-14359, KAFKA-15591).
 *
 * A chain is the batches of one producer id, epoch and partition. The gate stands at the sequence that was refused and is
 * passed by that sequence when it is forwarded. A new epoch starts at sequence 0, and that is what a broker with state
 * demands (`ProducerAppendInfo.checkSequence`); one without takes anything. Java bumps its epoch upon a refused batch,
 * renumbers what is in flight, and at once sends a batch behind those: seen on a fresh topic, that batch was appended
 * and those before it refused until they expired. So for a while after a refusal the next epoch, too, starts at 0 here.
 */

/** First sequence and producer of one batch, as in its header. */
export interface ChainPosition {
  readonly topic: string
  readonly partition: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly baseSequence: number
}

interface Gate {
  readonly topic: string
  readonly epoch: number
  readonly sequence: number
  /** Those refused behind it, ascending: each may be the next that has to come. */
  readonly behind: readonly number[]
  /** What those behind it are told. */
  readonly code: number
  /** The connections on which it was refused, as far as they are known and not gone. */
  readonly lanes: readonly WeakRef<AbortSignal>[]
  readonly touchedMs: number
  /** True when it stands only because the epoch has to start at 0: then it ages as that rule does. */
  readonly epochStart: boolean
}

/**
 * Gates kept at most, about 200 bytes each. Only producers that were refused have one.
 */
export const maxGates = 100_000
/**
 * A gate that nobody touched for this long is dropped: twice the longest `delivery.timeout.ms` in common use is over by
 * then, so no batch of that pipeline is still under way.
 */
export const gateIdleMs = 30 * 60_000
/**
 * How long the next epoch must start at 0 here: `delivery.timeout.ms` of Java's producer, after which what was in flight
 * when a batch was refused is over. Later the producer may long have started it by way of another instance.
 */
export const epochStartMs = 120_000
/** Refused batches remembered per gate: more than any client has in flight with a producer id. */
const maxBehind = 16
/** One topic may have a tenth of all gates, so that producers of one cannot stop refusals in the others. */
const topicShare = 10
/**
 * By these a producer tries the refused batch again as it is, so those behind it are told to do the same: 45 would make
 * librdkafka begin a new epoch, in which the broker no longer knows what it has of a batch whose answer was lost.
 */
const retriedAsTheyAre: ReadonlySet<number> = new Set([3, 5, 6, 7, 13, 19, 20, 56])
const notEnoughReplicas = 19
const outOfOrderSequence = 45
/** Sequences run from 0 to 2^31 - 1 and wrap to 0 (`DefaultRecordBatch.incrementSequence`). */
const sequenceSpace = 2 ** 31

export class SequenceGates {
  readonly #gates = new Map<string, Gate>()
  /** Closed gates per topic, so that requests of a gated topic are opened even when no policy names it any more. */
  readonly #perTopic = new Map<string, number>()
  readonly #nowMs: () => number
  readonly #capacity: number

  constructor(nowMs: () => number, capacity = maxGates) {
    this.#nowMs = nowMs
    this.#capacity = capacity
  }

  get size(): number {
    this.#dropIdle()
    return this.#gates.size
  }

  coversTopic(topic: string): boolean {
    this.#dropIdle()
    return this.#perTopic.has(topic)
  }

  /**
   * What a batch at this position has to be told: 45 OUT_OF_ORDER_SEQUENCE_NUMBER, or 19 NOT_ENOUGH_REPLICAS when the one
   * that was refused may come again as it is. Null when nothing stands in its way.
   *
   * @param lane the connection it comes on
   * @param isPast whether the broker is known to have records from this sequence on
   */
  refusal(
    position: ChainPosition,
    lane: AbortSignal | null = null,
    isPast: (sequence: number) => boolean = () => false
  ): number | null {
    const gate = this.#gates.get(keyOf(position))
    if (gate === undefined || position.producerEpoch < gate.epoch || isStale(gate, lane)) return null
    if (gate.epochStart && !this.#bindsNextEpoch(gate, lane)) return null
    if (position.producerEpoch > gate.epoch) {
      return position.baseSequence !== 0 && this.#bindsNextEpoch(gate, lane) ? outOfOrderSequence : null
    }
    if (!isLater(position.baseSequence, gate.sequence)) return null
    const before = gate.behind.findLast((sequence) => isLater(position.baseSequence, sequence)) ?? gate.sequence
    return isPast(before) ? null : gate.code
  }

  /**
   * The batch at this position was answered here, with this code. False when there is no room for another gate: then the
   * answer must not be given, because it would not be safe.
   */
  close(position: ChainPosition, lane: AbortSignal | null = null, code = outOfOrderSequence): boolean {
    const key = keyOf(position)
    let standing = this.#gates.get(key)
    if (standing !== undefined && isStale(standing, lane)) {
      this.#remove(key, standing)
      standing = undefined
    }
    let sequence = position.baseSequence
    let behind: readonly number[] = []
    let epochStart = false
    if (standing !== undefined) {
      if (position.producerEpoch < standing.epoch) return true
      const sameEpoch = position.producerEpoch === standing.epoch
      if (sameEpoch && isLater(position.baseSequence, standing.sequence)) {
        // The latest touched stand last, so that idle ones are found at the front.
        this.#gates.delete(key)
        const behind = inOrder(standing.behind, position.baseSequence)
        this.#gates.set(key, { ...standing, behind, touchedMs: this.#nowMs() })
        return true
      }
      epochStart = !sameEpoch && position.baseSequence !== 0 && this.#bindsNextEpoch(standing, lane)
      if (epochStart) sequence = 0
      if (sameEpoch && standing.sequence === sequence) behind = standing.behind
      else if (sameEpoch) behind = [standing.sequence, ...standing.behind].slice(0, maxBehind)
      this.#remove(key, standing)
    } else {
      this.#dropIdle()
      const perTopic = this.#perTopic.get(position.topic) ?? 0
      if (this.#gates.size >= this.#capacity || perTopic >= Math.ceil(this.#capacity / topicShare)) return false
    }
    this.#gates.set(key, {
      topic: position.topic,
      epoch: position.producerEpoch,
      sequence,
      behind,
      code: !epochStart && retriedAsTheyAre.has(code) ? notEnoughReplicas : outOfOrderSequence,
      lanes: lanesWith(standing, lane),
      epochStart,
      touchedMs: this.#nowMs()
    })
    this.#perTopic.set(position.topic, (this.#perTopic.get(position.topic) ?? 0) + 1)
    return true
  }

  /** The batch at this position goes to the broker. */
  forwarded(position: ChainPosition, lane: AbortSignal | null = null): void {
    const key = keyOf(position)
    const gate = this.#gates.get(key)
    if (gate === undefined || position.producerEpoch < gate.epoch) return
    // What stands later in the same epoch was let pass because the gate had outlived its reason.
    const passes = position.producerEpoch > gate.epoch || !isLater(gate.sequence, position.baseSequence)
    if (passes || isStale(gate, lane)) this.#remove(key, gate)
  }

  /** The broker has appended the batch at this position, and so all before it. */
  appended(position: ChainPosition): void {
    const key = keyOf(position)
    const gate = this.#gates.get(key)
    if (gate?.epoch === position.producerEpoch && isLater(position.baseSequence, gate.sequence)) this.#remove(key, gate)
  }

  /** What is renumbered comes on the connection of the refusal; on another one a later epoch may long have begun. */
  #bindsNextEpoch({ touchedMs, lanes }: Gate, lane: AbortSignal | null): boolean {
    if (this.#nowMs() - touchedMs >= epochStartMs) return false
    return lane === null || lanes.length === 0 || lanes.some((refusedOn) => refusedOn.deref() === lane)
  }

  #remove(key: string, gate: Gate): void {
    this.#gates.delete(key)
    const left = (this.#perTopic.get(gate.topic) ?? 1) - 1
    if (left > 0) this.#perTopic.set(gate.topic, left)
    else this.#perTopic.delete(gate.topic)
  }

  /** Drops gates from the oldest on while they are idle. */
  #dropIdle(): void {
    const idleBeforeMs = this.#nowMs() - gateIdleMs
    for (const [key, gate] of this.#gates) {
      if (gate.touchedMs > idleBeforeMs) break
      this.#remove(key, gate)
    }
  }
}

/**
 * The connection is gone on which the batch was refused, and this is another one. A client that comes back sends its
 * batches in order, so when it does not begin with the refused one, that was settled elsewhere: by way of another
 * instance, or for good.
 */
function isStale({ lanes }: Gate, lane: AbortSignal | null): boolean {
  if (lane === null || lanes.length === 0) return false
  return lanes.every((refusedOn) => refusedOn.deref() !== lane && isGone(refusedOn))
}

function inOrder(behind: readonly number[], sequence: number): readonly number[] {
  if (behind.includes(sequence)) return behind
  const at = behind.findIndex((other) => isLater(other, sequence))
  const added = at < 0 ? [...behind, sequence] : [...behind.slice(0, at), sequence, ...behind.slice(at)]
  // The one at the end stands for all that were left out before it.
  return added.length <= maxBehind ? added : [...added.slice(0, maxBehind - 1), added.at(-1)!]
}

function isGone(lane: WeakRef<AbortSignal>): boolean {
  return lane.deref()?.aborted !== false
}

/** A client has few connections at a time on which one batch can be refused. */
function lanesWith(standing: Gate | undefined, lane: AbortSignal | null): readonly WeakRef<AbortSignal>[] {
  const others = (standing?.lanes ?? []).filter((other) => !isGone(other) && other.deref() !== lane)
  return lane === null ? others : [...others.slice(-7), new WeakRef(lane)]
}

function keyOf(position: ChainPosition): string {
  return `${position.producerId}/${position.partition}/${position.topic}`
}

/** `a` comes after `b` in sequence space; half of the space counts as "after", so that a wrap is told from a rewind. */
function isLater(a: number, b: number): boolean {
  const distance = (a - b + sequenceSpace) % sequenceSpace
  return distance > 0 && distance < sequenceSpace / 2
}

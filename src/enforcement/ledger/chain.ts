/**
 * One chain that this instance owns: what was decided about its batches, which of them are under way, and what may be
 * sent next. Pure bookkeeping; `Ledger` does what takes time.
 *
 * The rules it keeps: a batch is decided once, and its retry follows that decision. Until the broker has acknowledged a
 * batch of this ownership only one is under way, because only then does the broker's check of sequences tell whether
 * somebody else's copies got there first. What the broker certainly did not append is forgotten, with all that was
 * decided behind it; what it may have appended is kept.
 */
import { areSameRecords } from '../quarantined.ts'
import { isSameDecision } from './chain-state.ts'
import type { ChainState, ChainSnapshot, ChainStart, JudgedBatch } from './chain-state.ts'
import { Pipeline } from './pipeline.ts'
import type { PlanIn, Recall } from './plan.ts'
import type { ChainId } from './ports.ts'
import { addSequence, sequenceDistance } from './sequence.ts'

export type Plan = PlanIn<Chain>

/**
 * How long after a claim an earlier owner's copies can still arrive, as is assumed where nothing is sent by which the broker
 * could tell which came first: a batch that was quarantined whole, or numbers that are used again. An instance that lost a
 * chain sends nothing more as soon as it reads the claim, which takes milliseconds.
 */
export const quietMs = 5_000

/** Answers of a broker by which a batch was certainly not appended (`LogValidator`, `ProduceRequest.validateRecords`). */
const notAppended: ReadonlySet<number> = new Set([2, 10, 29, 32, 44, 76, 87])
const outOfOrderSequence = 45

export class Chain {
  readonly id: ChainId
  readonly claim: string
  readonly claimOffset: bigint
  readonly claimedMs: number
  readonly state: ChainState
  /** The connection whose batches are under way; another one waits until none is. */
  lane: AbortSignal | null = null
  /** Something that takes time is going on; nothing is decided meanwhile. Never rejects. */
  busy: Promise<void> | null = null
  touchedMs: number
  lookedMs: number
  /** What the ledger has is not what was decided: to be written before anything is sent. */
  unwritten = false
  /** Writes under way that put that right: nothing passes them either. */
  settling = 0
  /** The broker must be asked what it has before the next batch. */
  mustLook = false
  /** A batch met 45 while another owner's copies could be the cause, and none was acknowledged since. */
  #wasOutOfOrder = false
  /** What the broker expected next when the chain was taken over. */
  readonly #nextUpAtStart: number | null
  #proven = false
  readonly #inherited: boolean
  /** Decided, and no copy of somebody else can come in the way any more. */
  readonly #firm = new WeakSet<JudgedBatch>()
  /** What the broker can expect next by what was sent from here; null while nothing was. */
  #sentEnd: number | null = null
  /** Copies of an earlier owner would have arrived by now. */
  #quiet: boolean
  /** The ledger says, or is about to say, that the chain is contested. */
  #writtenContested = false
  #nextUp: number | null
  readonly #pipeline = new Pipeline<Chain>(this)
  #lost = false
  readonly #written = new WeakSet<JudgedBatch>()
  readonly #quarantined = new WeakSet<JudgedBatch>()
  /** The broker's answer left open whether it has them (7, 20), and it was not asked since. */
  #unsure = new WeakSet<JudgedBatch>()
  #isUnsure = false
  /** Until the bad records of all batches taken up so far are in quarantine, or known not to be. */
  #storing: Promise<void> = Promise.resolve()

  constructor({ id, claim, claimOffset, state, nextUp, quiet, inherited, nowMs }: ChainStart) {
    this.id = id
    this.claim = claim
    this.claimOffset = claimOffset
    this.state = state
    this.#nextUp = nextUp
    this.#nextUpAtStart = nextUp
    this.#quiet = quiet
    this.#inherited = inherited !== null
    if (inherited !== null) {
      const { contested } = inherited
      const isFirm = ({ base }: JudgedBatch): boolean => contested === null || sequenceDistance(base, contested) > 0
      for (const batch of state.batches.filter(isFirm)) this.#firm.add(batch)
    }
    this.claimedMs = this.lookedMs = this.touchedMs = nowMs
    // What stands in the ledger had been stored before.
    for (const batch of state.batches) this.#quarantined.add(batch)
  }

  /** No longer ours. */
  get lost(): boolean {
    return this.#lost
  }

  /** True while a batch of this connection may take its place. */
  isOpenTo(lane: AbortSignal): boolean {
    return !this.#lost && this.lane === lane && this.busy === null && !this.mustLook
  }

  get isIdle(): boolean {
    return this.#pipeline.isEmpty && this.busy === null
  }

  get proven(): boolean {
    return this.#proven
  }

  /**
   * True while an earlier owner's whole copy of this batch could still come to be in the topic, or just has. Where some
   * of the batch goes on, the broker's answer to that tells; where nothing does, only time.
   */
  isContested(batch: JudgedBatch): boolean {
    if (this.#quiet || this.#firm.has(batch) || (this.#proven && batch.dropped.length < batch.count)) return false
    return this.#nextUpAtStart === null || sequenceDistance(this.state.up(batch.base)!, this.#nextUpAtStart) <= 0
  }

  /** Resolves when nothing is under way any more. */
  drained(): Promise<void> {
    return this.#pipeline.drained()
  }

  /** True when sequences are missing between what the broker has and this batch: it would refuse it with 45. */
  leavesGap(plan: Plan): boolean {
    if (this.#nextUp !== null) return sequenceDistance(this.#nextUp, plan.up) > 0
    // It has nothing of this epoch: what came before was quarantined whole.
    const { base } = plan.batch
    const before = this.state.batches.findLast((batch) => sequenceDistance(batch.base, base) > 0)
    return before !== undefined && sequenceDistance(addSequence(before.base, before.count), base) > 0
  }

  /** True when the broker has records of this sequence or later ones. */
  isPast(sequence: number): boolean {
    const up = this.state.up(sequence)
    return up === null || (this.#nextUp !== null && sequenceDistance(up, this.#nextUp) > 0)
  }

  /** `nowMs`: what the broker was asked longer ago than `freshMs` says nothing about what is stored. */
  recall(base: number, count: number, digest: string, nowMs: number, freshMs: number): Recall {
    const batch = this.state.at(base)
    if (batch !== undefined) {
      const isTaken = this.#isStored(batch) || this.#pipeline.has(batch)
      const isSame = batch.count === count && areSameRecords(batch.digest, digest)
      if (isSame && (batch.digest === digest || this.#addsNothing(batch))) return { kind: 'known', batch }
      if (this.#unsure.has(batch)) return { kind: 'look' }
      return isTaken ? { kind: 'reused' } : { kind: 'new' }
    }
    const up = this.state.up(base)
    if (up === null) return { kind: 'reused' }
    if (this.#nextUp === null || sequenceDistance(addSequence(up, count), this.#nextUp) < 0) return { kind: 'new' }
    return nowMs - this.lookedMs <= freshMs ? { kind: 'stored' } : { kind: 'look' }
  }

  /**
   * For a client that gives the numbers of a stored batch to other records: they go on behind what the broker has.
   *
   * @returns `look`: the broker has to be asked first, as late as nobody else's copies can come any more; `no`: there is
   *   nothing behind which to go on, or something is under way
   */
  goOnFrom(base: number): 'done' | 'look' | 'no' {
    if (this.#nextUp === null || !this.isIdle || this.#lost) return 'no'
    const isEarly = !this.#proven && !this.#quiet && this.lookedMs - this.claimedMs < quietMs
    if (this.#isUnsure || isEarly) return 'look'
    this.state.goOnFrom(base, this.#nextUp)
    this.unwritten = true
    return 'done'
  }

  /**
   * The batch takes its place. A decision that differs from the one known replaces it, with all behind it.
   *
   * @param remember false for a batch that only passes: nothing was decided about it
   */
  plan(decided: JudgedBatch, remember: boolean): Plan {
    const known = this.state.at(decided.base)
    const same = known !== undefined && isSameDecision(known, decided)
    const batch = same ? known : decided
    if (!same && remember && this.state.add(decided)) this.unwritten = true
    const plan = this.#pipeline.add(batch, this.state.up(batch.base)!)
    this.#pipeline.advance(!this.#proven)
    return plan
  }

  needsWrite(plan: Plan): boolean {
    return this.unwritten || this.settling > 0 || (plan.batch.dropped.length > 0 && !this.#written.has(plan.batch))
  }

  /** As it may stand in the ledger: nothing of which the bad records are not in quarantine yet. */
  snapshot(): ChainSnapshot {
    const until = this.#firstUnstored()
    const contested = this.stored.find((batch) => batch.dropped.length > 0 && this.isContested(batch))?.base ?? null
    this.#writtenContested = contested !== null
    return this.state.snapshot(this.#nextUp, contested, until)
  }

  /** What `snapshot` speaks of. */
  get stored(): readonly JudgedBatch[] {
    const first = this.#firstUnstored()
    const { batches } = this.state
    return first === undefined ? [...batches] : batches.slice(0, batches.indexOf(first))
  }

  #firstUnstored(): JudgedBatch | undefined {
    return this.state.batches.find((batch) => batch.dropped.length > 0 && !this.#quarantined.has(batch))
  }

  /**
   * Bad records of a batch are on their way to quarantine.
   *
   * @returns resolves when they, and those of the batches before, are there, or are known not to be. Never rejects
   */
  storing(work: Promise<void> | null): Promise<void> {
    if (work !== null) this.#storing = Promise.all([this.#storing, work]).then(() => undefined)
    return this.#storing
  }

  /** No copy of an earlier owner has come, and none can any more. The next owner has to know. */
  quieted(lastSequence: number | null): void {
    this.#quiet = true
    if (lastSequence !== null) this.#reached(addSequence(lastSequence, 1))
    if (this.#writtenContested) this.unwritten = true
  }

  /** The ledger has what was decided about these. */
  wrote(batches: readonly JudgedBatch[]): void {
    for (const batch of batches) this.#written.add(batch)
  }

  sent(plan: Plan): void {
    plan.fate = 'sent'
    const end = addSequence(plan.up, plan.kept)
    if (this.#sentEnd === null || sequenceDistance(this.#sentEnd, end) > 0) this.#sentEnd = end
  }

  /** True when the bad records of the batch with this base sequence are known to be in the quarantine topic. */
  isQuarantined(base: number): boolean {
    const batch = this.state.at(base)
    return batch !== undefined && this.#quarantined.has(batch)
  }

  quarantined(batch: JudgedBatch): void {
    this.#quarantined.add(batch)
  }

  /** True while a batch of it has been decided and neither sent nor given up. */
  get holdsUnsent(): boolean {
    return this.#pipeline.holdsUnsent
  }

  /** It was not sent and will not be; a retry follows what was decided. */
  giveUp(plan: Plan): void {
    this.#leave(plan)
  }

  /** It was not sent, and what was decided about it does not hold. */
  revoke(plan: Plan): void {
    this.#forget(plan.batch)
    this.#leave(plan)
  }

  /** Nothing of it goes to the topic, and the producer is told that it is taken care of. */
  settle(plan: Plan): void {
    this.#leave(plan)
  }

  /**
   * The broker answered with this code.
   *
   * @returns `unsafe` when the client must not see the answer: what the broker has has to be found out first
   */
  answered(plan: Plan, code: number): 'relay' | 'unsafe' {
    const { batch } = plan
    if (this.#lost) return code === 0 ? 'relay' : 'unsafe'
    if (code === 0) {
      this.#proven = true
      for (const each of this.state.batches) if (sequenceDistance(each.base, batch.base) >= 0) this.#firm.add(each)
      if (this.#writtenContested) this.unwritten = true
      this.#wasOutOfOrder = false
      this.#reached(addSequence(plan.up, plan.kept))
    } else if (notAppended.has(code)) {
      this.#forget(batch)
    } else if (code === outOfOrderSequence && !this.#proven && !this.#wasOutOfOrder) {
      this.#wasOutOfOrder = true
      this.mustLook = true
      this.#leave(plan)
      return 'unsafe'
    } else {
      this.#unsure.add(batch)
      this.#isUnsure = true
    }
    this.#leave(plan)
    return 'relay'
  }

  /** The connection is gone: what was sent may have been appended, what was not will not be. */
  laneGone(lane: AbortSignal): void {
    if (this.lane !== lane) return
    this.lane = null
    this.#pipeline.empty((plan) => {
      if (plan.fate === 'sent') this.mustLook = true
    })
  }

  /** Another claim stands in the log: nothing more is sent by what we know. */
  lose(): void {
    this.#lost = true
    this.#pipeline.empty((plan) => {
      if (plan.fate !== 'sent') plan.fate = 'moved'
    })
  }

  /**
   * The broker said what it has.
   *
   * @returns true when that settles whose copy of a batch came first, and the ledger must be told
   */
  looked(lastSequence: number | null, nowMs: number): boolean {
    this.mustLook = false
    this.lookedMs = nowMs
    this.#unsure = new WeakSet()
    this.#isUnsure = false
    this.#nextUp = lastSequence === null ? null : addSequence(lastSequence, 1)
    // A topic that was deleted and made again, or a producer that was forgotten: the order of sequences is not checked.
    if (lastSequence === null) this.#proven = false
    return this.#settleContested(lastSequence) || this.#followStrangers()
  }

  /**
   * Behind a contested batch nothing is sent, so what the broker has tells whose copy of it came first: ours without the
   * quarantined records, or a whole one. Once something is behind it nobody could tell any more, a next owner neither, so
   * the ledger has to know before.
   */
  #settleContested(lastSequence: number | null): boolean {
    const batch = this.state.batches.find((each) => each.dropped.length > 0 && this.isContested(each))
    if (batch === undefined) return false
    if (this.overtaken(batch, lastSequence)) return true
    if (batch.dropped.length === batch.count || !this.#isStored(batch)) return false
    this.#firm.add(batch)
    if (this.#writtenContested) this.unwritten = true
    return this.#writtenContested
  }

  /**
   * What the broker has beyond what was sent from here came from somebody who knew nothing of the ledger: an instance
   * whose policy let everything pass, or had not read yet what was decided. Our decisions about it give way. What an
   * earlier owner quarantined does not: it is what that owner sent, which the broker had not taken yet when we asked.
   */
  #followStrangers(): boolean {
    const nextUp = this.#nextUp
    const known = this.#sentEnd ?? this.#nextUpAtStart ?? this.state.batches[0]?.base ?? 0
    if (this.#inherited || nextUp === null || sequenceDistance(known, nextUp) <= 0) return false
    const whole = this.state.batches.find((batch) => {
      const up = this.state.up(batch.base)!
      const beyond = sequenceDistance(known, up) >= 0 && sequenceDistance(addSequence(up, batch.count), nextUp) >= 0
      return batch.dropped.length > 0 && beyond
    })
    if (whole === undefined) return false
    this.#forget(whole)
    this.unwritten = true
    return true
  }

  /** Looks whether the broker has the whole of a batch, up to this one, that lost records here; if so, follows it. */
  overtaken(last: JudgedBatch, lastSequence: number | null): boolean {
    if (this.state.at(last.base) !== last || lastSequence === null) return false
    const copied = this.state.batches.find((batch) => {
      if (sequenceDistance(batch.base, last.base) < 0 || batch.dropped.length === 0) return false
      const end = addSequence(this.state.up(batch.base)!, batch.count)
      return this.isContested(batch) && sequenceDistance(end, addSequence(lastSequence, 1)) >= 0
    })
    if (copied !== undefined) this.#forget(copied)
    this.unwritten ||= copied !== undefined
    return copied !== undefined
  }

  /** A retry can bring nothing into the topic: the broker has it, or all of it went to quarantine. */
  #addsNothing(batch: JudgedBatch): boolean {
    return batch.dropped.length === batch.count ? this.#quarantined.has(batch) : this.#isStored(batch)
  }

  #isStored(batch: JudgedBatch): boolean {
    const kept = batch.count - batch.dropped.length
    if (kept === 0 || this.#nextUp === null) return false
    return sequenceDistance(addSequence(this.state.up(batch.base)!, kept), this.#nextUp) >= 0
  }

  #reached(next: number): void {
    if (this.#nextUp === null || sequenceDistance(this.#nextUp, next) > 0) this.#nextUp = next
  }

  #forget(batch: JudgedBatch): void {
    if (this.state.at(batch.base) === batch && this.state.cutFrom(batch.base)) this.unwritten = true
  }

  #leave(plan: Plan): void {
    if (this.#pipeline.remove(plan)) this.#pipeline.advance(!this.#proven)
  }
}

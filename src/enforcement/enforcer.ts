/**
 * The produce path: judges Produce requests by the contracts in force and settles what is answered here and what goes on
 * to the broker.
 *
 * The guarantee: no record that breaks an enforced check is forwarded, no answer is given in the broker's place that the
 * broker would not have let the client come to, and no later batch of a chain passes one that was answered here.
 */
import type { ContractSet } from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import { partitionAnswer } from '../proxy/produce-answers.ts'
import type {
  Admission,
  Departure,
  Judged,
  LocalAnswers,
  PartitionAnswer,
  ProduceCall,
  ProducePath,
  UnsafeReason,
  WriteProofs
} from '../proxy/produce-path.ts'
import { placeOf, refuse } from './decision.ts'
import type { PartitionDecision, Refusal } from './decision.ts'
import { ForwardedBatches } from './forwarded-batches.ts'
import { bodyFor } from './forwarded-body.ts'
import { HeldBatch } from './held.ts'
import type { QuarantineParts } from './held.ts'
import { BatchJudge, needsPolicy } from './judge.ts'
import type { JudgeLimits } from './judge.ts'
import type { EnforcementReport } from './report.ts'
import { Outcome } from './outcome.ts'
import type { AnswersByTopic, DepartedBatch, OutcomeParts } from './outcome.ts'
import { producerOf, reportRefused } from './reporting.ts'
import { endsConnection, gateOrOwnRefusal, resolve } from './settle.ts'
import type { LocalRefusal, Resolution } from './settle.ts'
import { SequenceGates } from './sequence-gate.ts'
import { ShownRights } from './shown-rights.ts'
import type { UndecidedMoment } from './undecidable.ts'
import { UntoldFindings, withoutBytes } from './untold-findings.ts'

export interface EnforcerOptions {
  readonly limits: JudgeLimits
  /** Longest time a request is held for something that has to be fetched; half of its own timeout if that is less. */
  readonly decideWaitMs: number
  /** How long a schema may be unavailable before `onUndecidable` applies. */
  readonly undecidableAfterMs: number
  /** acks=0: what to do when a batch is refused that nobody can be told about. */
  readonly acksZero: 'drop' | 'close'
  /** Refuse what is produced to a topic that no policy names (Kafka's own topics excepted). */
  readonly refuseUnknownTopics: boolean
  readonly report: EnforcementReport
  /** Where single bad records go; null where there is nothing of the kind, and mode `quarantine` refuses. */
  readonly quarantine: QuarantineParts | null
  readonly clock: EnforcerClock
}

export interface EnforcerClock {
  /** Epoch milliseconds. */
  nowMs(): number
  /** Resolves after `ms`, or as soon as `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

interface JudgedCall extends Judged {
  readonly lane: AbortSignal
  readonly decisions: readonly PartitionDecision[]
  /** Since its admission: what its batches wait for, by `placeOf`. */
  held: ReadonlyMap<string, HeldBatch>
}

/** How often a held request looks again, however often something it may wait for changes. */
const lookAgainMs = 250
/** Text of record errors in one answer. Beyond it a client library says what it says of records that are not listed. */
const maxRecordErrorChars = 64 * 1024

export class Enforcer implements ProducePath {
  readonly gates: SequenceGates
  readonly #forwarded = new ForwardedBatches()
  readonly #shown: ShownRights
  readonly #untold = new UntoldFindings()
  readonly #outcomeParts: OutcomeParts
  #contracts: ContractSet
  readonly #options: EnforcerOptions
  readonly #judge: BatchJudge

  constructor(contracts: ContractSet, options: EnforcerOptions) {
    this.#contracts = contracts
    this.#options = options
    const nowMs = (): number => options.clock.nowMs()
    this.#shown = new ShownRights(nowMs)
    const shown = (lane: AbortSignal, topic: string, partition: number): boolean =>
      this.#shown.has(lane, topic, partition)
    const access = options.quarantine === null ? null : { ledger: options.quarantine.ledger, shown, nowMs }
    this.#judge = new BatchJudge(options.limits, options.refuseUnknownTopics, this.#forwarded, access, nowMs)
    this.gates = new SequenceGates(nowMs)
    this.#outcomeParts = {
      gates: this.gates,
      ledger: options.quarantine?.ledger ?? null,
      report: options.report,
      untold: this.#untold,
      quarantines: (topic, producer) =>
        options.quarantine !== null && this.#contracts.forTopic(topic)?.quarantines(producer) === true
    }
  }

  /** Requests judged from now on are judged by these; each request by one set only. */
  swapContracts(contracts: ContractSet): void {
    this.#contracts = contracts
  }

  idle(): boolean {
    if (this.#options.quarantine?.ledger.coversAny === true) return false
    return this.#contracts.policies.length === 0 && this.gates.size === 0 && !this.#options.refuseUnknownTopics
  }

  concerns(topic: string, clientId: string | null): boolean {
    if (this.gates.coversTopic(topic)) return true
    if (this.#options.quarantine?.ledger.coversTopic(topic) === true) return true
    const contract = this.#contracts.forTopic(topic)
    if (contract !== null) return contract.strongestMode({ clientId, principal: null }) !== 'off'
    return this.#options.refuseUnknownTopics && needsPolicy(topic)
  }

  judge(call: ProduceCall, gone: AbortSignal): Judged | Promise<Judged> {
    const contracts = this.#contracts
    const decisions = this.#judge.judge(call, gone, contracts, this.#moment(call, false))
    if (decisions instanceof Promise) return decisions.then((later) => this.#hold(call, contracts, later, gone))
    if (waitsOf(decisions).length > 0) return this.#hold(call, contracts, decisions, gone)
    return judged(call, gone, decisions)
  }

  /** Holds the request until what it waits for has come, or its time is up, or nobody waits for it. */
  async #hold(
    call: ProduceCall,
    contracts: ContractSet,
    first: readonly PartitionDecision[],
    gone: AbortSignal
  ): Promise<Judged> {
    const { clock, decideWaitMs } = this.#options
    const deadlineMs = clock.nowMs() + Math.min(decideWaitMs, Math.max(0, call.request.timeoutMs / 2))
    let decisions = first
    let notBeforeMs = 0
    while (waitsOf(decisions).length > 0 && !gone.aborted) {
      const leftMs = deadlineMs - clock.nowMs()
      if (leftMs > 0) {
        const woken = new AbortController()
        const signal = AbortSignal.any([woken.signal, gone])
        await Promise.race([...waitsOf(decisions), clock.sleep(leftMs, signal)])
        woken.abort()
        const pauseMs = Math.min(notBeforeMs, deadlineMs) - clock.nowMs()
        if (pauseMs > 0) await clock.sleep(pauseMs, gone)
      }
      notBeforeMs = clock.nowMs() + lookAgainMs
      decisions = await this.#lookAgain(call, gone, contracts, decisions, clock.nowMs() >= deadlineMs)
    }
    return judged(call, gone, decisions)
  }

  /** Judges again what could not be decided, and only that. */
  async #lookAgain(
    call: ProduceCall,
    gone: AbortSignal,
    contracts: ContractSet,
    decisions: readonly PartitionDecision[],
    deadlinePassed: boolean
  ): Promise<readonly PartitionDecision[]> {
    const waiting = new Set(decisions.filter(({ fate }) => fate.kind === 'wait').map(placeOf))
    const only = (topic: string, partition: number): boolean => waiting.has(placeOf({ topic, partition }))
    const again = await this.#judge.judge(call, gone, contracts, this.#moment(call, deadlinePassed), only)
    const byPlace = new Map(again.map((decision) => [placeOf(decision), decision]))
    return decisions.map((decision) => byPlace.get(placeOf(decision)) ?? decision)
  }

  admit(judged: Judged, proofs: WriteProofs): Admission {
    const request = judged as JudgedCall
    const { lane } = request
    // Nobody waits for anything: what it takes to answer or forward it is looked at when it departs.
    if (!request.decisions.some(takesPart)) return { kind: 'admitted', ready: null }
    const resolution = this.#resolve(request, (decision) => this.#refusalAtAdmission(request, decision), proofs)
    if (resolution.kind === 'needs-proof') return resolution
    const unshown = resolution.forwarded.filter(({ fate }) => fate.kind === 'unshown')
    if (unshown.length > 0) {
      for (const { topic, partition } of unshown) this.#shown.add(lane, topic, partition)
      return { kind: 'again' }
    }
    const parts = this.#options.quarantine
    const linked = resolution.forwarded.filter(({ link, quarantined }) => link !== null || quarantined !== null)
    if (parts === null || linked.length === 0) return { kind: 'admitted', ready: null }
    // Since it was judged the chain may have been taken over, or have come to another connection.
    if (linked.some(({ link }) => link !== null && !link.chain.isOpenTo(lane))) return { kind: 'again' }
    request.held = new Map(linked.map((decision) => [placeOf(decision), new HeldBatch(decision, parts)]))
    const held = [...request.held.values()]
    for (const { plan, decision } of held) if (plan !== null) this.#untold.note(plan.batch, decision)
    const heldBytes = held.reduce((sum, each) => sum + each.copiedBytes, 0)
    const waits = held.map((each) => each.ready()).filter((wait) => wait !== null)
    return { kind: 'admitted', ready: waits.length === 0 ? null : Promise.all(waits).then(() => undefined), heldBytes }
  }

  depart(judged: Judged, proofs: WriteProofs): Departure {
    const request = judged as JudgedCall
    const { call, decisions, held } = request
    const moved = [...held.values()].some((each) => each.moved)
    if (moved) return this.#unsafe(request, 'chain-moved')
    const resolution = this.#resolveDeparture(request, proofs)
    if (resolution.kind === 'needs-proof') return resolution
    const unanswered = call.request.acks === 0
    const { refused, forwarded } = unanswered ? leftToBroker(resolution) : resolution
    // No room for a gate: an answer would not be safe, a lost connection is.
    if (!unanswered && !this.#closeGates(request, refused)) return this.#unsafe(request, 'too-many-gates')
    for (const refusal of refused) {
      held.get(placeOf(refusal.decision))?.giveUp()
      if (unanswered) this.#options.report.dropped(refusal.decision.topic, refusal.decision.recordCount)
      this.#reportRefusal(request, refusal)
    }
    const passing = forwarded.filter(({ fate }) => fate.kind !== 'emptied')
    const emptied = forwarded.filter(({ fate }) => fate.kind === 'emptied')
    this.#remember(request, forwarded)
    const forward = bodyFor(call, decisions, passing, held)
    const outcome = this.#outcome(request, passing, emptied, refused)
    if (!unanswered) {
      return departedWith(outcome, forward, answerBytes(refused, decisions.length), endsConnection(refused))
    }
    outcome.unanswered()
    const closeAfter = refused.length > 0 && this.#options.acksZero === 'close'
    return { kind: 'departed', forward, answers: noAnswers, answerBytes: 0, closeAfter, confirm: null }
  }

  #outcome(
    request: JudgedCall,
    passing: readonly PartitionDecision[],
    emptied: readonly PartitionDecision[],
    refused: readonly LocalRefusal[]
  ): Outcome {
    const departed = (decision: PartitionDecision): DepartedBatch => this.#departed(request, decision)
    const from = { lane: request.lane, producer: producerOf(request.call) }
    return new Outcome(this.#outcomeParts, from, passing.map(departed), emptied.map(departed), answersOf(refused))
  }

  #departed({ held }: JudgedCall, decision: PartitionDecision): DepartedBatch {
    const { topic, partition, position, link, quarantined } = decision
    const plan = held.get(placeOf(decision))?.plan ?? null
    const dropped = link?.dropped ?? quarantined?.records.map(({ index }) => index) ?? []
    return { topic, partition, position, plan, dropped, found: withoutBytes(decision) }
  }

  #resolve(
    { call, decisions }: JudgedCall,
    refusalOf: (decision: PartitionDecision) => Refusal | null,
    proofs: WriteProofs
  ): Resolution {
    const { acks } = call.request
    const acts = ({ fate, quarantined, records }: PartitionDecision): boolean =>
      fate.kind === 'unshown' || fate.kind === 'emptied' || quarantined !== null || (acks === 0 && records.length > 0)
    return resolve(acks === 0 ? Infinity : call.header.apiVersion, decisions, refusalOf, acts, proofs)
  }

  /** While an earlier batch of the chain is on its way the gate may still open. */
  #refusalAtAdmission({ lane }: JudgedCall, decision: PartitionDecision): Refusal | null {
    if (decision.link?.chain.holdsUnsent === true && decision.fate.kind !== 'refuse') return null
    return gateOrOwnRefusal(decision, this.gates, lane)
  }

  #resolveDeparture(request: JudgedCall, proofs: WriteProofs): Resolution {
    const { held, lane } = request
    const refusalOf = (decision: PartitionDecision): Refusal | null => {
      const own = gateOrOwnRefusal(decision, this.gates, lane)
      return own ?? held.get(placeOf(decision))?.problem ?? null
    }
    const resolution = this.#resolve(request, refusalOf, proofs)
    if (resolution.kind === 'needs-proof') return resolution
    // Refused when it was admitted, so it has no place in its chain; what stood in its way has passed meanwhile.
    const placeless = new Set(resolution.forwarded.filter((decision) => isPlaceless(decision, held)))
    if (placeless.size === 0) return resolution
    return this.#resolve(request, (decision) => (placeless.has(decision) ? tooLate : refusalOf(decision)), proofs)
  }

  #unsafe(request: JudgedCall, reason: UnsafeReason): Departure {
    for (const each of request.held.values()) each.giveUp()
    return { kind: 'unsafe', reason }
  }

  #closeGates({ lane }: JudgedCall, refused: readonly LocalRefusal[]): boolean {
    for (const { closesGate, cause, decision, code } of refused) {
      if (!closesGate || decision.position === null) continue
      if (!this.gates.close(decision.position, lane, code)) return false
      if (cause !== 'gate') this.#options.report.gateClosed(decision.topic)
    }
    return true
  }

  /** What goes on passes its gate, and its retry need not be judged again. */
  #remember({ call, held, lane }: JudgedCall, forwarded: readonly PartitionDecision[]): void {
    for (const decision of forwarded) {
      const { topic, partition, position, contract } = decision
      if (position === null) continue
      this.gates.forwarded(position, lane)
      const plan = held.get(placeOf(decision))?.plan
      if (plan != null) {
        if (plan.kept > 0) plan.chain.sent(plan)
        continue
      }
      if (contract === null || !enforces(contract.strongestMode(producerOf(call)))) continue
      const data = call.request.topicData.find(({ name }) => name === topic)?.partitionData
      const batch = data?.find(({ index }) => index === partition)?.records
      if (batch !== null && batch !== undefined) this.#forwarded.add(position, batch)
    }
  }

  #moment(call: ProduceCall, deadlinePassed: boolean): UndecidedMoment {
    const { clock, undecidableAfterMs } = this.#options
    return { nowMs: clock.nowMs(), undecidableAfterMs, deadlinePassed, unanswered: call.request.acks === 0 }
  }

  #reportRefusal({ call, held }: JudgedCall, refusal: LocalRefusal): void {
    const { decision, code, cause, message } = refusal
    if (call.request.acks !== 0) this.#options.report.refused(decision, code, cause, message)
    const plan = held.get(placeOf(decision))?.plan ?? null
    // A batch that keeps its place in its chain comes again, and what was found in it is told when it is settled.
    if (cause === 'broker-would-refuse' || (plan !== null && code !== 87)) return
    reportRefused(this.#options.report, producerOf(call), decision, refusal)
  }
}

/** A function of its own, so that what waits for an answer holds on to nothing but the outcome. */
function departedWith(
  outcome: Outcome,
  forward: 'original' | Buffer | null,
  bytes: number,
  closeAfter: boolean
): Departure {
  return {
    kind: 'departed',
    forward,
    answers: () => outcome.answers(),
    answerBytes: bytes,
    closeAfter,
    confirm: (response) => outcome.confirm(response)
  }
}

/** In the ledger or in quarantine: it has to take its place before it can wait for its turn. */
function takesPart({ link, quarantined, fate }: PartitionDecision): boolean {
  return link !== null || quarantined !== null || fate.kind === 'unshown'
}

const noAnswers = (): LocalAnswers => new Map()

function isPlaceless(decision: PartitionDecision, held: ReadonlyMap<string, HeldBatch>): boolean {
  const { link, quarantined, fate } = decision
  return fate.kind === 'unshown' || ((link !== null || quarantined !== null) && !held.has(placeOf(decision)))
}

const tooLate = refuse(19, 'ledger', 'what stood in the way of this batch has passed only now, try again')

/** acks=0: what we have nothing against is the broker's to refuse, which then closes the connection. */
function leftToBroker({ refused, forwarded }: Resolved): Resolved {
  const ours = refused.filter(({ cause, decision: { fate, quarantined } }) => {
    return cause !== 'broker-would-refuse' || quarantined !== null || !['forward', 'rebuilt'].includes(fate.kind)
  })
  const kept = new Set(ours)
  const theirs = refused.filter((refusal) => !kept.has(refusal)).map(({ decision }) => ({ ...decision, records: [] }))
  return { kind: 'resolved', refused: ours, forwarded: [...forwarded, ...theirs] }
}

type Resolved = Extract<Resolution, { readonly kind: 'resolved' }>

function judged(call: ProduceCall, lane: AbortSignal, decisions: readonly PartitionDecision[]): JudgedCall {
  return { call, lane, decisions, held: new Map() }
}

function answersOf(refused: readonly LocalRefusal[]): AnswersByTopic {
  const answers = new Map<string, Map<number, PartitionAnswer>>()
  let charsLeft = maxRecordErrorChars
  for (const { decision, code, message, recordErrors } of refused) {
    const listed = []
    for (const error of recordErrors) {
      charsLeft -= error.message.length
      if (charsLeft < 0 && listed.length > 0) break
      listed.push({ batchIndex: error.index, batchIndexErrorMessage: error.message })
    }
    const { topic, partition } = decision
    const ofTopic = answers.get(topic) ?? new Map<number, PartitionAnswer>()
    answers.set(topic, ofTopic.set(partition, partitionAnswer(partition, code, message, listed)))
  }
  return answers
}

function waitsOf(decisions: readonly PartitionDecision[]): readonly Promise<void>[] {
  return decisions.flatMap(({ fate }) => (fate.kind === 'wait' ? fate.changed : []))
}

/** Most bytes that our part of the answer can come to. */
function answerBytes(refused: readonly LocalRefusal[], partitions: number): number {
  const texts = refused.reduce((sum, { message }) => sum + message.length, 0)
  return partitions * bytesPerPartition + Math.min(4 * texts, 4 * maxRecordErrorChars) + texts
}

/** Topic names, indices, offsets and codes of one partition's answer, with room to spare. */
const bytesPerPartition = 128

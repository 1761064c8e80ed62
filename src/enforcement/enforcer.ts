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
  Confirm,
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
import type { Plan } from './ledger/chain.ts'
import type { JudgedBatch } from './ledger/chain-state.ts'
import type { QuarantineParts } from './held.ts'
import { BatchJudge, needsPolicy } from './judge.ts'
import type { JudgeLimits } from './judge.ts'
import type { EnforcementReport } from './report.ts'
import { producerOf, reportPassed, reportRefused } from './reporting.ts'
import { gateOrOwnRefusal, gateRefusal, resolve } from './settle.ts'
import type { LocalRefusal, Resolution } from './settle.ts'
import { SequenceGates } from './sequence-gate.ts'
import { ShownRights } from './shown-rights.ts'
import type { UndecidedMoment } from './undecidable.ts'

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
  /** Since its admission: what its batches wait for. */
  held: ReadonlyMap<PartitionDecision, HeldBatch>
}

/** How often a held request looks again, however often something it may wait for changes. */
const lookAgainMs = 250
/** Text of record errors in one answer. Beyond it a client library says what it says of records that are not listed. */
const maxRecordErrorChars = 64 * 1024

export class Enforcer implements ProducePath {
  readonly gates: SequenceGates
  readonly #forwarded = new ForwardedBatches()
  readonly #shown: ShownRights
  /** What was found in batches that have not been settled yet. */
  readonly #untold = new WeakMap<JudgedBatch, PartitionDecision>()
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
  }

  /** Requests judged from now on are judged by these; each request by one set only. */
  swapContracts(contracts: ContractSet): void {
    this.#contracts = contracts
    this.#options.quarantine?.ledger.policiesChanged()
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
    request.held = new Map(linked.map((decision) => [decision, new HeldBatch(decision, parts)]))
    for (const each of request.held.values()) this.#noteUntold(each)
    const waits = [...request.held.values()].map((held) => held.ready()).filter((wait) => wait !== null)
    return { kind: 'admitted', ready: waits.length === 0 ? null : Promise.all(waits).then(() => undefined) }
  }

  depart(judged: Judged, proofs: WriteProofs): Departure {
    const request = judged as JudgedCall
    const { call, decisions, held } = request
    const moved = [...held.values()].some((each) => each.moved)
    if (moved) return this.#unsafe(request, 'chain-moved')
    const resolution = this.#resolve(request, (decision) => this.#refusalAtDeparture(request, decision), proofs)
    if (resolution.kind === 'needs-proof') return resolution
    const unanswered = call.request.acks === 0
    const { refused, forwarded } = unanswered ? leftToBroker(resolution) : resolution
    // No room for a gate: an answer would not be safe, a lost connection is.
    if (!unanswered && !this.#closeGates(request, refused)) return this.#unsafe(request, 'too-many-gates')
    for (const refusal of refused) {
      held.get(refusal.decision)?.giveUp()
      if (unanswered) this.#options.report.dropped(refusal.decision.topic, refusal.decision.recordCount)
      this.#reportRefusal(request, refusal)
    }
    const passing = forwarded.filter(({ fate }) => fate.kind !== 'emptied')
    const emptied = forwarded.filter(({ fate }) => fate.kind === 'emptied')
    this.#remember(request, forwarded)
    const forward = bodyFor(call, decisions, passing, held)
    if (unanswered) return this.#departUnanswered(request, forward, passing, emptied, refused.length > 0)
    const refusals = answersOf(refused)
    return {
      kind: 'departed',
      forward,
      answers: () => this.#answers(request, refusals, emptied),
      answerBytes: answerBytes(refused, decisions.length),
      closeAfter: false,
      confirm: this.#confirm(request, passing)
    }
  }

  /** acks=0: nobody listens to an answer. What is bad is dropped or in quarantine, the rest goes on. */
  #departUnanswered(
    request: JudgedCall,
    forward: 'original' | Buffer | null,
    passing: readonly PartitionDecision[],
    emptied: readonly PartitionDecision[],
    dropped: boolean
  ): Departure {
    const { held } = request
    for (const decision of [...passing, ...emptied]) {
      const plan = held.get(decision)?.plan
      if (plan != null) plan.chain.settle(plan)
      this.#reportPassed(request, decision, null)
    }
    return {
      kind: 'departed',
      forward,
      answers: () => new Map(),
      answerBytes: 0,
      closeAfter: dropped && this.#options.acksZero === 'close',
      confirm: null
    }
  }

  #resolve(
    { call, decisions }: JudgedCall,
    refusalOf: (decision: PartitionDecision) => Refusal | null,
    proofs: WriteProofs
  ): Resolution {
    const { acks } = call.request
    const acts = ({ fate, quarantined, records }: PartitionDecision): boolean =>
      fate.kind === 'unshown' || quarantined !== null || (acks === 0 && records.length > 0)
    return resolve(acks === 0 ? Infinity : call.header.apiVersion, decisions, refusalOf, acts, proofs)
  }

  /** While an earlier batch of the chain is on its way the gate may still open. */
  #refusalAtAdmission({ lane }: JudgedCall, decision: PartitionDecision): Refusal | null {
    if (decision.link?.chain.holdsUnsent === true && decision.fate.kind !== 'refuse') return null
    return gateOrOwnRefusal(decision, this.gates, lane)
  }

  #refusalAtDeparture({ held, lane }: JudgedCall, decision: PartitionDecision): Refusal | null {
    const own = gateOrOwnRefusal(decision, this.gates, lane)
    if (own !== null) return own
    // It was not to be written here when it was admitted, so it was never judged; that has changed meanwhile.
    if (decision.fate.kind === 'unshown') return refuse(19, 'ledger', 'the right to write was shown only now, try again')
    const each = held.get(decision)
    // Refused when it was admitted, so it has no place in its chain; what stood in its way has passed meanwhile.
    if (each === undefined) return decision.link === null && decision.quarantined === null ? null : gateRefusal(19)
    return each.problem
  }

  #unsafe(request: JudgedCall, reason: UnsafeReason): Departure {
    for (const each of request.held.values()) each.giveUp()
    return { kind: 'unsafe', reason }
  }

  /** What is answered here, when its turn has come. */
  #answers(
    request: JudgedCall,
    refusals: Map<string, Map<number, PartitionAnswer>>,
    emptied: readonly PartitionDecision[]
  ): LocalAnswers | 'unsafe' {
    const { held, lane } = request
    for (const decision of emptied) {
      const { topic, partition, position } = decision
      const plan = held.get(decision)?.plan ?? null
      let answer = partitionAnswer(partition, 0, null)
      const gated = position === null ? null : this.gates.refusal(position, lane)
      if (plan?.chain.leavesGap(plan) === true && gated === null) {
        answer = partitionAnswer(partition, 45, 'sequence numbers before this batch are missing')
        plan.chain.revoke(plan)
      } else if (gated !== null) {
        // An earlier batch of the chain has failed meanwhile: a success now would make clients take it for delivered.
        const { code, message } = gateRefusal(gated)
        answer = partitionAnswer(partition, code, message)
        if (plan !== null) plan.chain.giveUp(plan)
      } else {
        if (plan !== null) plan.chain.settle(plan)
        this.#reportPassed(request, decision, null)
      }
      refusals.set(topic, (refusals.get(topic) ?? new Map<number, PartitionAnswer>()).set(partition, answer))
    }
    return refusals
  }

  /** The broker's answer to what was forwarded, as the producer is to see it. */
  #confirm(request: JudgedCall, passing: readonly PartitionDecision[]): Confirm {
    const { held, lane } = request
    return (response) => {
      const byPlace = new Map(passing.map((decision) => [placeOf(decision), decision]))
      let unsafe = false
      const responses = response.responses.map((topic) => {
        const partitionResponses = topic.partitionResponses.map((answer) => {
          const decision = byPlace.get(placeOf({ topic: topic.name, partition: answer.index }))
          if (decision === undefined) return answer
          if (answer.errorCode === 0) this.#reportPassed(request, decision, answer.baseOffset)
          const plan = held.get(decision)?.plan ?? null
          if (plan === null) return withOwnIndices(answer, decision)
          unsafe = this.#answered(decision, plan, answer.errorCode, lane) === 'unsafe' || unsafe
          return withOwnIndices(answer, decision)
        })
        return partitionResponses.every((answer, i) => answer === topic.partitionResponses[i])
          ? topic
          : { ...topic, partitionResponses }
      })
      if (unsafe) return 'unsafe'
      const same = responses.every((topic, i) => topic === response.responses[i])
      return same ? response : { ...response, responses }
    }
  }

  #answered({ position }: PartitionDecision, plan: Plan, code: number, lane: AbortSignal): 'relay' | 'unsafe' {
    const answer = this.#options.quarantine!.ledger.answered(plan, code)
    if (answer === 'unsafe' || position === null) return answer
    if (code === 0) this.gates.appended(position)
    // What comes behind, and may be answered here, must wait for this one, as it would at the broker.
    else if (!this.gates.close(position, lane, code)) return 'unsafe'
    return 'relay'
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
      const plan = held.get(decision)?.plan
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
    const plan = held.get(decision)?.plan ?? null
    // A batch that keeps its place in its chain comes again, and what was found in it is told when it is settled.
    if (cause === 'broker-would-refuse' || (plan !== null && code !== 87)) return
    reportRefused(this.#options.report, call, decision, refusal)
  }

  /** Of a retry that was not judged again it tells what was found when it was. */
  #reportPassed({ call, held }: JudgedCall, decision: PartitionDecision, baseOffset: bigint | null): void {
    const batch = held.get(decision)?.plan?.batch
    const found = batch === undefined ? undefined : this.#untold.get(batch)
    if (batch !== undefined) this.#untold.delete(batch)
    reportPassed(this.#options.report, call, found ?? decision, baseOffset)
  }

  #noteUntold({ decision, plan }: HeldBatch): void {
    if (plan === null || decision.records.length === 0) return
    const { quarantined } = decision
    // Without the records themselves: they are on their way to quarantine.
    const slim = quarantined === null ? null : { ...quarantined, records: [] }
    this.#untold.set(plan.batch, { ...decision, fate: { kind: 'forward' }, link: null, quarantined: slim })
  }
}

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

function answersOf(refused: readonly LocalRefusal[]): Map<string, Map<number, PartitionAnswer>> {
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

/** The broker counts records in the batch it got, the producer in the one it sent. */
function withOwnIndices(answer: PartitionAnswer, { link, quarantined }: PartitionDecision): PartitionAnswer {
  const dropped = link?.dropped ?? quarantined?.records.map(({ index }) => index) ?? []
  if (answer.recordErrors.length === 0 || dropped.length === 0) return answer
  const recordErrors = answer.recordErrors.map((error) => ({ ...error, batchIndex: ownIndex(error.batchIndex, dropped) }))
  return { ...answer, recordErrors }
}

/** `dropped` ascending. */
function ownIndex(keptIndex: number, dropped: readonly number[]): number {
  let index = keptIndex
  for (const gone of dropped) {
    if (gone > index) break
    index += 1
  }
  return index
}

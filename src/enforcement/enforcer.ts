/**
 * The produce path: judges Produce requests by the contracts in force and settles what is answered here and what goes on
 * to the broker.
 *
 * The guarantee: no record that breaks an enforced check is forwarded, no answer is given in the broker's place that the
 * broker would not have let the client come to, and no later batch of a chain passes one that was answered here.
 */
import { produceRequest } from '../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../protocol/messages/produce.ts'
import type { ContractSet, Producer } from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import { partitionAnswer } from '../proxy/produce-answers.ts'
import type {
  Judged,
  LocalAnswers,
  PartitionAnswer,
  ProduceCall,
  ProducePath,
  Settlement,
  WriteProofs
} from '../proxy/produce-path.ts'
import { ForwardedBatches } from './forwarded-batches.ts'
import { BatchJudge, needsPolicy } from './judge.ts'
import type { JudgeLimits, PartitionDecision } from './judge.ts'
import { countVerdicts } from './partition-verdict.ts'
import type { BatchPlace, EnforcementReport } from './report.ts'
import { resolve } from './settle.ts'
import type { LocalRefusal } from './settle.ts'
import { SequenceGates } from './sequence-gate.ts'
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
  readonly clock: EnforcerClock
}

export interface EnforcerClock {
  /** Epoch milliseconds. */
  nowMs(): number
  /** Resolves after `ms`, or as soon as `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

interface JudgedCall extends Judged {
  readonly decisions: readonly PartitionDecision[]
}

/** How often a held request looks again, however often something it may wait for changes. */
const lookAgainMs = 250
/** Text of record errors in one answer. Beyond it a client library says what it says of records that are not listed. */
const maxRecordErrorChars = 64 * 1024

export class Enforcer implements ProducePath {
  readonly gates: SequenceGates
  readonly #forwarded = new ForwardedBatches()
  #contracts: ContractSet
  readonly #options: EnforcerOptions
  readonly #judge: BatchJudge

  constructor(contracts: ContractSet, options: EnforcerOptions) {
    this.#contracts = contracts
    this.#options = options
    const nowMs = (): number => options.clock.nowMs()
    this.#judge = new BatchJudge(options.limits, options.refuseUnknownTopics, this.#forwarded, nowMs)
    this.gates = new SequenceGates(nowMs)
  }

  /** Requests judged from now on are judged by these; each request by one set only. */
  swapContracts(contracts: ContractSet): void {
    this.#contracts = contracts
  }

  idle(): boolean {
    return this.#contracts.policies.length === 0 && this.gates.size === 0 && !this.#options.refuseUnknownTopics
  }

  concerns(topic: string, clientId: string | null): boolean {
    if (this.gates.coversTopic(topic)) return true
    const contract = this.#contracts.forTopic(topic)
    if (contract !== null) return contract.strongestMode({ clientId, principal: null }) !== 'off'
    return this.#options.refuseUnknownTopics && needsPolicy(topic)
  }

  judge(call: ProduceCall, gone: AbortSignal): Judged | Promise<Judged> {
    const contracts = this.#contracts
    const decisions = this.#judge.judge(call, contracts, this.#moment(call, false))
    if (decisions instanceof Promise) return decisions.then((later) => this.#hold(call, contracts, later, gone))
    if (waitsOf(decisions).length > 0) return this.#hold(call, contracts, decisions, gone)
    const judged: JudgedCall = { call, decisions }
    return judged
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
      decisions = await this.#lookAgain(call, contracts, decisions, clock.nowMs() >= deadlineMs)
    }
    const judged: JudgedCall = { call, decisions }
    return judged
  }

  /** Judges again what could not be decided, and only that. */
  async #lookAgain(
    call: ProduceCall,
    contracts: ContractSet,
    decisions: readonly PartitionDecision[],
    deadlinePassed: boolean
  ): Promise<readonly PartitionDecision[]> {
    const waiting = new Set(decisions.filter(({ fate }) => fate.kind === 'wait').map(placeOf))
    const only = (topic: string, partition: number): boolean => waiting.has(placeOf({ topic, partition }))
    const again = await this.#judge.judge(call, contracts, this.#moment(call, deadlinePassed), only)
    const byPlace = new Map(again.map((decision) => [placeOf(decision), decision]))
    return decisions.map((decision) => byPlace.get(placeOf(decision)) ?? decision)
  }

  settle(judged: Judged, proofs: WriteProofs): Settlement {
    const { call, decisions } = judged as JudgedCall
    if (call.request.acks === 0) return this.#settleUnanswered(call, decisions, proofs)
    const resolution = resolve(call.header.apiVersion, decisions, this.gates, proofs)
    if (resolution.kind === 'needs-proof') return resolution
    const { refused, forwarded } = resolution
    // No room for a gate: an answer would not be safe, a lost connection is.
    if (!this.#closeGates(refused)) {
      return { kind: 'settled', forward: null, answers: new Map(), closeAfter: true, confirm: null }
    }
    const answers = answersOf(refused)
    for (const refusal of refused) this.#reportRefusal(call, refusal)
    this.#remember(call, forwarded)
    return {
      kind: 'settled',
      forward: bodyFor(call, decisions, forwarded, answers),
      answers,
      closeAfter: false,
      confirm: (response) => this.#reportForwarded(call, forwarded, response)
    }
  }

  /** acks=0: nobody listens to an answer. What is bad is dropped, the rest goes on. */
  #settleUnanswered(call: ProduceCall, decisions: readonly PartitionDecision[], proofs: WriteProofs): Settlement {
    // Dropping needs no proof, telling of it does: a client without rights must not fill the journal.
    const told = decisions.filter((decision) => decision.records.length > 0)
    const unknown = told.filter(({ topic, partition }) => proofs.status(topic, partition) === 'unknown')
    if (unknown.length > 0) return { kind: 'needs-proof', topics: [...new Set(unknown.map(({ topic }) => topic))] }
    const passed = decisions.filter((decision) => decision.fate.kind !== 'refuse')
    for (const decision of decisions) {
      const refused = decision.fate.kind === 'refuse'
      if (refused) this.#options.report.dropped(decision.topic, decision.recordCount)
      const shown = decision.records.length === 0 || proofs.status(decision.topic, decision.partition) === 0
      if (shown) this.#reportRecords(call, decision, refused, null)
    }
    const dropped = passed.length < decisions.length
    return {
      kind: 'settled',
      forward: bodyFor(call, decisions, passed, new Map()),
      answers: new Map(),
      closeAfter: dropped && this.#options.acksZero === 'close',
      confirm: null
    }
  }

  #closeGates(refused: readonly LocalRefusal[]): boolean {
    for (const { closesGate, cause, decision } of refused) {
      if (!closesGate || decision.position === null) continue
      if (!this.gates.close(decision.position)) return false
      if (cause !== 'gate') this.#options.report.gateClosed(decision.topic)
    }
    return true
  }

  /** What goes to the broker passes its gate, and its retry need not be judged again. */
  #remember(call: ProduceCall, forwarded: readonly PartitionDecision[]): void {
    for (const { topic, partition, position, contract } of forwarded) {
      if (position === null) continue
      this.gates.forwarded(position)
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

  #reportRefusal(call: ProduceCall, { decision, code, cause }: LocalRefusal): void {
    this.#options.report.refused(decision, code, cause)
    if (cause !== 'broker-would-refuse') this.#reportRecords(call, decision, true, null)
  }

  /** Only what the broker took counts as passed: a client it refuses leaves no trace in journal and metrics. */
  #reportForwarded(call: ProduceCall, forwarded: readonly PartitionDecision[], response: ProduceResponse): void {
    const offsets = new Map<string, bigint>()
    for (const { name, partitionResponses } of response.responses) {
      for (const { index, errorCode, baseOffset } of partitionResponses) {
        if (errorCode === 0) offsets.set(placeOf({ topic: name, partition: index }), baseOffset)
      }
    }
    for (const decision of forwarded) {
      const baseOffset = offsets.get(placeOf(decision))
      if (baseOffset !== undefined) this.#reportRecords(call, decision, false, baseOffset)
    }
  }

  #reportRecords(call: ProduceCall, decision: PartitionDecision, refused: boolean, baseOffset: bigint | null): void {
    if (decision.contract === null) return
    const { report } = this.#options
    const place: BatchPlace = {
      topic: decision.topic,
      partition: decision.partition,
      producer: producerOf(call),
      policy: decision.contract.policy,
      baseSequence: decision.position?.baseSequence ?? null,
      baseOffset: baseOffset === null || baseOffset < 0n ? null : Number(baseOffset),
      recordCount: decision.recordCount
    }
    const { recordCount, records, unlisted, seconds } = decision
    report.batchSettled(place, countVerdicts(recordCount, records, unlisted, refused), seconds)
    for (const record of records) {
      for (const violation of record.violations) report.violation(place, record.index, violation, record.outcome)
      for (const item of record.undecided) {
        report.undecided(place, record.index, item.rule, item.cause.kind, item.message)
      }
    }
  }
}

function producerOf(call: ProduceCall): Producer {
  return { clientId: call.clientId, principal: null }
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${partition}/${topic}`
}

function answersOf(refused: readonly LocalRefusal[]): LocalAnswers {
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

/** The request as it goes on: untouched, with other batches or fewer partitions, or not at all. */
function bodyFor(
  call: ProduceCall,
  decisions: readonly PartitionDecision[],
  forwarded: readonly PartitionDecision[],
  answers: LocalAnswers
): 'original' | Buffer | null {
  if (forwarded.length === 0 && decisions.length > 0) return null
  const rebuilt = new Map<string, Map<number, Buffer>>()
  for (const { topic, partition, fate } of forwarded) {
    if (fate.kind !== 'rebuilt') continue
    rebuilt.set(topic, (rebuilt.get(topic) ?? new Map<number, Buffer>()).set(partition, fate.batch))
  }
  if (forwarded.length === decisions.length && rebuilt.size === 0) return 'original'
  const goesOn = new Set(forwarded.map(({ topic, partition }) => `${partition}/${topic}`))
  const topicData = call.request.topicData
    .map((topic) => ({
      ...topic,
      partitionData: topic.partitionData
        .filter(({ index }) => goesOn.has(`${index}/${topic.name}`) && answers.get(topic.name)?.has(index) !== true)
        .map((data) => ({ ...data, records: rebuilt.get(topic.name)?.get(data.index) ?? data.records }))
    }))
    .filter((topic) => topic.partitionData.length > 0)
  return produceRequest.encode({ ...call.request, topicData }, call.header.apiVersion)
}

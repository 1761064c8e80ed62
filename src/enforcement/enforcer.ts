/**
 * The produce path: judges Produce requests by the contracts in force and settles what is answered here and what goes on
 * to the broker.
 *
 * The guarantee: no record that breaks an enforced check is forwarded, no answer is given in the broker's place that the
 * broker would not have let the client come to, and no later batch of a chain passes one that was answered here.
 */
import { produceRequest } from '../../protocol/messages/produce.ts'
import type { ContractSet } from '../contracts/judgement.ts'
import { partitionAnswer } from '../proxy/produce-answers.ts'
import type { Judged, LocalAnswers, PartitionAnswer, ProduceCall, ProducePath, Settlement, WriteProofs } from '../proxy/produce-path.ts'
import { BatchJudge, needsPolicy } from './judge.ts'
import type { JudgeLimits, PartitionDecision } from './judge.ts'
import { countVerdicts } from './partition-verdict.ts'
import type { BatchPlace, EnforcementReport } from './report.ts'
import { resolve } from './settle.ts'
import type { LocalRefusal } from './settle.ts'
import { SequenceGates } from './sequence-gate.ts'

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

export class Enforcer implements ProducePath {
  readonly gates: SequenceGates
  #contracts: ContractSet
  readonly #options: EnforcerOptions
  readonly #judge: BatchJudge

  constructor(contracts: ContractSet, options: EnforcerOptions) {
    this.#contracts = contracts
    this.#options = options
    this.#judge = new BatchJudge(options.limits, options.refuseUnknownTopics)
    this.gates = new SequenceGates(() => options.clock.nowMs())
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

  judge(call: ProduceCall): Judged | Promise<Judged> {
    const contracts = this.#contracts
    const decisions = this.#judge.judge(call, contracts, this.#moment(call, false))
    const judged: JudgedCall = { call, decisions }
    return waitsOf(decisions).length === 0 ? judged : this.#hold(call, contracts, decisions)
  }

  /** Holds the request until what it waits for has come, or its time is up. */
  async #hold(call: ProduceCall, contracts: ContractSet, first: readonly PartitionDecision[]): Promise<Judged> {
    const { clock, decideWaitMs } = this.#options
    const deadlineMs = clock.nowMs() + Math.min(decideWaitMs, Math.max(0, call.request.timeoutMs / 2))
    let decisions = first
    while (waitsOf(decisions).length > 0) {
      const leftMs = deadlineMs - clock.nowMs()
      if (leftMs > 0) {
        const woken = new AbortController()
        await Promise.race([...waitsOf(decisions), clock.sleep(leftMs, woken.signal)])
        woken.abort()
      }
      decisions = this.#judge.judge(call, contracts, this.#moment(call, clock.nowMs() >= deadlineMs))
    }
    const judged: JudgedCall = { call, decisions }
    return judged
  }

  settle(judged: Judged, proofs: WriteProofs): Settlement {
    const { call, decisions } = judged as JudgedCall
    if (call.request.acks === 0) return this.#settleUnanswered(call, decisions)
    const resolution = resolve(call.header.apiVersion, decisions, this.gates, proofs)
    if (resolution.kind === 'needs-proof') return resolution

    const answers = new Map<string, Map<number, PartitionAnswer>>()
    let unsafe = false
    for (const refusal of resolution.refused) {
      const { topic, partition, position } = refusal.decision
      if (refusal.closesGate && position !== null) {
        if (!this.gates.close(position)) unsafe = true
        else if (refusal.cause !== 'gate') this.#options.report.gateClosed(topic)
      }
      const recordErrors = refusal.recordErrors.map(({ index, message }) => ({
        batchIndex: index,
        batchIndexErrorMessage: message
      }))
      const answer = partitionAnswer(partition, refusal.code, refusal.message, recordErrors)
      answers.set(topic, (answers.get(topic) ?? new Map<number, PartitionAnswer>()).set(partition, answer))
      this.#reportRefusal(call, refusal)
    }
    // No room for a gate: an answer would not be safe, a lost connection is.
    if (unsafe) return { kind: 'settled', forward: null, answers: new Map(), closeAfter: true }
    for (const decision of resolution.forwarded) {
      if (decision.position !== null) this.gates.forwarded(decision.position)
      this.#reportPassed(call, decision)
    }
    return {
      kind: 'settled',
      forward: bodyFor(call, decisions, resolution.forwarded, answers),
      answers,
      closeAfter: false
    }
  }

  /** acks=0: nobody listens to an answer. What is bad is dropped, the rest goes on. */
  #settleUnanswered(call: ProduceCall, decisions: readonly PartitionDecision[]): Settlement {
    const passed = decisions.filter((decision) => decision.fate.kind !== 'refuse')
    for (const decision of decisions) {
      if (decision.fate.kind === 'refuse') {
        this.#options.report.dropped(decision.topic, decision.recordCount)
        this.#reportRefusal(call, { ...decision.fate, decision, closesGate: false })
      } else {
        this.#reportPassed(call, decision)
      }
    }
    const dropped = passed.length < decisions.length
    return {
      kind: 'settled',
      forward: bodyFor(call, decisions, passed, new Map()),
      answers: new Map(),
      closeAfter: dropped && this.#options.acksZero === 'close'
    }
  }

  #moment(call: ProduceCall, deadlinePassed: boolean) {
    const { clock, undecidableAfterMs } = this.#options
    return { nowMs: clock.nowMs(), undecidableAfterMs, deadlinePassed, unanswered: call.request.acks === 0 }
  }

  #reportRefusal(call: ProduceCall, refusal: LocalRefusal): void {
    const { report } = this.#options
    const { decision, code, cause } = refusal
    report.refused(decision, code, cause)
    if (cause === 'broker-would-refuse') return
    this.#reportRecords(call, decision, true)
  }

  #reportPassed(call: ProduceCall, decision: PartitionDecision): void {
    this.#reportRecords(call, decision, false)
  }

  #reportRecords(call: ProduceCall, decision: PartitionDecision, refused: boolean): void {
    if (decision.contract === null) return
    const { report } = this.#options
    const place: BatchPlace = {
      topic: decision.topic,
      partition: decision.partition,
      producer: { clientId: call.clientId, principal: null },
      policy: decision.contract.policy,
      baseSequence: decision.position?.baseSequence ?? null,
      recordCount: decision.recordCount
    }
    const counts = countVerdicts(decision.recordCount, decision.records, refused)
    report.batchSettled(place, counts, decision.seconds)
    for (const record of decision.records) {
      for (const violation of record.violations) report.violation(place, record.index, violation, record.outcome)
      for (const item of record.undecided) {
        report.undecided(place, record.index, item.rule, item.cause.kind, item.message)
      }
    }
  }
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

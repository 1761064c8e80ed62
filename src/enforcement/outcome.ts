/**
 * A request after its departure: what is answered here, and what the broker's answer means for chains, gates and reports.
 * Keeps nothing of the request's bytes: those who wait for an answer are many, and their frames have left.
 */
import type { ProduceResponse } from '../../protocol/messages/produce.ts'
import type { Producer } from '../contracts/judgement.ts'
import { partitionAnswer } from '../proxy/produce-answers.ts'
import type { LocalAnswers, PartitionAnswer } from '../proxy/produce-path.ts'
import { placeOf } from './decision.ts'
import type { PartitionDecision } from './decision.ts'
import type { Plan } from './ledger/chain.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { EnforcementReport } from './report.ts'
import { reportPassed } from './reporting.ts'
import type { ChainPosition, SequenceGates } from './sequence-gate.ts'
import { gateRefusal } from './settle.ts'
import type { UntoldFindings } from './untold-findings.ts'

/** A batch that went on, or that is in quarantine as a whole. */
export interface DepartedBatch {
  readonly topic: string
  readonly partition: number
  readonly position: ChainPosition | null
  readonly plan: Plan | null
  /** Indices of its records in quarantine, ascending. */
  readonly dropped: readonly number[]
  /** What was found in it, without bytes. */
  readonly found: PartitionDecision
}

export interface OutcomeParts {
  readonly gates: SequenceGates
  readonly ledger: Ledger | null
  readonly report: EnforcementReport
  readonly untold: UntoldFindings
  /** By the policies as they are now: a later batch of such a chain may be answered here. */
  readonly quarantines: (topic: string, producer: Producer) => boolean
}

export type AnswersByTopic = Map<string, Map<number, PartitionAnswer>>

export class Outcome {
  readonly #parts: OutcomeParts
  readonly #lane: AbortSignal
  readonly #producer: Producer
  readonly #passing: readonly DepartedBatch[]
  readonly #emptied: readonly DepartedBatch[]
  readonly #answers: AnswersByTopic

  /** `answers`: those of refused partitions, which are certain. */
  constructor(
    parts: OutcomeParts,
    { lane, producer }: { readonly lane: AbortSignal; readonly producer: Producer },
    passing: readonly DepartedBatch[],
    emptied: readonly DepartedBatch[],
    answers: AnswersByTopic
  ) {
    this.#parts = parts
    this.#lane = lane
    this.#producer = producer
    this.#passing = passing
    this.#emptied = emptied
    this.#answers = answers
  }

  /** What is answered here, when its turn has come. */
  answers(): LocalAnswers {
    for (const batch of this.#emptied) {
      const { topic, partition } = batch
      const ofTopic = this.#answers.get(topic) ?? new Map<number, PartitionAnswer>()
      this.#answers.set(topic, ofTopic.set(partition, this.#answerEmptied(batch)))
    }
    return this.#answers
  }

  /** Nobody will be told: what is in quarantine, or went on, is all there is to it. */
  unanswered(): void {
    for (const batch of [...this.#passing, ...this.#emptied]) {
      batch.plan?.chain.settle(batch.plan)
      this.#told(batch, null)
    }
  }

  /** The broker's answer to what was forwarded, as the producer is to see it. */
  confirm(response: ProduceResponse): ProduceResponse | 'unsafe' {
    const byPlace = new Map(this.#passing.map((batch) => [placeOf(batch), batch]))
    let unsafe: number = 0
    const responses = response.responses.map((topic) => {
      const partitionResponses = topic.partitionResponses.map((answer) => {
        const batch = byPlace.get(placeOf({ topic: topic.name, partition: answer.index }))
        if (batch === undefined) return answer
        if (this.#answered(batch, answer.errorCode) === 'unsafe') unsafe += 1
        if (answer.errorCode === 0) this.#told(batch, answer.baseOffset)
        return withOwnIndices(answer, batch.dropped)
      })
      const same = partitionResponses.every((answer, i) => answer === topic.partitionResponses[i])
      return same ? topic : { ...topic, partitionResponses }
    })
    if (unsafe > 0) return 'unsafe'
    const same = responses.every((topic, i) => topic === response.responses[i])
    return same ? response : { ...response, responses }
  }

  #answerEmptied(batch: DepartedBatch): PartitionAnswer {
    const { partition, position, plan } = batch
    const gated = position === null ? null : this.#parts.gates.refusal(position, this.#lane)
    if (gated !== null) {
      // An earlier batch of the chain has failed meanwhile: a success now would make clients take it for delivered.
      plan?.chain.giveUp(plan)
      const { code, message } = gateRefusal(gated)
      return partitionAnswer(partition, code, message)
    }
    if (plan?.chain.leavesGap(plan) === true) {
      plan.chain.revoke(plan)
      return partitionAnswer(partition, 45, 'sequence numbers before this batch are missing')
    }
    plan?.chain.settle(plan)
    this.#told(batch, null)
    return partitionAnswer(partition, 0, null)
  }

  #answered({ topic, position, plan }: DepartedBatch, code: number): 'relay' | 'unsafe' {
    const { ledger, gates, quarantines } = this.#parts
    const answer = plan === null ? 'relay' : ledger!.answered(plan, code)
    if (answer === 'unsafe' || position === null) return answer
    if (plan === null && !quarantines(topic, this.#producer)) return answer
    if (code === 0) gates.appended(position)
    // What comes behind, and may be answered here, must wait for this one, as it would at the broker.
    else if (!gates.close(position, this.#lane, code)) return 'unsafe'
    return 'relay'
  }

  /** Of a retry that was not judged again it tells what was found when it was. */
  #told({ found, plan }: DepartedBatch, baseOffset: bigint | null): void {
    const earlier = plan === null ? null : this.#parts.untold.take(plan.batch)
    reportPassed(this.#parts.report, this.#producer, earlier ?? found, baseOffset)
  }
}

/** The broker counts records in the batch it got, the producer in the one it sent. `dropped` ascending. */
function withOwnIndices(answer: PartitionAnswer, dropped: readonly number[]): PartitionAnswer {
  if (answer.recordErrors.length === 0 || dropped.length === 0) return answer
  const recordErrors = answer.recordErrors.map((error) => {
    let batchIndex = error.batchIndex
    for (const gone of dropped) {
      if (gone > batchIndex) break
      batchIndex += 1
    }
    return { ...error, batchIndex }
  })
  return { ...answer, recordErrors }
}

/** Opens and judges the partitions of one Produce request, one at a time, without waiting for anything. */
import { performance } from 'node:perf_hooks'
import { RecordTable, rebuildBatch } from '../../protocol/records/batch.ts'
import type { BatchHeader } from '../../protocol/records/batch.ts'
import type { ContractSet, Producer, TopicContract, Violation } from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import type { ProduceCall } from '../proxy/produce-path.ts'
import { openEnvelope } from './envelope.ts'
import { partitionVerdict } from './partition-verdict.ts'
import type { PartitionVerdict, RecordVerdict } from './partition-verdict.ts'
import type { RefusalCause } from './report.ts'
import type { ChainPosition } from './sequence-gate.ts'
import type { UndecidedMoment } from './undecidable.ts'
import { markHeader, markHeaderValue } from './violation-text.ts'

/** What is to become of one partition of a request. */
export interface PartitionDecision {
  readonly topic: string
  readonly partition: number
  /** Null where nothing watches the topic. */
  readonly contract: TopicContract | null
  /** The chain of the batch; null without a producer id, or when the header could not be read. */
  readonly position: ChainPosition | null
  readonly transactional: boolean
  readonly recordCount: number
  readonly records: readonly RecordVerdict[]
  readonly fate: Fate
  /** Time spent opening and judging, seconds. */
  seconds: number
}

export type Fate =
  | { readonly kind: 'forward' }
  | { readonly kind: 'rebuilt'; readonly batch: Buffer }
  | { readonly kind: 'wait'; readonly changed: readonly Promise<void>[] }
  | {
      readonly kind: 'refuse'
      readonly code: number
      readonly cause: RefusalCause
      readonly message: string
      readonly recordErrors: readonly { index: number; message: string }[]
    }

export interface JudgeLimits {
  /** Ceiling for the inflated records of one batch. */
  readonly inflatedBatchBytes: number
}

export class BatchJudge {
  readonly #limits: JudgeLimits
  readonly #refuseUnknownTopics: boolean
  /** Reused: judging is synchronous. */
  readonly #table = new RecordTable()

  constructor(limits: JudgeLimits, refuseUnknownTopics: boolean) {
    this.#limits = limits
    this.#refuseUnknownTopics = refuseUnknownTopics
  }

  /** One decision per partition, in the order of the request. */
  judge(call: ProduceCall, contracts: ContractSet, moment: UndecidedMoment): PartitionDecision[] {
    const producer: Producer = { clientId: call.clientId, principal: null }
    return call.request.topicData.flatMap((topic) => {
      const contract = contracts.forTopic(topic.name)
      return topic.partitionData.map(({ index, records }) => {
        const startMs = performance.now()
        const decision = this.#partition({ topic: topic.name, partition: index }, records, contract, producer, moment)
        return { ...decision, seconds: (performance.now() - startMs) / 1_000 }
      })
    })
  }

  #partition(
    place: { readonly topic: string; readonly partition: number },
    bytes: Buffer | null,
    contract: TopicContract | null,
    producer: Producer,
    moment: UndecidedMoment
  ): PartitionDecision {
    if (contract === null && this.#refuseUnknownTopics && needsPolicy(place.topic)) {
      const fate = refuse(87, 'no-policy', `no policy names the topic ${place.topic}, and defaultPolicy is refuse`)
      return { ...place, contract, records: [], seconds: 0, ...chainOf(bytes, place), recordCount: 0, fate }
    }
    const watched = contract !== null && contract.strongestMode(producer) !== 'off'
    const base = { ...place, contract: watched ? contract : null, records: [], seconds: 0 }
    if (!watched) return { ...base, ...chainOf(bytes, place), recordCount: 0, fate: { kind: 'forward' } }

    const envelope = openEnvelope(bytes, this.#table, this.#limits.inflatedBatchBytes)
    const chain = headerFacts(envelope.header, place)
    if (envelope.kind === 'corrupt') {
      const fate: Fate = enforces(contract.strongestMode(producer))
        ? refuse(2, 'corrupt', 'the checksum of the record batch is wrong')
        : { kind: 'forward' }
      return { ...base, ...chain, fate, records: [noted('the checksum of the record batch is wrong', 'observe')] }
    }
    if (envelope.kind === 'malformed') {
      const mode = contract.modeOf('envelope', producer)
      const message = `envelope: ${envelope.message}`
      const refused = enforces(mode)
      const records = [noted(envelope.message, refused ? 'reject' : 'observe')]
      return { ...base, ...chain, fate: refused ? refuse(87, 'envelope', message) : { kind: 'forward' }, records }
    }
    const judgement = contract.judge(this.#table, { ...place, producer })
    const verdict = partitionVerdict(contract, judgement, moment)
    return {
      ...base,
      ...chain,
      fate: this.#fate(verdict, contract, bytes!, envelope.header),
      records: verdict.kind === 'wait' ? [] : verdict.records
    }
  }

  #fate(verdict: PartitionVerdict, contract: TopicContract, batch: Buffer, header: BatchHeader): Fate {
    switch (verdict.kind) {
      case 'wait':
        return verdict
      case 'retry-later':
        return refuse(19, 'undecidable', verdict.message)
      case 'refuse':
        return { ...refuse(87, 'contract', verdict.message), recordErrors: verdict.recordErrors }
      case 'pass': {
        const { marks } = verdict
        if (marks.size === 0) return { kind: 'forward' }
        const addHeaders = (index: number): { name: string; value: Buffer }[] | null => {
          const violations = marks.get(index)
          if (violations === undefined) return null
          return [{ name: markHeader, value: markHeaderValue(contract.policy, violations) }]
        }
        const rebuilt = rebuildBatch(batch, header, this.#table, { addHeaders })
        return rebuilt === null ? { kind: 'forward' } : { kind: 'rebuilt', batch: rebuilt }
      }
    }
  }
}

/** Topics of Kafka and of our own are not what `defaultPolicy: refuse` is about; no policy can name them. */
export function needsPolicy(topic: string): boolean {
  return !topic.startsWith('__') && !topic.startsWith('kontrakt.')
}

type Refusal = Extract<Fate, { readonly kind: 'refuse' }>

function refuse(code: number, cause: RefusalCause, message: string): Refusal {
  return { kind: 'refuse', code, cause, message, recordErrors: [] }
}

/** The envelope as a whole, told as a violation of the first record. */
function noted(message: string, outcome: 'observe' | 'reject'): RecordVerdict {
  const violation: Violation = { rule: 'envelope', path: '', message, mode: outcome }
  return { index: 0, outcome, violations: [violation], undecided: [] }
}

interface ChainFacts {
  readonly position: ChainPosition | null
  readonly transactional: boolean
  readonly recordCount: number
}

function headerFacts(header: BatchHeader | null, place: { topic: string; partition: number }): ChainFacts {
  if (header === null) return { position: null, transactional: false, recordCount: 0 }
  const { producerId, producerEpoch, baseSequence, transactional, recordCount } = header
  const position = producerId < 0n ? null : { ...place, producerId, producerEpoch, baseSequence }
  return { position, transactional, recordCount }
}

/**
 * Of a batch that nobody watches only the chain is of interest, read from its fixed places: producer id at 43, epoch at
 * 51, base sequence at 53 of a batch of magic 2 (`DefaultRecordBatch`).
 */
function chainOf(bytes: Buffer | null, place: { topic: string; partition: number }): ChainFacts {
  const none = { position: null, transactional: false, recordCount: 0 }
  if (bytes === null || bytes.length < 61 || bytes[16] !== 2) return none
  const producerId = bytes.readBigInt64BE(43)
  if (producerId < 0n) return none
  const position = {
    ...place,
    producerId,
    producerEpoch: bytes.readInt16BE(51),
    baseSequence: bytes.readInt32BE(53)
  }
  return { ...none, position }
}

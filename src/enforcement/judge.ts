/**
 * Opens and judges the partitions of one Produce request, in their order, without waiting for anything but its turn:
 * work that takes long is done in several, so that one client's request does not stop the others.
 */
import { performance } from 'node:perf_hooks'
import { RecordTable, rebuildBatch } from '../../protocol/records/batch.ts'
import type { BatchHeader } from '../../protocol/records/batch.ts'
import type { ContractSet, Judging, Producer, TopicContract, Violation } from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import type { ProduceCall } from '../proxy/produce-path.ts'
import { openEnvelope } from './envelope.ts'
import type { Envelope } from './envelope.ts'
import { partitionVerdict } from './partition-verdict.ts'
import type { PartitionVerdict, RecordVerdict } from './partition-verdict.ts'
import type { RefusalCause } from './report.ts'
import type { ChainPosition } from './sequence-gate.ts'
import { Turns } from './turns.ts'
import type { Turn } from './turns.ts'
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
  readonly recordCount: number
  readonly records: readonly RecordVerdict[]
  /** How many more records were not clean, beyond those listed. */
  readonly unlisted: number
  readonly fate: Fate
  /** Time spent opening and judging, without that of others in between, seconds. */
  readonly seconds: number
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
  /** Ceiling for the inflated records of one request. */
  readonly inflatedBatchBytes: number
  /** Most records in one batch. */
  readonly recordsPerBatch: number
}

/** Batches that were judged before; their retries are not judged again. */
export interface JudgedBefore {
  has(position: ChainPosition, batch: Buffer): boolean
}

/**
 * A marked batch above this goes on unmarked unless the original was as large: `max.message.bytes` of a topic is
 * 1,048,588 by default, and marking must never be the reason why a record is refused.
 */
const maxMarkedBatchBytes = 900 * 1024

interface Task {
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer | null
  readonly contract: TopicContract | null
}

interface RequestWork {
  readonly tasks: readonly Task[]
  readonly producer: Producer
  readonly moment: UndecidedMoment
  readonly turn: Turn
  /** Of the request's ceiling. */
  inflatedBytesLeft: number
}

export class BatchJudge {
  readonly #limits: JudgeLimits
  readonly #refuseUnknownTopics: boolean
  readonly #before: JudgedBefore
  readonly #turns: Turns
  /** Reused from batch to batch. One that takes several turns keeps its own meanwhile. */
  #spareTable: RecordTable | null = null

  /** @param nowMs any clock; a reading that does not change makes a turn endless */
  constructor(limits: JudgeLimits, refuseUnknownTopics: boolean, before: JudgedBefore, nowMs = () => Date.now()) {
    this.#limits = limits
    this.#turns = new Turns(nowMs)
    this.#refuseUnknownTopics = refuseUnknownTopics
    this.#before = before
  }

  /** One decision per partition, in the order of the request; `only` names those that are asked for. */
  judge(
    call: ProduceCall,
    contracts: ContractSet,
    moment: UndecidedMoment,
    only: (topic: string, partition: number) => boolean = () => true
  ): PartitionDecision[] | Promise<PartitionDecision[]> {
    const work: RequestWork = {
      tasks: call.request.topicData.flatMap(({ name, partitionData }) => {
        const contract = contracts.forTopic(name)
        return partitionData
          .filter(({ index }) => only(name, index))
          .map(({ index, records }) => ({ topic: name, partition: index, bytes: records, contract }))
      }),
      producer: { clientId: call.clientId, principal: null },
      moment,
      turn: this.#turns.begin(),
      inflatedBytesLeft: this.#limits.inflatedBatchBytes
    }
    const decisions: PartitionDecision[] = []
    for (const task of work.tasks) {
      if (work.turn.isOver()) return this.#goOn(work, decisions)
      const decision = this.#partition(task, work)
      if (decision instanceof Promise) return this.#goOn(work, decisions, decision)
      decisions.push(decision)
    }
    return decisions
  }

  async #goOn(
    work: RequestWork,
    decisions: PartitionDecision[],
    first?: Promise<PartitionDecision>
  ): Promise<PartitionDecision[]> {
    if (first !== undefined) decisions.push(await first)
    for (const task of work.tasks.slice(decisions.length)) {
      if (work.turn.isOver()) await this.#turns.next(work.turn)
      decisions.push(await this.#partition(task, work))
    }
    return decisions
  }

  #partition(task: Task, work: RequestWork): PartitionDecision | Promise<PartitionDecision> {
    const { topic, partition, bytes, contract } = task
    const base = { topic, partition, contract: null, recordCount: 0, records: [], unlisted: 0, seconds: 0 }
    const position = positionOf(bytes, task)
    if (contract === null && this.#refuseUnknownTopics && needsPolicy(topic)) {
      const fate = refuse(87, 'no-policy', `no policy names the topic ${topic}, and defaultPolicy is refuse`)
      return { ...base, position, fate }
    }
    const strongest = contract === null ? 'off' : contract.strongestMode(work.producer)
    if (contract === null || strongest === 'off') return { ...base, position, fate: { kind: 'forward' } }
    if (position !== null && enforces(strongest) && this.#before.has(position, bytes!)) {
      return { ...base, position, fate: { kind: 'forward' } }
    }

    const spent = new Stopwatch()
    const table = this.#takeTable()
    const envelope = openEnvelope(bytes, table, {
      inflatedBytes: work.inflatedBytesLeft,
      records: this.#limits.recordsPerBatch
    })
    work.inflatedBytesLeft -= Math.min(work.inflatedBytesLeft, table.bytes.length)
    if (envelope.kind !== 'open') {
      this.#giveBack(table)
      // What its header claims is not believed: the batch counts as the one record that its violation is noted for.
      return { ...base, contract, position, recordCount: 1, ...this.#unopened(envelope, contract, work.producer) }
    }
    const { header } = envelope
    const judging = contract.open(table, { topic, partition, producer: work.producer })
    const conclude = (): PartitionDecision => {
      const judgement = judging.result()
      const { recordCount, unlisted } = judgement
      const verdict = partitionVerdict(contract, judgement, work.moment)
      const decided = fateOf(verdict, contract, bytes!, header, table)
      this.#giveBack(table)
      return { ...base, contract, position, recordCount, ...decided, unlisted, seconds: spent.seconds() }
    }
    return judging.advance(work.turn.isOver) ? conclude() : this.#finish(judging, work.turn, spent).then(conclude)
  }

  async #finish(judging: Judging, turn: Turn, spent: Stopwatch): Promise<void> {
    do {
      spent.pause()
      await this.#turns.next(turn)
      spent.resume()
    } while (!judging.advance(turn.isOver))
  }

  #takeTable(): RecordTable {
    const table = this.#spareTable ?? new RecordTable()
    this.#spareTable = null
    return table
  }

  #giveBack(table: RecordTable): void {
    table.clear()
    this.#spareTable = table
  }

  #unopened(
    envelope: Exclude<Envelope, { kind: 'open' }>,
    contract: TopicContract,
    producer: Producer
  ): Pick<PartitionDecision, 'fate' | 'records'> {
    const mode = contract.modeOf('envelope', producer)
    if (envelope.kind === 'corrupt') {
      const message = 'the checksum of the record batch is wrong'
      const corrupt = enforces(contract.strongestMode(producer))
      const fate: Fate = corrupt ? refuse(2, 'corrupt', message) : { kind: 'forward' }
      return { fate, records: noted(message, mode, corrupt ? 'reject' : 'observe') }
    }
    if (!enforces(mode)) return { fate: { kind: 'forward' }, records: noted(envelope.message, mode, 'observe') }
    const fate = refuse(87, 'envelope', `envelope: ${envelope.message}`)
    return { fate, records: noted(envelope.message, mode, 'reject') }
  }
}

/** Topics of Kafka and of our own are not what `defaultPolicy: refuse` is about; no policy can name them. */
export function needsPolicy(topic: string): boolean {
  return !topic.startsWith('__') && !topic.startsWith('kontrakt.')
}

function fateOf(
  verdict: PartitionVerdict,
  contract: TopicContract,
  batch: Buffer,
  header: BatchHeader,
  table: RecordTable
): Pick<PartitionDecision, 'fate' | 'records'> {
  switch (verdict.kind) {
    case 'wait':
      return { fate: verdict, records: [] }
    case 'retry-later':
      return { fate: refuse(19, 'undecidable', verdict.message), records: verdict.records }
    case 'refuse': {
      const fate = { ...refuse(87, 'contract', verdict.message), recordErrors: verdict.recordErrors }
      return { fate, records: verdict.records }
    }
    case 'pass': {
      const { marks, records } = verdict
      if (marks.size === 0) return { fate: { kind: 'forward' }, records }
      const rebuilt = rebuildBatch(batch, header, table, {
        addHeaders: (index) => {
          const violations = marks.get(index)
          if (violations === undefined) return null
          return [{ name: markHeader, value: markHeaderValue(contract.policy, violations) }]
        }
      })
      if (rebuilt !== null && rebuilt.length <= Math.max(batch.length, maxMarkedBatchBytes)) {
        return { fate: { kind: 'rebuilt', batch: rebuilt }, records }
      }
      const unmarked = records.map((r) => (r.outcome === 'mark' ? { ...r, outcome: 'observe' as const } : r))
      return { fate: { kind: 'forward' }, records: unmarked }
    }
  }
}

type Refusal = Extract<Fate, { readonly kind: 'refuse' }>

function refuse(code: number, cause: RefusalCause, message: string): Refusal {
  return { kind: 'refuse', code, cause, message, recordErrors: [] }
}

/** The envelope as a whole, told as a violation of the first record; nothing where the check is off. */
function noted(message: string, mode: Violation['mode'] | 'off', outcome: 'observe' | 'reject'): RecordVerdict[] {
  if (mode === 'off') return []
  return [{ index: 0, outcome, violations: [{ rule: 'envelope', path: '', message, mode }], undecided: [] }]
}

/**
 * The chain is read from its fixed places in a batch of magic 2 (`DefaultRecordBatch`), because it counts for batches
 * that are not opened, too: producer id at 43, epoch at 51, base sequence at 53.
 */
function positionOf(bytes: Buffer | null, { topic, partition }: Task): ChainPosition | null {
  if (!hasHeader(bytes)) return null
  const producerId = bytes.readBigInt64BE(43)
  const baseSequence = bytes.readInt32BE(53)
  if (producerId < 0n || baseSequence < 0) return null
  return { topic, partition, producerId, producerEpoch: bytes.readInt16BE(51), baseSequence }
}

function hasHeader(bytes: Buffer | null): bytes is Buffer {
  return bytes !== null && bytes.length >= 61 && bytes[16] === 2
}

/** Time spent on one partition, without the turns of others. */
class Stopwatch {
  #spentMs = 0
  #sinceMs = performance.now()

  pause(): void {
    this.#spentMs += performance.now() - this.#sinceMs
  }

  resume(): void {
    this.#sinceMs = performance.now()
  }

  seconds(): number {
    return (this.#spentMs + performance.now() - this.#sinceMs) / 1_000
  }
}

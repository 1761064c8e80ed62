/**
 * Opens and judges the partitions of one Produce request, in their order, without waiting for anything but its turn: work
 * that takes long is done in slices, so that one client's request does not stop the others.
 */
import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RecordTable, rebuildBatch } from '../../protocol/records/batch.ts'
import type { BatchHeader } from '../../protocol/records/batch.ts'
import type {
  BatchContext,
  BatchJudgement,
  ContractSet,
  Producer,
  TopicContract,
  Violation
} from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import type { ProduceCall } from '../proxy/produce-path.ts'
import { openEnvelope } from './envelope.ts'
import type { Envelope } from './envelope.ts'
import { partitionVerdict } from './partition-verdict.ts'
import type { PartitionVerdict, RecordVerdict } from './partition-verdict.ts'
import { RecordSlice } from './record-slice.ts'
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
  readonly recordCount: number
  readonly records: readonly RecordVerdict[]
  readonly fate: Fate
  /** Time spent opening and judging, seconds. */
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

/** Records judged in one turn: about 10 ms with the slowest of today's formats. */
const recordsPerTurn = 2_000
/** Time after which a request with more partitions gives the others a turn. */
const turnMs = 10
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
  /** Of the request's ceiling. */
  inflatedBytesLeft: number
}

export class BatchJudge {
  readonly #limits: JudgeLimits
  readonly #refuseUnknownTopics: boolean
  readonly #before: JudgedBefore
  /** Reused for batches that are judged in one turn. */
  readonly #table = new RecordTable()

  constructor(limits: JudgeLimits, refuseUnknownTopics: boolean, before: JudgedBefore) {
    this.#limits = limits
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
      inflatedBytesLeft: this.#limits.inflatedBatchBytes
    }
    const decisions: PartitionDecision[] = []
    const startMs = performance.now()
    for (const task of work.tasks) {
      if (performance.now() - startMs > turnMs) return this.#goOn(work, decisions)
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
      await nextTurn()
      decisions.push(await this.#partition(task, work))
    }
    return decisions
  }

  #partition(task: Task, work: RequestWork): PartitionDecision | Promise<PartitionDecision> {
    const startMs = performance.now()
    const { topic, partition, bytes, contract } = task
    const base = { topic, partition, contract: null, recordCount: 0, records: [], seconds: 0 }
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

    const sliced = recordCountOf(bytes) > recordsPerTurn
    const table = sliced ? new RecordTable() : this.#table
    try {
      const envelope = openEnvelope(bytes, table, {
        inflatedBytes: work.inflatedBytesLeft,
        records: this.#limits.recordsPerBatch
      })
      work.inflatedBytesLeft -= Math.min(work.inflatedBytesLeft, table.bytes.length)
      if (envelope.kind !== 'open') {
        const recordCount = envelope.header?.recordCount ?? 0
        return { ...base, contract, position, recordCount, ...this.#unopened(envelope, contract, work.producer) }
      }
      const { header } = envelope
      const context = { topic, partition, producer: work.producer }
      const conclude = (judgement: BatchJudgement): PartitionDecision => {
        const verdict = partitionVerdict(contract, judgement, work.moment)
        const { fate, records } = fateOf(verdict, contract, bytes!, header, table)
        const seconds = (performance.now() - startMs) / 1_000
        return { ...base, contract, position, recordCount: header.recordCount, records, fate, seconds }
      }
      if (sliced) return judgeInSlices(contract, table, context).then(conclude)
      return conclude(contract.judge(table, context))
    } finally {
      if (!sliced) table.clear()
    }
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

async function judgeInSlices(
  contract: TopicContract,
  table: RecordTable,
  context: BatchContext
): Promise<BatchJudgement> {
  const records = []
  for (let from = 0; from < table.count; from += recordsPerTurn) {
    await nextTurn()
    const slice = new RecordSlice(table, from, Math.min(table.count, from + recordsPerTurn))
    for (const judged of contract.judge(slice, context).records) {
      records.push({ ...judged, index: judged.index + from })
    }
  }
  return { recordCount: table.count, records }
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

/** As the header claims; 0 without one. */
function recordCountOf(bytes: Buffer | null): number {
  return hasHeader(bytes) ? bytes.readInt32BE(57) : 0
}

function hasHeader(bytes: Buffer | null): bytes is Buffer {
  return bytes !== null && bytes.length >= 61 && bytes[16] === 2
}

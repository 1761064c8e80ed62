/**
 * Opens and judges the partitions of one Produce request, in their order, without waiting for anything but its turn:
 * work that takes long is done in several, so that one client's request does not stop the others.
 */
import { performance } from 'node:perf_hooks'
import { RecordTable } from '../../protocol/records/batch.ts'
import type { ContractSet, Judging, Producer, TopicContract, Violation } from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import type { ProduceCall } from '../proxy/produce-path.ts'
import { refuse } from './decision.ts'
import type { ChainLink, Fate, PartitionDecision } from './decision.ts'
import { openEnvelope } from './envelope.ts'
import type { Envelope } from './envelope.ts'
import { decidedBatch, decideAgain, wantsReasons } from './decide-batch.ts'
import type { OpenBatch } from './decide-batch.ts'
import type { Chain } from './ledger/chain.ts'
import type { JudgedBatch } from './ledger/chain-state.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { RecordVerdict } from './partition-verdict.ts'
import { batchDigest } from './quarantined.ts'
import { takesSequencesBack } from './settle.ts'
import type { ChainPosition } from './sequence-gate.ts'
import { Turns } from './turns.ts'
import type { Turn } from './turns.ts'
import type { UndecidedMoment } from './undecidable.ts'

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

/** What batches of producers with an id are looked up in. */
export interface LedgerAccess {
  readonly ledger: Ledger
  /** True when this connection has shown that it may write there: only then anything is done in its name. */
  shown(lane: AbortSignal, topic: string, partition: number): boolean
  /** Epoch milliseconds. */
  nowMs(): number
}

/** Of a batch that was not opened. */
const none = { seconds: 0, examined: 0 }
/** How long what the broker said it had tells a retry from a batch that is new, milliseconds. */
const freshMs = 5_000

interface Task {
  readonly topic: string
  readonly partition: number
  readonly bytes: Buffer | null
  readonly contract: TopicContract | null
}

interface RequestWork {
  readonly tasks: readonly Task[]
  readonly producer: Producer
  readonly lane: AbortSignal
  readonly moment: UndecidedMoment
  readonly turn: Turn
  /** Its client may give the sequences of a stored batch to other records. */
  readonly takesSequencesBack: boolean
  /** Of the request's ceiling. */
  inflatedBytesLeft: number
}

export class BatchJudge {
  readonly #limits: JudgeLimits
  readonly #refuseUnknownTopics: boolean
  readonly #before: JudgedBefore
  readonly #access: LedgerAccess | null
  readonly #turns: Turns
  /** Reused from batch to batch. One that takes several turns keeps its own meanwhile. */
  #spareTable: RecordTable | null = null

  /**
   * @param access null where nothing can be quarantined
   * @param nowMs any clock; a reading that does not change makes a turn endless
   */
  constructor(
    limits: JudgeLimits,
    refuseUnknownTopics: boolean,
    before: JudgedBefore,
    access: LedgerAccess | null,
    nowMs = () => Date.now()
  ) {
    this.#limits = limits
    this.#access = access
    this.#turns = new Turns(nowMs)
    this.#refuseUnknownTopics = refuseUnknownTopics
    this.#before = before
  }

  /** One decision per partition, in the order of the request; `only` names those that are asked for. */
  judge(
    call: ProduceCall,
    lane: AbortSignal,
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
      lane,
      moment,
      turn: this.#turns.begin(),
      takesSequencesBack: takesSequencesBack(call.header.apiVersion),
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
    const position = positionOf(bytes, task)
    const base: PartitionDecision = {
      ...{ topic, partition, position, contract: null, recordCount: 0, records: [], unlisted: 0, effort: none },
      ...{ fate: { kind: 'forward' }, link: null, quarantined: null }
    }
    if (contract === null && this.#refuseUnknownTopics && needsPolicy(topic)) {
      const fate = refuse(87, 'no-policy', `no policy names the topic ${topic}, and defaultPolicy is refuse`)
      return { ...base, fate }
    }
    const strongest = contract === null ? 'off' : contract.strongestMode(work.producer)
    const watched = strongest === 'off' ? null : contract
    const quarantines = this.#access !== null && watched !== null && mayQuarantine(watched, topic, bytes, work.producer)
    const entered = position === null ? null : this.#enter(position, quarantines, work)
    if (entered?.kind === 'not-now') return { ...base, fate: entered.fate }
    const chain = entered?.kind === 'chain' ? entered.chain : null
    const isKnown = chain !== null && chain.state.at(position!.baseSequence) !== undefined
    if (watched === null && !isKnown) return passed(base, chain, countOf(bytes))
    if (chain === null && position !== null && enforces(strongest) && this.#before.has(position, bytes!)) return base

    const spent = new Stopwatch()
    const table = this.#takeTable()
    const envelope = openEnvelope(bytes, table, {
      inflatedBytes: work.inflatedBytesLeft,
      records: this.#limits.recordsPerBatch
    })
    work.inflatedBytesLeft -= Math.min(work.inflatedBytesLeft, table.bytes.length)
    if (envelope.kind !== 'open') {
      this.#giveBack(table)
      const unread = passed(base, chain, countOf(bytes))
      if (watched === null || unread.fate.kind === 'refuse') return unread
      // What its header claims is not believed: the batch counts as the one record that its violation is noted for.
      const unopened = this.#unopened(envelope, watched, work.producer)
      return { ...unread, contract: watched, recordCount: 1, ...unopened }
    }
    const { header } = envelope
    const batch: OpenBatch = {
      ...{ topic, partition, contract: watched, producer: work.producer, position },
      ...{ bytes: bytes!, header, table, chain, digest: chain === null ? null : batchDigest(header, table) },
      canQuarantine: quarantines && entered?.kind !== 'full'
    }
    const recalled = chain === null ? null : this.#recall(chain, batch, work)
    const known = recalled?.kind === 'known' ? recalled.batch : null
    if (recalled?.kind === 'decided' || watched === null || (known !== null && !wantsReasons(batch, known))) {
      const decided = recalled?.kind === 'decided' ? recalled.decision : {}
      const again = known === null ? {} : decideAgain(batch, known, null, work.moment)
      this.#giveBack(table)
      return { ...base, recordCount: header.recordCount, link: passing(chain), ...decided, ...again }
    }
    const judging = watched.open(table, { topic, partition, producer: work.producer })
    const conclude = (): PartitionDecision => {
      const judgement = judging.result()
      const { recordCount, unlisted, examined } = judgement
      const decided = known === null ? decidedBatch(batch, judgement, work.moment) : null
      const again = known === null ? null : decideAgain(batch, known, judgement, work.moment)
      this.#giveBack(table)
      if (decided === null) return { ...base, recordCount, ...again! }
      return {
        ...base,
        contract: watched,
        recordCount,
        ...decided,
        unlisted,
        effort: { seconds: spent.seconds(), examined }
      }
    }
    return judging.advance(work.turn.isOver) ? conclude() : this.#finish(judging, work.turn, spent).then(conclude)
  }

  /** The chain that the batch belongs to, as far as the ledger has to do with it; null when it has not. */
  #enter(position: ChainPosition, quarantines: boolean, work: RequestWork): Entered | null {
    if (this.#access === null) return null
    const { topic, partition, baseSequence } = position
    const shown = this.#access.shown(work.lane, topic, partition)
    const access = this.#access.ledger.enter(position, baseSequence, work.lane, quarantines, shown)
    switch (access.kind) {
      case 'none':
        return null
      case 'chain':
      case 'full':
        return access
      case 'unshown':
        return { kind: 'not-now', fate: { kind: 'unshown' } }
      case 'wait':
        return { kind: 'not-now', fate: waitOrRetry(access.changed, work.moment) }
    }
  }

  /** What follows from what is known of the batch; null when it is new. What was found in a retry is told elsewhere. */
  #recall(chain: Chain, { position, digest, header }: OpenBatch, work: RequestWork): Recalled | null {
    const access = this.#access!
    const look = (): Recalled => {
      return { kind: 'decided', decision: { fate: waitOrRetry(access.ledger.look(chain, work.lane), work.moment) } }
    }
    const recall = chain.recall(position!.baseSequence, header.recordCount, digest!, access.nowMs(), freshMs)
    switch (recall.kind) {
      case 'known':
        return recall
      case 'stored':
        return { kind: 'decided', decision: {} }
      case 'look':
        return look()
      case 'reused': {
        const goesOn = work.takesSequencesBack ? chain.goOnFrom(position!.baseSequence) : 'no'
        if (goesOn === 'done') return null
        if (goesOn === 'look') return look()
        return { kind: 'decided', decision: { fate: taken } }
      }
      case 'new':
        return null
    }
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

type Recalled =
  | { readonly kind: 'known'; readonly batch: JudgedBatch }
  | { readonly kind: 'decided'; readonly decision: Partial<PartitionDecision> }

type Entered =
  | { readonly kind: 'chain'; readonly chain: Chain }
  | { readonly kind: 'full' }
  | { readonly kind: 'not-now'; readonly fate: Fate }

function waitOrRetry(changed: Promise<void>, { deadlinePassed }: UndecidedMoment): Fate {
  if (!deadlinePassed) return { kind: 'wait', changed: [changed] }
  return refuse(19, 'ledger', 'what was quarantined of this producer cannot be read or written now, try again')
}

const taken = refuse(45, 'sequence-reused', 'these sequence numbers belong to other records')

/** Nobody looks into it. Where it is no longer known what the broker sees for its sequences, it cannot go on. */
function passed(base: PartitionDecision, chain: Chain | null, recordCount: number): PartitionDecision {
  const isLost = chain !== null && chain.state.up(base.position!.baseSequence) === null
  return { ...base, recordCount, link: passing(chain), ...(isLost ? { fate: taken } : {}) }
}

/** Goes on as what is known of its chain says; nothing is decided about it. */
function passing(chain: Chain | null): ChainLink | null {
  return chain === null ? null : { chain, digest: '', dropped: [], decided: false }
}

/** Records in the batch, as its header has it. */
function countOf(bytes: Buffer | null): number {
  return hasHeader(bytes) ? Math.max(0, bytes.readInt32BE(57)) : 0
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

/** A bad record of this batch would go to quarantine. Transactional ones are refused unless the policy says otherwise. */
function mayQuarantine(contract: TopicContract, topic: string, bytes: Buffer | null, producer: Producer): boolean {
  if (!contract.quarantines(producer)) return false
  return !isTransactional(bytes) || contract.quarantineOf(topic).transactions === 'quarantine'
}

/** The attributes stand at 21, two bytes; bit 4 says so. */
function isTransactional(bytes: Buffer | null): boolean {
  return hasHeader(bytes) && (bytes[22]! & 0x10) !== 0
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

/**
 * What a batch waits for between its verdict and its departure: its bad records in quarantine, its entry in the ledger,
 * its turn in the chain.
 */
import type { PartitionDecision, Refusal } from './decision.ts'
import { refuse } from './decision.ts'
import type { Plan } from './ledger/chain.ts'
import { ChainMovedError, ChainOvertakenError } from './ledger/errors.ts'
import type { Ledger } from './ledger/ledger.ts'
import type { QuarantinedRecord, QuarantineSink } from './quarantine-port.ts'
import { batchMessage, recordMessage } from './violation-text.ts'

export interface QuarantineParts {
  readonly ledger: Ledger
  readonly sink: QuarantineSink
}

export class HeldBatch {
  readonly decision: PartitionDecision
  /** Its place in its chain; null without one. */
  readonly plan: Plan | null
  /** Why it cannot go on; null while it can. */
  problem: Refusal | null = null
  /** The chain belongs to another instance, or its copy of the batch is in the topic: no answer is safe. */
  #moved = false
  readonly #parts: QuarantineParts

  /** Takes its place in the chain. */
  constructor(decision: PartitionDecision, parts: QuarantineParts) {
    const { link, position, recordCount } = decision
    this.decision = decision
    this.#parts = parts
    const base = position?.baseSequence ?? 0
    if (link !== null && link.dropped.length > 0) parts.ledger.decided(decision.topic)
    this.plan =
      link === null
        ? null
        : link.chain.plan({ base, count: recordCount, digest: link.digest, dropped: link.dropped }, link.decided)
  }

  /** Memory taken until the bad records are in quarantine and the rest has departed, besides the request's frame. */
  get copiedBytes(): number {
    const { quarantined, fate } = this.decision
    const records = quarantined?.records ?? []
    const copied = records.reduce((sum, record) => sum + bytesOf(record), 0)
    return copied + (fate.kind === 'rebuilt' ? fate.batch.length : 0)
  }

  get moved(): boolean {
    return this.#moved || this.plan?.fate === 'moved'
  }

  /** Null when there is nothing to wait for. Never rejects. */
  ready(): Promise<void> | null {
    const { plan, decision } = this
    const waits: Promise<void>[] = []
    const stored = decision.quarantined === null ? null : this.#store()
    if (stored !== null) waits.push(stored)
    if (plan !== null) {
      const { chain } = plan
      const allStored = chain.storing(stored)
      // The ledger never speaks of what is not in quarantine: whoever inherits it relies on that.
      if (chain.needsWrite(plan)) waits.push(allStored.then(() => this.#write(plan)))
      // The batch before may have shown meanwhile that nobody's copy came first: that has to be in the ledger, too.
      if (plan.fate === 'waiting') waits.push(plan.cleared.then(() => this.#write(plan)))
      if (plan.kept === 0 && chain.isContested(plan.batch)) waits.push(this.#quiet(plan))
    }
    return waits.length === 0 ? null : Promise.all(waits).then(() => undefined)
  }

  /** It is refused, or its connection is closed: what was decided about it holds for a retry, if that can be. */
  giveUp(): void {
    const { plan, problem } = this
    if (plan === null) return
    if (problem?.code === 87) plan.chain.revoke(plan)
    else plan.chain.giveUp(plan)
  }

  async #store(): Promise<void> {
    const { decision, plan } = this
    const outcome = await this.#parts.sink.store(decision.quarantined!)
    if (outcome.kind === 'stored') plan?.chain.quarantined(plan.batch)
    else this.problem = outcome.lasting ? notStorable(decision, outcome.message) : notStoredNow(outcome.message)
  }

  async #quiet(plan: Plan): Promise<void> {
    await this.#orProblem(this.#parts.ledger.quiet(plan))
    await plan.chain.storing(null)
    await this.#write(plan)
  }

  async #write(plan: Plan): Promise<void> {
    if (this.problem === null && plan.chain.needsWrite(plan))
      await this.#orProblem(this.#parts.ledger.write(plan.chain))
  }

  async #orProblem(work: Promise<void>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (error instanceof ChainMovedError || error instanceof ChainOvertakenError) this.#moved = true
      else this.problem ??= refuse(19, 'ledger', 'the ledger of quarantined records cannot be written now, try again')
    }
  }
}

/** An object of its own for each record and header counts, too. */
function bytesOf({ key, value, headers }: QuarantinedRecord): number {
  const own = objectBytes + (key?.length ?? 0) + (value?.length ?? 0)
  return headers.reduce((sum, header) => sum + objectBytes + header.name.length + (header.value?.length ?? 0), own)
}

const objectBytes = 200

function notStoredNow(message: string): Refusal {
  return refuse(19, 'quarantine-unavailable', `the quarantine topic cannot be written now, try again: ${message}`)
}

/** Nothing bad gets through: what the quarantine topic will never take is refused, with its reasons. */
function notStorable({ quarantined, recordCount }: PartitionDecision, message: string): Refusal {
  const { policy, records } = quarantined!
  const recordErrors = records.slice(0, maxRecordErrors).map(({ index, violations }) => ({
    index,
    message: recordMessage(violations)
  }))
  const first = recordErrors[0]!
  const text = batchMessage(policy, records.length, recordCount, first.index, first.message)
  return { ...refuse(87, 'quarantine-unavailable', `${text} (quarantine-unavailable: ${message})`), recordErrors }
}

const maxRecordErrors = 1_000

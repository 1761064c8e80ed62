/**
 * Quarantine for the admin API: the same desk as the command line's, with bounds on what one request may cost. An
 * instance has to go on serving, and nobody waits for an answer for ever.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  ChangeAnswer,
  ChangeRequest,
  DiscardRequest,
  QuarantinePage,
  QuarantineQuery,
  QuarantineView,
  RedriveRequest
} from '../admin/quarantine-view.ts'
import { changeLimits } from '../admin/quarantine-routes.ts'
import type { PolicyFolder } from '../config/policy-folder.ts'
import { ConnectionError, KafkaError } from '../kafka/errors.ts'
import type { Logger } from '../observability/logger.ts'
import type { QuarantineDesk, RedriveCall } from '../quarantine/desk.ts'
import type { DiscardReport } from '../quarantine/discard.ts'
import { QuarantineError } from '../quarantine/quarantine-error.ts'
import type { RecordView } from '../quarantine/record-view.ts'
import { recordView } from '../quarantine/record-view.ts'
import type { RedriveReport } from '../quarantine/redrive.ts'
import { placesIn } from '../quarantine/rule-places.ts'

export const atHandLimits = {
  /** Records looked at for one question, the latest of each quarantine topic: some tens of MiB to read. */
  scanned: 200_000,
  /** A question is answered with what was found by then. */
  lookMs: 15_000,
  /** A change ends by then; what is under way is finished. */
  changeMs: 30_000,
  /** A change that is under way when the instance stops: what it has begun is committed or aborted by then. */
  endMs: 5_000,
  /** Questions at once. Each reads from the brokers and holds a page of 10,000 records. */
  atOnce: 2
} as const

export interface AtHandParts {
  readonly desk: QuarantineDesk
  readonly policies: Pick<PolicyFolder, 'policies'>
  readonly logger: Logger
  /** Ends what is under way when the instance is to stop. */
  readonly closing: AbortSignal
}

/** What a redrive and a discard have in common. */
type Change = Omit<RedriveCall, 'ignoreOrder' | 'recordsPerSecond' | 'onProgress'>

export class QuarantineAtHand implements QuarantineView {
  readonly #parts: AtHandParts
  #looking = 0
  readonly #changes = new Set<Promise<unknown>>()

  constructor(parts: AtHandParts) {
    this.#parts = parts
  }

  list({ quarantineTopic, ...filter }: QuarantineQuery, skip: number, limit: number): Promise<QuarantinePage> {
    return this.#look(async (signal) => {
      const { records, total, complete } = await this.#parts.desk.list({
        filter,
        limit: skip + limit,
        scanLimit: atHandLimits.scanned,
        signal,
        ...(quarantineTopic === undefined ? {} : { quarantineTopic })
      })
      const placeIn = placesIn(this.#parts.policies.policies)
      const items = records.slice(skip).map((record) => recordView(record, placeIn(record)))
      return { items, total, complete }
    })
  }

  find(id: string, { topic, quarantineTopic }: QuarantineQuery): Promise<RecordView> {
    return this.#look(async (signal) => {
      const [record] = await this.#parts.desk.find([id], {
        topic,
        scanLimit: atHandLimits.scanned,
        signal,
        ...(quarantineTopic === undefined ? {} : { quarantineTopic })
      })
      return recordView(record!, placesIn(this.#parts.policies.policies)(record!))
    })
  }

  async redrive({ ignoreOrder = false, ...request }: RedriveRequest): Promise<ChangeAnswer<RedriveReport>> {
    const { desk, logger } = this.#parts
    const answer = await this.#change(request, (call) => desk.redrive({ ...call, ignoreOrder, recordsPerSecond: null }))
    for (const { quarantineTopic: topic, sent: records } of answer.reports)
      if (!answer.dryRun) logger.info('quarantined records sent home', { topic, records })
    return answer
  }

  async discard({ reason, ...request }: DiscardRequest): Promise<ChangeAnswer<DiscardReport>> {
    const { desk, logger } = this.#parts
    const answer = await this.#change(request, (call) => desk.discard({ ...call, reason }))
    for (const { quarantineTopic: topic, discarded: records } of answer.reports)
      if (!answer.dryRun) logger.info('quarantined records discarded', { topic, records, reason })
    return answer
  }

  /** Resolves when no change is under way, at the latest after `endMs`. To be called once `closing` is aborted. */
  async ended(): Promise<void> {
    const tooLong = new AbortController()
    const waited = sleep(atHandLimits.endMs, undefined, { signal: tooLong.signal }).catch(() => undefined)
    await Promise.race([Promise.allSettled(this.#changes), waited])
    tooLong.abort()
  }

  async #look<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    if (this.#looking >= atHandLimits.atOnce) {
      throw new QuarantineError('busy', 'others are looking into quarantine just now', 'ask again in some seconds')
    }
    this.#looking += 1
    try {
      return await run(AbortSignal.any([this.#parts.closing, AbortSignal.timeout(atHandLimits.lookMs)]))
    } catch (error) {
      throw reachable(error)
    } finally {
      this.#looking -= 1
    }
  }

  async #change<Report extends { readonly end: string }>(
    request: ChangeRequest,
    run: (call: Change) => Promise<readonly Report[]>
  ): Promise<ChangeAnswer<Report>> {
    const { dryRun = false, limit = changeLimits.default, by = 'admin API', quarantineTopic, ...filter } = request
    const signal = AbortSignal.any([this.#parts.closing, AbortSignal.timeout(atHandLimits.changeMs)])
    const change = async (): Promise<ChangeAnswer<Report>> => {
      const scope = quarantineTopic === undefined ? {} : { quarantineTopic }
      const reports = await run({ filter, by, limit, dryRun, signal, ...scope })
      return { dryRun, complete: reports.every(({ end }) => end === 'done') && !signal.aborted, reports }
    }
    try {
      return await (dryRun ? this.#look(change) : this.#noted(change()))
    } catch (error) {
      throw reachable(error)
    }
  }

  async #noted<T>(change: Promise<T>): Promise<T> {
    this.#changes.add(change)
    try {
      return await change
    } finally {
      this.#changes.delete(change)
    }
  }
}

/** What the cluster says is no fault of the instance. */
function reachable(error: unknown): unknown {
  if (!(error instanceof KafkaError) && !(error instanceof ConnectionError)) return error
  return new QuarantineError('not-taken', `the cluster cannot be asked: ${error.message}`, null, error)
}

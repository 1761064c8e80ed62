/**
 * Everything an operator does with quarantined records, for the command line and the admin API alike: look, send home,
 * discard. One at a time where something is changed.
 */
import type { ContractSet } from '../contracts/judgement.ts'
import type { Clock } from '../clock.ts'
import { discard } from './discard.ts'
import type { DiscardOptions, DiscardReport } from './discard.ts'
import { Homes } from './homes.ts'
import { JudgeAgain } from './judge-again.ts'
import { listRecords } from './listing.ts'
import type { ListedRecord, Listing, ListOptions } from './listing.ts'
import type { PlacesClient } from './places.ts'
import { quarantineTopics } from './places.ts'
import { QuarantineError } from './quarantine-error.ts'
import type { WriterFactory } from './redrive-writer.ts'
import { redrive } from './redrive.ts'
import type { RedriveOptions, RedriveReport } from './redrive.ts'
import { idLength } from './selection.ts'

export interface DeskOptions {
  readonly client: PlacesClient
  /** Asked anew for every call: a redrive is judged by the policies as they are when it begins. */
  readonly contracts: () => ContractSet
  readonly defaultPolicy: 'pass' | 'refuse'
  readonly stateTopic: string
  /** No record goes there, whatever it says. */
  readonly ledgerTopic: string
  /** Makes sure that the state topic is there, before anything is written to it. Rejects with words for people. */
  readonly ensureStateTopic: () => Promise<void>
  readonly writers: WriterFactory
  /** How long schemas that the registry has not given yet are waited for. */
  readonly decideWaitMs: number
  readonly clock: Clock
}

/** Which quarantine topics; without any, those of all policies. */
export interface Scope {
  readonly quarantineTopic?: string
}

export interface RedriveCall extends RedriveOptions, Scope {
  /** Nothing is sent, only told what would be. */
  readonly dryRun: boolean
}

export interface DiscardCall extends DiscardOptions, Scope {
  readonly dryRun: boolean
}

/** Ids given in one call. */
export const maxIds = 1_000

export class QuarantineDesk {
  readonly #options: DeskOptions
  #isBusy = false

  constructor(options: DeskOptions) {
    this.#options = options
  }

  async list({ quarantineTopic, ...options }: ListOptions & Scope): Promise<Listing> {
    const { client, stateTopic } = this.#options
    const { ids } = options.filter
    if (ids !== undefined) checkIds(ids)
    const topics = await this.#topics(options.filter.topic, quarantineTopic)
    return listRecords(client, stateTopic, topics, options)
  }

  /**
   * The records that the ids, or their beginnings, mean, whatever became of them.
   *
   * @throws {QuarantineError} `no-record`, `ambiguous-id`
   */
  async find(
    ids: readonly string[],
    options: Omit<ListOptions, 'filter' | 'limit'> & Scope & { readonly topic?: string | undefined }
  ): Promise<readonly ListedRecord[]> {
    const { topic, ...rest } = options
    const filter = { ids, state: 'all' as const, ...(topic === undefined ? {} : { topic }) }
    // One more each than there may be, to see that there are several.
    const { records, complete } = await this.list({ ...rest, filter, limit: 2 * ids.length + 100 })
    const meantBy = (id: string): readonly ListedRecord[] => records.filter(({ entry }) => entry.id.startsWith(id))
    for (const id of ids) {
      const meant = meantBy(id)
      if (meant.length < 2) continue
      const examples = meant.slice(0, 5).map(({ entry }) => entry.id)
      throw new QuarantineError('ambiguous-id', `${id} is how several ids begin: ${examples.join(', ')}`)
    }
    return ids.map((id) => {
      const [record] = meantBy(id)
      if (record !== undefined) return record
      const where = complete ? 'no quarantined record has' : 'none of the latest quarantined records has'
      const remedy = 'it may have expired, or lie in a topic that no policy names today: --quarantine-topic'
      throw new QuarantineError('no-record', `${where} the id ${id}`, remedy)
    })
  }

  /** One report for each quarantine topic that has records. @throws {QuarantineError} */
  redrive({ quarantineTopic, dryRun, ...options }: RedriveCall): Promise<readonly RedriveReport[]> {
    const { client, clock, decideWaitMs, defaultPolicy, ledgerTopic, stateTopic, writers } = this.#options
    const contracts = this.#options.contracts()
    return this.#oneAtATime(dryRun, async () => {
      const judge = new JudgeAgain({ contracts, defaultPolicy, waitMs: decideWaitMs, clock })
      const all = await quarantineTopics(client, contracts, {})
      const ours = new Set([...all, stateTopic, ledgerTopic])
      const homes = new Homes({ client, contracts, trusted: quarantineTopic !== undefined, ours })
      const filter = await this.#wholeIds(options, quarantineTopic)
      const reports: RedriveReport[] = []
      let left = options.limit
      for (const topic of await this.#topics(filter.topic, quarantineTopic)) {
        if (left <= 0 || options.signal?.aborted === true) break
        const writer = dryRun ? null : writers(topic)
        try {
          const parts = { client, stateTopic, judge, homes, writer, clock }
          const report = await redrive(parts, topic, { ...options, filter, limit: left })
          reports.push(report)
          left -= report.sent
        } finally {
          writer?.close()
        }
      }
      return reports
    })
  }

  /** One report for each quarantine topic that has records. @throws {QuarantineError} */
  discard({ quarantineTopic, dryRun, ...options }: DiscardCall): Promise<readonly DiscardReport[]> {
    const { client, clock, stateTopic, writers } = this.#options
    return this.#oneAtATime(dryRun, async () => {
      const filter = await this.#wholeIds(options, quarantineTopic)
      const reports: DiscardReport[] = []
      let left = options.limit
      for (const topic of await this.#topics(filter.topic, quarantineTopic)) {
        if (left <= 0 || options.signal?.aborted === true) break
        const writer = dryRun ? null : writers(topic)
        try {
          const parts = { client, stateTopic, writer, clock }
          const report = await discard(parts, topic, { ...options, filter, limit: left })
          reports.push(report)
          left -= report.discarded
        } finally {
          writer?.close()
        }
      }
      return reports
    })
  }

  #topics(topic: string | undefined, quarantineTopic: string | undefined): Promise<readonly string[]> {
    const query = quarantineTopic !== undefined ? { quarantineTopic } : topic !== undefined ? { topic } : {}
    return quarantineTopics(this.#options.client, this.#options.contracts(), query)
  }

  /** What is to be changed must be meant for certain: an id that was shortened may mean several records. */
  async #wholeIds(
    { filter, signal }: Pick<RedriveOptions, 'filter' | 'signal'>,
    quarantineTopic: string | undefined
  ): Promise<RedriveOptions['filter']> {
    const { ids, topic } = filter
    if (ids === undefined) return filter
    checkIds(ids)
    if (ids.every((id) => id.length === idLength)) return filter
    const found = await this.find(ids, {
      topic,
      scanLimit: null,
      ...(quarantineTopic === undefined ? {} : { quarantineTopic }),
      ...(signal === undefined ? {} : { signal })
    })
    return { ...filter, ids: found.map(({ entry }) => entry.id) }
  }

  async #oneAtATime<T>(dryRun: boolean, run: () => Promise<T>): Promise<T> {
    if (dryRun) return run()
    if (this.#isBusy)
      throw new QuarantineError('busy', 'a redrive or discard is under way here', 'wait until it is done')
    this.#isBusy = true
    try {
      await this.#options.ensureStateTopic()
      return await run()
    } finally {
      this.#isBusy = false
    }
  }
}

function checkIds(ids: readonly string[]): void {
  if (ids.length > maxIds) throw new QuarantineError('too-many', `at most ${maxIds} ids at once, not ${ids.length}`)
  const wrong = ids.find((id) => !/^[0-9a-f]{4,32}$/.test(id))
  if (wrong !== undefined) {
    throw new QuarantineError(
      'no-record',
      `${wrong} is no id: four to 32 hex digits, as \`kontrakt quarantine list\` shows`
    )
  }
}

/**
 * What today's policies say of quarantined records. A record that was quarantined because nobody could decide may be
 * decided now; one that still cannot stays where it is.
 */
import type { ContractSet, TopicContract } from '../contracts/judgement.ts'
import { enforces } from '../contracts/mode.ts'
import { pause } from '../clock.ts'
import type { Clock } from '../clock.ts'
import type { QuarantineReason } from '../enforcement/quarantine-port.ts'
import { actionForUndecided } from '../enforcement/undecidable.ts'
import { singleRecord } from '../contracts/single-record.ts'
import type { QuarantineEntry } from './record.ts'
import { Turns } from './turns.ts'

export type TodaysVerdict =
  /** The proxy would let it through. */
  | { readonly kind: 'passes' }
  | { readonly kind: 'breaks'; readonly violations: readonly QuarantineReason[] }
  | { readonly kind: 'undecided'; readonly message: string }

export interface JudgeAgainOptions {
  readonly contracts: ContractSet
  readonly defaultPolicy: 'pass' | 'refuse'
  /** How long one call waits for schemas at most. */
  readonly waitMs: number
  readonly clock: Clock
}

/** How long all calls together wait for schemas: a registry that is down must not hold a run for days. */
const waitBudgetMs = 60_000

type Judged = TodaysVerdict | { readonly kind: 'waits'; readonly changed: readonly Promise<void>[] }

const passes: TodaysVerdict = { kind: 'passes' }

export class JudgeAgain {
  readonly #options: JudgeAgainOptions
  #budgetMs = waitBudgetMs
  readonly #turns = new Turns()

  constructor(options: JudgeAgainOptions) {
    this.#options = options
  }

  /** One verdict per entry. Waits for schemas that the registry has not given yet, all of them at once. */
  async judge(entries: readonly QuarantineEntry[]): Promise<TodaysVerdict[]> {
    const { clock, waitMs } = this.#options
    const startedMs = clock.nowMs()
    const untilMs = startedMs + Math.min(waitMs, this.#budgetMs)
    const judged: Judged[] = []
    for (const entry of entries) {
      if (this.#turns.isOver()) await this.#turns.give()
      judged.push(this.#judge(entry, clock.nowMs() >= untilMs))
    }
    let hasWaited = false
    for (;;) {
      const waits = judged.flatMap((one) => (one.kind === 'waits' ? one.changed : []))
      if (waits.length === 0) break
      hasWaited = true
      await Promise.race([Promise.race(waits), pause(clock, Math.max(1, untilMs - clock.nowMs()))])
      const isOver = clock.nowMs() >= untilMs
      for (const [index, one] of judged.entries()) {
        if (one.kind !== 'waits') continue
        if (this.#turns.isOver()) await this.#turns.give()
        judged[index] = this.#judge(entries[index]!, isOver)
      }
    }
    if (hasWaited) this.#budgetMs = Math.max(0, this.#budgetMs - (clock.nowMs() - startedMs))
    return judged.filter((one) => one.kind !== 'waits')
  }

  #judge(entry: QuarantineEntry, isLast: boolean): Judged {
    const { contracts, defaultPolicy } = this.#options
    const { topic, partition, clientId, principal } = entry
    const contract = contracts.forTopic(topic)
    if (contract === null) {
      if (defaultPolicy === 'pass') return passes
      const message = 'no policy names the topic, and defaultPolicy is refuse'
      return { kind: 'breaks', violations: [{ rule: 'no-policy', path: '', message }] }
    }
    const context = { topic, partition, producer: { clientId, principal } }
    return this.#decide(contract, contract.judge(singleRecord(entry), context).records[0], isLast)
  }

  #decide(
    contract: TopicContract,
    judgement: ReturnType<TopicContract['judge']>['records'][number] | undefined,
    isLast: boolean
  ): Judged {
    if (judgement === undefined) return passes
    const violations = judgement.violations.filter(({ mode }) => enforces(mode))
    if (violations.length > 0) return { kind: 'breaks', violations }
    const nowMs = this.#options.clock.nowMs()
    // Nobody waits for an answer here, so an outage is never old enough to let a record through.
    const moment = { nowMs, undecidableAfterMs: Infinity, deadlinePassed: isLast, unanswered: false }
    const changed: Promise<void>[] = []
    for (const undecided of judgement.undecided) {
      const action = actionForUndecided(undecided, contract.onUndecidable, moment)
      if (action.kind === 'accept' || action.kind === 'mark') continue
      if (action.kind === 'wait') changed.push(action.changed)
      else return { kind: 'undecided', message: `${undecided.rule}: ${undecided.message}` }
    }
    return changed.length === 0 ? passes : { kind: 'waits', changed }
  }
}

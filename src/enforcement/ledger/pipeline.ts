/** The batches of one chain that are on their way, in order, and which of them may be sent. */
import type { JudgedBatch } from './chain-state.ts'
import type { PlanIn } from './plan.ts'

interface Pending<Chain> {
  readonly plan: PlanIn<Chain>
  readonly clear: () => void
}

export class Pipeline<Chain> {
  readonly #chain: Chain
  #pending: Pending<Chain>[] = []
  #drained: PromiseWithResolvers<undefined> | null = null

  constructor(chain: Chain) {
    this.#chain = chain
  }

  get isEmpty(): boolean {
    return this.#pending.length === 0
  }

  /** True while one of it has been neither sent nor given up. */
  get holdsUnsent(): boolean {
    return this.#pending.some(({ plan }) => plan.fate !== 'sent')
  }

  has(batch: JudgedBatch): boolean {
    return this.#pending.some(({ plan }) => plan.batch === batch)
  }

  /** Resolves when nothing is under way any more. */
  drained(): Promise<void> {
    if (this.isEmpty) return Promise.resolve()
    this.#drained ??= Promise.withResolvers<undefined>()
    return this.#drained.promise
  }

  add(batch: JudgedBatch, up: number): PlanIn<Chain> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const kept = batch.count - batch.dropped.length
    const plan: PlanIn<Chain> = { chain: this.#chain, batch, up, kept, cleared: promise, fate: 'waiting' }
    this.#pending.push({ plan, clear: () => resolve(undefined) })
    return plan
  }

  /** True when it was under way. */
  remove(plan: PlanIn<Chain>): boolean {
    const at = this.#pending.findIndex((each) => each.plan === plan)
    if (at < 0) return false
    const [removed] = this.#pending.splice(at, 1)
    removed!.clear()
    return true
  }

  /** `alone`: of those of which something is sent, only the first may go. */
  advance(alone: boolean): void {
    let before = false
    for (const { plan, clear } of this.#pending) {
      if (plan.fate === 'waiting' && (!alone || plan.kept === 0 || !before)) {
        plan.fate = 'cleared'
        clear()
      }
      before ||= plan.kept > 0
    }
    if (this.isEmpty) this.#resolveDrained()
  }

  /** Nothing of it goes on; `each` sees every one before who waits for it does. */
  empty(each: (plan: PlanIn<Chain>) => void): void {
    for (const { plan, clear } of this.#pending.splice(0)) {
      each(plan)
      clear()
    }
    this.#resolveDrained()
  }

  #resolveDrained(): void {
    this.#drained?.resolve(undefined)
    this.#drained = null
  }
}

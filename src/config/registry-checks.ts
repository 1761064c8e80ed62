/**
 * Checks of policies against the registry, beside the path: some at a time, each known by the policy it is for, and
 * none waited for longer than the caller likes. One that takes longer goes on, and its result is there the next time.
 */
import type { CompiledPolicy } from '../contracts/compile.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import { checkAgainstRegistry } from '../contracts/registry-check.ts'
import type { SchemaSource } from '../contracts/schema-source.ts'

/** Policies checked at once: the registry serves producers meanwhile. */
const atOnce = 8

interface Check {
  readonly policy: CompiledPolicy
  readonly done: Promise<void>
  /** Null while it runs or waits for its turn. */
  result: readonly Diagnostic[] | null
}

export class RegistryChecks {
  readonly #source: SchemaSource
  readonly #onLate: () => void
  readonly #checks = new Map<string, Check>()
  readonly #queue: (() => void)[] = []
  #running = 0
  #waiting = 0
  #stopped = false

  /** @param onLate called when a check that nobody waits for any more was answered by the registry */
  constructor(source: SchemaSource, onLate: () => void) {
    this.#source = source
    this.#onLate = onLate
  }

  /** Starts no check any more. */
  stop(): void {
    this.#stopped = true
    this.#queue.length = 0
  }

  /**
   * What is wrong with each policy, by path; null for one whose check is not done after `patienceMs`. Checks of
   * policies that are not asked for any more are forgotten. Never rejects.
   */
  async of(
    policies: ReadonlyMap<string, CompiledPolicy>,
    patienceMs: number
  ): Promise<ReadonlyMap<string, readonly Diagnostic[] | null>> {
    for (const [path, { policy }] of this.#checks) if (policies.get(path) !== policy) this.#checks.delete(path)
    if (policies.size === 0) return new Map()
    const checks = [...policies].map(([path, policy]) => [path, this.#check(path, policy)] as const)
    this.#waiting++
    await inTime(Promise.all(checks.map(([, { done }]) => done)), patienceMs)
    this.#waiting--
    return new Map(
      checks.map(([path, check]) => {
        if (check.result !== null) this.#checks.delete(path)
        return [path, check.result]
      })
    )
  }

  #check(path: string, policy: CompiledPolicy): Check {
    const known = this.#checks.get(path)
    if (known !== undefined) return known
    const done = Promise.withResolvers<undefined>()
    const check: Check = { policy, done: done.promise, result: null }
    this.#checks.set(path, check)
    this.#queue.push(() => {
      void checkAgainstRegistry(policy, this.#source).then((result) => {
        check.result = result
        done.resolve(undefined)
        this.#running--
        this.#next()
        setImmediate(() => this.#tell(path, check))
      })
    })
    this.#next()
    return check
  }

  #next(): void {
    while (this.#running < atOnce && !this.#stopped) {
      const start = this.#queue.shift()
      if (start === undefined) return
      this.#running++
      start()
    }
  }

  /** A result that was not fetched at once is late. That there was no answer is no news. */
  #tell(path: string, check: Check): void {
    const isLate = this.#checks.get(path) === check && this.#waiting === 0 && !this.#stopped
    if (isLate && check.result?.some(isUnreachable) === false) this.#onLate()
  }
}

export function isUnreachable(diagnostic: Diagnostic): boolean {
  return diagnostic.code === 'registry-unreachable'
}

async function inTime(work: Promise<unknown>, patienceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, patienceMs)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

/**
 * The registry as the contracts see it: a look-up that never waits.
 *
 * - An id that is admitted stays admitted until the registry itself says otherwise: an outage changes nothing for it.
 * - "There is no such schema" counts when the registry said so twice, two seconds apart, and holds ten seconds.
 * - A failure to ask is no answer. It is never kept as one; the id is pending, with the time of the first failure, and
 *   asked again with growing pauses while somebody wants to know.
 * - Every question is asked once at a time, whoever waits for it, and questions about unknown ids are rate-limited,
 *   each topic on its own: ids invented for one topic cost no other topic a turn. (A limit per connection would need the
 *   caller's identity, which a look-up does not carry.) An id whose document is at hand, from the check of the
 *   policies against the registry for instance, is not unknown and waits for no turn.
 */
import { LRUCache } from 'lru-cache'
import { clip, clippedLength } from '../contracts/clip.ts'
import type { RegisteredSchema, SchemaLookup, SchemaQuery, SchemaSource } from '../contracts/schema-source.ts'
import { AdmittedSchemas } from './admitted.ts'
import type { AdmittedSchema } from './admitted.ts'
import { RegistryClient } from './client.ts'
import { decide } from './decision.ts'
import type { Decision } from './decision.ts'
import { SchemaFacts } from './facts.ts'
import { FairTurns } from './fair-turns.ts'
import { limits, timings } from './limits.ts'
import type { SchemaStore } from './schema-store.ts'
import { allowedSubjects, fixedSubject, needsNewest } from './subjects.ts'
import type { TransportOptions } from './transport.ts'
import { noEvents } from './types.ts'
import type { Clock, RegistryEvents, SchemaCopy } from './types.ts'

export interface RegistrySourceOptions extends TransportOptions {
  readonly clock: Clock
  /** Null: nothing is copied to disk. */
  readonly store: SchemaStore | null
  readonly events?: RegistryEvents
}

interface Ready {
  readonly kind: 'ready'
  readonly schema: RegisteredSchema
  /** When to ask again whether it is still admitted. */
  nextAskMs: number
  failures: number
  /** First failure to ask since the last answer; null while the registry confirms. */
  staleSinceMs: number | null
}

interface Refused {
  readonly kind: 'refused'
  readonly reason: string
  readonly untilMs: number
}

interface Failing {
  readonly sinceMs: number
  readonly attempts: number
  readonly nextAskMs: number
  readonly reason: string
  /** Settles at `nextAskMs`. */
  readonly wake: Promise<void>
}

interface Flight {
  readonly done: Promise<void>
  /** Since when the id had waited for its turn (epoch ms); null when it did not. */
  readonly limitedSinceMs: number | null
}

/** A schema the registry has and this release cannot use. */
interface Unusable {
  readonly kind: 'unusable'
  readonly reason: string
}

export class RegistrySchemaSource implements SchemaSource {
  readonly #client: RegistryClient
  readonly #facts: SchemaFacts
  readonly #admitted: AdmittedSchemas
  readonly #clock: Clock
  readonly #store: SchemaStore | null
  readonly #events: RegistryEvents
  readonly #decisions = new LRUCache<string, Ready | Refused>({ max: limits.decisions })
  readonly #failing = new LRUCache<string, Failing>({ max: limits.decisions })
  readonly #flights = new Map<string, Flight>()
  readonly #unknownIds: FairTurns
  readonly #queryKeys = new WeakMap<SchemaQuery, string>()
  /** What to run when the source closes: ends every wait. */
  readonly #waits = new Set<() => void>()
  #closed = false

  constructor(options: RegistrySourceOptions) {
    this.#events = options.events ?? noEvents
    this.#client = new RegistryClient(options, this.#events, () => options.clock.nowMs())
    this.#facts = new SchemaFacts(this.#client)
    this.#clock = options.clock
    this.#store = options.store
    this.#admitted = new AdmittedSchemas(this.#client, this.#facts, this.#store, this.#events)
    this.#unknownIds = new FairTurns(this.#clock)
  }

  /** For `status`: since when the registry cannot be asked (epoch ms), null when it answers. */
  get health(): { readonly url: string; readonly failingSinceMs: number | null; readonly cachedSchemas: number } {
    return {
      url: this.#client.url,
      failingSinceMs: this.#client.failingSinceMs,
      cachedSchemas: this.#facts.cachedSchemas
    }
  }

  lookup(query: SchemaQuery, schemaId: number): SchemaLookup {
    const key = `${this.#queryKey(query)}\n${schemaId}`
    const nowMs = this.#clock.nowMs()
    const decision = this.#decisions.get(key)
    if (decision?.kind === 'ready') {
      if (nowMs >= decision.nextAskMs) this.#refresh(key, query, schemaId, decision)
      if (decision.staleSinceMs !== null) this.#events.servedStale(decision.staleSinceMs)
      this.#events.lookedUp('ready')
      return { state: 'ready', schema: decision.schema }
    }
    if (decision?.kind === 'refused' && nowMs < decision.untilMs) {
      this.#events.lookedUp('refused')
      return { state: 'refused', reason: decision.reason }
    }
    return this.#pending(key, query, schemaId, nowMs)
  }

  async admitted(query: SchemaQuery): Promise<readonly RegisteredSchema[]> {
    return (await this.admittedCopies(query)).map(({ schema }) => schema)
  }

  /** As `admitted`, with the documents: for `check --registry --save`. */
  admittedCopies(query: SchemaQuery): Promise<readonly AdmittedSchema[]> {
    return this.#admitted.of(query)
  }

  /** Ends all waiting and all connections. Look-ups afterwards are pending for good. */
  close(): void {
    this.#closed = true
    this.#unknownIds.close()
    for (const wake of [...this.#waits]) wake()
    this.#client.close()
  }

  #queryKey(query: SchemaQuery): string {
    let key = this.#queryKeys.get(query)
    if (key === undefined) {
      const { topic, side, format, subject, context, versions } = query
      key = JSON.stringify([topic, side, format, subject, context, versions])
      this.#queryKeys.set(query, key)
    }
    return key
  }

  #pending(key: string, query: SchemaQuery, id: number, nowMs: number): SchemaLookup {
    const idKey = idKeyOf(query, id)
    const failing = this.#failing.get(idKey)
    const reason = failing?.reason ?? `schema ${id} is being asked for at ${this.#client.url}`
    const pending = (limitedSinceMs: number | null, changed: Promise<void>): SchemaLookup => {
      this.#events.lookedUp('pending')
      return { state: 'pending', failingSinceMs: failing?.sinceMs ?? limitedSinceMs, reason, changed }
    }
    const flight = this.#flights.get(key)
    if (flight !== undefined) return pending(flight.limitedSinceMs, flight.done)
    if (failing !== undefined && nowMs < failing.nextAskMs) return pending(null, failing.wake)
    const start = (limitedSinceMs: number | null): Promise<void> =>
      this.#fly(key, limitedSinceMs, () => this.#find(key, query, id, limitedSinceMs))
    if (!this.#closed && this.#flights.size < limits.flights && this.#facts.has(query.context, id)) {
      return pending(null, start(null))
    }
    const turn = this.#unknownIds.request(this.#queryKey(query), key, start)
    if (turn.state === 'started') return pending(null, turn.done)
    this.#events.lookedUp('limited')
    return {
      state: 'pending',
      // Waiting for a turn is a failure to ask: a record must not be held for ever because others invent ids.
      failingSinceMs: failing?.sinceMs ?? turn.sinceMs,
      reason: `too many unknown schema ids for ${query.topic}, ${id} among them`,
      changed: turn.state === 'waiting' ? turn.done : turn.retry
    }
  }

  #fly(key: string, limitedSinceMs: number | null, run: () => Promise<void>): Promise<void> {
    // An id may have come to be known while it stood in line, and be under way.
    const flying = this.#flights.get(key)
    if (flying !== undefined) return flying.done
    const done = run().finally(() => this.#flights.delete(key))
    this.#flights.set(key, { done, limitedSinceMs })
    return done
  }

  /** Never rejects. */
  async #find(key: string, query: SchemaQuery, id: number, limitedSinceMs: number | null): Promise<void> {
    try {
      // While the registry is known to be down, a copy is better than waiting for another timeout.
      if (this.#client.failingSinceMs !== null && (await this.#findCopy(key, query, id))) return
      const decision = await this.#askTwice(query, id)
      if (decision.kind === 'unusable') this.#fail(query, id, decision.reason, timings.unusableRetryMs, limitedSinceMs)
      else this.#conclude(key, query, id, decision)
    } catch (error) {
      if (await this.#findCopy(key, query, id)) return
      this.#fail(query, id, messageOf(error), null, limitedSinceMs)
    }
  }

  /** Serves the old answer meanwhile, and goes on serving it when the registry cannot be asked. */
  #refresh(key: string, query: SchemaQuery, id: number, old: Ready): void {
    if (this.#closed || this.#flights.has(key) || this.#flights.size >= limits.flights) return
    void this.#fly(key, null, async () => {
      try {
        const decision = await this.#askTwice(query, id)
        if (decision.kind !== 'unusable') this.#conclude(key, query, id, decision)
      } catch {
        const nowMs = this.#clock.nowMs()
        old.failures++
        old.staleSinceMs ??= nowMs
        old.nextAskMs = nowMs + retryMs(old.failures)
      }
    })
  }

  async #askTwice(query: SchemaQuery, id: number): Promise<Decision | Unusable> {
    const first = await this.#ask(query, id)
    if (first.kind !== 'refused') return first
    await this.#wait(timings.secondAskMs)
    return this.#ask(query, id)
  }

  async #ask(query: SchemaQuery, id: number): Promise<Decision | Unusable> {
    const known = await this.#facts.known(query.context, id, fixedSubject(query) ?? '')
    if (known === null) return { kind: 'refused', reason: `${this.#client.url} has no schema ${id}` }
    const { copy, loaded } = known
    if (typeof loaded === 'string') return { kind: 'unusable', reason: loaded }
    const newest = new Map<string, readonly number[]>()
    if (needsNewest(query.versions)) {
      const subjects = allowedSubjects(query, loaded.recordNames)
      for (const { subject } of copy.usages) {
        if (subjects.includes(subject)) newest.set(subject, await this.#facts.versionsOf(subject))
      }
    }
    const decision = decide(query, copy, loaded, (subject) => newest.get(subject) ?? [])
    if (decision.kind === 'admitted') this.#keepCopy(copy)
    return decision
  }

  #conclude(key: string, query: SchemaQuery, id: number, decision: Decision): void {
    const nowMs = this.#clock.nowMs()
    this.#failing.delete(idKeyOf(query, id))
    if (decision.kind === 'refused') {
      this.#decisions.set(key, { kind: 'refused', reason: decision.reason, untilMs: nowMs + timings.refusedMs })
      return
    }
    const refreshMs = needsNewest(query.versions) ? timings.newestRefreshMs : timings.refreshMs
    this.#decisions.set(key, {
      kind: 'ready',
      schema: decision.schema,
      nextAskMs: nowMs + refreshMs,
      failures: 0,
      staleSinceMs: null
    })
  }

  #fail(query: SchemaQuery, id: number, reason: string, pauseMs: number | null, limitedSinceMs: number | null): void {
    const idKey = idKeyOf(query, id)
    const before = this.#failing.get(idKey)
    const nowMs = this.#clock.nowMs()
    const attempts = (before?.attempts ?? 0) + 1
    const waitMs = pauseMs ?? retryMs(attempts)
    const sinceMs = before?.sinceMs ?? limitedSinceMs ?? nowMs
    this.#failing.set(idKey, { sinceMs, attempts, nextAskMs: nowMs + waitMs, reason, wake: this.#wait(waitMs) })
  }

  /** Whether a copy on disk decided it; the answer counts as stale from the start. */
  async #findCopy(key: string, query: SchemaQuery, id: number): Promise<boolean> {
    const decision = await this.#admitted.decideFromCopy(query, id)
    if (decision?.kind !== 'admitted') return false
    const nowMs = this.#clock.nowMs()
    this.#failing.delete(idKeyOf(query, id))
    this.#decisions.set(key, {
      kind: 'ready',
      schema: decision.schema,
      nextAskMs: nowMs + timings.firstRetryMs,
      failures: 0,
      staleSinceMs: this.#client.failingSinceMs ?? nowMs
    })
    return true
  }

  #keepCopy(copy: SchemaCopy): void {
    this.#store?.saveSchema(copy).catch((error: unknown) => this.#events.storeFailed(messageOf(error)))
  }

  #wait(delayMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel()
        this.#waits.delete(wake)
        resolve()
      }
      const cancel = this.#clock.after(delayMs, wake)
      this.#waits.add(wake)
    })
  }
}

function idKeyOf(query: SchemaQuery, id: number): string {
  return `${query.context ?? ''}/${id}`
}

function retryMs(attempts: number): number {
  return Math.min(timings.lastRetryMs, timings.firstRetryMs * 2 ** Math.min(attempts - 1, 20))
}

function messageOf(error: unknown): string {
  return clip(error instanceof Error ? error.message : String(error), 2 * clippedLength)
}

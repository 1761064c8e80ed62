/**
 * The last violations of this instance, for `kontrakt why` and the API: what was wrong, where, whose it was, and what
 * was done about it; never what stood in the record.
 *
 * A ring bounded in entries and in bytes: a new entry pushes out the oldest. A producer that sends nothing but bad
 * records would push out everybody else's within seconds, so the same check broken by the same client in the same
 * topic and field counts up one entry for a second.
 */

/** One violation, or several of the same kind. */
export interface RefusalEntry {
  /** Ascending within this instance; a stable handle. */
  readonly id: number
  /** Epoch milliseconds of the first. */
  readonly atMs: number
  /** Epoch milliseconds of the latest that was counted in. */
  readonly lastAtMs: number
  /** How many violations this stands for. */
  readonly count: number
  readonly topic: string
  readonly partition: number
  readonly clientId: string | null
  readonly principal: string | null
  /** `orders@3f2a91c04b7e`. */
  readonly policy: string
  /** What was done with the record: `observe`, `mark`, `reject`, ... */
  readonly verdict: string
  /** Kafka's code that the client was given; 0 when it was told nothing. */
  readonly errorCode: number
  /** Of the first; null without a producer id. */
  readonly baseSequence: number | null
  /** Of the first: index of the record in its batch. */
  readonly batchIndex: number
  /** Offset the first got in its topic; null when it was refused, or is not known. */
  readonly offset: number | null
  /** Offset of the latest that was counted in. */
  readonly lastOffset: number | null
  readonly rule: string
  /** Path of the field; empty for the record as a whole. */
  readonly path: string
  readonly message: string
  readonly expected: string | null
  readonly found: string | null
  /** Where the first was put; null when it was not quarantined. */
  readonly quarantineTopic: string | null
  /** Of the first, 32 hex digits: `kontrakt quarantine show` knows it. */
  readonly quarantineId: string | null
}

/** What is reported; `atMs` is the present. */
export interface Refusal {
  readonly atMs: number
  readonly topic: string
  readonly partition: number
  readonly clientId: string | null
  readonly principal: string | null
  readonly policy: string
  readonly verdict: string
  readonly errorCode: number
  readonly baseSequence?: number | null
  readonly batchIndex: number
  readonly offset?: number | null
  readonly rule: string
  readonly path: string
  readonly message: string
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly quarantineTopic?: string | null
  readonly quarantineId?: string | null
}

/** All that are given must hold. */
export interface RefusalQuery {
  readonly topic?: string
  readonly partition?: number
  readonly clientId?: string
  readonly principal?: string
  readonly rule?: string
  /** An offset in the topic. */
  readonly offset?: number
  readonly sinceMs?: number
  /** How the id of a quarantined record begins. */
  readonly quarantineId?: string
}

export interface Page<T> {
  readonly items: readonly T[]
  /** How many there are in all. */
  readonly total: number
}

export interface JournalLimits {
  readonly entries: number
  readonly bytes: number
}

/** Within this span the same violation counts up instead of taking a new entry. */
export const aggregationMs = 1000

/** Texts are cut here; the messages of our own checks are far shorter, those of a policy may not be. */
export const maxTextLength = 1024

/** An entry without its texts: two dozen fields, its key and its place in the index. */
const entryOverheadBytes = 400

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

interface Slot {
  readonly entry: Mutable<RefusalEntry>
  readonly key: string
  readonly bytes: number
}

export class RefusalJournal {
  readonly #limits: JournalLimits
  /** A ring: `#count` slots from `#head` on. */
  readonly #slots: (Slot | undefined)[]
  readonly #latest = new Map<string, Slot>()
  #head = 0
  #count = 0
  #bytes = 0
  #nextId = 1

  constructor(limits: JournalLimits) {
    this.#limits = limits
    this.#slots = []
  }

  get size(): number {
    return this.#count
  }

  /** An estimate of the memory held, which the byte limit applies to. */
  get bytes(): number {
    return this.#bytes
  }

  record(refusal: Refusal): void {
    const key = keyOf(refusal)
    const latest = this.#latest.get(key)
    if (latest !== undefined && refusal.atMs - latest.entry.atMs < aggregationMs) {
      latest.entry.count += 1
      latest.entry.lastAtMs = Math.max(latest.entry.lastAtMs, refusal.atMs)
      latest.entry.lastOffset = refusal.offset ?? latest.entry.lastOffset
      return
    }
    this.#append(key, toEntry(refusal, this.#nextId++))
  }

  /**
   * Newest first.
   * @param skip entries to leave out at the newest end
   * @param limit most entries to give
   */
  query(query: RefusalQuery, skip: number, limit: number): Page<RefusalEntry> {
    const items: RefusalEntry[] = []
    let total = 0
    for (let index = this.#count - 1; index >= 0; index--) {
      const { entry } = this.#slots[(this.#head + index) % this.#limits.entries]!
      if (!matches(entry, query)) continue
      if (total >= skip && items.length < limit) items.push({ ...entry })
      total += 1
    }
    return { items, total }
  }

  #append(key: string, entry: Mutable<RefusalEntry>): void {
    const bytes = entryOverheadBytes + 2 * (key.length + textLength(entry))
    while (this.#count > 0 && (this.#count >= this.#limits.entries || this.#bytes + bytes > this.#limits.bytes))
      this.#dropOldest()
    if (bytes > this.#limits.bytes) return
    const slot = { entry, key, bytes }
    this.#slots[(this.#head + this.#count) % this.#limits.entries] = slot
    this.#latest.set(key, slot)
    this.#count += 1
    this.#bytes += bytes
  }

  #dropOldest(): void {
    const slot = this.#slots[this.#head]!
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) % this.#limits.entries
    this.#count -= 1
    this.#bytes -= slot.bytes
    if (this.#latest.get(slot.key) === slot) this.#latest.delete(slot.key)
  }
}

function keyOf(refusal: Refusal): string {
  const { topic, partition, clientId, principal, verdict, rule, path, policy } = refusal
  return [topic, partition, cut(clientId ?? ''), cut(principal ?? ''), verdict, rule, cut(path), policy].join('\u0000')
}

function toEntry(refusal: Refusal, id: number): Mutable<RefusalEntry> {
  const { atMs, topic, partition, policy, verdict, errorCode, batchIndex, rule } = refusal
  const offset = refusal.offset ?? null
  return {
    id,
    atMs,
    lastAtMs: atMs,
    count: 1,
    topic,
    partition,
    clientId: cutOrNull(refusal.clientId),
    principal: cutOrNull(refusal.principal),
    policy,
    verdict,
    errorCode,
    baseSequence: refusal.baseSequence ?? null,
    batchIndex,
    offset,
    lastOffset: offset,
    rule,
    path: cut(refusal.path),
    message: cut(refusal.message),
    expected: cutOrNull(refusal.expected ?? null),
    found: cutOrNull(refusal.found ?? null),
    quarantineTopic: refusal.quarantineTopic ?? null,
    quarantineId: refusal.quarantineId ?? null
  }
}

function textLength(entry: RefusalEntry): number {
  const { topic, clientId, principal, policy, rule, path, message, expected, found, quarantineTopic, quarantineId } =
    entry
  const texts = [
    topic,
    clientId,
    principal,
    policy,
    rule,
    path,
    message,
    expected,
    found,
    quarantineTopic,
    quarantineId
  ]
  return texts.reduce<number>((sum, text) => sum + (text?.length ?? 0), 0)
}

function cut(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength - 1)}…` : text
}

function cutOrNull(text: string | null): string | null {
  return text === null ? null : cut(text)
}

function matches(entry: RefusalEntry, query: RefusalQuery): boolean {
  if (query.topic !== undefined && entry.topic !== query.topic) return false
  if (query.partition !== undefined && entry.partition !== query.partition) return false
  if (query.clientId !== undefined && entry.clientId !== query.clientId) return false
  if (query.principal !== undefined && entry.principal !== query.principal) return false
  if (query.rule !== undefined && entry.rule !== query.rule) return false
  if (query.sinceMs !== undefined && entry.lastAtMs < query.sinceMs) return false
  if (query.quarantineId !== undefined && entry.quarantineId?.startsWith(query.quarantineId) !== true) return false
  if (query.offset === undefined) return true
  return (
    entry.offset !== null &&
    entry.lastOffset !== null &&
    query.offset >= entry.offset &&
    query.offset <= entry.lastOffset
  )
}

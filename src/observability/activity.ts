/**
 * Who produces what, in numbers since the start: for the API's lists of topics and of producers. The least recently
 * seen are forgotten at the bound, because any client can name any client id.
 */
import { LRUCache } from 'lru-cache'
import type { RecordVerdict } from './metrics.ts'

export interface TopicActivity {
  readonly topic: string
  readonly records: Readonly<Record<RecordVerdict, number>>
  readonly lastSeenMs: number
  /** Epoch milliseconds of the latest record that broke a check; null when none did. */
  readonly lastViolationMs: number | null
}

export interface ProducerActivity {
  readonly clientId: string | null
  readonly principal: string | null
  readonly topic: string
  readonly records: Readonly<Record<RecordVerdict, number>>
  readonly lastSeenMs: number
  readonly lastViolationMs: number | null
}

interface Entry {
  readonly topic: string
  readonly clientId: string | null
  readonly principal: string | null
  readonly records: Record<RecordVerdict, number>
  lastSeenMs: number
  lastViolationMs: number | null
}

export interface ActivityLimits {
  readonly topics: number
  readonly producers: number
}

export class Activity {
  readonly #topics: LRUCache<string, Entry>
  readonly #producers: LRUCache<string, Entry>

  constructor(limits: ActivityLimits) {
    this.#topics = new LRUCache({ max: limits.topics })
    this.#producers = new LRUCache({ max: limits.producers })
  }

  /** Some records of one batch got this verdict. */
  recordsJudged(
    topic: string,
    producer: { readonly clientId: string | null; readonly principal: string | null },
    verdict: RecordVerdict,
    records: number,
    nowMs: number
  ): void {
    if (records === 0) return
    const { clientId, principal } = producer
    const key = [topic, clientId ?? '', principal ?? '', clientId === null, principal === null].join('\u0000')
    add(entryOf(this.#topics, topic, topic, null, null), verdict, records, nowMs)
    add(entryOf(this.#producers, key, topic, clientId, principal), verdict, records, nowMs)
  }

  /** By name. */
  topics(): readonly TopicActivity[] {
    const compare = (a: Entry, b: Entry): number => (a.topic < b.topic ? -1 : 1)
    return [...this.#topics.values()].sort(compare).map(({ topic, records, lastSeenMs, lastViolationMs }) => {
      return { topic, records: { ...records }, lastSeenMs, lastViolationMs }
    })
  }

  /** One per topic, client id and principal; those with the latest violation first, then the latest seen. */
  producers(): readonly ProducerActivity[] {
    const compare = (a: Entry, b: Entry): number =>
      (b.lastViolationMs ?? 0) - (a.lastViolationMs ?? 0) || b.lastSeenMs - a.lastSeenMs
    return [...this.#producers.values()].sort(compare).map((entry) => ({ ...entry, records: { ...entry.records } }))
  }
}

function entryOf(
  cache: LRUCache<string, Entry>,
  key: string,
  topic: string,
  clientId: string | null,
  principal: string | null
): Entry {
  const found = cache.get(key)
  if (found !== undefined) return found
  const records = { accept: 0, observe: 0, mark: 0, quarantine: 0, reject: 0, 'refused-with-batch': 0 }
  const made: Entry = { topic, clientId, principal, records, lastSeenMs: 0, lastViolationMs: null }
  cache.set(key, made)
  return made
}

function add(entry: Entry, verdict: RecordVerdict, records: number, nowMs: number): void {
  entry.records[verdict] += records
  entry.lastSeenMs = nowMs
  if (verdict !== 'accept' && verdict !== 'refused-with-batch') entry.lastViolationMs = nowMs
}

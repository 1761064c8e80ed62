/** Looks into quarantine topics: the latest records that are meant, how many there are, and of which kinds. */
import type { LogRange } from './log-range.ts'
import type { PlacesClient } from './places.ts'
import { quarantineRanges } from './places.ts'
import type { QuarantineEntry } from './record.ts'
import type { FoundRecord, RecordFilter } from './selection.ts'
import { matches } from './selection.ts'
import { readStates } from './state-log.ts'
import type { RecordState } from './state.ts'
import type { WalkProgress } from './walk.ts'
import { walk } from './walk.ts'

/** A found record, without the megabytes it may have. */
export interface ListedRecord extends Omit<FoundRecord, 'entry'> {
  readonly entry: Omit<QuarantineEntry, 'key' | 'value' | 'headers'>
  /** Null: it has none. */
  readonly keyBytes: number | null
  /** Null for a tombstone, and for a value of which nothing was kept. */
  readonly valueBytes: number | null
  /** Of the producer's. */
  readonly headerCount: number
  /** Null unless they were asked for. */
  readonly contents: Pick<QuarantineEntry, 'key' | 'value' | 'headers'> | null
}

export interface ListOptions {
  readonly filter: RecordFilter
  /** Key, value and headers are wanted as well. Default false. */
  readonly contents?: boolean
  /** Most records kept, the latest; the rest is counted. */
  readonly limit: number
  /** Most offsets looked at, the latest of each partition; null: all. */
  readonly scanLimit: number | null
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: WalkProgress & { readonly quarantineTopic: string }) => void
}

export interface Listing {
  /** By when they were quarantined, the latest first. */
  readonly records: readonly ListedRecord[]
  /** How many are meant, of those that were looked at. */
  readonly total: number
  /** False when not all was looked at: the scan limit, or the signal. */
  readonly complete: boolean
  readonly byState: Readonly<Record<RecordState['kind'], number>>
  /** Of those that are meant, by the rules that they broke. A record that broke two counts for both. */
  readonly byRule: ReadonlyMap<string, number>
  /** By origin topic and producer. */
  readonly byProducer: ReadonlyMap<string, ProducerCount>
  /** What lies there and is no quarantined record. */
  readonly unreadable: readonly UnreadableRecord[]
  readonly unreadableTotal: number
}

export interface ProducerCount {
  readonly topic: string
  readonly clientId: string | null
  readonly principal: string | null
  count: number
}

export interface UnreadableRecord {
  readonly quarantineTopic: string
  readonly partition: number
  readonly offset: bigint
  readonly why: string
}

/** Rules and producers told apart; a client may invent any number of names. What is beyond counts as `other`. */
const maxGroups = 10_000
export const otherGroup = 'other'

/** Unreadable ones told one by one. */
const toldUnreadable = 10

/** @throws {QuarantineError}, and errors of Kafka as they are */
export async function listRecords(
  client: PlacesClient,
  stateTopic: string,
  quarantineTopics: readonly string[],
  options: ListOptions
): Promise<Listing> {
  const { filter, signal, scanLimit, onProgress } = options
  const found = new Collector(options)
  const states = await readStates(client, stateTopic, quarantineTopics, signal)
  let complete = true
  for (const quarantineTopic of quarantineTopics) {
    const all = await quarantineRanges(client, quarantineTopic, filter.sinceMs ?? null)
    const ranges = scanLimit === null ? all : all.map((range) => latestOf(range, Math.ceil(scanLimit / all.length)))
    complete &&= ranges.every(({ start }, index) => start === all[index]!.start)
    const pages = walk(client, ranges, {
      states: states.get(quarantineTopic)!,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (at) => onProgress?.({ quarantineTopic, ...at }),
      onUnreadable: ({ partition, offset }, why) => {
        found.unreadable({ quarantineTopic, partition, offset, why })
      }
    })
    for await (const { records } of pages) {
      for (const record of records) if (matches(filter, record)) found.add(record)
    }
  }
  return found.listing(complete && signal?.aborted !== true)
}

function latestOf(range: LogRange, records: number): LogRange {
  const start = range.end - BigInt(records)
  return start > range.start ? { ...range, start } : range
}

class Collector {
  readonly #limit: number
  readonly #contents: boolean
  #records: ListedRecord[] = []
  #total = 0
  readonly #byState: Record<RecordState['kind'], number> = { open: 0, redriven: 0, discarded: 0, unreadable: 0 }
  readonly #byRule = new Map<string, number>()
  readonly #byProducer = new Map<string, ProducerCount>()
  readonly #unreadable: UnreadableRecord[] = []
  #unreadableTotal = 0

  constructor({ limit, contents = false }: ListOptions) {
    this.#limit = limit
    this.#contents = contents
  }

  add(record: FoundRecord): void {
    const { entry, state } = record
    this.#total += 1
    this.#byState[state.kind] += 1
    for (const rule of new Set(entry.violations.map((violation) => violation.rule))) {
      const name = this.#byRule.has(rule) || this.#byRule.size < maxGroups ? rule : otherGroup
      this.#byRule.set(name, (this.#byRule.get(name) ?? 0) + 1)
    }
    this.#countProducer(entry)
    this.#records.push(listed(record, this.#contents))
    if (this.#records.length > 2 * this.#limit + 1_000) this.#trim()
  }

  #countProducer({ topic, clientId, principal }: FoundRecord['entry']): void {
    const key = JSON.stringify([topic, clientId, principal])
    const known = this.#byProducer.get(key)
    if (known !== undefined) known.count += 1
    else if (this.#byProducer.size < maxGroups) this.#byProducer.set(key, { topic, clientId, principal, count: 1 })
    else {
      const other = this.#byProducer.get(otherGroup)
      if (other !== undefined) other.count += 1
      else this.#byProducer.set(otherGroup, { topic: otherGroup, clientId: null, principal: null, count: 1 })
    }
  }

  unreadable(one: UnreadableRecord): void {
    this.#unreadableTotal += 1
    if (this.#unreadable.length < toldUnreadable) this.#unreadable.push(one)
  }

  #trim(): void {
    this.#records = this.#records.sort(latestFirst).slice(0, this.#limit)
  }

  listing(complete: boolean): Listing {
    this.#trim()
    return {
      records: this.#records,
      total: this.#total,
      complete,
      byState: this.#byState,
      byRule: this.#byRule,
      byProducer: this.#byProducer,
      unreadable: this.#unreadable,
      unreadableTotal: this.#unreadableTotal
    }
  }
}

function latestFirst(a: ListedRecord, b: ListedRecord): number {
  return b.atMs - a.atMs || a.quarantinePartition - b.quarantinePartition || (a.offset < b.offset ? 1 : -1)
}

/** Copies what is kept: a view would keep the whole batch. */
function listed(record: FoundRecord, withContents: boolean): ListedRecord {
  const copy = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))
  const { key, value, headers, ...entry } = record.entry
  const contents = (): ListedRecord['contents'] => ({
    key: copy(key),
    value: copy(value),
    headers: headers.map(({ name, value: of }) => ({ name, value: copy(of) }))
  })
  return {
    ...record,
    entry,
    keyBytes: key?.length ?? null,
    valueBytes: value?.length ?? null,
    headerCount: headers.length,
    contents: withContents ? contents() : null
  }
}

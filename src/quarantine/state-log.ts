/**
 * Reads the states of quarantined records. The topic is written in transactions, one redrive or discard per quarantine
 * topic at a time, and all of them share its one partition. A reader of committed records alone would wait for every
 * transaction that is open, and a redrive that was killed leaves one open for a minute; so this one reads everything
 * and keeps what a transaction wrote back until it sees how that ended.
 *
 * Whoever writes takes over the transactional id first and reads then: by that time whatever was written under the id
 * is decided, and nobody else can change these states any more.
 */
import { errorCodes } from '../../protocol/errors.ts'
import { recordsOfBatch } from '../../protocol/records/batch.ts'
import type { ReadRecord } from '../../protocol/records/batch.ts'
import { KafkaError } from '../kafka/errors.ts'
import type { LogBatch, LogClient } from './log-range.ts'
import { rangesOf, readLog } from './log-range.ts'
import { QuarantineError } from './quarantine-error.ts'
import { open, parseState, parseStateKey } from './state.ts'
import type { RecordState } from './state.ts'
import { transactionMarker } from './transaction-marker.ts'
import { Turns } from './turns.ts'

/**
 * Entries of one quarantine topic held in memory, some 250 bytes each. Those of records that retention has taken away
 * are deleted by every redrive and discard.
 */
const maxEntries = 4_000_000

/** Records of transactions that are not decided yet; a redrive writes 500 in one. */
const maxPending = 100_000

/** Ours are below a MiB, and hold at most some hundreds of records. */
const batchLimits = { ceilingBytes: 64 * 1024 * 1024, maxRecords: 200_000, maxHeaders: 1_000 }

/** The states of the records of one quarantine topic, by id. What is not there is open. */
export class RecordStates {
  readonly #states = new Map<string, RecordState>()

  of(id: string): RecordState {
    return this.#states.get(id) ?? open
  }

  /** @throws {QuarantineError} `too-many` */
  set(id: string, state: RecordState): void {
    if (state.kind === 'open') {
      this.#states.delete(id)
      return
    }
    this.#states.set(id, state)
    if (this.#states.size > maxEntries) {
      const message = `more than ${maxEntries} records of one quarantine topic have been dealt with`
      throw new QuarantineError('too-many', message, 'shorten retention.ms of the quarantine topic')
    }
  }

  entries(): IterableIterator<[string, RecordState]> {
    return this.#states.entries()
  }

  get size(): number {
    return this.#states.size
  }
}

/**
 * What the states are now. Without the topic all records are open.
 *
 * @throws {QuarantineError} `too-many`; errors of Kafka as they are
 */
export async function readStates(
  client: LogClient,
  stateTopic: string,
  quarantineTopics: readonly string[],
  signal?: AbortSignal
): Promise<ReadonlyMap<string, RecordStates>> {
  const states = new Map(quarantineTopics.map((topic) => [topic, new RecordStates()]))
  const decided = (records: readonly ReadRecord[]): void => {
    for (const { key, value } of records) {
      const parsed = parseStateKey(key)
      const of = parsed === null ? undefined : states.get(parsed.quarantineTopic)
      if (parsed !== null) of?.set(parsed.id, parseState(value))
    }
  }
  const undecided = new Undecided()
  const turns = new Turns()
  for (const range of await rangesIfThere(client, stateTopic)) {
    for await (const { batches, unreadable, from } of readLog(client, range, signal)) {
      // What is not known of a record might be that it was sent.
      if (unreadable[0] !== undefined) throw unreadable[0].error
      for (const batch of batches) await apply(batch, { from, end: range.end, decided, undecided, turns })
      if (signal?.aborted === true) break
    }
  }
  return states
}

interface Application {
  readonly from: bigint
  readonly end: bigint
  readonly decided: (records: readonly ReadRecord[]) => void
  readonly undecided: Undecided
  readonly turns: Turns
}

async function apply(
  { header, bytes }: LogBatch,
  { from, end, decided, undecided, turns }: Application
): Promise<void> {
  if (header.control) {
    const marker = header.baseOffset < end ? transactionMarker(bytes, header) : null
    if (marker === null) return
    const records = undecided.take(header.producerId)
    if (marker === 'commit') decided(records)
    return
  }
  const add = (records: readonly ReadRecord[]): void => {
    if (header.transactional) undecided.add(header.producerId, records)
    else decided(records)
  }
  let records: ReadRecord[] = []
  for (const record of recordsOfBatch({ header, bytes }, batchLimits)) {
    if (record.offset >= from && record.offset < end) records.push(record)
    if (!turns.isOver()) continue
    add(records)
    records = []
    await turns.give()
  }
  add(records)
}

class Undecided {
  readonly #byProducer = new Map<bigint, ReadRecord[]>()
  #count = 0

  add(producerId: bigint, records: readonly ReadRecord[]): void {
    this.#count += records.length
    if (this.#count > maxPending) {
      throw new QuarantineError(
        'too-many',
        `more than ${maxPending} states were written by transactions without an end`
      )
    }
    const known = this.#byProducer.get(producerId)
    if (known === undefined) this.#byProducer.set(producerId, [...records])
    else known.push(...records)
  }

  take(producerId: bigint): readonly ReadRecord[] {
    const records = this.#byProducer.get(producerId) ?? []
    this.#byProducer.delete(producerId)
    this.#count -= records.length
    return records
  }
}

/** All that is written lies in partition 0. */
async function rangesIfThere(client: LogClient, topic: string): ReturnType<typeof rangesOf> {
  try {
    return await rangesOf(client, topic, [0])
  } catch (error) {
    if (error instanceof KafkaError && error.code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) return []
    throw error
  }
}

/** A ledger topic, quarantine and brokers' memory of producers, all in memory: for unit tests of the produce path. */
import { Ledger } from '../../src/enforcement/ledger/ledger.ts'
import type { LedgerLimits } from '../../src/enforcement/ledger/ledger.ts'
import type { ChainId, LedgerLog, LedgerRecord, ProducerStates } from '../../src/enforcement/ledger/ports.ts'
import type { QuarantinedBatch, QuarantineOutcome, QuarantineSink } from '../../src/enforcement/quarantine-port.ts'

/** One topic that several instances may read and write. */
export class MemoryTopic {
  readonly records: LedgerRecord[] = []
  readonly readers: ((record: LedgerRecord) => void)[] = []
  /** What an append rejects with; null while it works. */
  failure: Error | null = null
  nowMs = 1_000_000

  write(key: Buffer, value: Buffer | null): bigint {
    const record = { offset: BigInt(this.records.length), timestampMs: this.nowMs, key, value }
    this.records.push(record)
    for (const read of this.readers) read(record)
    return record.offset
  }

  log(onRecord: (record: LedgerRecord) => void): LedgerLog {
    for (const record of this.records) onRecord(record)
    this.readers.push(onRecord)
    return {
      append: (key, value) => {
        if (this.failure !== null) return Promise.reject(this.failure)
        return Promise.resolve(this.write(key, value))
      },
      readThrough: () => Promise.resolve(),
      sync: () => (this.failure === null ? Promise.resolve() : Promise.reject(this.failure))
    }
  }

  /** Keys that have a value now, as compaction would leave them. */
  get live(): string[] {
    const values = new Map(this.records.map(({ key, value }) => [key.toString(), value]))
    return [...values].filter(([, value]) => value !== null).map(([key]) => key)
  }
}

export class MemoryStates implements ProducerStates {
  readonly last = new Map<string, number>()
  asked = 0

  lastSequence({ topic, partition, producerId, producerEpoch }: ChainId): Promise<number | null> {
    this.asked += 1
    return Promise.resolve(this.last.get(`${topic}-${partition}/${producerId}/${producerEpoch}`) ?? null)
  }
}

export class MemoryQuarantine implements QuarantineSink {
  readonly stored: QuarantinedBatch[] = []
  outcome: QuarantineOutcome = { kind: 'stored' }

  store(batch: QuarantinedBatch): Promise<QuarantineOutcome> {
    if (this.outcome.kind === 'stored') this.stored.push(batch)
    return Promise.resolve(this.outcome)
  }
}

export function ledgerOver(
  topic: MemoryTopic,
  states: ProducerStates,
  instanceId: string,
  limits: Partial<LedgerLimits> = {}
): Ledger {
  const events = { unreadable: () => undefined, chainMoved: () => undefined, unavailable: () => undefined }
  const clock = { nowMs: () => topic.nowMs, sleep: () => Promise.resolve() }
  const early: LedgerRecord[] = []
  let apply = (record: LedgerRecord): void => {
    early.push(record)
  }
  const log = topic.log((record) => apply(record))
  const ledger = new Ledger({ log, states, instanceId, clock, events, limits })
  for (const record of early) ledger.apply(record)
  apply = (record) => ledger.apply(record)
  return ledger
}

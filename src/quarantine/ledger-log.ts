/**
 * The ledger's topic in Kafka: what this instance writes to it, and what all instances have written, in order.
 *
 * Writing and reading have a client each, because a broker answers the requests of one connection in order: neither a
 * long poll nor an append that waits for its replicas may hold up the other. Their requests time out early, since a
 * frozen broker keeps its connections open and only a new one finds the new leader.
 */
import type { Clock } from '../clock.ts'
import type { LedgerLog, LedgerRecord } from '../enforcement/ledger/ports.ts'
import { KafkaClient, type KafkaClientOptions } from '../kafka/client.ts'
import { LogTail } from '../kafka/log-tail.ts'
import { LogWriter } from '../kafka/log-writer.ts'

/** Shorter than the callers' patience, so that there is time for a second try. */
const requestTimeoutMs = 2_500

/** One partition: its order decides who owns a chain. */
const partition = 0

/**
 * Marks an end of the log for `sync`, and is handed to nobody. Asking a broker for the end is not enough: one that was
 * frozen while another took over the partition answers with its own until it learns of that. It cannot, though, get an
 * append confirmed by the others, nor show what they have not confirmed.
 */
const barrierKey = Buffer.from('"barrier"')

export interface LedgerLogOptions {
  /** Default of `requestTimeoutMs` here: 2.5 s. */
  readonly kafka: KafkaClientOptions
  /** Compacted, with one partition and LogAppendTime. */
  readonly topic: string
  /** Every record, in order; key and value are views, copy what is kept. What it throws ends the log. */
  readonly onRecord: (record: LedgerRecord) => void
  /** The topic is another one now, or has lost records: forget what was read, it all comes again from the start. */
  readonly onReset: () => void
  readonly clock?: Clock
  /** Told of every try that failed, for the log. */
  readonly onTrouble?: (error: unknown) => void
}

export class KafkaLedgerLog implements LedgerLog {
  readonly #writes: KafkaClient
  readonly #reads: KafkaClient
  readonly #writer: LogWriter
  readonly #tail: LogTail

  /** Connects only when it is started or written to. */
  constructor({ kafka, topic, onRecord, onReset, clock, onTrouble }: LedgerLogOptions) {
    const clientOptions = { requestTimeoutMs, ...kafka }
    this.#writes = new KafkaClient(clientOptions)
    this.#reads = new KafkaClient(clientOptions)
    const common = {
      topic,
      partition,
      ...(clock === undefined ? {} : { clock }),
      ...(onTrouble === undefined ? {} : { onTrouble })
    }
    this.#writer = new LogWriter({ ...common, client: this.#writes })
    this.#tail = new LogTail({
      ...common,
      client: this.#reads,
      onRecord: (record) => {
        if (!record.key.equals(barrierKey)) onRecord(record)
      },
      onReset
    })
  }

  /** Resolves when what was in the topic has been handed over. Rejects with LogReadError: may not read it, or closed. */
  start(): Promise<void> {
    return this.#tail.start()
  }

  /** Rejects with LogWriteError; `lasting` when trying again cannot help. */
  async append(key: Buffer, value: Buffer | null): Promise<bigint> {
    const readSoFar = this.#tail.position
    const offset = await this.#writer.append(key, value)
    // What is appended lies behind all that was read, unless the log is another one now and the tail has not heard yet.
    if (readSoFar !== null && offset < readSoFar) this.#tail.doubt()
    return offset
  }

  /** Rejects with LogReadError, also when it takes longer than 5 s. */
  readThrough(offset: bigint): Promise<void> {
    return this.#tail.readThrough(offset)
  }

  /**
   * Holds whatever the brokers do: what anybody was told is in the log before the call has been handed over. Costs an
   * append, which those who ask at the same time share. Rejects as `append` and `readThrough`.
   */
  async sync(): Promise<void> {
    await this.#tail.readThrough(await this.append(barrierKey, null))
  }

  /** Rejects what waits and ends the connections. */
  close(): void {
    this.#writer.close()
    this.#tail.close()
    this.#writes.close()
    this.#reads.close()
  }
}

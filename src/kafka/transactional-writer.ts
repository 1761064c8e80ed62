/**
 * Writes to several partitions as one: all of it is committed or nothing is, and a repeat after a lost answer is not a
 * second record (KIP-98). As a transactions-v1 producer it adds partitions by itself and keeps its epoch from one
 * transaction to the next, so its sequences run on; that works on every broker from 0.11 to those with
 * transaction.version 2 (KIP-890).
 *
 *     new ── open ──► idle ── begin ──► open ── commit, abort ──► idle
 *                                        └─ a send fails ──► failed ── abort ──► idle
 *     any ── fenced, refused, or the outcome of a commit cannot be learnt ──► over
 */
import { errorCodes } from '../../protocol/errors.ts'
import { buildBatch, type Codec, type NewRecord } from '../../protocol/records/batch.ts'
import { systemClock, type Clock } from '../clock.ts'
import type { KafkaClient, Produced, ProducerIdentity, TopicPartition, TransactionIdentity } from './client.ts'
import { isRetriable, KafkaError, leavesDoubt } from './errors.ts'
import { retrying } from './retrying.ts'
import { TransactionError, type TransactionFault } from './transaction-error.ts'

export { TransactionError } from './transaction-error.ts'
export type { TransactionFault } from './transaction-error.ts'

/** What is needed of `KafkaClient`. */
export type TransactionClient = Pick<KafkaClient, 'initProducerId' | 'addPartitionsToTxn' | 'endTxn' | 'produce'>

export interface TransactionalWriterOptions {
  readonly client: TransactionClient
  /** Two writers with one id fence each other: the one that opened it last may write. */
  readonly transactionalId: string
  /** After so long the coordinator aborts what is not ended. Default 60 s; brokers allow 15 min unless told otherwise. */
  readonly transactionTimeoutMs?: number
  /**
   * How long each call asks again after retriable errors. Default 30 s. Sends begin in the first half of the
   * transaction's timeout at the latest, so that the other half is left to end it.
   */
  readonly giveUpAfterMs?: number
  readonly clock?: Clock
}

type State = 'new' | 'idle' | 'open' | 'failed' | 'over'

interface Addition extends PromiseWithResolvers<undefined> {
  readonly partition: TopicPartition
}

interface PartitionProgress {
  nextSequence: number
  /** The last send, whatever became of it. */
  last: Promise<unknown>
}

const defaultTransactionTimeoutMs = 60_000
const defaultGiveUpAfterMs = 30_000
const sequences = 2 ** 31

const fencing: ReadonlySet<number> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  // The coordinator has forgotten the id, or given it away since.
  errorCodes.INVALID_PRODUCER_ID_MAPPING
])

const refusing: ReadonlySet<number> = new Set([
  errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  errorCodes.CLUSTER_AUTHORIZATION_FAILED,
  errorCodes.INVALID_TRANSACTION_TIMEOUT,
  errorCodes.UNSUPPORTED_VERSION
])

export class TransactionalWriter {
  readonly #client: TransactionClient
  readonly #transactionalId: string
  readonly #transactionTimeoutMs: number
  readonly #giveUpAfterMs: number
  readonly #clock: Clock
  #state: State = 'new'
  /** Why it is `failed` or `over`. */
  #reason: TransactionError | null = null
  #producer: ProducerIdentity = { producerId: -1n, producerEpoch: -1 }
  /** Of all transactions under this epoch. */
  readonly #partitions = new Map<string, PartitionProgress>()
  /** Of this transaction; a partition is in it when its promise has resolved. */
  readonly #added = new Map<string, Promise<void>>()
  /** What the next addition takes along. */
  #toAdd: Addition[] = []
  /** The coordinator takes one addition at a time. */
  #lastAddition: Promise<unknown> = Promise.resolve()
  /** No send is tried again after it. */
  #sendUntilMs = Infinity
  /** Ends the tries of this transaction. */
  #given = new AbortController()

  constructor(options: TransactionalWriterOptions) {
    this.#client = options.client
    this.#transactionalId = options.transactionalId
    this.#transactionTimeoutMs = options.transactionTimeoutMs ?? defaultTransactionTimeoutMs
    this.#giveUpAfterMs = options.giveUpAfterMs ?? defaultGiveUpAfterMs
    this.#clock = options.clock ?? systemClock
  }

  /**
   * Takes over the transactional id: what an earlier writer left open is aborted, what it was committing is committed,
   * and it can write nothing more. Read what is committed after this. Called by `begin` where it was not. Rejects with
   * `refused`; with KafkaError or ConnectionError when it may be tried again.
   */
  async open(): Promise<void> {
    this.#throwIfOver()
    if (this.#state === 'new') await this.#takeProducer()
  }

  /** Begins a transaction; there is one at a time. Its timeout runs from the first `send` on. Rejects as `open`. */
  async begin(): Promise<void> {
    await this.open()
    if (this.#state !== 'idle') throw new Error(`a transaction of ${this.#transactionalId} is open already`)
    this.#state = 'open'
    this.#sendUntilMs = Infinity
    this.#given = new AbortController()
  }

  /**
   * Appends the records as one batch and resolves with their place; readers of committed records see them when the
   * transaction is committed. In order per partition, at once across partitions. The batch must be within the topic's
   * `max.message.bytes`: keep a call below some 500 KiB. Rejects with TransactionError, `abortable` in most cases.
   */
  send(
    topic: string,
    partition: number,
    records: readonly NewRecord[],
    { codec = 'none' }: { readonly codec?: Codec } = {}
  ): Promise<Produced> {
    if (this.#reason !== null) return Promise.reject(this.#reason)
    if (this.#state !== 'open') return Promise.reject(new Error(`no transaction of ${this.#transactionalId} is open`))
    const name = `${topic}-${partition}`
    const progress = this.#partitions.get(name) ?? { nextSequence: 0, last: Promise.resolve() }
    this.#partitions.set(name, progress)
    const added = this.#add(name, topic, partition)
    const sent = progress.last.then(async () => {
      try {
        await added
        if (this.#reason !== null) throw this.#reason
        return await this.#produce(topic, partition, progress, records, codec)
      } catch (error) {
        throw this.#fail(error)
      }
    })
    progress.last = sent.catch(() => undefined)
    return sent
  }

  /**
   * Waits for what is being sent, then commits. Rejects with TransactionError: `abortable` when something of it failed
   * or nobody could be asked; `outcome-unknown` when it may have taken effect.
   */
  async commit(): Promise<void> {
    await this.#sent()
    if (this.#reason !== null) throw this.#reason
    if (this.#state !== 'open') throw new Error(`no transaction of ${this.#transactionalId} is open`)
    const failures: unknown[] = []
    try {
      await this.#end('commit', (error) => failures.push(error))
    } catch (error) {
      const mayBeCommitted = failures.some((failure) => isUnderWay(failure) || leavesDoubt(failure))
      throw mayBeCommitted ? this.#give('outcome-unknown', error) : this.#fail(error)
    }
    this.#toIdle()
  }

  /**
   * Waits for what is being sent, then aborts. Harmless when nothing is open and when the writer is over. Rejects as
   * `open`, and may be called again then.
   */
  async abort(): Promise<void> {
    if (this.#state !== 'open' && this.#state !== 'failed') return
    this.#given.abort()
    await this.#sent()
    const isFailed = this.#reason !== null
    this.#give('abortable', new Error('it is being aborted'))
    if (this.#state !== 'failed') return
    // From here on with tries of its own.
    this.#given = new AbortController()
    try {
      await this.#end('abort').catch((error: unknown) => {
        // Nothing was open at the coordinator, or it has aborted already.
        if (!(error instanceof KafkaError && error.code === errorCodes.INVALID_TXN_STATE)) throw error
      })
      // What failed may have taken sequences or not; a copy may still be on its way. The next epoch settles both.
      if (isFailed) await this.#takeProducer(this.#producer)
    } catch (error) {
      throw this.#isFinal(error) ? this.#fail(error) : error
    }
    this.#toIdle()
  }

  /** Gives up: what waits rejects, what is open is left to the coordinator's timeout or the next writer. */
  close(): void {
    if (this.#state === 'over') return
    this.#give('closed', new Error('its writer was closed'))
    this.#given.abort()
  }

  get #identity(): TransactionIdentity {
    return { transactionalId: this.#transactionalId, ...this.#producer }
  }

  async #takeProducer(current?: ProducerIdentity): Promise<void> {
    const transactionalId = this.#transactionalId
    const transactionTimeoutMs = this.#transactionTimeoutMs
    try {
      this.#producer = await this.#retrying(() =>
        this.#client.initProducerId({
          transactionalId,
          transactionTimeoutMs,
          ...(current === undefined ? {} : { current })
        })
      )
    } catch (error) {
      throw isRetriable(error) ? error : this.#give(fencingFault(error) ?? 'refused', error)
    }
    this.#throwIfOver()
    this.#partitions.clear()
    this.#state = 'idle'
  }

  #add(name: string, topic: string, partition: number): Promise<void> {
    const known = this.#added.get(name)
    if (known !== undefined) return known
    if (this.#added.size === 0) this.#sendUntilMs = this.#clock.nowMs() + this.#transactionTimeoutMs / 2
    const addition: Addition = { partition: { topic, partition }, ...Promise.withResolvers<undefined>() }
    // Whoever waits for it is told by its send.
    addition.promise.catch(() => undefined)
    this.#added.set(name, addition.promise)
    this.#toAdd.push(addition)
    if (this.#toAdd.length === 1) this.#lastAddition = this.#lastAddition.then(() => this.#addAll())
    return addition.promise
  }

  /** All that wait, in one request; one by one when one of them is refused, to learn which. */
  async #addAll(): Promise<void> {
    const additions = this.#toAdd
    this.#toAdd = []
    const ask = (some: readonly Addition[]): Promise<void> =>
      this.#sending(() =>
        this.#client.addPartitionsToTxn(
          this.#identity,
          some.map(({ partition }) => partition)
        )
      )
    try {
      await ask(additions)
      for (const { resolve } of additions) resolve(undefined)
    } catch (error) {
      const isOfOne =
        error instanceof KafkaError &&
        (!error.retriable || error.code === errorCodes.UNKNOWN_TOPIC_OR_PARTITION) &&
        !this.#isFinal(error)
      if (additions.length === 1 || !isOfOne) {
        for (const { reject } of additions) reject(error)
        return
      }
      for (const one of additions) await ask([one]).then(() => one.resolve(undefined), one.reject)
    }
  }

  async #produce(
    topic: string,
    partition: number,
    progress: PartitionProgress,
    records: readonly NewRecord[],
    codec: Codec
  ): Promise<Produced> {
    const batch = buildBatch({
      ...this.#producer,
      records,
      codec,
      baseSequence: progress.nextSequence,
      transactional: true
    })
    const transactionalId = this.#transactionalId
    const produced = await this.#sending(() => this.#client.produce({ topic, partition, batch, transactionalId }))
    if (produced === null) throw new Error('a broker left acks=all without an answer')
    progress.nextSequence = (progress.nextSequence + records.length) % sequences
    return produced
  }

  async #end(outcome: 'commit' | 'abort', onFailure?: (error: unknown) => void): Promise<void> {
    if (this.#added.size === 0) return
    await this.#retrying(async () => {
      try {
        await this.#client.endTxn(this.#identity, outcome)
      } catch (error) {
        onFailure?.(error)
        throw error
      }
    })
  }

  /** All sends have come to something. */
  async #sent(): Promise<void> {
    await Promise.all([...this.#partitions.values()].map(({ last }) => last))
    await this.#lastAddition
  }

  #toIdle(): void {
    this.#throwIfOver()
    this.#added.clear()
    this.#reason = null
    this.#state = 'idle'
  }

  #retrying<T>(run: () => Promise<T>): Promise<T> {
    return retrying({ clock: this.#clock, withinMs: this.#giveUpAfterMs, signal: this.#given.signal }, run)
  }

  async #sending<T>(run: () => Promise<T>): Promise<T> {
    const leftMs = this.#sendUntilMs - this.#clock.nowMs()
    if (leftMs < 0) throw new Error('sending takes too long for the timeout of the transaction')
    const withinMs = Math.min(this.#giveUpAfterMs, leftMs)
    return retrying({ clock: this.#clock, withinMs, signal: this.#given.signal }, run)
  }

  #isFinal(error: unknown): boolean {
    return error instanceof TransactionError || fencingFault(error) !== null || refusingFault(error) !== null
  }

  /** What a failure inside a transaction makes of it; the first reason stays. */
  #fail(error: unknown): TransactionError {
    if (error instanceof TransactionError) return error
    return this.#give(fencingFault(error) ?? refusingFault(error) ?? 'abortable', error)
  }

  #give(fault: TransactionFault, cause: unknown): TransactionError {
    const words = cause instanceof Error ? cause.message : String(cause)
    const code = cause instanceof KafkaError ? cause.code : null
    const error = new TransactionError(fault, `transaction ${this.#transactionalId}: ${words}`, code, cause)
    if (this.#state === 'over') return error
    if (fault === 'abortable') {
      this.#reason ??= error
      if (this.#state === 'open') this.#state = 'failed'
    } else {
      this.#reason = error
      this.#state = 'over'
    }
    return error
  }

  #throwIfOver(): void {
    if (this.#state === 'over' && this.#reason !== null) throw this.#reason
  }
}

function fencingFault(error: unknown): 'fenced' | null {
  return error instanceof KafkaError && fencing.has(error.code) ? 'fenced' : null
}

function refusingFault(error: unknown): 'refused' | null {
  return error instanceof KafkaError && refusing.has(error.code) ? 'refused' : null
}

/** The coordinator is carrying out an end that it was told before. */
function isUnderWay(error: unknown): boolean {
  return error instanceof KafkaError && error.code === errorCodes.CONCURRENT_TRANSACTIONS
}

/**
 * How records are sent home: in transactions, so that a record and the note that it was sent are there both or not at
 * all; or, where the cluster does not allow them, one after the other.
 */
import type { NewRecord, Codec } from '../../protocol/records/batch.ts'
import { buildBatch } from '../../protocol/records/batch.ts'
import { systemClock } from '../clock.ts'
import type { KafkaClient } from '../kafka/client.ts'
import { KafkaError } from '../kafka/errors.ts'
import { retrying } from '../kafka/retrying.ts'
import { TransactionalWriter, TransactionError } from '../kafka/transactional-writer.ts'

/** What is needed of `TransactionalWriter`; see there. */
export type RedriveWriter = Pick<TransactionalWriter, 'open' | 'begin' | 'commit' | 'abort' | 'close'> & {
  send(
    topic: string,
    partition: number,
    records: readonly NewRecord[],
    options?: { readonly codec?: Codec }
  ): Promise<{ readonly baseOffset: bigint }>
  /** What was sent stays, whatever becomes of the rest. Absent: all or nothing. */
  readonly keepsParts?: true
}

/** Makes the writer of one quarantine topic. */
export type WriterFactory = (quarantineTopic: string) => RedriveWriter

/** One per quarantine topic, so that two redrives, or a redrive and a discard, of one topic fence each other. */
export function transactionalIdOf(quarantineTopic: string): string {
  return `kontrakt-redrive-${quarantineTopic}`
}

/**
 * While a transaction is open nobody who reads only what is committed gets past it, and one that was left open by a crash
 * is open until this has passed, or until the redrive is run again.
 */
const transactionTimeoutMs = 45_000

/**
 * For each step of a transaction. What is sent is begun in the first half of the timeout, its last answer comes a
 * request's timeout later, and these and another request are left for the end: 22.5 s, 8 s, 6 s and 8 s.
 */
const giveUpAfterMs = 6_000

/** Of the client that redrives and discards, for each request. */
export const requestTimeoutMs = 8_000

export function transactionalWriters(client: KafkaClient): WriterFactory {
  return (quarantineTopic) => {
    const transactionalId = transactionalIdOf(quarantineTopic)
    return new TransactionalWriter({ client, transactionalId, transactionTimeoutMs, giveUpAfterMs })
  }
}

/** How long a batch is sent again while a leader moves. */
const withinMs = 30_000

/**
 * Without transactions: after a crash, or an answer that was lost, records may be sent a second time. Nothing fences
 * anybody; there must be one at a time.
 */
export function plainWriters(client: Pick<KafkaClient, 'produce'>): WriterFactory {
  return () => {
    let last: Promise<unknown> = Promise.resolve()
    let failure: TransactionError | null = null
    const nothing = (): Promise<void> => Promise.resolve()
    const produce = async (topic: string, partition: number, batch: Buffer): Promise<{ baseOffset: bigint }> => {
      if (failure !== null) throw failure
      try {
        const produced = await retrying({ clock: systemClock, withinMs }, () =>
          client.produce({ topic, partition, batch })
        )
        return { baseOffset: produced!.baseOffset }
      } catch (error) {
        const code = error instanceof KafkaError ? error.code : null
        const message = error instanceof Error ? error.message : String(error)
        failure = new TransactionError('abortable', message, code, error)
        throw failure
      }
    }
    return {
      keepsParts: true,
      open: nothing,
      begin() {
        failure = null
        return nothing()
      },
      commit: nothing,
      abort: nothing,
      close: () => undefined,
      send(topic, partition, records, { codec = 'none' } = {}) {
        const batch = buildBatch({ records, codec })
        // One after the other, and none after one that failed: nothing else keeps their order.
        const sent = last.then(() => produce(topic, partition, batch))
        last = sent.catch(() => undefined)
        return sent
      }
    }
  }
}

/**
 * What our client asks the coordinator of a transaction (KIP-98). Each question is sent once; all of them may be asked
 * again after a lost connection, because an answer that was lost does not change what a repeat does.
 */
import { errorCodes } from '../../protocol/errors.ts'
import * as apis from './apis.ts'
import type { InitProducerIdOptions, ProducerIdentity, TransactionIdentity } from './client-types.ts'
import type { Connection } from './connection.ts'
import type { TopicPartition } from './leaders.ts'
import { errorOf, throwIfError, type Routes } from './routes.ts'

/** Kafka's `transaction.timeout.ms`; without a transactional id it means nothing. */
const defaultTransactionTimeoutMs = 60_000

export async function initProducerId(routes: Routes, options: InitProducerIdOptions): Promise<ProducerIdentity> {
  const { transactionalId = null, transactionTimeoutMs = defaultTransactionTimeoutMs, current } = options
  const ask = async (connection: Connection): Promise<ProducerIdentity> => {
    const answer = await connection.call(apis.initProducerId, { transactionalId, transactionTimeoutMs, ...current })
    throwIfError(answer.errorCode, apis.initProducerId.name, connection.address, null)
    return { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
  }
  return transactionalId === null ? ask(await routes.toAny()) : routes.atCoordinator(transactionalId, ask)
}

export async function addPartitionsToTxn(
  routes: Routes,
  transaction: TransactionIdentity,
  partitions: readonly TopicPartition[]
): Promise<void> {
  const api = apis.addPartitionsToTxn
  const { transactionalId, producerId, producerEpoch } = transaction
  await routes.atCoordinator(transactionalId, async (connection) => {
    const answer = await connection.call(api, {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [...Map.groupBy(partitions, (p) => p.topic)].map(([name, group]) => ({
        name,
        partitions: group.map((p) => p.partition)
      }))
    })
    const errors = answer.resultsByTopicV3AndBelow
      .flatMap(({ name, resultsByPartition }) =>
        resultsByPartition.map((p) =>
          errorOf(p.partitionErrorCode, api.name, connection, `${name}-${p.partitionIndex}`)
        )
      )
      .filter((error) => error !== null)
    // None is added when one is refused: the others say only that they were not attempted.
    const error = errors.find((e) => e.code !== errorCodes.OPERATION_NOT_ATTEMPTED) ?? errors[0]
    if (error !== undefined) throw error
  })
}

export async function endTxn(
  routes: Routes,
  { transactionalId, producerId, producerEpoch }: TransactionIdentity,
  outcome: 'commit' | 'abort'
): Promise<void> {
  await routes.atCoordinator(transactionalId, async (connection) => {
    const committed = outcome === 'commit'
    const answer = await connection.call(apis.endTxn, { transactionalId, producerId, producerEpoch, committed })
    throwIfError(answer.errorCode, apis.endTxn.name, connection.address, null)
  })
}

/**
 * EndTxn (key 26): commits or aborts a transaction.
 *
 * With version 5 the coordinator raises the epoch at every end and tells the producer the new one (KIP-890).
 */
import { bool, int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const endTxnRequest = message({
  name: 'EndTxnRequest',
  type: 'request',
  apiKey: 26,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** Transactional id. */
    transactionalId: string(),
    /** Producer id of the transaction. */
    producerId: int64(),
    /** Its epoch. */
    producerEpoch: int16(),
    /** True to commit, false to abort. */
    committed: bool()
  }
})

export const endTxnResponse = message({
  name: 'EndTxnResponse',
  type: 'response',
  apiKey: 26,
  versions: [0, 5],
  flexible: 3,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** 0 when the transaction is decided. */
    errorCode: int16(),
    /** Producer id for the next transaction, -1 on error. */
    producerId: int64('5+', { default: -1n, ignorable: true }),
    /** Epoch for the next transaction, -1 on error. */
    producerEpoch: int16('5+', { default: -1, ignorable: true })
  }
})

export type EndTxnRequest = Decoded<typeof endTxnRequest>
export type EndTxnRequestInput = Input<typeof endTxnRequest>
export type EndTxnResponse = Decoded<typeof endTxnResponse>
export type EndTxnResponseInput = Input<typeof endTxnResponse>

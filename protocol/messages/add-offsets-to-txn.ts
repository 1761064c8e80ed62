/** AddOffsetsToTxn (key 25): announces that a transaction will commit offsets of a group. */
import { int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const addOffsetsToTxnRequest = message({
  name: 'AddOffsetsToTxnRequest',
  type: 'request',
  apiKey: 25,
  versions: [0, 4],
  flexible: 3,
  fields: {
    /** Transactional id. */
    transactionalId: string(),
    /** Producer id of the transaction. */
    producerId: int64(),
    /** Its epoch. */
    producerEpoch: int16(),
    /** Group id. */
    groupId: string()
  }
})

export const addOffsetsToTxnResponse = message({
  name: 'AddOffsetsToTxnResponse',
  type: 'response',
  apiKey: 25,
  versions: [0, 4],
  flexible: 3,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32(),
    /** 0 when the group is in the transaction. */
    errorCode: int16()
  }
})

export type AddOffsetsToTxnRequest = Decoded<typeof addOffsetsToTxnRequest>
export type AddOffsetsToTxnRequestInput = Input<typeof addOffsetsToTxnRequest>
export type AddOffsetsToTxnResponse = Decoded<typeof addOffsetsToTxnResponse>
export type AddOffsetsToTxnResponseInput = Input<typeof addOffsetsToTxnResponse>

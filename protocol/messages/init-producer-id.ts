/**
 * InitProducerId (key 22): a producer id and epoch for an idempotent or transactional producer.
 *
 * From version 3 on a producer may name the id it has, to get a higher epoch (KIP-360).
 */
import { int16, int32, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const initProducerIdRequest = message({
  name: 'InitProducerIdRequest',
  type: 'request',
  apiKey: 22,
  versions: [0, 5],
  flexible: 2,
  fields: {
    /** Transactional id, null for a producer that is only idempotent. */
    transactionalId: string('0+', { nullable: '0+' }),
    /** Milliseconds after which the broker aborts an idle transaction. */
    transactionTimeoutMs: int32(),
    /** Producer id it has, -1 for none. */
    producerId: int64('3+', { default: -1n }),
    /** Epoch it has, -1 for none. */
    producerEpoch: int16('3+', { default: -1 })
  }
})

export const initProducerIdResponse = message({
  name: 'InitProducerIdResponse',
  type: 'response',
  apiKey: 22,
  versions: [0, 5],
  flexible: 2,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('0+', { ignorable: true }),
    /** 0 when id and epoch count. */
    errorCode: int16(),
    /** Producer id. */
    producerId: int64('0+', { default: -1n }),
    /** Its epoch. */
    producerEpoch: int16()
  }
})

export type InitProducerIdRequest = Decoded<typeof initProducerIdRequest>
export type InitProducerIdRequestInput = Input<typeof initProducerIdRequest>
export type InitProducerIdResponse = Decoded<typeof initProducerIdResponse>
export type InitProducerIdResponseInput = Input<typeof initProducerIdResponse>

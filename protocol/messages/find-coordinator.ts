/**
 * FindCoordinator (key 10): which broker looks after a group or a transaction, with its address.
 *
 * Version 4 asks for several keys at once (KIP-699) and answers in fields of its own; 6 knows share groups.
 */
import { array, int16, int32, int8, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const findCoordinatorRequest = message({
  name: 'FindCoordinatorRequest',
  type: 'request',
  apiKey: 10,
  versions: [0, 6],
  flexible: 3,
  fields: {
    /** Group id or transactional id. */
    key: string('0-3'),
    /** 0 for groups, 1 for transactions, 2 for share groups. */
    keyType: int8('1+', { default: 0 }),
    /** Several keys of that type. */
    coordinatorKeys: array('string', '4+')
  }
})

export const findCoordinatorResponse = message({
  name: 'FindCoordinatorResponse',
  type: 'response',
  apiKey: 10,
  versions: [0, 6],
  flexible: 3,
  fields: {
    /** Milliseconds this client is delayed for exceeding a quota. */
    throttleTimeMs: int32('1+', { ignorable: true }),
    /** 0 when the coordinator was found. */
    errorCode: int16('0-3'),
    /** Why it was not found. */
    errorMessage: string('1-3', { nullable: '1-3', ignorable: true }),
    /** Node id of the coordinator, -1 on error. */
    nodeId: int32('0-3'),
    /** Host name to connect to, empty on error. */
    host: string('0-3'),
    /** Port to connect to. */
    port: int32('0-3'),
    /** The answer per key. */
    coordinators: array(
      {
        /** The key asked for. */
        key: string('4+'),
        /** Node id of the coordinator, -1 on error. */
        nodeId: int32('4+'),
        /** Host name to connect to, empty on error. */
        host: string('4+'),
        /** Port to connect to. */
        port: int32('4+'),
        /** 0 when the coordinator was found. */
        errorCode: int16('4+'),
        /** Why it was not found. */
        errorMessage: string('4+', { nullable: '4+', ignorable: true })
      },
      '4+'
    )
  }
})

export type FindCoordinatorRequest = Decoded<typeof findCoordinatorRequest>
export type FindCoordinatorRequestInput = Input<typeof findCoordinatorRequest>
export type FindCoordinatorResponse = Decoded<typeof findCoordinatorResponse>
export type FindCoordinatorResponseInput = Input<typeof findCoordinatorResponse>

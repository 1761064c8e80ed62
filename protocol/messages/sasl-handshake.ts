/**
 * SaslHandshake (key 17): the client chooses a SASL mechanism.
 *
 * After version 0 the tokens follow as bare frames without headers, both ways; after version 1 as SaslAuthenticate.
 */
import { array, int16, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const saslHandshakeRequest = message({
  name: 'SaslHandshakeRequest',
  type: 'request',
  apiKey: 17,
  versions: [0, 1],
  flexible: null,
  fields: {
    /** The mechanism: `PLAIN`, `SCRAM-SHA-512` and so on. */
    mechanism: string()
  }
})

export const saslHandshakeResponse = message({
  name: 'SaslHandshakeResponse',
  type: 'response',
  apiKey: 17,
  versions: [0, 1],
  flexible: null,
  fields: {
    /** 0 when the mechanism may be used. */
    errorCode: int16(),
    /** All mechanisms of the listener. */
    mechanisms: array('string')
  }
})

export type SaslHandshakeRequest = Decoded<typeof saslHandshakeRequest>
export type SaslHandshakeRequestInput = Input<typeof saslHandshakeRequest>
export type SaslHandshakeResponse = Decoded<typeof saslHandshakeResponse>
export type SaslHandshakeResponseInput = Input<typeof saslHandshakeResponse>

/** SaslAuthenticate (key 36): one step of the SASL exchange. Its contents are credentials: never log them. */
import { bytes, int16, int64, string } from '../schema/fields.ts'
import { message, type Decoded, type Input } from '../schema/message.ts'

export const saslAuthenticateRequest = message({
  name: 'SaslAuthenticateRequest',
  type: 'request',
  apiKey: 36,
  versions: [0, 2],
  flexible: 2,
  fields: {
    /** The client's token, in the mechanism's own format. */
    authBytes: bytes()
  }
})

export const saslAuthenticateResponse = message({
  name: 'SaslAuthenticateResponse',
  type: 'response',
  apiKey: 36,
  versions: [0, 2],
  flexible: 2,
  fields: {
    /** 0 when the step succeeded. */
    errorCode: int16(),
    /** Why it failed. */
    errorMessage: string('0+', { nullable: '0+' }),
    /** The server's token, in the mechanism's own format. */
    authBytes: bytes(),
    /** Milliseconds after which the client must authenticate again (KIP-368), 0 for never. */
    sessionLifetimeMs: int64('1+', { default: 0n, ignorable: true })
  }
})

export type SaslAuthenticateRequest = Decoded<typeof saslAuthenticateRequest>
export type SaslAuthenticateRequestInput = Input<typeof saslAuthenticateRequest>
export type SaslAuthenticateResponse = Decoded<typeof saslAuthenticateResponse>
export type SaslAuthenticateResponseInput = Input<typeof saslAuthenticateResponse>

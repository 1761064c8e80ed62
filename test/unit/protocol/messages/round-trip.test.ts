/** Every declared message in every version: what goes in comes out, and hostile bytes end in the one error. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../../../../protocol/bytes/malformed.ts'
import { messageValue } from '../../../support/message-values.ts'
import { allMessages, versionsOf, type AnyMessage } from '../../../support/messages.ts'

const messages = await allMessages()

describe.each(messages.map((message) => ({ name: message.name, message })))('$name', ({ message }) => {
  it.each(versionsOf(message))('version %i decodes what was encoded and encodes what was decoded', (version) => {
    fc.assert(
      fc.property(messageValue(message, version), (value) => {
        const bytes = message.encode(value, version)
        const decoded = message.decode(bytes, version)
        expect(decoded).toEqual(value)
        expect(message.encode(decoded, version).equals(bytes)).toBe(true)
      }),
      { numRuns: 30 }
    )
  })

  it('refuses every cut of a message, and bytes behind it', () => {
    const version = message.versions[1]
    fc.assert(
      fc.property(messageValue(message, version), (value) => {
        const bytes = message.encode(value, version)
        for (let length = 0; length < bytes.length; length++) {
          expect(() => message.decode(bytes.subarray(0, length), version)).toThrow(MalformedMessageError)
        }
        expect(() => message.decode(Buffer.concat([bytes, Buffer.of(0)]), version)).toThrow(MalformedMessageError)
      }),
      { numRuns: 10 }
    )
  })

  it.each(versionsOf(message))('version %i finds changed bytes malformed or can encode its reading', (version) => {
    const byte = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) })
    const change = fc.array(byte, { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(messageValue(message, version), change, (value, changes) => {
        const bytes = Buffer.from(message.encode(value, version))
        for (const { at, to } of changes) if (bytes.length > 0) bytes[at % bytes.length] = to
        const decoded = decodeOrNull(message, bytes, version)
        if (decoded === null) return
        expect(message.decode(message.encode(decoded, version), version)).toEqual(decoded)
      }),
      { numRuns: 30 }
    )
  })
})

/** Null for what is malformed; any other error is a failure. */
function decodeOrNull(message: AnyMessage, bytes: Buffer, version: number): ReturnType<AnyMessage['decode']> | null {
  try {
    return message.decode(bytes, version)
  } catch (error) {
    if (error instanceof MalformedMessageError) return null
    throw error
  }
}

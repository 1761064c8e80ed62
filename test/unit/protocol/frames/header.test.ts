import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../../../../protocol/bytes/malformed.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  maxHeaderBytes,
  requestFrame,
  responseFrame,
  tryDecodeRequestHeader
} from '../../../../protocol/frames/header.ts'
import { apiKeys, apis, UnsupportedApiError } from '../../../../protocol/messages/api-table.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** Metadata 9, client `c`, with two header tags that nobody knows. */
const taggedHeader = hex('0003 0009 00000007 0001 63 02 00 01 aa 05 00')

describe('a request header', () => {
  it('has no tags in a version that is not flexible', () => {
    const header = { apiKey: 3, apiVersion: 8, correlationId: 7, clientId: 'c' }
    expect(encodeRequestHeader(header)).toEqual(hex('0003 0008 00000007 0001 63'))
    expect(decodeRequestHeader(hex('0003 0008 00000007 0001 63 ff'))).toEqual({ ...header, headerLength: 11 })
  })

  it('has a client id with a two-byte length and a tag section in a flexible version', () => {
    const header = { apiKey: 3, apiVersion: 9, correlationId: 7, clientId: 'c' }
    expect(encodeRequestHeader(header)).toEqual(hex('0003 0009 00000007 0001 63 00'))
    expect(decodeRequestHeader(taggedHeader)).toEqual({ ...header, headerLength: taggedHeader.length })
  })

  it('may have no client id', () => {
    const header = { apiKey: 18, apiVersion: 0, correlationId: -1, clientId: null }
    expect(encodeRequestHeader(header)).toEqual(hex('0012 0000 ffffffff ffff'))
    expect(decodeRequestHeader(encodeRequestHeader(header))).toEqual({ ...header, headerLength: 10 })
  })

  it('can be read in a version above ours, so that the request can be refused', () => {
    expect(decodeRequestHeader(hex('0012 0063 00000001 0000 00'))).toMatchObject({ apiVersion: 99, headerLength: 11 })
  })

  it('cannot be read for an API that nobody knows', () => {
    const decode = (): unknown => decodeRequestHeader(hex('03e7 0000 00000001 0000'))
    expect(decode).toThrow(UnsupportedApiError)
    expect(decode).toThrow(expect.objectContaining({ apiKey: 999 }))
  })

  it.each([
    ['is cut in the fixed part', '0003 0008 0000'],
    ['is cut in the client id', '0003 0008 00000007 0005 6363'],
    ['has a negative client id length', '0003 0008 00000007 fffe'],
    ['has a negative version', '0003 ffff 00000007 0000'],
    ['has no tag section where one must be', '0003 0009 00000007 0000'],
    ['has a tag beyond the end', '0003 0009 00000007 0000 01 00 05 aa'],
    ['has more tags than bytes', '0003 0009 00000007 0000 7f 00 00']
  ])('is malformed when it %s', (_, bytes) => {
    expect(() => decodeRequestHeader(hex(bytes))).toThrow(MalformedMessageError)
  })
})

describe('a request header that is still arriving', () => {
  it('is null until its last byte is there, wherever the cut falls', () => {
    const frameLength = taggedHeader.length + 100
    for (let length = 0; length < taggedHeader.length; length++) {
      expect(tryDecodeRequestHeader(taggedHeader.subarray(0, length), frameLength)).toBeNull()
    }
    expect(tryDecodeRequestHeader(taggedHeader, frameLength)).toEqual(decodeRequestHeader(taggedHeader))
    expect(tryDecodeRequestHeader(Buffer.concat([taggedHeader, Buffer.alloc(50)]), frameLength)).not.toBeNull()
  })

  it('does not reach beyond the frame', () => {
    const next = Buffer.concat([taggedHeader, Buffer.alloc(50)])
    expect(() => tryDecodeRequestHeader(next, taggedHeader.length - 1)).toThrow(MalformedMessageError)
    expect(tryDecodeRequestHeader(next, taggedHeader.length)!.headerLength).toBe(taggedHeader.length)
  })

  it('is malformed at once where more bytes would not help', () => {
    expect(() => tryDecodeRequestHeader(hex('0003 0008 00000007 fffe'), 1000)).toThrow(MalformedMessageError)
    expect(() => tryDecodeRequestHeader(hex('03e7 0000 00000007'), 1000)).toThrow(UnsupportedApiError)
  })

  it('is not collected beyond its limit', () => {
    const tagOf100MB = Buffer.concat([hex('0003 0009 00000007 0000 01 00 80c2d72f'), Buffer.alloc(maxHeaderBytes)])
    expect(tryDecodeRequestHeader(tagOf100MB.subarray(0, maxHeaderBytes - 1), 110_000_000)).toBeNull()
    const full = tagOf100MB.subarray(0, maxHeaderBytes)
    expect(() => tryDecodeRequestHeader(full, 110_000_000)).toThrow(MalformedMessageError)
  })

  it('agrees with the header read at once, for any bytes', () => {
    const api = fc.constantFrom(...apis.map(({ key }) => key))
    fc.assert(
      fc.property(api, fc.integer({ min: 0, max: 15 }), fc.uint8Array({ maxLength: 30 }), (key, version, rest) => {
        const frame = Buffer.concat([Buffer.of(0, key, 0, version), Buffer.from(rest)])
        const whole = outcome(() => decodeRequestHeader(frame))
        expect(outcome(() => tryDecodeRequestHeader(frame, frame.length))).toEqual(whole)
        expect(whole).not.toBeInstanceOf(RangeError)
      })
    )
  })
})

describe('a response header', () => {
  it('has tags in a flexible version', () => {
    expect(decodeResponseHeader(hex('00000007 01 00 02 aabb ff'), 3, 9)).toEqual({ correlationId: 7, headerLength: 9 })
    expect(decodeResponseHeader(hex('00000007 ff'), 3, 8)).toEqual({ correlationId: 7, headerLength: 4 })
  })

  it('never has tags for ApiVersions', () => {
    expect(decodeResponseHeader(hex('00000007 0023'), 18, 4)).toEqual({ correlationId: 7, headerLength: 4 })
    expect(responseFrame(apiKeys.apiVersions, 3, 7, Buffer.of(1))).toEqual(hex('00000005 00000007 01'))
  })

  it('is malformed when it is cut', () => {
    expect(() => decodeResponseHeader(hex('000000'), 3, 0)).toThrow(MalformedMessageError)
    expect(() => decodeResponseHeader(hex('00000007'), 3, 9)).toThrow(MalformedMessageError)
  })
})

describe('a frame', () => {
  it('is the length of header and body, the header and the body', () => {
    const header = { apiKey: 3, apiVersion: 9, correlationId: 7, clientId: null }
    expect(requestFrame(header, Buffer.of(0xaa))).toEqual(hex('0000000c 0003 0009 00000007 ffff 00 aa'))
    expect(responseFrame(3, 9, 7, Buffer.of(0xaa))).toEqual(hex('00000006 00000007 00 aa'))
    expect(responseFrame(3, 8, 7, Buffer.alloc(0))).toEqual(hex('00000004 00000007'))
  })
})

function outcome(action: () => unknown): unknown {
  try {
    return action()
  } catch (error) {
    return error
  }
}

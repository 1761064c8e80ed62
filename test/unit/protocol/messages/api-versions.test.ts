import { describe, expect, it } from 'vitest'
import { MalformedMessageError } from '../../../../protocol/bytes/malformed.ts'
import {
  apiVersionsRequest,
  apiVersionsResponse,
  decodeApiVersionsResponse
} from '../../../../protocol/messages/api-versions.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** What a broker from 2.4 on says to a version it does not know (KIP-511). */
const fallback = hex('0023 00000001 0012 0000 0004')

describe('the answer to ApiVersions', () => {
  it('is in the format of version 0 when the broker does not know the version asked in', () => {
    for (const requested of [1, 2, 3, 4]) {
      const { version, response } = decodeApiVersionsResponse(fallback, requested)
      expect(version).toBe(0)
      expect(response).toMatchObject({ errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] })
      expect(apiVersionsResponse.encode(response, version)).toEqual(fallback)
    }
  })

  it('may name no API at all, as brokers before 2.4 do', () => {
    const { version, response } = decodeApiVersionsResponse(hex('0023 00000000'), 3)
    expect(version).toBe(0)
    expect(response).toMatchObject({ errorCode: 35, apiKeys: [] })
  })

  it('is in the version asked in otherwise, whatever its error', () => {
    const body = hex('002a 01 00000000 00')
    expect(decodeApiVersionsResponse(body, 3)).toMatchObject({ version: 3, response: { errorCode: 42, apiKeys: [] } })
    expect(decodeApiVersionsResponse(hex('0000 00000000 00000005'), 1)).toMatchObject({
      version: 1,
      response: { errorCode: 0, throttleTimeMs: 5 }
    })
  })

  it('is understood when a broker refuses in the version asked in', () => {
    expect(decodeApiVersionsResponse(hex('0023 00000000 00000005'), 2)).toMatchObject({
      version: 2,
      response: { errorCode: 35, throttleTimeMs: 5 }
    })
  })

  it('is malformed when it is in neither format', () => {
    expect(() => decodeApiVersionsResponse(hex('0023 00000001 0012'), 3)).toThrow(MalformedMessageError)
    expect(() => decodeApiVersionsResponse(hex('00'), 3)).toThrow(MalformedMessageError)
    expect(() => decodeApiVersionsResponse(hex(''), 0)).toThrow(MalformedMessageError)
  })
})

describe('the features in the answer to ApiVersions', () => {
  /** Version 4: Produce 0-12, `transaction.version` supported 0-2 and in force at 2, and a tag of the future. */
  const body = hex(
    `
    0000 02 0000 0000 000c 00 00000000
    04
    00 1a 02 14 7472616e73616374696f6e2e76657273696f6e 0000 0002 00
    01 08 0000000000000009
    02 1a 02 14 7472616e73616374696f6e2e76657273696f6e 0002 0002 00
    63 02 cafe
  `.replaceAll(/\s/g, '')
  )

  it('are tagged fields, and the unknown one is kept', () => {
    const response = apiVersionsResponse.decode(body, 4)
    expect(response).toEqual({
      errorCode: 0,
      apiKeys: [{ apiKey: 0, minVersion: 0, maxVersion: 12 }],
      throttleTimeMs: 0,
      supportedFeatures: [{ name: 'transaction.version', minVersion: 0, maxVersion: 2 }],
      finalizedFeaturesEpoch: 9n,
      finalizedFeatures: [{ name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 }],
      zkMigrationReady: false,
      unknownTags: [{ tag: 0x63, data: hex('cafe') }]
    })
    expect(apiVersionsResponse.encode(response, 4)).toEqual(body)
  })

  it('cannot be told below version 3 and are dropped', () => {
    const { unknownTags, ...response } = apiVersionsResponse.decode(body, 4)
    expect(unknownTags).toHaveLength(1)
    expect(apiVersionsResponse.encode(response, 0)).toEqual(hex('0000 00000001 0000 0000 000c'))
  })
})

describe('the ApiVersions request', () => {
  it('names the client library from version 3 on', () => {
    const body = hex('0a 6b61666b612d636c69 04 302e31 00')
    const client = { clientSoftwareName: 'kafka-cli', clientSoftwareVersion: '0.1' }
    expect(apiVersionsRequest.decode(body, 4)).toEqual(client)
    expect(apiVersionsRequest.encode({ clientSoftwareName: 'kafka-cli' }, 2)).toEqual(Buffer.alloc(0))
  })
})

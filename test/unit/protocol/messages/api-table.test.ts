import { describe, expect, it } from 'vitest'
import {
  apiByKey,
  apiKeys,
  apiName,
  apis,
  requestHeaderVersion,
  responseHeaderVersion,
  UnsupportedApiError
} from '../../../../protocol/messages/api-table.ts'
import { allMessages } from '../../../support/messages.ts'

describe('the API table', () => {
  it('has each key once, in ascending order', () => {
    const keys = apis.map((api) => api.key)
    expect(keys).toEqual([...new Set(keys)].toSorted((a, b) => a - b))
    expect(new Set(apis.map((api) => api.name)).size).toBe(apis.length)
  })

  it('holds back what would have to be opened and cannot be', () => {
    const maxima = [apiKeys.produce, apiKeys.fetch, apiKeys.apiVersions, apiKeys.initProducerId].map(
      (key) => apiByKey(key)!.maxVersion
    )
    expect(maxima).toEqual([12, 15, 4, 5])
  })

  it('does not know the inter-broker calls that Kafka 4.0 removed', () => {
    for (const key of [4, 5, 6, 7]) expect(apiByKey(key)).toBeUndefined()
    expect(apiName(7)).toBeUndefined()
    expect(apiName(0)).toBe('Produce')
  })

  it('agrees with the declarations about names and flexible versions', async () => {
    for (const message of await allMessages()) {
      const api = apiByKey(message.apiKey)!
      expect(message.name).toBe(`${api.name}${message.type === 'request' ? 'Request' : 'Response'}`)
      expect(message.flexible).toBe(api.flexibleFrom)
      expect(apiKeys).toHaveProperty(api.name[0]!.toLowerCase() + api.name.slice(1), api.key)
    }
  })
})

describe('header versions', () => {
  it('rise with the first flexible version', () => {
    expect([requestHeaderVersion(0, 8), requestHeaderVersion(0, 9), requestHeaderVersion(60, 0)]).toEqual([1, 2, 2])
    expect([responseHeaderVersion(0, 8), responseHeaderVersion(0, 9)]).toEqual([0, 1])
  })

  it('never rise for SaslHandshake, nor for the answer to ApiVersions', () => {
    expect([requestHeaderVersion(17, 1), responseHeaderVersion(17, 1)]).toEqual([1, 0])
    expect([requestHeaderVersion(18, 3), responseHeaderVersion(18, 3)]).toEqual([2, 0])
  })

  it('cannot be told for an API that nobody knows', () => {
    expect(() => requestHeaderVersion(6, 0)).toThrow(UnsupportedApiError)
    expect(() => responseHeaderVersion(1000, 0)).toThrow(UnsupportedApiError)
  })
})

import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../src/address.ts'

describe('an address', () => {
  it.each([
    ['kafka-1:9092', { host: 'kafka-1', port: 9092 }],
    [' 10.0.0.1:1 ', { host: '10.0.0.1', port: 1 }],
    ['[::1]:65535', { host: '::1', port: 65535 }]
  ])('%j is read', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
    expect(formatAddress(address)).toBe(text.trim())
  })

  it.each(['', 'kafka', 'kafka:', ':9092', 'kafka:0', 'kafka:65536', 'kafka:90x', '::1:9092', 'http://kafka:9092'])(
    '%j is refused in words',
    (text) => {
      expect(() => parseAddress(text)).toThrow(`'${text}' is not an address`)
    }
  )
})

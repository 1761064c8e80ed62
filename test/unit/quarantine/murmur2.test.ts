import { describe, expect, it } from 'vitest'
import { murmur2, partitionForKey } from '../../../src/quarantine/murmur2.ts'

describe('murmur2', () => {
  // The cases of Kafka's own UtilsTest.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107]
  ])('of %s is what Java computes', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('gives a partition within range for any key', () => {
    for (const key of ['', 'a', 'ab', 'abc', 'abcd', '\u00ff']) {
      const partition = partitionForKey(Buffer.from(key), 7)
      expect(partition).toBeGreaterThanOrEqual(0)
      expect(partition).toBeLessThan(7)
    }
  })
})

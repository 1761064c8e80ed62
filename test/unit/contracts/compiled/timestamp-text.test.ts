import { describe, expect, it } from 'vitest'
import { timestampOfBytes } from '../../../../src/contracts/compiled/timestamp-text.ts'
import { parseTimestamp } from '../../../../src/contracts/expressions/time.ts'
import { Timestamp } from '../../../../src/contracts/value.ts'
import { caseCount, SeededRandom } from '../../../support/compiled-payload.ts'

function compiled(text: string): number {
  const bytes = Buffer.from(`0${text}0`)
  return timestampOfBytes(bytes, 1, bytes.length - 1)
}

/** NaN for what the compiled way leaves to it. */
function reference(text: string): number {
  const found = parseTimestamp(text)
  if (!(found instanceof Timestamp) || found.nanos % 1_000_000 !== 0) return NaN
  return Number(found.seconds) * 1000 + found.nanos / 1_000_000
}

function randomText(random: SeededRandom): string {
  const two = (below: number): string => String(random.below(below)).padStart(2, '0')
  const year = String(random.chance(0.1) ? random.below(3) : random.below(10_000)).padStart(4, '0')
  const fraction = random.chance(0.5) ? `.${String(random.below(1000)).padStart(1 + random.below(11), '0')}` : ''
  const zone = random.chance(0.7) ? random.pick(['Z', 'z']) : `${random.pick(['+', '-'])}${two(25)}:${two(61)}`
  const text = `${year}-${two(14)}-${two(33)}${random.pick(['T', 'T', 't', ' '])}${two(25)}:${two(61)}:${two(62)}`
  return `${text}${fraction}${zone}`
}

describe('timestamps in texts', () => {
  it.each([
    '2026-01-31T12:00:00Z',
    '2024-02-29T23:59:59.999+23:59',
    '1900-02-29T00:00:00Z',
    '2000-02-29T00:00:00Z',
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59.999Z',
    '9999-12-31T23:59:59-00:01',
    '1969-12-31T23:59:59.001Z',
    '2026-01-31T12:00:60Z',
    '2026-01-31T12:00:00.Z',
    '2026-01-31T12:00:00.123456789Z',
    '2026-01-31T12:00:00.100000000Z',
    '2026-01-31T12:00:00.1000000000Z',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00:00+1:00',
    '+026-01-31T12:00:00Z',
    '',
    'Z'
  ])('%s reads as the reference reads it', (text) => {
    expect(compiled(text)).toBe(reference(text))
  })

  it('read as the reference reads them, whole or damaged', () => {
    const random = new SeededRandom(20260131)
    let read = 0
    for (let n = 0; n < caseCount(20_000); n++) {
      let text = randomText(random)
      if (random.chance(0.15)) {
        const at = random.below(text.length)
        text =
          text.slice(0, at) +
          random.pick(['0', ':', '-', 'Z', '.', ' ', 'x', '9', '']) +
          text.slice(at + random.below(2))
      }
      const expected = reference(text)
      if (!Object.is(compiled(text), expected)) expect.fail(`${text}: ${compiled(text)}, the reference: ${expected}`)
      if (!Number.isNaN(expected)) read++
    }
    expect(read).toBeGreaterThan(caseCount(3000))
  })
})

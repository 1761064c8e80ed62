import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseState, parseStateKey, stateKey, stateLimits, stateValue } from '../../../src/quarantine/state.ts'
import type { Handled } from '../../../src/quarantine/state.ts'

const id = '3f2a91c04b7e00112233445566778899'
const redriven: Handled = { kind: 'redriven', topic: 'orders', partition: 2, offset: 2n ** 60n, atMs: 5, by: 'ana' }
const discarded: Handled = { kind: 'discarded', atMs: 6, by: 'bo', reason: 'load test' }

describe('a state', () => {
  it.each([redriven, discarded])('is read back as it was written: $kind', (state) => {
    expect(parseState(stateValue(state))).toEqual(state)
  })

  it('is open without an entry', () => {
    expect(parseState(null)).toEqual({ kind: 'open' })
  })

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"version":2,"kind":"discarded","atMs":1,"by":"x","reason":"y"}',
    '{"version":1,"kind":"sold","atMs":1,"by":"x"}',
    '{"version":1,"kind":"redriven","topic":"t","partition":0,"offset":5,"atMs":1,"by":"x"}',
    '{"version":1,"kind":"redriven","topic":"t","partition":0,"offset":"5x","atMs":1,"by":"x"}'
  ])('that nobody understands is not open: %s', (text) => {
    expect(parseState(Buffer.from(text))).toEqual({ kind: 'unreadable' })
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(['open', 'redriven', 'discarded', 'unreadable']).toContain(parseState(Buffer.from(bytes)).kind)
      })
    )
  })

  it('has bounded texts', () => {
    const long = stateValue({ ...discarded, by: 'b'.repeat(9_999), reason: 'r'.repeat(99_999) })
    expect(long.length).toBeLessThan(stateLimits.by + stateLimits.reason + 200)
    expect(parseState(long)).toMatchObject({ kind: 'discarded', reason: 'r'.repeat(stateLimits.reason) })
  })
})

describe('the key of a state', () => {
  it('names the quarantine topic and the record', () => {
    expect(parseStateKey(stateKey('orders.quarantine', id))).toEqual({ quarantineTopic: 'orders.quarantine', id })
  })

  it.each(['', 'orders', `orders/${id}x`, `a/b/${id}`, `orders/${id.toUpperCase()}`])('is not %s', (key) => {
    expect(parseStateKey(Buffer.from(key))).toBeNull()
  })
})

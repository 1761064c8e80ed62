import { describe, expect, it } from 'vitest'
import type { ChainSnapshot } from '../../../../src/enforcement/ledger/chain-state.ts'
import { encodeLedgerKey, encodeLedgerValue } from '../../../../src/enforcement/ledger/ledger-format.ts'
import { LedgerView } from '../../../../src/enforcement/ledger/ledger-view.ts'

const chain = { topic: 't', partition: 0, producerId: 9n, producerEpoch: 0 }
const key = (claim: string): Buffer => encodeLedgerKey({ chain, claim })
const state = (base: number): ChainSnapshot => ({
  floor: 0,
  droppedBelow: 0,
  batches: [{ base, count: 1, digest: 'd', dropped: [0] }],
  acknowledged: null,
  contested: null
})

class Log {
  readonly unreadable: string[] = []
  readonly view = new LedgerView((_, reason) => this.unreadable.push(reason))
  #offset = 0n

  claim(claim: string): bigint {
    return this.#write(key(claim), encodeLedgerValue({ kind: 'claim' }))
  }

  state(claim: string, claimOffset: bigint, base: number): void {
    this.#write(key(claim), encodeLedgerValue({ kind: 'state', claimOffset, state: state(base) }))
  }

  remove(claim: string): void {
    this.#write(key(claim), null)
  }

  garbage(): void {
    this.#write(Buffer.from('x'), Buffer.from('y'))
  }

  get entry(): { claim: string; base: number | null } | null {
    const entry = this.view.get(chain)
    return entry === undefined ? null : { claim: entry.claim, base: entry.state?.batches[0]?.base ?? null }
  }

  #write(recordKey: Buffer, value: Buffer | null): bigint {
    const offset = this.#offset++
    this.view.apply({ offset, timestampMs: 1, key: recordKey, value })
    return offset
  }
}

describe('who owns a chain', () => {
  it('is whoever claimed it last, with the state that stood before', () => {
    const log = new Log()
    const a = log.claim('a')
    log.state('a', a, 1)
    log.claim('b')
    expect(log.entry).toEqual({ claim: 'b', base: 1 })
  })

  it('is not changed by what an earlier owner writes after that', () => {
    const log = new Log()
    const a = log.claim('a')
    log.state('a', a, 1)
    const b = log.claim('b')
    log.state('a', a, 2)
    expect(log.entry).toEqual({ claim: 'b', base: 1 })
    log.state('b', b, 3)
    log.state('a', a, 4)
    log.remove('a')
    expect(log.entry).toEqual({ claim: 'b', base: 3 })
  })

  it('is told by the claim in a state whose claim itself was compacted away', () => {
    const log = new Log()
    log.state('b', 100n, 3)
    log.state('a', 50n, 4)
    expect(log.entry).toEqual({ claim: 'b', base: 3 })
  })

  it('is nobody when the last owner has removed its key', () => {
    const log = new Log()
    log.state('a', log.claim('a'), 1)
    expect(log.view.coversTopic('t')).toBe(true)
    log.remove('a')
    expect(log.entry).toBeNull()
    expect(log.view.coversTopic('t')).toBe(false)
    expect(log.view.epochsOf(chain)).toEqual([])
  })
})

describe('the topics that are covered', () => {
  it('are those with claims, also when nothing was quarantined', () => {
    const log = new Log()
    expect(log.view.coversAny).toBe(false)
    const a = log.claim('a')
    expect([log.view.coversAny, log.view.coversTopic('t'), log.view.renumbersIn('t')]).toEqual([true, true, false])
    log.state('a', a, 1)
    expect(log.view.renumbersIn('t')).toBe(true)
    log.claim('b')
    expect(log.view.renumbersIn('t')).toBe(true)
    log.view.clear()
    expect(log.view.coversAny).toBe(false)
    expect(log.view.size).toBe(0)
  })
})

describe('keys that were overtaken', () => {
  it('are known until they are removed, so that the next owner can', () => {
    const log = new Log()
    const a = log.claim('a')
    log.claim('b')
    log.claim('c')
    expect(log.view.get(chain)?.overtaken.map(String)).toEqual([key('a'), key('b')].map(String))
    log.remove('a')
    expect(log.view.get(chain)?.overtaken.map(String)).toEqual([String(key('b'))])
    log.state('a', a, 1)
    expect(log.view.get(chain)?.overtaken.map(String)).toEqual([key('b'), key('a')].map(String))
  })
})

it('a record that is not ours is passed over and told', () => {
  const log = new Log()
  log.garbage()
  log.claim('a')
  expect(log.unreadable).toEqual(['it is not JSON'])
  expect(log.entry?.claim).toBe('a')
})

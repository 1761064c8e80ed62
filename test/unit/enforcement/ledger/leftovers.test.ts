import { expect, it } from 'vitest'
import type { ChainSnapshot } from '../../../../src/enforcement/ledger/chain-state.ts'
import {
  chainKey,
  encodeLedgerKey,
  encodeLedgerValue,
  encodeMarkKey
} from '../../../../src/enforcement/ledger/ledger-format.ts'
import { LedgerView } from '../../../../src/enforcement/ledger/ledger-view.ts'
import { expiryMs, leftovers } from '../../../../src/enforcement/ledger/leftovers.ts'
import { MarkedTopics } from '../../../../src/enforcement/ledger/marked-topics.ts'

const chainOf = (topic: string, producerId: bigint) => ({ topic, partition: 0, producerId, producerEpoch: 0 })
const state: ChainSnapshot = {
  floor: 0,
  droppedBelow: 0,
  batches: [{ base: 0, count: 1, digest: 'd', dropped: [0] }],
  acknowledged: null,
  contested: null
}
const nowMs = 10 * expiryMs

class Log {
  readonly view = new LedgerView(() => undefined)
  readonly marked = new MarkedTopics()
  #offset = 0n

  claim(topic: string, producerId: bigint, writtenMs: number): void {
    this.#write(topic, producerId, writtenMs, encodeLedgerValue({ kind: 'claim' }))
  }

  state(topic: string, producerId: bigint, writtenMs: number): void {
    this.#write(topic, producerId, writtenMs, encodeLedgerValue({ kind: 'state', claimOffset: this.#offset, state }))
  }

  left(owned: readonly string[] = [], round = 0): { keys: string[]; states: bigint[] } {
    const { keys, states } = leftovers(this.view, this.marked, (key) => owned.includes(key), nowMs, round)
    return { keys: keys.map(String), states: states.map(({ chain }) => chain.producerId) }
  }

  #write(topic: string, producerId: bigint, timestampMs: number, value: Buffer): void {
    const key = encodeLedgerKey({ chain: chainOf(topic, producerId), claim: 'a' })
    this.view.apply({ offset: this.#offset++, timestampMs, key, value })
  }
}

it('claims without a state go when they are old and not our own', () => {
  const log = new Log()
  log.claim('t', 1n, 0)
  log.claim('t', 2n, nowMs - expiryMs)
  log.claim('t', 3n, 0)
  const { keys, states } = log.left([chainKey(chainOf('t', 3n))])
  expect(keys).toEqual([String(encodeLedgerKey({ chain: chainOf('t', 1n), claim: 'a' }))])
  expect(states).toEqual([])
})

it('states are told when they are old, whoever owns them', () => {
  const log = new Log()
  log.state('t', 1n, 0)
  log.state('t', 2n, nowMs)
  expect(log.left([chainKey(chainOf('t', 1n))])).toEqual({ keys: [], states: [1n] })
})

it('marks go when nobody has written them, but where chains are renumbered', () => {
  const log = new Log()
  for (const topic of ['idle', 'renumbered', 'claimed']) log.marked.apply(topic, 0, 0)
  log.marked.apply('busy', nowMs, nowMs)
  log.state('renumbered', 1n, nowMs)
  log.claim('claimed', 2n, nowMs)
  expect(log.left().keys).toEqual(['idle', 'claimed'].map((topic) => String(encodeMarkKey(topic))))
})

it('states come in turns, so that none stands in the way of the others for ever', () => {
  const log = new Log()
  for (let producerId = 0n; producerId < 2_500n; producerId++) log.state('t', producerId, 0)
  const rounds = [0, 1, 2, 3].map((round) => log.left([], round).states)
  expect(rounds.map(({ length }) => length)).toEqual([1_000, 1_000, 500, 1_000])
  expect(new Set(rounds.flat()).size).toBe(2_500)
  expect(rounds[3]).toEqual(rounds[0])
})

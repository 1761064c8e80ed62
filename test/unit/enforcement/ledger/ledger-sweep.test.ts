import { expect, it } from 'vitest'
import { encodeLedgerKey, encodeLedgerValue, encodeMarkKey } from '../../../../src/enforcement/ledger/ledger-format.ts'
import { expiryMs } from '../../../../src/enforcement/ledger/leftovers.ts'
import type { ChainId } from '../../../../src/enforcement/ledger/ports.ts'
import { ledgerOver, MemoryStates, MemoryTopic } from '../../../support/memory-ledger.ts'

const batches = [{ base: 0, count: 1, digest: 'd', dropped: [0] }]
const state = { floor: 0, droppedBelow: 0, batches, acknowledged: null, contested: null }

function keyOf(topic: string, producerId: bigint): Buffer {
  return encodeLedgerKey({ chain: { topic, partition: 0, producerId, producerEpoch: 0 }, claim: 'dead.1' })
}

class SomeStates extends MemoryStates {
  override lastSequence(chain: ChainId): Promise<number | null> {
    const told = super.lastSequence(chain)
    return chain.topic === 'gone' ? Promise.reject(new Error('there is no such topic')) : told
  }
}

it('what a topic that is gone has left behind keeps no other chain in the ledger, and is asked about once', async () => {
  const topic = new MemoryTopic()
  const value = encodeLedgerValue({ kind: 'state', claimOffset: 0n, state })
  for (const producerId of [1n, 2n, 3n]) topic.write(keyOf('gone', producerId), value)
  topic.write(keyOf('t', 4n), value)
  const states = new SomeStates()
  topic.nowMs += expiryMs + 1
  await ledgerOver(topic, states, 'a').sweep()
  expect(states.asked).toBe(2)
  expect(topic.live).toEqual([1n, 2n, 3n].map((producerId) => String(keyOf('gone', producerId))))
})

it('topics are marked ahead, once a day', async () => {
  const topic = new MemoryTopic()
  const ledger = ledgerOver(topic, new MemoryStates(), 'a')
  for (let times = 0; times < 2; times++) await ledger.mark(['t', 'u'])
  expect(topic.records.map(({ key }) => String(key))).toEqual(['t', 'u'].map((name) => String(encodeMarkKey(name))))
  expect(ledger.coversTopic('t')).toBe(true)
  topic.nowMs += 24 * 60 * 60_000 + 1
  await ledger.mark(['t'])
  expect(topic.records).toHaveLength(3)
})

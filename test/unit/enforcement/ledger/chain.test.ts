import { expect, it } from 'vitest'
import { Chain } from '../../../../src/enforcement/ledger/chain.ts'
import { ChainState } from '../../../../src/enforcement/ledger/chain-state.ts'

/** Just claimed, of a producer that the broker does not know. */
function chain(): Chain {
  const id = { topic: 't', partition: 0, producerId: 9n, producerEpoch: 0 }
  const start = { id, claim: 'a.1', claimOffset: 0n, state: new ChainState(0), nextUp: null, quiet: false }
  return new Chain({ ...start, inherited: null, nowMs: 0 })
}

it("somebody else's copy of a batch is found by who asks for the sake of a later one", () => {
  const ours = chain()
  const first = ours.plan({ base: 0, count: 3, digest: 'first', dropped: [2] }, true)
  const whole = ours.plan({ base: 3, count: 3, digest: 'whole', dropped: [0, 1, 2] }, true)
  ours.sent(first)
  expect(ours.overtaken(whole.batch, 1)).toBe(false)
  // All three of the first batch: nobody could tell any more once copies are held to be impossible.
  expect(ours.overtaken(whole.batch, 2)).toBe(true)
  expect(ours.state.batches).toEqual([])
  expect(ours.unwritten).toBe(true)
})

it('is not looked for behind the batch that is asked for', () => {
  const ours = chain()
  const first = ours.plan({ base: 0, count: 2, digest: 'first', dropped: [0, 1] }, true)
  ours.plan({ base: 2, count: 1, digest: 'behind', dropped: [0] }, true)
  expect(ours.overtaken(first.batch, 0)).toBe(false)
  expect(ours.overtaken(first.batch, 1)).toBe(true)
})

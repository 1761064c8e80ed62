import { expect, it } from 'vitest'
import { Chain } from '../../../../src/enforcement/ledger/chain.ts'
import { ChainState } from '../../../../src/enforcement/ledger/chain-state.ts'
import { Lanes } from '../../../../src/enforcement/ledger/lanes.ts'

function chain(): Chain {
  const id = { topic: 't', partition: 0, producerId: 9n, producerEpoch: 0 }
  const start = { id, claim: 'a.1', claimOffset: 0n, state: new ChainState(0), nextUp: null, quiet: true }
  return new Chain({ ...start, inherited: null, nowMs: 0 })
}

it('a connection knows a chain for no longer than its batches come on it', () => {
  const told: AbortSignal[] = []
  const moving = chain()
  moving.laneGone = (lane) => void told.push(lane)
  const lanes = new Lanes()
  const [first, second] = [new AbortController(), new AbortController()]
  lanes.bind(moving, first.signal)
  lanes.bind(moving, second.signal)
  first.abort()
  expect(told).toEqual([])
  second.abort()
  expect(told).toEqual([second.signal])
})

it('a connection that has gone takes no chain', () => {
  const gone = new AbortController()
  gone.abort()
  const late = chain()
  new Lanes().bind(late, gone.signal)
  expect(late.lane).toBeNull()
})

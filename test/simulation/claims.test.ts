/** Two instances that claim one chain, in as many orders as can be drawn. */
import { describe, expect, it } from 'vitest'
import { Random } from './random.ts'
import { inTopic, scene, settle } from './scene.ts'
import type { Lane } from './world.ts'

/**
 * Runs a schedule in many orders in which the events of a kind can happen among each other; everything else happens as
 * soon as it can. All orders are too many (some twenty choices among two to four), so they are drawn by seed.
 *
 * @returns how many different orders there were
 */
async function manyOrders(
  seeds: number,
  isChoice: (lane: Lane) => boolean,
  act: (choose: Chooser, seed: number) => Promise<void>
): Promise<number> {
  const orders = new Set<string>()
  for (let seed = 1; seed <= seeds; seed += 1) {
    const random = new Random(seed)
    let order = ''
    await act((lanes) => {
      const others = lanes.filter((lane) => !isChoice(lane))
      if (others.length > 0) return others[0]!
      const taken = random.whole(0, lanes.length - 1)
      if (lanes.length > 1) order += `${taken}/${lanes.length} `
      return lanes[taken]!
    }, seed)
    orders.add(order)
  }
  return orders.size
}

type Chooser = (lanes: readonly Lane[]) => Lane

describe('two instances that claim one chain', () => {
  /** Acknowledgements come as soon as they can: what is known by them is known by reading, too. */
  const isLedger = ({ kind }: Lane): boolean => kind === 'ledger-append' || kind === 'ledger-read'

  it('keep its promises in whatever order their writes, acknowledgements and reads happen', async () => {
    const orders = await manyOrders(400, isLedger, async (choose, seed) => {
      const all = await scene(1)
      const { stage, first, second, hand } = all
      stage.cluster.deadSocketsArrive = true
      const batches = [hand.batch(['bad', 'good']), hand.batch(['good'])]
      const one = hand.connect(first)
      const two = hand.connect(second)
      stage.world.chooser = choose
      // The client has gone over, and the first instance does not know yet.
      const attempts = batches.flatMap((batch) => [one.send(batch), two.send(batch)])
      await stage.world.drain()
      stage.world.chooser = null
      await settle(all)
      const last = hand.connect(second)
      const again = batches.map((batch) => last.send(batch))
      await settle(all)
      expect(
        again.map(({ code }) => code),
        `seed ${seed}`
      ).toEqual([0, 0])
      expect(attempts.every(({ code }) => code === null || code === 0 || code === 19)).toBe(true)
      expect(inTopic(stage)).toEqual(['hand.1.good', 'hand.2.good'])
    })
    expect(orders).toBeGreaterThan(100)
  }, 120_000)
})

/** The setting of a named schedule: two instances that have long had their policy, and a producer driven by hand. */
import { Hand } from './hand.ts'
import type { Instance } from './instance.ts'
import { Stage } from './stage.ts'
import type { StageOptions } from './stage.ts'

/** Whatever a schedule leaves open is picked by these. */
export const seeds = Array.from({ length: 10 }, (_, index) => index + 1)
const longEnoughMs = 20_000

/** Values in the topic, as they stand there. */
export const inTopic = (stage: Stage): string[] => stage.cluster.partitions[0]!.records.map(({ value }) => value)
export const inQuarantine = (stage: Stage): string[] => [...stage.quarantine.stored].sort()

export interface Scene {
  readonly stage: Stage
  readonly first: Instance
  readonly second: Instance
  readonly hand: Hand
}

/** Instances that have long had their policy, so that nothing waits because it is new. */
export async function scene(seed: number, options: StageOptions = {}): Promise<Scene> {
  const stage = new Stage(seed, { instances: 2, ...options })
  await stage.world.drain()
  await stage.world.pass(longEnoughMs)
  return { stage, first: stage.instances[0]!, second: stage.instances[1]!, hand: new Hand(stage) }
}

export const isBroker = (what: string): boolean => what.startsWith('broker 0 takes')

/** Until everything has come to rest, time included. */
export const settle = ({ stage }: Scene): Promise<void> => stage.world.pass(longEnoughMs)

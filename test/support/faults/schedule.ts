/** What is to happen when: drawn from a seed, so that a run can be repeated. */
import { hash } from 'node:crypto'

export type Fault =
  /** `kill -9` of an instance, and at the same moment a cut of the direct connections. */
  | { readonly kind: 'proxy'; readonly atMs: number; readonly instance: number }
  /** `kill -9` of a broker, which comes back after `downMs`. */
  | { readonly kind: 'broker'; readonly atMs: number; readonly node: number; readonly downMs: number }

export interface ScheduleOptions {
  readonly seed: number
  readonly durationMs: number
  readonly instances: number
  readonly nodes: number
}

/**
 * An instance dies every so often, whichever. The range is around the five seconds that a batch without a good record
 * may have to wait at a new owner: some waits end, some are cut short.
 */
const proxyEveryMs = { least: 3_000, most: 8_000 }
/** A broker's leaders move after its session's four seconds; it is down for longer, then takes part again. */
const brokerEveryMs = { least: 18_000, most: 26_000 }
const brokerDownMs = { least: 5_000, most: 8_000 }
/** No new fault near the end: what is down has to be back before the end of the run. */
const quietMs = 4_000

/** In the order of time. */
export function drawSchedule({ seed, durationMs, instances, nodes }: ScheduleOptions): Fault[] {
  const random = randomFrom(seed)
  const between = ({ least, most }: { least: number; most: number }): number =>
    Math.round(least + random() * (most - least))
  const faults: Fault[] = []
  for (let atMs = between(proxyEveryMs); atMs < durationMs - quietMs; atMs += between(proxyEveryMs)) {
    faults.push({ kind: 'proxy', atMs, instance: Math.floor(random() * instances) })
  }
  for (let atMs = between(brokerEveryMs) / 2; atMs < durationMs; atMs += between(brokerEveryMs)) {
    const downMs = between(brokerDownMs)
    const node = Math.floor(random() * nodes)
    if (atMs + downMs < durationMs - quietMs) faults.push({ kind: 'broker', atMs: Math.round(atMs), node, downMs })
  }
  return faults.sort((left, right) => left.atMs - right.atMs)
}

/** Numbers in [0, 1), the same for the same seed. */
export function randomFrom(seed: number): () => number {
  let drawn = 0
  return () => hashOf(`${seed}/${drawn++}`) / 2 ** 32
}

/** 32 bits of a text, well mixed. */
export function hashOf(text: string): number {
  return hash('sha256', text, 'buffer').readUInt32BE()
}

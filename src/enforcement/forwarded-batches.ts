/**
 * What was judged and sent on, so that a retry of it is not judged again.
 *
 * A batch may be in the log although its answer was lost. If its retry were refused, because the policy has been
 * tightened meanwhile or the registry is down, the producer would be told that nothing of it was stored; franz-go and
 * kafkajs would then give its sequence numbers to other records, which the broker takes for duplicates and drops. A
 * retry is the same bytes at the same position of the chain; by a hash nobody can forge, because what it vouches for
 * passes unjudged.
 */
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { ChainPosition } from './sequence-gate.ts'

/** Chains remembered; about 600 bytes each. Only batches of enforced topics with a producer id count. */
const maxChains = 20_000
/** A broker recognises duplicates among as many (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`). */
const batchesPerChain = 5

interface Chain {
  readonly epoch: number
  /** The latest last. */
  readonly batches: { readonly baseSequence: number; readonly digest: string }[]
}

export class ForwardedBatches {
  readonly #chains = new LRUCache<string, Chain>({ max: maxChains })

  has(position: ChainPosition, batch: Buffer): boolean {
    const chain = this.#chains.get(keyOf(position))
    if (chain?.epoch !== position.producerEpoch) return false
    const known = chain.batches.find(({ baseSequence }) => baseSequence === position.baseSequence)
    return known?.digest === digestOf(batch)
  }

  add(position: ChainPosition, batch: Buffer): void {
    const key = keyOf(position)
    const known = this.#chains.get(key)
    const chain = known?.epoch === position.producerEpoch ? known : { epoch: position.producerEpoch, batches: [] }
    const digest = digestOf(batch)
    const same = chain.batches.findIndex(({ baseSequence }) => baseSequence === position.baseSequence)
    if (same >= 0) chain.batches.splice(same, 1)
    chain.batches.push({ baseSequence: position.baseSequence, digest })
    if (chain.batches.length > batchesPerChain) chain.batches.shift()
    this.#chains.set(key, chain)
  }
}

function keyOf({ topic, partition, producerId }: ChainPosition): string {
  return `${producerId}/${partition}/${topic}`
}

function digestOf(batch: Buffer): string {
  return hash('sha256', batch, 'base64')
}

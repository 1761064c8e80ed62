/**
 * The keys of which a record stays behind: a later one must not overtake it. Records without a key have no order that
 * anybody could rely on.
 */
import { createHash } from 'node:crypto'
import type { QuarantineEntry } from './record.ts'

/** Some 80 bytes each. Beyond it all later records of the same partition wait. */
export const maxHeldKeys = 1_000_000

type Keyed = Pick<QuarantineEntry, 'topic' | 'partition' | 'key'>

export class HeldKeys {
  readonly #keys = new Set<string>()
  readonly #limit: number
  #isFull = false

  constructor(limit = maxHeldKeys) {
    this.#limit = limit
  }

  hold(record: Keyed): void {
    const name = nameOf(record)
    if (name === null || this.#keys.has(name)) return
    if (this.#keys.size >= this.#limit) this.#isFull = true
    else this.#keys.add(name)
  }

  holds(record: Keyed): boolean {
    const name = nameOf(record)
    return name !== null && (this.#isFull || this.#keys.has(name))
  }
}

/** The same for records whose order matters to each other. Null without a key. */
export function nameOf({ topic, partition, key }: Keyed): string | null {
  if (key === null) return null
  return createHash('sha256').update(`${topic}/${partition}/`).update(key).digest().toString('latin1', 0, 16)
}

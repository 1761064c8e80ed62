/**
 * The topics in which records may be quarantined, as the ledger tells all instances.
 *
 * An instance whose policies let everything of such a topic pass has to claim its chains all the same. Otherwise what it
 * forwards whole, another one may quarantine when the producer comes there, or may have quarantined before: neither could
 * be told from a batch that was renumbered, because a broker tells no more of a producer than its last sequence.
 */

/** Written anew by whoever still quarantines, so that marks which nobody needs any more can be told. */
const refreshMs = 24 * 60 * 60_000

interface Mark {
  /** When it was first seen here. */
  readonly sinceMs: number
  readonly writtenMs: number
}

export class MarkedTopics {
  readonly #marks = new Map<string, Mark>()

  get size(): number {
    return this.#marks.size
  }

  has(topic: string): boolean {
    return this.#marks.has(topic)
  }

  /** Since `sinceMs`, or longer, everybody who reads the ledger knows it. */
  isKnownSince(topic: string, sinceMs: number): boolean {
    const mark = this.#marks.get(topic)
    return mark !== undefined && mark.sinceMs <= sinceMs
  }

  /** True when who quarantines has to write the mark. */
  isDue(topic: string, nowMs: number): boolean {
    const mark = this.#marks.get(topic)
    return mark === undefined || mark.writtenMs < nowMs - refreshMs
  }

  /** Not written again since `ms`. */
  writtenBefore(ms: number): string[] {
    return [...this.#marks].filter(([, { writtenMs }]) => writtenMs < ms).map(([topic]) => topic)
  }

  /** As it stands in the log; `writtenMs` is null when it was removed. */
  apply(topic: string, writtenMs: number | null, nowMs: number): void {
    if (writtenMs === null) this.#marks.delete(topic)
    else this.#marks.set(topic, { sinceMs: this.#marks.get(topic)?.sinceMs ?? nowMs, writtenMs })
  }

  clear(): void {
    this.#marks.clear()
  }
}

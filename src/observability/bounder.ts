/**
 * Keeps clients from growing the metrics. Topics, rules and client ids come from outside; each new value of a label
 * makes new time series, here and in the store that scrapes. So a label keeps the first N distinct values it sees,
 * and a metric its first M series; what comes after is counted as `other`. Nothing that has been seen is ever
 * forgotten, since a counter that moved to `other` would seem to have been reset.
 */

export const otherValue = 'other'

/** A Kafka topic name has at most 249 characters; nothing longer is worth a label. */
export const maxLabelLength = 249

/** Bounds the distinct values of one label. */
export class LabelBounder {
  readonly #limit: number
  readonly #seen = new Set<string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#seen.size
  }

  bound(value: string): string {
    if (this.#seen.has(value)) return value
    if (this.#seen.size >= this.#limit || value.length > maxLabelLength) return otherValue
    this.#seen.add(value)
    return value
  }
}

/**
 * The children of one metric, by their label values: bounded in number, found without hashing an object.
 * `labels[i]` is bounded by `bounders[i]` where there is one; labels without one have few values by their nature, and
 * keep them when the series run out.
 */
export class SeriesBounder<Child> {
  readonly #children = new Map<string, Child>()
  readonly #bounders: readonly (LabelBounder | null)[]
  readonly #maxSeries: number
  readonly #make: (values: readonly string[]) => Child

  constructor(
    bounders: readonly (LabelBounder | null)[],
    maxSeries: number,
    make: (values: readonly string[]) => Child
  ) {
    this.#bounders = bounders
    this.#maxSeries = maxSeries
    this.#make = make
  }

  get size(): number {
    return this.#children.size
  }

  child(values: readonly string[]): Child {
    const bounded = values.map((value, index) => this.#bounders[index]?.bound(value) ?? value.slice(0, maxLabelLength))
    const found = this.#children.get(bounded.join(separator))
    if (found !== undefined) return found
    if (this.#children.size < this.#maxSeries) return this.#add(bounded)
    const rest = bounded.map((value, index) => (this.#bounders[index] == null ? value : otherValue))
    const shared = this.#children.get(rest.join(separator))
    // At twice the limit even the labels that should have few values are given up.
    if (shared !== undefined || this.#children.size < 2 * this.#maxSeries) return shared ?? this.#add(rest)
    const last = values.map(() => otherValue)
    return this.#children.get(last.join(separator)) ?? this.#add(last)
  }

  #add(values: readonly string[]): Child {
    const child = this.#make(values)
    this.#children.set(values.join(separator), child)
    return child
  }
}

/** Appears in no topic name, rule id or error name. */
const separator = '\u0000'

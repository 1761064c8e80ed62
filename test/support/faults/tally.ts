/**
 * What became of the records of one producer: compares what it was told with what lies in its topic and in quarantine.
 * Each kind of harm is counted by itself and named by examples, so that a report can say which one it was.
 */

export type Told = 'accepted' | 'failed'

export interface Outcome {
  /** By the number of each record that was handed to the client. */
  readonly told: ReadonlyMap<number, Told>
  readonly isBad: (n: number) => boolean
  /** Everything in the topic, partition by partition in the order of offsets. */
  readonly stored: readonly StoredNumber[]
  /** Everything in the quarantine topic. */
  readonly quarantined: readonly QuarantinedNumber[]
}

export interface StoredNumber {
  readonly partition: number
  /** Null: not one of the records that were sent. */
  readonly n: number | null
  /** What the bytes say, whatever the number says. */
  readonly bad: boolean
  /** False when key, value or headers are not what was sent. */
  readonly intact: boolean
}

export interface QuarantinedNumber {
  readonly n: number | null
  readonly id: string
  readonly intact: boolean
}

/** The kinds of harm: each has to be zero for an idempotent producer with the promises of Kafka. */
export const kinds = [
  'lost',
  'lostFromQuarantine',
  'leaked',
  'misplaced',
  'repeated',
  'disordered',
  'altered',
  'stray'
] as const
export type Kind = (typeof kinds)[number]

/** What each kind means, for reports. */
export const meanings: Record<Kind, string> = {
  lost: 'told accepted, conforms, and is not in the topic',
  lostFromQuarantine: 'told accepted, is bad, and is not in quarantine',
  leaked: 'is bad and is in the topic',
  misplaced: 'conforms and is in quarantine',
  repeated: 'further copies of a record in the topic',
  disordered: 'stands in its partition behind one that was sent after it',
  altered: 'key, value or headers are not those that were sent',
  stray: 'nobody sent it'
}

export interface Tally {
  readonly sent: number
  readonly bad: number
  readonly accepted: number
  /** The client gave up and said so; such a record may be in the topic all the same. */
  readonly failed: number
  readonly harm: Readonly<Record<Kind, number>>
  /** A few numbers of each kind that occurred. */
  readonly examples: Readonly<Partial<Record<Kind, readonly number[]>>>
  /** Copies in quarantine with an id that is there already: allowed, a reader knows them by it. */
  readonly quarantineRepeats: number
  /** Copies in quarantine under another id. */
  readonly quarantineTwins: number
}

const examplesKept = 8

export function tally({ told, isBad, stored, quarantined }: Outcome): Tally {
  const found: Record<Kind, number[]> = {
    lost: [],
    lostFromQuarantine: [],
    leaked: [],
    misplaced: [],
    repeated: [],
    disordered: [],
    altered: [],
    stray: []
  }
  const inTopic = new Set<number>()
  const highest = new Map<number, number>()
  for (const { partition, n, bad, intact } of stored) {
    if (bad) found.leaked.push(n ?? -1)
    if (n === null || !told.has(n)) {
      found.stray.push(n ?? -1)
      continue
    }
    if (!intact) found.altered.push(n)
    if (inTopic.has(n)) {
      found.repeated.push(n)
      continue
    }
    inTopic.add(n)
    const before = highest.get(partition) ?? -1
    if (n < before) found.disordered.push(n)
    else highest.set(partition, n)
  }

  const idsOf = new Map<number, Set<string>>()
  let quarantineRepeats = 0
  let quarantineTwins = 0
  for (const { n, id, intact } of quarantined) {
    if (n === null || !told.has(n)) {
      found.stray.push(n ?? -1)
      continue
    }
    if (!intact) found.altered.push(n)
    if (!isBad(n)) found.misplaced.push(n)
    const ids = idsOf.get(n)
    if (ids === undefined) idsOf.set(n, new Set([id]))
    else if (ids.has(id)) quarantineRepeats += 1
    else {
      quarantineTwins += 1
      ids.add(id)
    }
  }

  let accepted = 0
  let bad = 0
  for (const [n, answer] of told) {
    if (isBad(n)) bad += 1
    if (answer !== 'accepted') continue
    accepted += 1
    if (isBad(n) ? !idsOf.has(n) : !inTopic.has(n)) found[isBad(n) ? 'lostFromQuarantine' : 'lost'].push(n)
  }
  const occurred = kinds.filter((kind) => found[kind].length > 0)
  return {
    sent: told.size,
    bad,
    accepted,
    failed: told.size - accepted,
    harm: Object.fromEntries(kinds.map((kind) => [kind, found[kind].length])) as Record<Kind, number>,
    examples: Object.fromEntries(occurred.map((kind) => [kind, found[kind].slice(0, examplesKept)])),
    quarantineRepeats,
    quarantineTwins
  }
}

export function kindsOf(counted: Pick<Tally, 'harm'>): Kind[] {
  return kinds.filter((kind) => counted.harm[kind] > 0)
}

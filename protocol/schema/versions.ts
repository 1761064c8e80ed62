/** Version ranges in Kafka's own notation, so that a declaration reads like the definition it is checked against. */

/** `3+` from 3 on, `0-7` both included, `5` only that one. */
export type Versions = `${number}` | `${number}+` | `${number}-${number}`

export interface VersionRange {
  readonly first: number
  /** Included; Infinity for `3+`. */
  readonly last: number
}

export function parseVersions(text: Versions): VersionRange {
  const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(text)
  if (match === null) throw new TypeError(`not a version range: ${text}`)
  const first = Number(match[1])
  const last = match[2] === '+' ? Infinity : Number(match[3] ?? first)
  if (last < first) throw new TypeError(`an empty version range: ${text}`)
  return { first, last }
}

export function includes(range: VersionRange | null, version: number): boolean {
  return range !== null && version >= range.first && version <= range.last
}

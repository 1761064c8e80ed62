/** One record that came in no batch, as the contracts want to see it: laid out like a record of a batch. */
import type { RecordBytes } from './judgement.ts'

export interface RecordContents {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** `nameBytes` is the name as it was written, for names that are not UTF-8. */
  readonly headers: readonly { readonly name: string; readonly nameBytes?: Buffer; readonly value: Buffer | null }[]
  /** Epoch milliseconds; -1 when there is none. */
  readonly timestampMs: number
}

interface Place {
  readonly start: number
  /** -1: null. */
  readonly length: number
}

/** Key, value and headers are copied. */
export function singleRecord({ key, value, headers, timestampMs }: RecordContents): RecordBytes {
  const parts: Buffer[] = []
  let length = 0
  const place = (bytes: Buffer | null): Place => {
    if (bytes === null) return { start: length, length: -1 }
    const start = length
    parts.push(bytes)
    length += bytes.length
    return { start, length: bytes.length }
  }
  const keyPlace = place(key)
  const valuePlace = place(value)
  const places = headers.map((header) => ({
    name: place(header.nameBytes ?? Buffer.from(header.name)),
    value: place(header.value)
  }))
  return {
    count: 1,
    bytes: Buffer.concat(parts),
    keyLength: () => keyPlace.length,
    keyStart: () => keyPlace.start,
    valueLength: () => valuePlace.length,
    valueStart: () => valuePlace.start,
    headerCount: () => places.length,
    forEachHeader(_index, visit) {
      for (const { name, value: of } of places) visit(name.start, name.length, of.start, of.length)
    },
    timestampMs: () => timestampMs
  }
}

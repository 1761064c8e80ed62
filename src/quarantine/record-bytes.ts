/** One record as the contracts want to see it: laid out like a record of a batch. */
import type { RecordHeader } from '../../protocol/records/batch.ts'
import type { RecordBytes } from '../contracts/judgement.ts'

interface Place {
  readonly start: number
  /** -1: null. */
  readonly length: number
}

export interface RecordContents {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
  /** Epoch milliseconds; -1 when there is none. */
  readonly timestampMs: number
}

export function recordBytes({ key, value, headers, timestampMs }: RecordContents): RecordBytes {
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

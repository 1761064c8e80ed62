/**
 * The Confluent framing: magic byte 0, schema id as int32 big-endian, for Protobuf the path of the message inside its
 * file, then the payload.
 *
 * Source: `AbstractKafkaSchemaSerDe` and `MessageIndexes` of Confluent's Schema Registry. The indexes are a zig-zag
 * varint count and as many zig-zag varints; a count of 0 is the common case `[0]`, written as one byte.
 */
import type { PayloadFailure } from './format.ts'
import { limits } from './limits.ts'

export interface ConfluentFraming {
  readonly schemaId: number
  /** `[0]` for formats that have no indexes. */
  readonly messageIndexes: number[]
  /** Absolute, like `start` and `end`. */
  readonly payloadStart: number
}

const headLength = 5

/** Never throws. Offsets in failures count from `start`. */
export function readConfluentFraming(
  bytes: Buffer,
  start: number,
  end: number,
  format: 'avro' | 'protobuf' | 'json'
): ConfluentFraming | { readonly failure: PayloadFailure } {
  if (end - start < headLength) {
    return failed(
      'is shorter than the Confluent framing',
      'a zero byte and 4 bytes of schema id',
      `${end - start} bytes`,
      0
    )
  }
  if (bytes[start] !== 0) {
    return failed('does not start with the magic byte of the Confluent framing', '0x00', hexByte(bytes[start]!), 0)
  }
  const schemaId = bytes.readInt32BE(start + 1)
  if (schemaId < 0) return failed('has a negative schema id', 'a positive schema id', 'a negative number', 1)
  if (format !== 'protobuf') return { schemaId, messageIndexes: [0], payloadStart: start + headLength }
  return readMessageIndexes(bytes, start, end, schemaId)
}

function readMessageIndexes(
  bytes: Buffer,
  start: number,
  end: number,
  schemaId: number
): ConfluentFraming | { readonly failure: PayloadFailure } {
  let at = start + headLength
  const next = (): number | null => {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= end) return null
      const byte = bytes[at++]!
      raw += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    }
    return null
  }
  const bad = (): { readonly failure: PayloadFailure } =>
    failed('has no readable Protobuf message indexes', 'a count and as many indexes', undefined, headLength)
  const count = next()
  if (count === null || count < 0) return bad()
  if (count > limits.messageIndexes) {
    return failed(
      'names a Protobuf message that is nested too deep',
      `at most ${limits.messageIndexes} indexes`,
      undefined,
      headLength
    )
  }
  if (count === 0) return { schemaId, messageIndexes: [0], payloadStart: at }
  const messageIndexes: number[] = []
  for (let i = 0; i < count; i++) {
    const index = next()
    if (index === null || index < 0) return bad()
    messageIndexes.push(index)
  }
  return { schemaId, messageIndexes, payloadStart: at }
}

function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`
}

function failed(
  message: string,
  expected: string,
  found: string | undefined,
  byteOffset: number
): { readonly failure: PayloadFailure } {
  return { failure: { path: '', message, expected, ...(found === undefined ? {} : { found }), byteOffset } }
}

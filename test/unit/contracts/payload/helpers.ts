import { expect } from 'vitest'
import { encodePayload } from '../../../../src/contracts/payload/encode.ts'
import type { Decoded, PayloadFailure, PayloadFormat } from '../../../../src/contracts/payload/format.ts'
import { loadPayloadFormat } from '../../../../src/contracts/payload/load.ts'
import type { SchemaRequest } from '../../../../src/contracts/payload/load.ts'

export function load(request: Omit<SchemaRequest, 'file'>): PayloadFormat {
  const loaded = loadPayloadFormat({ ...request, file: 'schema' })
  if ('problem' in loaded) throw new Error(loaded.problem)
  return loaded.format
}

export const avro = (schema: unknown): PayloadFormat => load({ format: 'avro', source: JSON.stringify(schema) })
export const json = (schema: unknown): PayloadFormat => load({ format: 'json', source: JSON.stringify(schema) })
export const proto = (source: string, message?: string): PayloadFormat =>
  load({ format: 'protobuf', source, ...(message === undefined ? {} : { message }) })

export function problemOf(request: Omit<SchemaRequest, 'file'>): { problem: string; line?: number } {
  const loaded = loadPayloadFormat({ ...request, file: 'schema' })
  if (!('problem' in loaded)) throw new Error('the schema loads')
  return loaded
}

/** In the middle of a larger buffer, as payloads lie in a batch. */
export function decode(format: PayloadFormat, payload: Buffer | string): Decoded {
  const bytes = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload
  const batch = Buffer.concat([Buffer.from([0xff, 0x00]), bytes, Buffer.from([0x00, 0xff])])
  return format.decode(batch, 2, 2 + bytes.length)
}

export function valueOf(format: PayloadFormat, payload: Buffer | string): unknown {
  const decoded = decode(format, payload)
  expect(decoded).toHaveProperty('ok', true)
  return decoded.ok ? decoded.value : undefined
}

export function failuresOf(format: PayloadFormat, payload: Buffer | string): readonly PayloadFailure[] {
  const decoded = decode(format, payload)
  expect(decoded).toHaveProperty('ok', false)
  return decoded.ok ? [] : decoded.failures
}

export function encoded(format: PayloadFormat, plain: unknown): Buffer {
  const bytes = encodePayload(format, plain)
  if ('problem' in bytes) throw new Error(bytes.problem)
  return bytes
}

/** Bytes of heap that `run` leaves behind, at most roughly; for "never an allocation". */
export function heapGrowth(run: () => void): number {
  const before = process.memoryUsage().heapUsed
  run()
  return process.memoryUsage().heapUsed - before
}

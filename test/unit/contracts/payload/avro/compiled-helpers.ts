/** What tests of compiled Avro share. */
import { expect } from 'vitest'
import { loadAvroSchema } from '../../../../../src/contracts/payload/avro/load.ts'
import { Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type { Compilable, CompiledPayload, ListVisit, SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import { encodePayload } from '../../../../../src/contracts/payload/encode.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { compareJudges } from '../../../../support/compiled-payload.ts'

export type Format = PayloadFormat & Compilable

export function load(schema: unknown): Format {
  const loaded = loadAvroSchema({ source: JSON.stringify(schema), references: [], file: 'schema' })
  if ('problem' in loaded) throw new Error(loaded.problem)
  return loaded.format as Format
}

export function compiled(
  format: Format,
  paths: readonly SlotPath[] = [],
  firstSlot = 0,
  visits: readonly ListVisit[] = []
): CompiledPayload {
  const made = format.compile(paths, firstSlot, visits)
  if ('reason' in made) throw new Error(made.reason)
  return made
}

export function reasonOf(schema: unknown, paths: readonly SlotPath[] = []): string {
  const made = load(schema).compile(paths, 0)
  return 'reason' in made ? made.reason : 'compiled'
}

export function encoded(format: Format, plain: unknown): Buffer {
  const bytes = encodePayload(format, plain)
  if ('problem' in bytes) throw new Error(bytes.problem)
  return bytes
}

export const record = (name: string, fields: Record<string, unknown>): object => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type }))
})

/** Judges the payload both ways; it must be accepted by both or by neither. */
export function bothAccept(schema: unknown, payload: Buffer | string, paths: readonly SlotPath[] = []): boolean {
  const format = load(schema)
  const bytes = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload
  const slots = new Slots(paths.length)
  const { accepted, referenceAccepts } = compareJudges(format, compiled(format, paths), paths, bytes, slots, 'case')
  expect(accepted).toBe(referenceAccepts)
  return accepted
}

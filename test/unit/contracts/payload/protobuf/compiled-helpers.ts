/** Shared by the tests of compiled Protobuf: schemas, compiled; payloads written by hand, judged by both. */
import { slotKind, Slots } from '../../../../../src/contracts/payload/compiled.ts'
import type {
  Compilable,
  CompiledPayload,
  ListVisit,
  NotCompiled,
  SlotPath
} from '../../../../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../../../../src/contracts/payload/format.ts'
import { loadProtobufSchema } from '../../../../../src/contracts/payload/protobuf/load.ts'
import { compareJudges } from '../../../../support/compiled-payload.ts'

/** The first message of the file. */
export function proto(source: string, message: string | null = null): PayloadFormat {
  const file = loadProtobufSchema({ source, references: [], file: 'schema' })
  if ('problem' in file) throw new Error(file.problem)
  const found = file.messageNamed(message)
  if ('problem' in found) throw new Error(found.problem)
  return found.format
}

export function compile(
  format: PayloadFormat,
  paths: readonly SlotPath[] = [],
  firstSlot = 0,
  visits: readonly ListVisit[] = []
): CompiledPayload | NotCompiled {
  if (!('compile' in format)) throw new Error('the format is not compilable')
  return (format as PayloadFormat & Compilable).compile(paths, firstSlot, visits)
}

export function compiledOf(
  format: PayloadFormat,
  paths: readonly SlotPath[] = [],
  firstSlot = 0,
  visits: readonly ListVisit[] = []
): CompiledPayload {
  const compiled = compile(format, paths, firstSlot, visits)
  if ('reason' in compiled) throw new Error(compiled.reason)
  return compiled
}

export function reasonOf(
  format: PayloadFormat,
  paths: readonly SlotPath[] = [],
  visits: readonly ListVisit[] = []
): string {
  const compiled = compile(format, paths, 0, visits)
  if (!('reason' in compiled)) throw new Error('the schema is compiled')
  return compiled.reason
}

/** What `judged` notes into. */
export const slots = new Slots(16)

const compiledOnce = new Map<PayloadFormat, Map<string, CompiledPayload>>()

/** What both say: `both` accept, `none` does, or only the `reference`. */
export function judged(
  format: PayloadFormat,
  payload: string | Buffer,
  ...paths: SlotPath[]
): 'both' | 'none' | 'reference' {
  const bytes = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload
  const byPaths = compiledOnce.get(format) ?? new Map<string, CompiledPayload>()
  compiledOnce.set(format, byPaths)
  const compiled = byPaths.get(JSON.stringify(paths)) ?? compiledOf(format, paths)
  byPaths.set(JSON.stringify(paths), compiled)
  const { accepted, referenceAccepts } = compareJudges(format, compiled, paths, bytes, slots, 'case')
  return accepted ? 'both' : referenceAccepts ? 'reference' : 'none'
}

/** The names of the kinds of the first slots. */
export function kindsOf(count: number): string[] {
  const named = Object.entries(slotKind)
  return Array.from({ length: count }, (_, index) => named.find(([, kind]) => kind === slots.kinds[index])![0])
}

/** A field of a length and bytes. */
export function counted(number: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(BigInt(number) * 8n + 2n), varint(BigInt(body.length)), body])
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let left = BigInt.asUintN(64, value)
  for (; left > 0x7fn; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(left)])
}

export const head =
  'syntax = "proto3"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";'

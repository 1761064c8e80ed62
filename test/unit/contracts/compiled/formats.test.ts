/**
 * Compiled conditions over the slots that the compiled formats fill, against the reference over the decoded payload:
 * that both sides mean the same by absent and null, by a number's type and by the ends of a text.
 */
import { describe, expect, it } from 'vitest'
import { compileCondition } from '../../../../src/contracts/compiled/conditions.ts'
import { readsOfExpression } from '../../../../src/contracts/compiled/paths.ts'
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import { SlotLayout } from '../../../../src/contracts/compiled/slot-layout.ts'
import { Slots } from '../../../../src/contracts/payload/compiled.ts'
import type { Compilable } from '../../../../src/contracts/payload/compiled.ts'
import { encodePayload } from '../../../../src/contracts/payload/encode.ts'
import type { PayloadFormat } from '../../../../src/contracts/payload/format.ts'
import { loadPayloadFormat } from '../../../../src/contracts/payload/load.ts'
import { caseCount, SeededRandom } from '../../../support/compiled-payload.ts'
import { ExpressionMaker } from './expressions.ts'
import { variablesFor } from './random-records.ts'
import { bindingsOf, expected, facts } from './support.ts'

type Plain = Readonly<Record<string, unknown>>

const inner = [
  { name: 'n', type: ['null', 'long'], default: null },
  { name: 't', type: ['null', 'string'], default: null },
  { name: 'b', type: 'boolean' }
]
const avro = JSON.stringify({
  type: 'record',
  name: 'Row',
  fields: [
    { name: 'i', type: ['null', 'long'] },
    { name: 'j', type: 'int' },
    { name: 'd', type: ['double', 'null'] },
    { name: 'e', type: 'double' },
    { name: 's', type: ['null', 'string'] },
    { name: 't', type: 'string' },
    { name: 'color', type: ['null', { type: 'enum', name: 'Color', symbols: ['RED', 'GREEN', 'S'] }] },
    { name: 'size', type: { type: 'enum', name: 'Size', symbols: ['S', 'M', 'a'] } },
    { name: 'f', type: ['null', 'boolean'] },
    { name: 'g', type: 'boolean' },
    { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }] },
    { name: 'then', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'raw', type: ['null', 'bytes'] },
    { name: 'l', type: { type: 'array', items: 'long' } },
    { name: 'r', type: ['null', { type: 'record', name: 'Inner', fields: inner }] },
    { name: 'q', type: 'Inner' }
  ]
})

const innerJson = {
  type: 'object',
  required: ['b'],
  properties: { n: { type: ['integer', 'null'] }, t: { type: 'string' }, b: { type: 'boolean' } }
}
const json = JSON.stringify({
  type: 'object',
  required: ['j', 'e', 't', 'size', 'g', 'l', 'q'],
  properties: {
    i: { type: ['integer', 'null'] },
    j: { type: 'integer' },
    d: { type: ['number', 'null'] },
    e: { type: 'number' },
    s: { type: ['string', 'null'] },
    t: { type: 'string' },
    color: { type: 'string' },
    size: { enum: ['S', 'M', 'a'] },
    f: { type: ['boolean', 'null'] },
    g: { type: 'boolean' },
    l: { type: 'array', items: { type: 'integer' } },
    r: { anyOf: [{ type: 'null' }, innerJson] },
    q: innerJson
  }
})

const protobuf = `syntax = "proto3";
message Row {
  optional int64 i = 1;
  int32 j = 2;
  optional uint32 u = 3;
  optional double d = 4;
  double e = 5;
  optional string s = 6;
  string t = 7;
  optional string color = 8;
  string size = 9;
  optional bool f = 10;
  bool g = 11;
  optional bytes raw = 12;
  repeated int64 l = 13;
  Inner r = 14;
  Inner q = 15;
}
message Inner {
  optional int64 n = 1;
  optional string t = 2;
  bool b = 3;
}`

function load(format: 'avro' | 'json' | 'protobuf', source: string): PayloadFormat & Compilable {
  const loaded = loadPayloadFormat({ format, source, file: 'schema' })
  if (!('format' in loaded)) throw new Error(loaded.problem)
  if (!('compile' in loaded.format)) throw new Error('not compilable')
  return loaded.format as PayloadFormat & Compilable
}

const texts = ['', 'a', 'ab', 'RED', 'S', 'größe', '😀', 'a😀b', 'z', 'quote"', '2026-01-01T00:00:00Z', 'x'.repeat(70)]
const ints = [0, 1, -1, 2, 7, -7, 100, 2 ** 31 - 1]

/** `absent`: a name that is left out; with Avro, which has no such thing, it is null. */
function randomRow(random: SeededRandom, hasAbsent: boolean): Plain {
  const row: Record<string, unknown> = {}
  const put = (name: string, isRequired: boolean, make: () => unknown): void => {
    if (isRequired) row[name] = make()
    else if (random.chance(0.15) && hasAbsent) return
    else row[name] = random.chance(0.2) ? null : make()
  }
  const double = (): number => random.pick([0, -1.5, 2.5, 0.1, 1e300, 100, 7])
  const text = (): string => random.pick(texts)
  const bool = (): boolean => random.chance(0.5)
  const instant = (): string =>
    random.pick(['2026-01-01T00:00:00.250Z', '1969-12-31T23:59:59.999Z', '2030-05-05T05:05:05Z'])
  const part = (): Plain => {
    const made: Record<string, unknown> = { b: bool() }
    if (random.chance(0.7)) made['n'] = random.pick(ints)
    if (random.chance(0.7)) made['t'] = text()
    return made
  }
  put('i', false, () => random.pick([...ints, 2 ** 53 - 1]))
  put('j', true, () => random.pick(ints))
  put('u', false, () => random.pick([0, 1, 7, 100]))
  put('d', false, double)
  put('e', true, double)
  put('s', false, text)
  put('t', true, text)
  put('color', false, () => random.pick(['RED', 'GREEN', 'S']))
  put('size', true, () => random.pick(['S', 'M', 'a']))
  put('f', false, bool)
  put('g', true, bool)
  put('at', false, instant)
  put('then', true, instant)
  put('l', true, () => Array.from({ length: random.below(3) }, () => 1))
  put('r', false, part)
  put('q', true, part)
  return row
}

/** Fields of the row that the schema has; null and absent are one where the format does not tell them apart. */
function plainFor(format: PayloadFormat, row: Plain): Plain {
  const { shape } = format
  if (shape.kind !== 'record') throw new Error('no record')
  const kept = Object.entries(row).filter(([name]) => shape.fields.has(name))
  if (format.name === 'avro') {
    const missing = [...shape.fields.keys()].filter((name) => !(name in row)).map((name) => [name, null] as const)
    return Object.fromEntries([...kept, ...missing])
  }
  const isJson = format.name === 'json'
  return Object.fromEntries(kept.filter(([name, value]) => value !== null || (isJson && !['color'].includes(name))))
}

interface Tally {
  rules: number
  decided: number
  same: number
}

function runRules(format: PayloadFormat & Compilable, count: number): Tally {
  const tally: Tally = { rules: 0, decided: 0, same: 0 }
  const variables = variablesFor(format.shape)
  for (let seed = 1; seed <= count; seed++) {
    const random = new SeededRandom(seed)
    const source = new ExpressionMaker(random).condition(2)
    const reference = compileExpression(source, variables)
    const reads = readsOfExpression(source, variables)
    if (!reference.ok || 'reason' in reads || reads.some(({ side }) => side === 'key')) continue
    const layout = new SlotLayout(reads)
    const { paths, firstSlot, visits } = layout.value
    const payload = format.compile(paths, firstSlot, visits)
    if ('reason' in payload) continue
    layout.bind(null, payload)
    const condition = compileCondition(source, variables, layout)
    if (typeof condition !== 'function') throw new Error(condition.reason)
    tally.rules++
    const slots = new Slots(layout.count)
    for (let n = 0; n < 15; n++) {
      const encoded = encodePayload(format, plainFor(format, randomRow(random, format.name !== 'avro')))
      if (!Buffer.isBuffer(encoded)) throw new Error(`seed ${seed}: ${encoded.problem}`)
      const bytes = Buffer.concat([Buffer.from('..'), encoded, Buffer.from('..')])
      const decoded = format.decode(bytes, 2, bytes.length - 2)
      if (!decoded.ok) throw new Error(`seed ${seed}: ${decoded.failures[0]!.message}`)
      const wanted = expected(reference.program.evaluate(bindingsOf(null, decoded.value)))
      if (wanted !== 2) tally.decided++
      for (const folds of layout.folds) folds.start(slots)
      if (!payload.accepts(bytes, 2, bytes.length - 2, slots)) continue
      const answer: number = condition(slots, bytes, facts)
      if (answer === 2) continue
      if (answer !== wanted) {
        expect.fail(`seed ${seed}, ${source} of ${encoded.toString('hex')}: ${answer}, the reference says ${wanted}`)
      }
      tally.same++
    }
  }
  return tally
}

describe('compiled conditions over compiled payloads', () => {
  it.each([
    ['avro', avro, 0.97],
    // A text with an escape is in no slot, and one in twelve has one.
    ['json', json, 0.7],
    ['protobuf', protobuf, 0.97]
  ] as const)('of %s answer as the reference does', { timeout: caseCount(60_000) }, (name, schema, least) => {
    const tally = runRules(load(name, schema), caseCount(400))
    expect(tally.rules).toBeGreaterThan(caseCount(60))
    expect(tally.same / tally.decided).toBeGreaterThan(least)
  })
})

/**
 * Policies that look into lists, from the text of the policy to the verdict about a record: the compiled contract takes
 * nothing that the reference finds a fault in, over generated rules, schemas of three formats, and damaged payloads.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadPolicy } from '../../../../src/contracts/compile.ts'
import type { CompiledPolicy } from '../../../../src/contracts/compile.ts'
import { howJudged } from '../../../../src/contracts/compiled/explain.ts'
import { RecordAcceptor } from '../../../../src/contracts/compiled/record-acceptor.ts'
import { FindingsInFull } from '../../../../src/contracts/findings.ts'
import { sideReader } from '../../../../src/contracts/payload-side.ts'
import { encodePayload } from '../../../../src/contracts/payload/encode.ts'
import { planFor } from '../../../../src/contracts/plan.ts'
import { RecordJudge } from '../../../../src/contracts/record-judge.ts'
import { caseCount, damaged, SeededRandom } from '../../../support/compiled-payload.ts'
import { head, recordsOf, tryPolicy } from '../../../support/contracts.ts'

type Plain = Readonly<Record<string, unknown>>
type FormatName = 'avro' | 'json' | 'protobuf'

const item = [
  { name: 'n', type: 'long' },
  { name: 'q', type: ['null', 'int'], default: null },
  { name: 'd', type: 'double' },
  { name: 't', type: 'string' },
  { name: 'o', type: ['null', 'string'], default: null },
  { name: 'b', type: 'boolean' },
  { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 } }
]
const decimal = { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 3 }
const array = (items: unknown): unknown => ({ type: 'array', items })
const avro = JSON.stringify({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'rows', type: array({ type: 'record', name: 'Item', fields: item }) },
    { name: 'more', type: ['null', array(['null', 'Item'])], default: null },
    { name: 'tags', type: array('string') },
    { name: 'nums', type: array(['null', 'long']) },
    {
      name: 'sub',
      type: ['null', { type: 'record', name: 'Sub', fields: [{ name: 'rows', type: array('Item') }] }],
      default: null
    },
    { name: 'amount', type: decimal },
    { name: 'limit', type: ['null', decimal], default: null }
  ]
})

const itemJson = {
  type: 'object',
  required: ['n', 'd', 't', 'b'],
  properties: {
    n: { type: 'integer' },
    q: { type: ['integer', 'null'] },
    d: { type: 'number' },
    t: { type: 'string' },
    o: { type: ['string', 'null'] },
    b: { type: 'boolean' }
  }
}
const listJson = (items: unknown): unknown => ({ type: 'array', items })
const json = JSON.stringify({
  type: 'object',
  required: ['id', 'rows', 'tags', 'nums'],
  properties: {
    id: { type: 'string' },
    rows: listJson(itemJson),
    more: listJson({ anyOf: [{ type: 'null' }, itemJson] }),
    tags: listJson({ type: 'string' }),
    nums: listJson({ type: ['integer', 'null'] }),
    sub: { type: ['object', 'null'], required: ['rows'], properties: { rows: listJson(itemJson) } }
  }
})

const protobuf = `syntax = "proto3";
message Order {
  string id = 1;
  repeated Item rows = 2;
  repeated Item more = 3;
  repeated string tags = 4;
  repeated int64 nums = 5;
  Sub sub = 6;
}
message Sub { repeated Item rows = 1; }
message Item {
  int64 n = 1;
  optional int32 q = 2;
  double d = 3;
  string t = 4;
  optional string o = 5;
  bool b = 6;
}`

const schemas: Readonly<Record<FormatName, readonly [string, string]>> = {
  avro: ['s.avsc', avro],
  json: ['s.json', json],
  protobuf: ['s.proto', protobuf]
}

const words = ['', 'a', 'ab', 'EUR', 'größe', '😀', 'x'.repeat(90), 'say "a"']

function randomItem(random: SeededRandom, format: FormatName): Plain {
  const made: Record<string, unknown> = {
    n: random.pick([0, 1, 2, 5, -1, 2 ** 40]),
    d: random.pick([0, 0.5, 2.5, -1, 1e300]),
    t: random.pick(words),
    b: random.chance(0.7)
  }
  if (random.chance(0.7)) made['q'] = random.pick([0, 1, 3])
  else if (format === 'avro' || (format === 'json' && random.chance(0.5))) made['q'] = null
  if (random.chance(0.7)) made['o'] = random.pick(words)
  else if (format === 'avro') made['o'] = null
  if (format === 'avro') made['price'] = random.pick(['0.00', '1.50', '2.00', '-0.01', '99999.99'])
  return made
}

function randomOrder(random: SeededRandom, format: FormatName): Plain {
  const list = (make: () => unknown): unknown[] => Array.from({ length: random.below(5) }, make)
  const one = (): Plain => randomItem(random, format)
  const orNull = (make: () => unknown): unknown => (format !== 'protobuf' && random.chance(0.15) ? null : make())
  const made: Record<string, unknown> = {
    id: random.pick(words),
    rows: list(one),
    tags: list(() => random.pick(words)),
    nums: list(() => orNull(() => random.pick([0, 1, 2, 5])))
  }
  if (random.chance(0.8)) made['more'] = list(() => orNull(one))
  else if (format === 'avro') made['more'] = null
  if (random.chance(0.8)) made['sub'] = { rows: list(one) }
  else if (format === 'avro' || (format === 'json' && random.chance(0.5))) made['sub'] = null
  if (format === 'avro') {
    made['amount'] = random.pick(['0.000', '1.500', '-0.005', '150.000', '2.000'])
    made['limit'] = random.chance(0.3) ? null : random.pick(['1.500', '100.000', '0.000'])
  }
  return made
}

const lists = ['rows', 'rows', 'more', 'sub.rows']

function bodyTest(random: SeededRandom, format: FormatName): string {
  const number = random.pick(['0', '1', '2.5', '-1', '5u'])
  const word = random.pick(['""', '"a"', '"EUR"', '"größe"'])
  const sign = random.pick(['<', '<=', '>', '>=', '==', '!='])
  return random.pick([
    `i.n ${sign} ${number}`,
    `i.d ${sign} ${number}`,
    `i.q ${sign} ${number}`,
    `i.t != ${word}`,
    `i.o == ${word}`,
    `i.t.startsWith(${word})`,
    `i.o.matches("^[a-z]*$")`,
    'size(i.t) > 0',
    'has(i.q)',
    'has(i.o)',
    'i.q != null',
    'i != null',
    'i.b',
    'i.n in [0, 1, 2, 5]',
    'i.t in ["a", "ab", "EUR"]',
    `i.n * 2 ${sign} i.q`,
    ...(format === 'avro' ? [`i.price ${sign} ${random.pick(['decimal("1.50")', '0', '0.005', '1.5'])}`] : [])
  ])
}

function body(random: SeededRandom, format: FormatName, depth: number): string {
  if (depth === 0 || random.chance(0.4)) return bodyTest(random, format)
  const part = (): string => body(random, format, depth - 1)
  return random.pick([`(${part()} && ${part()})`, `(${part()} || ${part()})`, `!(${part()})`])
}

function loop(random: SeededRandom, format: FormatName): string {
  const macro = random.pick(['all', 'all', 'exists', 'exists', 'exists_one'])
  if (random.chance(0.3)) {
    const about = random.pick(['tags', 'nums'] as const)
    const test =
      about === 'tags'
        ? random.pick(['v != ""', 'v == "a"', 'size(v) < 50', 'v.contains("a")', 'v in ["a", "EUR"]', 'v < "b"'])
        : random.pick(['v > 0', 'v != null', 'v == 1', 'v in [0, 1, 2]', 'v == null || v < 5'])
    return `value.${about}.${macro}(v, ${test})`
  }
  return `value.${random.pick(lists)}.${macro}(i, ${body(random, format, 2)})`
}

function rule(random: SeededRandom, format: FormatName): string {
  const amount = (): string => random.pick(['decimal("1.5")', '0', '-0.005', '1.5', 'value.limit', 'decimal("1e9")'])
  const part = (): string => {
    if (format === 'avro' && random.chance(0.2)) {
      return `value.amount ${random.pick(['<', '>=', '==', '!='])} ${amount()}`
    }
    if (random.chance(0.2)) return random.pick(['size(value.rows) < 4', 'has(value.sub)', 'value.id != "ab"'])
    return loop(random, format)
  }
  const [a, b] = [part(), part()]
  return random.pick([a, a, `${a} || ${b}`, `${a} && ${b}`, `!(${a})`, `(${a}) == (${b})`])
}

function constraint(random: SeededRandom, format: FormatName): readonly [string, string] {
  const texts = ['minLength: 1', 'maxLength: 5', 'in: [a, ab, EUR]', 'matches: "^[a-zA-Z]*$"', 'required: true']
  const numbers = ['min: 0', 'max: 5', 'min: 0.5', 'required: true']
  const list = `value.${random.pick(lists)}[]`
  const choices: (readonly [string, string])[] = [
    [`${list}.n`, random.pick(['min: 0', 'max: 5', 'in: [0, 1, 2, 5]'])],
    [`${list}.q`, random.pick(['min: 0', 'max: 1', 'required: true', 'required: true, min: 1'])],
    [`${list}.d`, random.pick(numbers)],
    [`${list}.t`, random.pick(texts)],
    [`${list}.o`, random.pick(texts)],
    [list, 'required: true'],
    ['value.tags[]', random.pick(texts)],
    ['value.nums[]', random.pick(['min: 0', 'max: 3', 'required: true'])],
    ['value.rows', random.pick(['minItems: 1', 'maxItems: 3'])]
  ]
  if (format === 'avro') {
    choices.push([`${list}.price`, random.pick(['min: 0', 'max: 2.5', 'in: [0, 1.5, 2]', 'min: -0.005'])])
    choices.push(['value.amount', random.pick(['min: 0', 'max: 1.5', 'min: -0.005', 'equals: 2'])])
    choices.push(['value.limit', random.pick(['min: 0', 'max: 1.5', 'required: true'])])
  }
  return random.pick(choices)
}

function randomPolicy(random: SeededRandom, format: FormatName): string {
  const [file] = schemas[format]
  const message = format === 'protobuf' ? ', message: Order' : ''
  const rules = Array.from({ length: random.below(3) }, (_, n) => {
    const when = random.chance(0.2) ? `\n    when: '${loop(random, format)}'` : ''
    return `  - id: r${n}\n    expr: '${rule(random, format)}'${when}`
  })
  const fields = new Map(Array.from({ length: random.below(3) }, () => constraint(random, format)))
  return [
    `${head}mode: reject`,
    `value: { format: ${format}, framing: none, schema: { file: ${file}${message} } }`,
    ...(rules.length > 0 ? ['rules:', ...rules] : []),
    ...(fields.size > 0 ? ['fields:', ...[...fields].map(([path, asked]) => `  ${path}: { ${asked} }`)] : [])
  ].join('\n')
}

interface Tally {
  policies: number
  compiled: number
  clean: number
  accepted: number
}

const recordsPerPolicy = 25

function judgeBothWays(policy: CompiledPolicy, payloads: readonly Buffer[], label: string, tally: Tally): void {
  const context = { topic: 't', partition: 0, producer: { clientId: null, principal: null } }
  const plan = planFor(policy, policy.modes.profiles[0]!)
  const records = recordsOf(payloads.map((value) => ({ value })))
  const side = (name: 'key' | 'value'): ReturnType<ReturnType<typeof sideReader>['openBatch']> =>
    sideReader(policy, name, 't', null).openBatch()
  const acceptor = new RecordAcceptor({ policy, plan, key: side('key'), value: side('value') }, records, context)
  const judge = new RecordJudge({ policy, plan, key: side('key'), value: side('value') }, records, context)
  const findings = new FindingsInFull()
  for (const [index, payload] of payloads.entries()) {
    const accepted = acceptor.accepts(index)
    judge.judge(index, findings)
    const found = findings.take()
    if (accepted && found !== null) {
      expect.fail(`${label}, payload ${payload.toString('hex')}: accepted, but ${JSON.stringify(found)}`)
    }
    if (found === null) tally.clean++
    if (accepted) tally.accepted++
  }
}

function run(format: FormatName, count: number): Tally {
  const tally: Tally = { policies: 0, compiled: 0, clean: 0, accepted: 0 }
  for (let seed = 1; seed <= count; seed++) {
    const random = new SeededRandom(seed)
    const yaml = randomPolicy(random, format)
    const [file, source] = schemas[format]
    const loaded = tryPolicy(yaml, { [file]: source })
    if (!loaded.ok) continue
    const { policy } = loaded
    if (howJudged(policy).kind === 'not-judged') continue
    tally.policies++
    if (howJudged(policy).kind === 'compiled') tally.compiled++
    else continue
    const payloads = Array.from({ length: recordsPerPolicy }, () => {
      const encoded = encodePayload(policy.fixed.value!.format, randomOrder(random, format))
      if (!Buffer.isBuffer(encoded)) throw new Error(`seed ${seed}: ${encoded.problem}`)
      return random.chance(0.15) ? damaged(encoded, random) : encoded
    })
    judgeBothWays(policy, payloads, `seed ${seed}\n${yaml}\n`, tally)
  }
  return tally
}

describe('policies that look into lists', () => {
  it.each([
    ['avro', 0.97],
    // A text with an escape is in no slot.
    ['json', 0.8],
    ['protobuf', 0.97]
  ] as const)(
    'of %s take what the reference finds clean, and nothing else',
    { timeout: caseCount(60_000) },
    (format, least) => {
      const tally = run(format, caseCount(100))
      expect(tally.policies).toBeGreaterThan(caseCount(60))
      expect(tally.compiled / tally.policies).toBeGreaterThan(0.9)
      expect(tally.clean).toBeGreaterThan(caseCount(400))
      expect(tally.accepted / tally.clean).toBeGreaterThan(least)
    }
  )
})

describe('the policies that come with it', () => {
  it.each(['orders', 'payments', 'shipments'])('%s is compiled', (name) => {
    const folder = join(import.meta.dirname, '../../../../policies')
    const files = {
      read: (path: string) => ({ ok: true, bytes: readFileSync(join(folder, path)) }) as const
    }
    const loaded = loadPolicy(files, `${name}.yaml`, (path) => path)
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.diagnostics))
    expect(howJudged(loaded.policy)).toEqual({ kind: 'compiled' })
  })
})

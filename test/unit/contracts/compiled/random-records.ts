/** Shapes and random records of many kinds of fields, for differential tests of rules. */
import { Decimal, Duration, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { FieldShape, ScalarKind, Shape, Value } from '../../../../src/contracts/value.ts'
import type { SeededRandom } from '../../../support/compiled-payload.ts'

function record(fields: Readonly<Record<string, Shape | readonly [Shape]>>): Shape {
  const shapes = new Map<string, FieldShape>()
  for (const [name, field] of Object.entries(fields)) {
    const required = Array.isArray(field)
    shapes.set(name, { shape: (required ? field[0] : field) as Shape, optional: !required })
  }
  return { kind: 'record', name: 'r', open: false, fields: shapes }
}

const of = (kind: ScalarKind): Shape => ({ kind })
const list: Shape = { kind: 'list', items: of('dyn') }

const inner = record({
  n: of('int'),
  t: of('string'),
  b: [of('bool')],
  m: record({ x: of('double'), t: [of('string')] })
})

/** An item of a list. */
const row = record({
  n: of('int'),
  k: [of('int')],
  u: of('uint'),
  d: of('double'),
  t: of('string'),
  c: [of('string')],
  b: of('bool'),
  at: of('timestamp'),
  dec: of('decimal'),
  x: of('dyn'),
  m: inner
})

/** Fields in brackets are required. */
export const root = record({
  i: of('int'),
  j: [of('int')],
  u: of('uint'),
  d: of('double'),
  e: [of('double')],
  s: of('string'),
  t: [of('string')],
  color: of('string'),
  size: [of('string')],
  f: of('bool'),
  g: [of('bool')],
  at: of('timestamp'),
  then: [of('timestamp')],
  raw: of('bytes'),
  l: list,
  rows: { kind: 'list', items: row },
  tags: [{ kind: 'list', items: of('string') }],
  dec: of('decimal'),
  fine: [of('decimal')],
  x: of('dyn'),
  y: of('dyn'),
  r: inner,
  q: [inner],
  'odd name': of('string')
})

export const symbols: ReadonlyMap<string, readonly string[]> = new Map([
  [JSON.stringify(['value', 'color']), ['RED', 'GREEN', 'BLUE']],
  [JSON.stringify(['value', 'size']), ['S', 'M', 'L', 'größe']],
  [JSON.stringify(['value', 'x']), ['RED', 'a']]
])

export const scales: ReadonlyMap<string, number> = new Map([
  [JSON.stringify(['value', 'dec']), 1],
  [JSON.stringify(['value', 'fine']), 3],
  [JSON.stringify(['value', ['rows'], 'dec']), 1]
])

export function variablesFor(value: Shape): ReadonlyMap<string, Shape> {
  return new Map<string, Shape>([
    ['key', of('dyn')],
    ['value', value],
    ['headers', { kind: 'map', values: of('string') }],
    ['timestamp', of('timestamp')],
    ['topic', of('string')],
    ['partition', of('int')]
  ])
}

const texts = ['', 'a', 'ab', 'abc', 'b', 'RED', 'S', 'größe', '😀', 'a😀b', '\uffff', 'x'.repeat(70), 'a\\b', 'é', 'z']
const instantTexts = [
  '7',
  '90s',
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00.25+00:00',
  '2026-13-01T00:00:00Z',
  '0000-01-01T00:00:00Z'
]
const ints = [0n, 1n, -1n, 2n, 3n, 7n, -7n, 100n, 2n ** 31n, 2n ** 53n - 1n, -(2n ** 53n) + 1n, 94906267n, 2n ** 60n]
const doubles = [0, -0, 1, -1, 2.5, 0.1, -7.5, 1e300, -1e300, NaN, Infinity, -Infinity, 2 ** 53, 1767225600]
const instants = [0n, 1_767_225_600n, 1_767_225_601n, -1n, -62_135_596_800n, 253_402_300_799n, 400_000_000_000n]
const huge = new Decimal(10n ** 2000n, 3)
const decimals = [15n, 10n, 0n, -5n, 25n, 1500n, 2n ** 53n - 1n, 7n].flatMap((unscaled) => [
  new Decimal(unscaled, 1),
  new Decimal(unscaled, 3)
])

export function randomValue(random: SeededRandom, shape: Shape): Value {
  switch (shape.kind) {
    case 'int':
      return random.pick(ints)
    case 'uint':
      return new Uint(random.pick(ints.filter((int) => int >= 0n)))
    case 'double':
      return random.pick(doubles)
    case 'bool':
      return random.chance(0.5)
    case 'string':
      return random.pick(random.chance(0.15) ? instantTexts : texts)
    case 'timestamp':
      return new Timestamp(
        random.pick(instants),
        random.pick([0, 250_000_000, 999_000_000, random.chance(0.1) ? 1 : 0])
      )
    case 'bytes':
      return Uint8Array.from({ length: random.below(3) }, () => random.below(2))
    case 'decimal':
      return random.chance(0.1) ? random.pick([new Decimal(1n, 0), huge]) : random.pick(decimals)
    case 'list':
      return Array.from({ length: random.below(4) }, () => {
        return random.chance(0.05) ? null : randomValue(random, shape.items)
      })
    case 'map':
      return new Map()
    case 'record':
      return randomRecord(random, shape)
    default:
      return randomAnything(random)
  }
}

const anyShapes: readonly Shape[] = [
  ...(['int', 'uint', 'double', 'bool', 'string', 'timestamp', 'bytes', 'decimal'] as const).map(of),
  list,
  inner
]

function randomAnything(random: SeededRandom): Value {
  if (random.chance(0.03)) return new Duration(90n, 0)
  return random.chance(0.15) ? null : randomValue(random, random.pick(anyShapes))
}

function randomRecord(random: SeededRandom, shape: Extract<Shape, { kind: 'record' }>): Value {
  const map = new Map<string, Value>()
  for (const [name, field] of shape.fields) {
    if (field.optional && random.chance(0.12)) continue
    map.set(name, field.optional && random.chance(0.12) ? null : randomValue(random, field.shape))
  }
  return map
}

/** Random JSON: values that mostly fit a schema, and the many ways to write these values. */
import type { SeededRandom } from './compiled-payload.ts'

export type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain }

/** Of properties. */
export const names = [
  'id',
  'ab',
  'ac',
  'amount',
  'amounts',
  '__proto__',
  'Straße',
  'a"b',
  'a\\b',
  '',
  'constructor',
  'x😀',
  'no'
]
export const texts = [
  ...[
    '',
    'a',
    'ab',
    'ABC',
    'ABCD',
    'aab',
    '12-x',
    '1234',
    'ORD-123',
    'é',
    '😀',
    'a😀b',
    'x'.repeat(70),
    '\u007f',
    '\ud7ff'
  ],
  ...[
    '2026-02-28',
    '2026-02-29',
    '2024-02-29',
    '2026-13-01',
    '2026-01-02T03:04:05Z',
    '2026-01-02T23:59:60Z',
    '\u{10ffff}'
  ],
  ...[
    '2026-01-02t03:04:05.5+02:00',
    '2026-01-02T03:04:05.999999999Z',
    '2026-01-02 03:04:05z',
    '03:04:05Z',
    '24:00:00Z'
  ],
  ...['2026-01-02T23:59:59.99999999999999999999Z', '123e4567-e89b-12d3-a456-426614174000', 'a@b.c', 'a.b@c-d.example'],
  ...[
    'a..b@c.d',
    'a@b',
    '@b.c',
    'a@-b.c',
    'a@b.c.',
    '1.2.3.4',
    'a\nb',
    'a"b',
    'a\\b',
    'a/b',
    '__proto__',
    '__proto__\u{10ffff}'
  ]
]
export const numbers = [
  0,
  1,
  -1,
  2,
  3,
  5,
  10,
  0.5,
  1.5,
  -2.25,
  0.1,
  1e21,
  1e-7,
  123456.789,
  2 ** 31,
  2 ** 53 - 1,
  2 ** 53,
  0.1 + 0.2
]

/** A value that mostly fits; `stray` is how often it does not care. */
export function valueFor(
  schema: unknown,
  root: { [keyword: string]: unknown },
  random: SeededRandom,
  stray: number,
  depth = 0
): Plain {
  if (typeof schema !== 'object' || schema === null || random.chance(stray)) return anyValue(random, depth)
  const of = schema as { [keyword: string]: unknown }
  const within = (inner: unknown): Plain => valueFor(inner, root, random, stray, depth + 1)
  if (typeof of['$ref'] === 'string') {
    const definitions = root['$defs'] as { [name: string]: unknown }
    return depth > 8 ? null : within(definitions[of['$ref'].split('/').at(-1)!])
  }
  for (const keyword of ['anyOf', 'oneOf'])
    if (Array.isArray(of[keyword])) return within(random.pick(of[keyword] as unknown[]))
  if (Array.isArray(of['allOf'])) {
    const parts = of['allOf'].map(within)
    return Object.assign({}, ...parts.filter((part) => typeof part === 'object' && part !== null)) as Plain
  }
  if (Array.isArray(of['enum'])) return random.pick(of['enum'] as Plain[])
  if ('const' in of) return of['const'] as Plain
  const type = Array.isArray(of['type']) ? random.pick(of['type'] as unknown[]) : of['type']
  switch (type) {
    case 'string':
      return random.pick(texts)
    case 'integer':
      return random.pick(numbers.filter((number) => Number.isInteger(number)))
    case 'number':
      return random.pick(numbers)
    case 'boolean':
      return random.chance(0.5)
    case 'null':
      return null
    case 'array':
      return Array.from({ length: random.below(4) }, () => within(of['items']))
    case 'object': {
      const properties = (of['properties'] ?? {}) as { [name: string]: unknown }
      const required = (of['required'] ?? []) as string[]
      const made: { [key: string]: Plain } = {}
      for (const name of new Set([...Object.keys(properties), ...required])) {
        const isNeeded = required.includes(name) || random.chance(0.7)
        const value = isNeeded ? within(properties[name] ?? of['additionalProperties']) : null
        if (isNeeded) Object.defineProperty(made, name, { value, enumerable: true, configurable: true, writable: true })
      }
      if (random.chance(of['additionalProperties'] === false ? stray : 0.2))
        made[random.pick(names) + '2'] = anyValue(random, depth)
      return made
    }
    default:
      return anyValue(random, depth)
  }
}

function anyValue(random: SeededRandom, depth: number): Plain {
  switch (random.below(depth > 6 ? 4 : 6)) {
    case 0:
      return random.pick(texts)
    case 1:
      return random.pick(numbers)
    case 2:
      return random.chance(0.5)
    case 3:
      return null
    case 4:
      return Array.from({ length: random.below(4) }, () => anyValue(random, depth + 1))
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(names), anyValue(random, depth + 1)])
      )
  }
}

/** `odd` is how often something is written in another way than most do, or wrongly. */
export function write(value: Plain, random: SeededRandom, odd: number): string {
  const space = (): string => (random.chance(odd / 2) ? random.pick([' ', '\n', '\t', '\r\n  ', '\f']) : '')
  const isOdd = (): boolean => random.chance(odd)
  const inner = (one: Plain): string => space() + write(one, random, odd) + space()
  if (typeof value === 'string') {
    return isOdd() ? writeOddly(value, random) : JSON.stringify(value)
  }
  if (typeof value === 'number') {
    const spellings = [
      value.toFixed(1),
      value.toExponential(),
      `${value}e0`,
      '-0',
      '1e400',
      '9007199254740993',
      '01',
      '1.',
      '+1',
      '.5'
    ]
    spellings.push(
      '9007199254740991.5',
      '-',
      '1e',
      '1e+2',
      '0.1e1',
      '12345678901234567890',
      '1.00',
      '3.0000000000000001',
      '-0.0'
    )
    return isOdd() ? random.pick(spellings) : JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(inner).join(',')}${isOdd() && random.chance(0.1) ? ',' : ''}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.keys(value).map((key) => [key, value[key]!] as const)
  if (isOdd()) entries.reverse()
  if (isOdd() && entries.length > 0 && random.chance(0.3)) entries.push(random.pick(entries))
  return `{${entries.map(([key, one]) => `${space()}${write(key, random, odd)}${space()}:${inner(one)}`).join(',')}${space()}}`
}

function writeOddly(text: string, random: SeededRandom): string {
  const escaped = Array.from(
    { length: text.length },
    (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`
  )
  return random.pick([
    `"${escaped.join('')}"`,
    `"${escaped.join('')}\\n\\/"`,
    `"${escaped.slice(0, -1).join('')}"`,
    `"\\ud83d"`,
    `"\\ude00\\ud83d"`,
    `"${text}"`,
    `"\\x"`,
    `"a\\"`
  ])
}

/** Schemas and records that the tests of expressions share. */
import { compileExpression } from '../../../../src/contracts/expressions/compile.ts'
import type { Bindings, Evaluation, Problem } from '../../../../src/contracts/expressions/compile.ts'
import { Decimal, Duration, Timestamp, Uint } from '../../../../src/contracts/value.ts'
import type { FieldShape, ScalarKind, Shape, Value } from '../../../../src/contracts/value.ts'

export function scalar(kind: ScalarKind): Shape {
  return { kind }
}

export function recordShape(name: string, fields: Readonly<Record<string, Shape>>, open = false): Shape {
  const shapes = new Map<string, FieldShape>()
  for (const [field, shape] of Object.entries(fields)) shapes.set(field, { shape, optional: true })
  return { kind: 'record', name, open, fields: shapes }
}

const itemShape = recordShape('shop.Item', { sku: scalar('string'), quantity: scalar('int'), price: scalar('double') })

export const orderShape = recordShape('shop.Order', {
  order_id: scalar('string'),
  amount: scalar('double'),
  count: scalar('int'),
  size_u: scalar('uint'),
  price: scalar('decimal'),
  country: scalar('string'),
  vat_id: scalar('string'),
  items: { kind: 'list', items: itemShape },
  tags: { kind: 'list', items: scalar('string') },
  attributes: { kind: 'map', values: scalar('string') },
  at: scalar('timestamp'),
  took: scalar('duration'),
  raw: scalar('bytes'),
  paid: scalar('bool'),
  extra: scalar('dyn'),
  address: recordShape('shop.Address', { city: scalar('string') }),
  'order-id': scalar('string')
})

export function variables(value: Shape = orderShape): ReadonlyMap<string, Shape> {
  return new Map<string, Shape>([
    ['key', scalar('string')],
    ['value', value],
    ['headers', { kind: 'map', values: scalar('string') }],
    ['timestamp', scalar('timestamp')],
    ['topic', scalar('string')],
    ['partition', scalar('int')]
  ])
}

export const untyped = variables(scalar('dyn'))

export const order: Value = new Map<string, Value>([
  ['order_id', 'o-1'],
  ['amount', 12.5],
  ['count', 3n],
  ['size_u', new Uint(7n)],
  ['price', new Decimal(1050n, 2)],
  ['country', 'DE'],
  ['vat_id', null],
  [
    'items',
    [
      new Map<string, Value>([
        ['sku', 'a'],
        ['quantity', 2n],
        ['price', 1.5]
      ]),
      new Map<string, Value>([
        ['sku', 'b'],
        ['quantity', 0n],
        ['price', 2.5]
      ])
    ]
  ],
  ['tags', ['new', 'eu']],
  ['attributes', new Map([['colour', 'red']])],
  ['at', new Timestamp(1_767_225_600n, 5_000_000)],
  ['took', new Duration(90n, 0)],
  ['raw', Uint8Array.of(1, 2, 255)],
  ['paid', true],
  [
    'extra',
    new Map<string, Value>([
      ['n', 1n],
      ['gone', null]
    ])
  ],
  ['order-id', 'dashed'],
  ['__proto__', 'a field like any other']
])

export function bindings(overrides: Partial<Bindings> = {}): Bindings {
  return {
    key: 'o-1',
    value: order,
    headers: new Map([
      ['source', 'web'],
      ['content-type', 'application/json']
    ]),
    timestamp: new Timestamp(1_767_225_600n, 0),
    topic: 'shop.orders.v1',
    partition: 4n,
    headerValues: (name) => (name === 'source' ? [Buffer.from('app'), Buffer.from('web')] : []),
    ...overrides
  }
}

/** Evaluates over the sample order; fails the test when the expression does not load. */
export function evaluate(
  expression: string,
  { record = bindings(), shapes = untyped }: { record?: Bindings; shapes?: ReadonlyMap<string, Shape> } = {}
): Evaluation {
  const compiled = compileExpression(expression, shapes, { result: 'any' })
  if (!compiled.ok) throw new Error(`${expression}: ${compiled.problems[0]!.message}`)
  return compiled.program.evaluate(record)
}

/** The value, or the error's message as `error: ...`. */
export function outcome(expression: string, options: Parameters<typeof evaluate>[1] = {}): unknown {
  const result = evaluate(expression, options)
  return result.kind === 'value' ? result.value : `error: ${result.message}`
}

/** What loading the expression as a rule over the sample schema complains about. */
export function problemsOf(expression: string, shapes: ReadonlyMap<string, Shape> = variables()): readonly Problem[] {
  const compiled = compileExpression(expression, shapes)
  return compiled.ok ? [] : compiled.problems
}

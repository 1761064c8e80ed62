import { describe, expect, it } from 'vitest'
import { parseFieldPath, renderPlace, resolveShape, visitPlaces } from '../../../../src/contracts/checks/field-path.ts'
import type { FieldPath } from '../../../../src/contracts/checks/field-path.ts'
import type { Shape, Value } from '../../../../src/contracts/value.ts'

function path(text: string): FieldPath {
  const parsed = parseFieldPath(text)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.path
}

function places(value: Value, text: string): [string, Value | undefined][] {
  const found: [string, Value | undefined][] = []
  const parsed = path(text)
  visitPlaces(value, parsed, (place, indexes) => found.push([renderPlace(parsed, indexes), place]))
  return found
}

const item = (sku: string | null): Value => new Map<string, Value>([['sku', sku]])
const order: Value = new Map<string, Value>([
  ['id', 'o-1'],
  ['customer', new Map<string, Value>([['odd name', 7n]])],
  ['gone', null],
  ['items', [item('a'), item(null), new Map()]],
  ['grid', [[1n, 2n], [3n]]]
])

describe('a field path', () => {
  it.each([
    ['value', 0],
    ['value.a', 1],
    ['key.a.b', 2],
    ['value["a.b"]', 1],
    ['value.a[]["]"].b', 4],
    ['value.a-b.Ünicode', 2]
  ])('%s has %d steps', (text, steps) => {
    expect(path(text).steps).toHaveLength(steps)
  })

  it.each([
    '',
    'vaule.a',
    'values',
    'value.',
    'value..a',
    'value.a b',
    'value[0]',
    'value["a]',
    'headers.x',
    `value${'.a'.repeat(65)}`
  ])('cannot be %j', (text) => {
    expect(parseFieldPath(text).ok).toBe(false)
  })

  it('leads to one place without [] and to each item with it', () => {
    expect(places(order, 'value.id')).toEqual([['value.id', 'o-1']])
    expect(places(order, 'value.customer["odd name"]')).toEqual([['value.customer["odd name"]', 7n]])
    expect(places(order, 'value.items[].sku')).toEqual([
      ['value.items[0].sku', 'a'],
      ['value.items[1].sku', undefined],
      ['value.items[2].sku', undefined]
    ])
    expect(places(order, 'value.grid[][]')).toEqual([
      ['value.grid[0][0]', 1n],
      ['value.grid[0][1]', 2n],
      ['value.grid[1][0]', 3n]
    ])
  })

  it('makes a place absent when anything on the way is absent, null or no record', () => {
    expect(places(order, 'value.gone.x')).toEqual([['value.gone.x', undefined]])
    expect(places(order, 'value.id.x')).toEqual([['value.id.x', undefined]])
    expect(places(null, 'value.x')).toEqual([['value.x', undefined]])
    expect(places(order, 'value.nothing[].x')).toEqual([])
  })

  it('resolves to dyn where the schema says nothing', () => {
    const shape: Shape = {
      kind: 'record',
      name: 'object',
      open: true,
      fields: new Map([['m', { shape: { kind: 'map', values: { kind: 'int' } }, optional: true }]])
    }
    expect(resolveShape(shape, path('value.other.deeper'))).toEqual({ ok: true, shape: { kind: 'dyn' } })
    expect(resolveShape(shape, path('value.m.anything'))).toEqual({ ok: true, shape: { kind: 'int' } })
    expect(resolveShape(shape, path('value.m.anything.x')).ok).toBe(false)
  })
})

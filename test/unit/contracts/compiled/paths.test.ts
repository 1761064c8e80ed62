import { describe, expect, it } from 'vitest'
import { parseFieldPath } from '../../../../src/contracts/checks/field-path.ts'
import { readsOfExpression, readsOfField } from '../../../../src/contracts/compiled/paths.ts'
import type { Shape } from '../../../../src/contracts/value.ts'
import { root, variablesFor } from './random-records.ts'
import { nameOf } from './support.ts'

function reads(source: string, shape: Shape = root): unknown {
  const found = readsOfExpression(source, variablesFor(shape))
  return 'reason' in found ? found.reason : found.map((read) => nameOf(read))
}

function names(...paths: readonly (readonly string[])[]): string[] {
  return paths.map((path) => JSON.stringify(path))
}

describe('fields that an expression reads', () => {
  it('are each told once', () => {
    expect(reads('value.i > 0 && value.i < 9 && value.t != "a"')).toEqual(names(['value', 'i'], ['value', 't']))
    expect(reads('key == value.`odd name`')).toEqual(names(['key'], ['value', 'odd name']))
    expect(reads('value.q["n"] == 1')).toContain(names(['value', 'q', 'n'])[0])
  })

  it('come with the record around them where it matters whether that is there', () => {
    // Without `r` the comparison is an error; with `r` and without `r.n` it is false.
    expect(reads('value.r.n == 1')).toEqual(names(['value', 'r', 'n'], ['value', 'r']))
    // An error in both cases.
    expect(reads('value.r.n > 1')).toEqual(names(['value', 'r', 'n']))
    // False in both cases.
    expect(reads('has(value.r.n)')).toEqual(names(['value', 'r', 'n']))
    // Neither can be absent.
    expect(reads('value.q.b == true')).toEqual(names(['value', 'q', 'b']))
  })

  it('may be those of each item', () => {
    const list = JSON.stringify(['value', 'rows'])
    const ofItem = (name: string): string => JSON.stringify(['value', ['rows'], name])
    expect(reads('value.rows.all(r, r.n > 0 && r.n < 5)')).toEqual([ofItem('n'), list])
    // The item may be null, and then its field is an error.
    expect(reads('value.rows.all(r, r.n == 1)')).toEqual([ofItem('n'), JSON.stringify(['value', ['rows']]), list])
  })

  it('come with the payload itself where it may be no record', () => {
    expect(reads('value.a == 1', { kind: 'dyn' })).toEqual(names(['value', 'a'], ['value']))
  })

  it.each([
    ['size(value.l.filter(i, i > 0)) > 0', 'it makes a list with filter()'],
    ['value.l.map(i, i > 0)', 'it is not a condition'],
    ['value.rows.all(i, i.n > value.i)', 'in a loop, it reads value beside the items'],
    ['value.rows.all(i, i.n > 0 || timestamp > i.at)', 'in a loop, it reads timestamp beside the items'],
    ['value.rows.all(i, value.tags.exists(t, t == i.t))', 'it loops inside of a loop'],
    ['[1, 2].all(i, i > 0)', 'it loops over something that is not simply a field'],
    ['value.l.all(i, topic == "a" || true)', 'in a loop, it reads topic beside the items'],
    ['value.l.all(i, true)', 'it loops without a look at the items'],
    ['headers["a"] == "b"', 'it reads headers'],
    ['headers.a == "b"', 'it reads headers'],
    ['has(headers.a)', 'it uses has() on something that is not simply a field'],
    ['size(headerValues("a")) == 1', 'it reads headers'],
    ['value.l[0] == 1', 'it takes an item of a list'],
    ['1 in value.l', 'it looks into a list or a map of the record'],
    ['value.i in [value.j]', 'it makes a list out of fields'],
    ['value.dec + decimal("1") > decimal("1.5")', 'it adds up what is not a number'],
    ['double(value.dec) > 1.5', 'it computes with a decimal'],
    ['value.dec in [decimal("1.5")]', 'it looks'],
    ['value.s.split(",") == ["b"]', 'it uses split()'],
    ['value.x + value.y == value.i', 'it adds up what is not a number'],
    ['value.x > value.y', 'it orders values whose types the schema does not say'],
    ['value.i > ', 'it does not compile'],
    ['value.nope > 1', 'it does not compile'],
    ['value.i + 1', 'it is not a condition']
  ])('%s: %s', (source, reason) => {
    expect(reads(source)).toEqual(expect.stringContaining(reason))
  })
})

describe('the field of a path', () => {
  it.each([
    ['value.customer.country', ['value', 'customer', 'country']],
    ['key', ['key']],
    ['value["odd name"]', ['value', 'odd name']]
  ])('%s', (text, expected) => {
    const path = parseFieldPath(text)
    if (!path.ok) throw new Error(path.message)
    const found = readsOfField(path.path)
    expect('reason' in found ? found : found.map((read) => nameOf(read))).toEqual(names(expected))
  })

  it('may be that of each item of a list, which comes first', () => {
    const path = parseFieldPath('value.a.items[].sku')
    if (!path.ok) throw new Error(path.message)
    expect(readsOfField(path.path)).toEqual([
      { side: 'value', steps: ['a', 'items'] },
      { side: 'value', steps: ['sku'], list: ['a', 'items'] }
    ])
  })

  it('cannot be that of each item of each item', () => {
    const path = parseFieldPath('value.items[].tags[]')
    if (!path.ok) throw new Error(path.message)
    expect(readsOfField(path.path)).toEqual({
      reason: 'value.items[].tags[] looks at each item of a list inside of a list'
    })
  })
})

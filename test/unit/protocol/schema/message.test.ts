import { describe, expect, expectTypeOf, it } from 'vitest'
import { MalformedMessageError } from '../../../../protocol/bytes/malformed.ts'
import { UnsupportedFieldError, UnsupportedVersionError } from '../../../../protocol/schema/errors.ts'
import {
  array,
  bool,
  bytes,
  int16,
  int32,
  int64,
  records,
  string,
  struct,
  uuid
} from '../../../../protocol/schema/fields.ts'
import type { UnknownTag } from '../../../../protocol/schema/fields.ts'
import { message, type Decoded, type Input } from '../../../../protocol/schema/message.ts'

/** One field of each sort, with the version rules that Kafka's definitions use. */
const sample = message({
  name: 'SampleRequest',
  type: 'request',
  apiKey: 999,
  versions: [0, 4],
  flexible: 3,
  fields: {
    id: int32(),
    since: int64('1+', { default: -1n, ignorable: true }),
    strict: int16('1-2'),
    name: string('0+', { nullable: '2+' }),
    items: array({ key: string(), tagged: int32('3+', { tag: 0 }) }, '0+', { nullable: '1+' }),
    numbers: array('int32', '2+', { ignorable: true }),
    place: struct({ x: int16(), y: int16() }, '4+', { nullable: '4+', default: null }),
    epoch: struct({ at: int64('3+', { default: -1n }) }, '3+', { tag: 2 }),
    label: string('3+', { nullable: '3+', default: null, ignorable: true, tag: 0 })
  }
})

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('message', () => {
  it('infers what decoding gives', () => {
    type Value = Decoded<typeof sample>
    expectTypeOf<Value['id']>().toEqualTypeOf<number>()
    expectTypeOf<Value['since']>().toEqualTypeOf<bigint>()
    expectTypeOf<Value['name']>().toEqualTypeOf<string | null>()
    expectTypeOf<Value['numbers']>().toEqualTypeOf<number[]>()
    expectTypeOf<NonNullable<Value['items']>[number]['key']>().toEqualTypeOf<string>()
    expectTypeOf<NonNullable<Value['place']>['x']>().toEqualTypeOf<number>()
    expectTypeOf<Value['unknownTags']>().toEqualTypeOf<UnknownTag[] | undefined>()
    expectTypeOf<null>().toExtend<Value['items']>()
    expectTypeOf<null>().not.toExtend<Value['numbers']>()
    expectTypeOf<Value>().toExtend<Input<typeof sample>>()
  })

  it('lets encoding take part of the fields, of the right types only', () => {
    expectTypeOf<{ id: number }>().toExtend<Input<typeof sample>>()
    expectTypeOf<{ items: readonly { key: string }[] }>().toExtend<Input<typeof sample>>()
    // @ts-expect-error a bigint is not an int32
    const wrong: Input<typeof sample> = { id: 1n }
    expect(() => sample.encode(wrong, 0)).toThrow(TypeError)
  })

  it('writes classic lengths and no tags below the first flexible version', () => {
    const value = { id: 1, since: 2n, strict: 3, name: null, items: null, numbers: [5] }
    const encoded = hex('00000001 0000000000000002 0003 ffff ffffffff 00000001 00000005')
    expect(sample.encode(value, 2)).toEqual(encoded)
    expect(sample.decode(encoded, 2)).toEqual({ ...value, place: null, epoch: { at: -1n }, label: null })
  })

  it('writes compact lengths, tagged fields in order of tag, and none that is its default', () => {
    const value = { id: 1, name: 'n', items: [{ key: 'k', tagged: 9 }, { key: '' }], epoch: { at: 7n }, label: 'l' }
    const encoded = hex(
      '00000001 ffffffffffffffff 02 6e 03 02 6b 01 00 04 00000009 01 00 01 ff 02 00 02 02 6c 02 09 0000000000000007 00'
    )
    expect(sample.encode(value, 4)).toEqual(encoded)
    const decoded = sample.decode(encoded, 4)
    expect(decoded.items).toEqual([
      { key: 'k', tagged: 9 },
      { key: '', tagged: 0 }
    ])
    expect(decoded).toMatchObject({ since: -1n, strict: 0, numbers: [], place: null, epoch: { at: 7n }, label: 'l' })
    expect(sample.encode(decoded, 4)).toEqual(encoded)
  })

  it('gives fields that a version does not have their default, fresh for every message', () => {
    const first = sample.decode(sample.encode({}, 0), 0)
    const second = sample.decode(sample.encode({}, 0), 0)
    expect(first).toEqual({
      id: 0,
      since: -1n,
      strict: 0,
      name: '',
      items: [],
      numbers: [],
      place: null,
      epoch: { at: -1n },
      label: null
    })
    first.numbers.push(1)
    first.epoch.at = 5n
    expect(second.numbers).toEqual([])
    expect(second.epoch).toEqual({ at: -1n })
    expect(sample.decode(sample.encode({}, 0), 0).numbers).toEqual([])
  })

  it('has implicit defaults for every type', () => {
    const all = message({
      name: 'All',
      type: 'response',
      apiKey: 1,
      versions: [0, 0],
      flexible: null,
      fields: { flag: bool('1+'), id: uuid('1+'), data: bytes('1+'), batch: records('1+'), list: array('uuid', '1+') }
    })
    expect(all.decode(Buffer.alloc(0), 0)).toEqual({
      flag: false,
      id: '0'.repeat(32),
      data: Buffer.alloc(0),
      batch: null,
      list: []
    })
  })

  it('encodes undefined like a field left out', () => {
    expect(sample.encode({ id: undefined, items: undefined }, 1)).toEqual(sample.encode({}, 1))
  })

  it('drops an ignorable field and refuses any other that the version does not have', () => {
    expect(sample.encode({ since: 5n, numbers: [1] }, 0)).toEqual(sample.encode({}, 0))
    expect(sample.encode({ label: 'x' }, 2)).toEqual(sample.encode({}, 2))
    const refused = new UnsupportedFieldError('SampleRequest.strict is not in version 3')
    expect(() => sample.encode({ strict: 1 }, 3)).toThrow(refused)
    expect(() => sample.encode({ place: { x: 0 } }, 3)).toThrow(UnsupportedFieldError)
    expect(() => sample.encode({ epoch: { at: 0n } }, 2)).toThrow(UnsupportedFieldError)
    expect(() => sample.encode({ items: [{ tagged: 1 }] }, 2)).toThrow('SampleRequest.items.tagged is not in version 2')
  })

  it('accepts the default of a field that the version does not have', () => {
    expect(() => sample.encode({ strict: 0, place: null, epoch: { at: -1n }, label: null }, 0)).not.toThrow()
    expect(() => sample.encode({ epoch: {} }, 0)).not.toThrow()
  })

  it('refuses null where the version does not allow it', () => {
    expect(() => sample.encode({ name: null }, 1)).toThrow('SampleRequest.name cannot be null in version 1')
    expect(() => sample.encode({ items: null }, 0)).toThrow(UnsupportedFieldError)
    expect(() => sample.decode(hex('00000000 ffff 00000000'), 0)).toThrow(MalformedMessageError)
    expect(() => sample.decode(hex('00000000 0000 ffffffff'), 0)).toThrow('null where an array must be')
  })

  it('refuses versions that are not declared', () => {
    for (const version of [-1, 5, 0.5, NaN]) {
      expect(() => sample.encode({}, version)).toThrow(UnsupportedVersionError)
      expect(() => sample.decode(Buffer.alloc(0), version)).toThrow(UnsupportedVersionError)
    }
  })

  it('names the message and the version when bytes are malformed', () => {
    expect(() => sample.decode(hex('0000'), 2)).toThrow('SampleRequest version 2: 4 bytes needed at 0, 2 left')
  })
})

describe('tagged fields', () => {
  const empty = '00000000 0000000000000000 00 01 01'

  it('that are unknown are kept and written again among the known ones', () => {
    const encoded = hex(`${empty} 04 00 02 02 6c 01 01 aa 02 09 0000000000000007 00 81 80 01 02 bb cc`)
    const decoded = sample.decode(encoded, 3)
    expect(decoded.unknownTags).toEqual([
      { tag: 1, data: hex('aa') },
      { tag: 0x4001, data: hex('bbcc') }
    ])
    expect(sample.encode(decoded, 3)).toEqual(encoded)
  })

  it('that are unknown in a tagged struct keep it from being left out as a default', () => {
    const encoded = hex(`${empty} 01 02 0b ffffffffffffffff 01 05 00`)
    const decoded = sample.decode(encoded, 3)
    expect(decoded.epoch).toEqual({ at: -1n, unknownTags: [{ tag: 5, data: Buffer.alloc(0) }] })
    expect(sample.encode(decoded, 3)).toEqual(encoded)
  })

  it('cannot be encoded in a version without them', () => {
    const unknownTags = [{ tag: 5, data: Buffer.alloc(1) }]
    expect(() => sample.encode({ unknownTags }, 2)).toThrow(UnsupportedFieldError)
    expect(() => sample.encode({ unknownTags: [] }, 2)).not.toThrow()
  })

  it('must not be given twice', () => {
    const data = Buffer.alloc(0)
    expect(() => sample.encode({ label: 'x', unknownTags: [{ tag: 0, data }] }, 3)).toThrow(RangeError)
    expect(() =>
      sample.encode(
        {
          unknownTags: [
            { tag: 9, data },
            { tag: 9, data }
          ]
        },
        3
      )
    ).toThrow(RangeError)
  })

  it('are written in order of tag, however they are given', () => {
    const data = Buffer.alloc(0)
    const bytes = sample.encode(
      {
        unknownTags: [
          { tag: 9, data },
          { tag: 7, data }
        ]
      },
      3
    )
    expect(sample.decode(bytes, 3).unknownTags!.map(({ tag }) => tag)).toEqual([7, 9])
  })

  it.each([
    ['a repeated tag', '02 05 00 05 00'],
    ['a descending tag', '02 05 00 04 00'],
    ['a known field shorter than its size', '01 00 03 02 6c 00'],
    ['a known field longer than its size', '01 00 01 02 6c'],
    ['a size beyond the end', '01 05 7f'],
    ['more fields than bytes', '7f 05 00']
  ])('are refused with %s', (_, section) => {
    expect(() => sample.decode(hex(`${empty} ${section}`), 3)).toThrow(MalformedMessageError)
  })
})

describe('the limit on elements', () => {
  it('holds for the whole message', () => {
    const body = sample.encode({ items: [{}, {}, {}], numbers: [1, 2] }, 2)
    expect(sample.decode(body, 2, { maxElements: 5 }).items).toHaveLength(3)
    expect(() => sample.decode(body, 2, { maxElements: 4 })).toThrow(MalformedMessageError)
  })

  it('is a million by default', () => {
    const many = message({
      name: 'Many',
      type: 'request',
      apiKey: 1,
      versions: [0, 0],
      flexible: 0,
      fields: { list: array('bool') }
    })
    const body = (count: number): Buffer => many.encode({ list: Array.from({ length: count }, () => true) }, 0)
    expect(many.decode(body(1_000_000), 0).list).toHaveLength(1_000_000)
    expect(() => many.decode(body(1_000_001), 0)).toThrow(MalformedMessageError)
  })

  it('is not needed where elements cannot fit the bytes', () => {
    const claimed = hex('00000000 0000 00100000 0000')
    expect(() => sample.decode(claimed, 0)).toThrow('1048576 elements at 10 do not fit 2 bytes')
  })
})

describe('a declaration', () => {
  it('is refused when a tagged field is in a version that has none', () => {
    const wrong = message({
      name: 'Wrong',
      type: 'request',
      apiKey: 1,
      versions: [0, 1],
      flexible: 1,
      fields: { a: int32('0+', { tag: 0 }) }
    })
    expect(() => wrong.encode({}, 0)).toThrow('Wrong.a is tagged, but version 0 is not flexible')
  })

  it.each(['', '3-1', '-1', 'x', '1.5'])('is refused with the versions "%s"', (versions) => {
    expect(() => int32(versions as '0')).toThrow(TypeError)
  })
})

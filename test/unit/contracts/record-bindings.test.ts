import { describe, expect, it } from 'vitest'
import type { RecordBytes } from '../../../src/contracts/judgement.ts'
import { RecordBindings } from '../../../src/contracts/record-bindings.ts'

/** One record with these headers, counting how often they are walked. */
function recordOf(headers: readonly (readonly [Buffer, Buffer | null])[]): {
  records: RecordBytes
  walks: () => number
} {
  const bytes = Buffer.concat(headers.flatMap(([name, value]) => [name, value ?? Buffer.alloc(0)]))
  let walks = 0
  const records: RecordBytes = {
    count: 1,
    bytes,
    keyLength: () => -1,
    keyStart: () => 0,
    valueLength: () => -1,
    valueStart: () => 0,
    headerCount: () => headers.length,
    forEachHeader(_index, visit) {
      walks++
      let at = 0
      for (const [name, value] of headers) {
        const valueAt = at + name.length
        visit(at, name.length, valueAt, value === null ? -1 : value.length)
        at = valueAt + (value?.length ?? 0)
      }
    },
    timestampMs: () => 0
  }
  return { records, walks: () => walks }
}

describe('headerValues', () => {
  const header = (name: string, value: string | null): [Buffer, Buffer | null] => [
    Buffer.from(name),
    value === null ? null : Buffer.from(value)
  ]

  it('reads the headers of a record once, and asks for their price before it does', () => {
    const { records, walks } = recordOf([header('a', '1'), header('é', '2'), header('a', null), header('a', '3')])
    const bindings = new RecordBindings(records, 't', 0)
    const paid: number[] = []
    const values = (name: string): string[] =>
      bindings.headerValues(name, (headers) => paid.push(headers)).map((value) => Buffer.from(value).toString())
    bindings.startRecord(0)
    expect([values('a'), values('é'), values('b'), values('a')]).toEqual([['1', '3'], ['2'], [], ['1', '3']])
    expect(paid).toEqual([4])
    expect(walks()).toBe(1)
    bindings.startRecord(0)
    expect(values('a')).toEqual(['1', '3'])
    expect(paid).toEqual([4, 4])
  })

  it('reads nothing when the price is refused', () => {
    const { records, walks } = recordOf([header('a', '1')])
    const bindings = new RecordBindings(records, 't', 0)
    const refuse = (): never => {
      throw new Error('too dear')
    }
    expect(() => bindings.headerValues('a', refuse)).toThrow('too dear')
    expect(walks()).toBe(0)
  })

  it('keeps names apart that are not UTF-8', () => {
    const { records } = recordOf([
      [Buffer.from([0xff]), Buffer.from('1')],
      [Buffer.from([0xfe]), Buffer.from('2')]
    ])
    const bindings = new RecordBindings(records, 't', 0)
    expect(bindings.headerValues('\ufffd', () => undefined)).toEqual([])
  })
})

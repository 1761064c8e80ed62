import { describe, expect, it } from 'vitest'
import { readYaml } from '../../../../src/contracts/policy/yaml.ts'
import type { YamlFile } from '../../../../src/contracts/policy/yaml.ts'

function read(text: string): YamlFile {
  const result = readYaml(Buffer.from(text), 'x.yaml')
  if (!result.ok) throw new Error(JSON.stringify(result.diagnostics))
  return result.yaml
}

function codes(text: string | Buffer): string[] {
  const result = readYaml(Buffer.from(text), 'x.yaml')
  return result.ok ? [] : result.diagnostics.map(({ line, column, code }) => `${line}:${column} ${code}`)
}

describe('reading YAML', () => {
  it('takes off, yes and timestamps as text, as YAML 1.2 says', () => {
    expect(read('a: off\nb: yes\nc: 2026-01-01T00:00:00.000Z').root).toEqual({
      a: 'off',
      b: 'yes',
      c: '2026-01-01T00:00:00.000Z'
    })
  })

  it('names the line and column of keys and values', () => {
    const yaml = read('a:\n  - b: 1\n    c:\n  - d\n')
    expect(yaml.position(['a', 0, 'b'])).toEqual({ line: 2, column: 8 })
    expect(yaml.position(['a', 0, 'b'], 'key')).toEqual({ line: 2, column: 5 })
    expect(yaml.position(['a', 0, 'c'])).toEqual({ line: 3, column: 5 })
    expect(yaml.position(['a', 1])).toEqual({ line: 4, column: 5 })
  })

  it('names the nearest place above one that is not there', () => {
    expect(read('a:\n  b: 1').position(['a', 'nope', 'x'])).toEqual({ line: 2, column: 3 })
  })

  it('points into plain, quoted and literal text', () => {
    const yaml = read('a: one two\nb: "one two"\nc: |\n  one\n  two three\n')
    expect(yaml.positionInText(['a'], 4)).toEqual({ line: 1, column: 8 })
    expect(yaml.positionInText(['b'], 4)).toEqual({ line: 2, column: 9 })
    expect(yaml.positionInText(['c'], 8)).toEqual({ line: 5, column: 7 })
  })

  it('points at the start of text that is folded or has escapes', () => {
    const yaml = read('a: "x\\ty z"\nb: >\n  one\n  two\n')
    expect(yaml.positionInText(['a'], 4)).toEqual({ line: 1, column: 4 })
    expect(yaml.positionInText(['b'], 5)).toEqual({ line: 2, column: 4 })
  })

  it('follows aliases, also for positions', () => {
    const yaml = read('a: &x { in: [1] }\nb: *x\n')
    expect(yaml.root).toEqual({ a: { in: [1] }, b: { in: [1] } })
    expect(yaml.position(['b', 'in', 0])).toEqual({ line: 1, column: 14 })
  })

  it('keeps a key named __proto__ a key', () => {
    const { root } = read('__proto__: { polluted: true }')
    expect(Object.keys(root as object)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  it('refuses a key that stands twice', () => {
    expect(codes('a: 1\nb: 2\na: 3')).toEqual(['3:1 duplicate-key'])
  })

  it('refuses 50,000 repeated keys without comparing each with each', () => {
    expect(codes(Array.from({ length: 50_000 }, () => 'a: 1').join('\n')).length).toBeLessThanOrEqual(50)
  })

  it.each([
    ['two documents', 'a: 1\n---\nb: 2'],
    ['a tag', 'a: !!binary aGk='],
    ['a local tag', 'a: !thing x'],
    ['a list as a key', '? [a]\n: 1'],
    ['a broken flow', 'a: [1, 2'],
    ['a tab as indent', 'a:\n\tb: 1'],
    ['an unknown alias', 'a: *nope']
  ])('refuses %s', (_what, text) => {
    expect(codes(text)[0]).toMatch(/yaml-syntax$/)
  })

  it('refuses text that is not UTF-8', () => {
    expect(codes(Buffer.from([0x61, 0x3a, 0xff]))).toEqual(['1:1 yaml-syntax'])
  })

  it('refuses a file over 1 MiB unparsed', () => {
    expect(codes(Buffer.alloc(1024 * 1024 + 1, 0x20))).toEqual(['1:1 too-large'])
  })

  it('refuses aliases that expand to millions', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
    for (let i = 1; i < 10; i++)
      lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(', ')}]`)
    expect(codes(lines.join('\n')).map((code) => code.split(' ')[1])).toEqual(['too-large'])
  })

  it('refuses an alias to a list that holds it', () => {
    expect(codes('a: &a [*a]').some((code) => /too-large|yaml-syntax/.test(code))).toBe(true)
  })

  it.each([10, 70, 5000, 400_000])('refuses or reads %d nested lists without running out of stack', (depth) => {
    const result = codes('['.repeat(depth) + ']'.repeat(depth))
    expect(result.length > 0).toBe(depth > 64)
  })

  it('refuses integers that would be rounded, unless they are asked for', () => {
    expect(codes('a: 9007199254740993')).toEqual(['1:4 wrong-value'])
    const exact = readYaml(Buffer.from('a: 9007199254740993'), 'x', { bigIntegers: true })
    expect(exact.ok && exact.yaml.root).toEqual({ a: 9007199254740993n })
  })

  it('refuses merge keys as it does any key it does not know: they stay keys', () => {
    expect(read('a: &a { x: 1 }\nb:\n  <<: *a').root).toEqual({ a: { x: 1 }, b: { '<<': { x: 1 } } })
  })
})

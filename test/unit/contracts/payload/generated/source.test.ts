import { describe, expect, test } from 'vitest'
import { compiledLimits } from '../../../../../src/contracts/payload/compiled.ts'
import { GeneratedSource } from '../../../../../src/contracts/payload/generated/source.ts'

function built(source: GeneratedSource, entry: string): (...parameters: unknown[]) => unknown {
  const made = source.build(entry)
  if ('reason' in made) throw new Error(made.reason)
  return made as (...parameters: unknown[]) => unknown
}

describe('generated source', () => {
  test('functions see each other and the constants, whatever these are called', () => {
    const source = new GeneratedSource()
    const hostile = source.constant('"];process.exit()//\u2028')
    const length = source.constant((text: string, more: number) => text.length + more)
    expect(source.constant('"];process.exit()//\u2028')).toBe(hostile)
    const inner = source.fresh('f')
    const outer = source.fresh('f')
    source.function(outer, 'a', () => {
      source.function(inner, 'a', () => {
        source.line(`return ${length}(${hostile},a)`)
      })
      source.line(`return ${inner}(a)+1`)
    })
    expect(built(source, outer)(2)).toBe('"];process.exit()//\u2028'.length + 3)
    expect(source.text).not.toContain('exit')
  })

  test('statements outside of functions run once', () => {
    const source = new GeneratedSource()
    const count = source.fresh()
    source.line(`let ${count}=0`)
    source.function('f', '', () => {
      source.line(`return ++${count}`)
    })
    const run = built(source, 'f')
    expect([run(), run()]).toEqual([1, 2])
  })

  test.each(['"', "'", '`', '\\', '\u2028', 'é', '@', '#', '$'])('%j never becomes code', (character) => {
    const source = new GeneratedSource()
    source.function('f', '', () => {
      source.line(`return 1//${character}`)
    })
    expect(source.build('f')).toEqual({ reason: 'the generated code holds a character that it must not' })
  })

  test('what is too long is not kept and not built', () => {
    const source = new GeneratedSource()
    const line = 'p+=1;'.repeat(20)
    source.function('f', 'p', () => {
      for (let chars = 0; chars <= 2 * compiledLimits.codeChars; chars += line.length) source.line(line)
    })
    expect(source.isTooLong).toBe(true)
    expect(source.text.length).toBeLessThanOrEqual(compiledLimits.codeChars)
    expect(source.build('f')).toEqual({ reason: expect.stringContaining('1000000 characters') as string })
  })

  test('code that is none is a reason, not an exception', () => {
    const source = new GeneratedSource()
    source.function('f', '', () => {
      source.line('return (')
    })
    expect(source.build('f')).toHaveProperty('reason')
  })
})

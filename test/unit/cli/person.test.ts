import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { terminalPerson } from '../../../src/cli/io.ts'

function stage() {
  const input = new PassThrough()
  const output = new PassThrough()
  let shown = ''
  output.on('data', (data: Buffer) => (shown += String(data)))
  return { input, person: terminalPerson(input, output), shown: () => shown }
}

describe('a person at the terminal', () => {
  it.each([
    ['y\n', true],
    ['YES\n', true],
    ['\n', false],
    ['no\n', false],
    ['yesterday\n', false]
  ])('who answers %j', async (answer, means) => {
    const { input, person, shown } = stage()
    const asked = person.confirm('Send 3 records home?')
    input.write(answer)
    expect(await asked).toBe(means)
    expect(shown()).toContain('Send 3 records home? [y/N] ')
  })

  it('who goes away has said no', async () => {
    const { input, person } = stage()
    const asked = person.confirm('Discard 1 record?')
    input.end()
    expect(await asked).toBe(false)
  })

  it('sees one line of progress, and then none', () => {
    const { person, shown } = stage()
    person.progress('10 %')
    person.progress('')
    expect(shown()).toBe('\r\u001b[2K10 %\r\u001b[2K')
  })
})

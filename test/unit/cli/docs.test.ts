import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Sandbox } from './run-cli.ts'

const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8')

/** Names of the commands in a help text. */
function commandsIn(help: string): string[] {
  const [, list = ''] = /\nCommands:\n([^]*?)\n\n/.exec(help) ?? []
  return [...list.matchAll(/^ {2}([a-z]+)(?= )/gm)].map((match) => match[1]!).filter((name) => name !== 'help')
}

/** Words of the command and the rest of each row: `quarantine list`. */
const rows = [...page('commands.md').matchAll(/^\| `kontrakt ([a-z]+(?: [a-z]+)*)[^|]*\| ([^|]*)\|/gm)].map(
  ([, command = '', row = '']) => ({ command, row })
)

describe('docs/commands.md', () => {
  it('has a row for each command of the program, and no other', async () => {
    const box = new Sandbox()
    const listed: string[] = []
    for (const name of commandsIn((await box.run('--help')).out)) {
      const inner = commandsIn((await box.run(name, '--help')).out)
      listed.push(...(inner.length === 0 ? [name] : inner.map((one) => `${name} ${one}`)))
    }
    box.remove()
    expect(rows.map(({ command }) => command).toSorted()).toEqual(listed.toSorted())
    expect(listed).toContain('quarantine redrive')
  })

  it('names no option that its command does not have', async () => {
    const box = new Sandbox()
    for (const { command, row } of rows) {
      const { out } = await box.run(...command.split(' '), '--help')
      for (const [option] of row.matchAll(/--[a-z-]+/g)) expect(out, command).toContain(option)
    }
    box.remove()
  })
})

describe('docs/admin-api.md', () => {
  it('lists the routes of the server, and no other', () => {
    const source =
      readFileSync(new URL('../../../src/admin/api-routes.ts', import.meta.url), 'utf8') +
      readFileSync(new URL('../../../src/admin/quarantine-routes.ts', import.meta.url), 'utf8') +
      readFileSync(new URL('../../../src/admin/server.ts', import.meta.url), 'utf8')
    const routes = [...source.matchAll(/server\s*\.(get|post)(?:<[^(]*>)?\(\s*'([^']+)'/g)].map(
      ([, method = '', path = '']) => {
        const isOpen = ['/metrics', '/live', '/ready'].includes(path)
        return `${method.toUpperCase()} ${isOpen ? '' : '/api/v1'}${path}`
      }
    )
    const listed = [...page('admin-api.md').matchAll(/^\| `((?:GET|POST) [^`]+)`/gm)].map((match) => match[1]!)
    expect(new Set(listed)).toEqual(new Set(routes))
  })
})

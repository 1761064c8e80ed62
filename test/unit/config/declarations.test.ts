import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { declarations } from '../../../src/config/declarations.ts'
import { settingsJsonSchema } from '../../../src/config/json-schema.ts'
import { parseHostPort, parseKind } from '../../../src/config/kinds.ts'
import { loadSettings } from '../../../src/config/load.ts'
import { fileLayer } from '../../../src/config/layers.ts'
import { settingsReference } from '../../../src/config/reference.ts'
import { variableOf } from '../../../src/config/tree.ts'

const docs = new URL('../../../docs/', import.meta.url)
const schema = settingsJsonSchema()
const isValid = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema)

describe('the declarations', () => {
  it('have defaults that are values of their kind and range', () => {
    for (const declaration of declarations) {
      if (declaration.default === undefined) continue
      expect(parseKind(declaration.kind, declaration.default, 'text', declaration), declaration.path).toMatchObject({
        ok: true
      })
    }
  })

  it('give every setting a variable of its own, and every flag to one setting', () => {
    const variables = declarations.map((declaration) => variableOf(declaration.path))
    expect(new Set(variables).size).toBe(variables.length)
    const flags = declarations.flatMap((declaration) => declaration.flag?.name ?? [])
    expect(new Set(flags).size).toBe(flags.length)
  })

  it('are each reachable by their variable', () => {
    for (const declaration of declarations) {
      if (declaration.fileOnly === true || declaration.kind === 'secret') continue
      const name = variableOf(declaration.path).replace('_N_', '_0_')
      const loaded = loadSettings({ flags: new Map(), env: { [name]: '\0' }, cwd: '/nowhere' })
      const fault = loaded.diagnostics.find((d) => d.file === `$${name}`)
      if (declaration.kind !== 'text') expect(fault?.code, name).toBe('bad-value')
    }
  })

  it('give every reason', () => {
    for (const declaration of declarations) expect(declaration.help.length, declaration.path).toBeGreaterThan(10)
  })
})

describe('the published JSON Schema', () => {
  it('is the one that follows from the declarations', () => {
    const published: unknown = JSON.parse(readFileSync(new URL('schemas/settings.schema.json', docs), 'utf8'))
    expect(published).toEqual(schema)
  })

  const base =
    'apiVersion: kontrakt/v1\nupstream: { bootstrapServers: [a:9092] }\nlisteners: [{ address: 0.0.0.0:9192 }]\n'
  it.each([
    ['', true],
    ['roles: [proxy]', true],
    ['roles: proxy', true],
    ['roles: [quality]', false],
    ['policies: p', true],
    ['policies: 3', false],
    ['limits: { requestBytes: 10MiB }', true],
    ['limits: { requestBytes: 10 }', false],
    ['limits: { connections: 0 }', false],
    ['limits:', true],
    ['timings: { decideWait: 1s }', true],
    ['timings: { decideWait: 1 s }', false],
    ['admin: { address: off }', true],
    ['admin: { address: "[::1]:9190", token: { env: T } }', true],
    ['admin: { token: { evn: T } }', false],
    ['admin: { token: { env: T, file: U } }', false],
    ['registry: { url: "https://r", auth: { username: u, password: p } }', true],
    ['registry: { url: "r:8081" }', false],
    ['watch: yes', false],
    ['workers: 2', false],
    ['quality: {}', false],
    ['unknown: 1', false]
  ])('judges %j as the loader does', (line, expected) => {
    const text = `${base}${line}\n`
    const loaded = loadSettingsText(text)
    expect(isValid(parse(text))).toBe(expected)
    expect(loaded).toBe(expected)
  })

  it('accepts broker ports in all their forms', () => {
    for (const ports of ['9300-9310', '{ 1: 9301 }', '"1=9301,2=9302"']) {
      expect(isValid(parse(base.replace('9192 }', `9192, brokerPorts: ${ports} }`))), ports).toBe(true)
    }
  })
})

function loadSettingsText(text: string): boolean {
  const layer = fileLayer('kontrakt.yaml', text)
  const wrong = [...layer.settings.values()].filter(({ declaration, raw, form }) => {
    const parsed = parseKind(declaration.kind, raw, form, declaration)
    return (
      !parsed.ok ||
      declaration.notYet?.some((word) => [parsed.value].flat().includes(word)) ||
      (declaration.path === 'workers' && raw !== 1)
    )
  })
  return layer.diagnostics.length === 0 && wrong.length === 0
}

describe('docs/settings.md', () => {
  it('holds the generated reference', () => {
    const page = readFileSync(new URL('settings.md', docs), 'utf8')
    expect(page).toContain(settingsReference())
  })

  it('lists every diagnostic code that the sources report', () => {
    const page = readFileSync(new URL('settings.md', docs), 'utf8')
    const codes = [
      'unknown-key',
      'not-yet',
      'bad-value',
      'wrong-type',
      'missing',
      'conflict',
      'admin-token',
      'plain-secret',
      'secret-unreadable',
      'unknown-variable',
      'yaml',
      'duplicate-key',
      'empty-file',
      'unreadable-file',
      'out-of-range'
    ]
    for (const code of codes) expect(page).toContain(`\`${code}\``)
  })
})

describe('hostile input', () => {
  it('no text makes a parser throw, in any kind', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.constantFrom(...declarations),
        fc.constantFrom('yaml' as const, 'text' as const),
        (raw, declaration, form) => {
          const parsed = parseKind(declaration.kind, raw, form, declaration)
          return typeof parsed.ok === 'boolean'
        }
      )
    )
  })

  it('no file makes the reader throw', () => {
    fc.assert(fc.property(fc.string(), (text) => fileLayer('x.yaml', text).diagnostics.length >= 0))
  })

  it('addresses read back as they were', () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.ipV4()), fc.integer({ min: 0, max: 65535 }), (host, port) => {
        expect(parseHostPort(`${host}:${port}`)).toEqual({ host, port })
      })
    )
    expect(parseHostPort('[fe80::1%eth0]:9092')).toEqual({ host: 'fe80::1%eth0', port: 9092 })
    for (const bad of ['a', 'a:', ':1', 'a:b', 'a:99999', '::1:9092', 'a b:1', 'a:1:2', '[x]:1:', 'http://a:1']) {
      expect(parseHostPort(bad), bad).toBeNull()
    }
  })
})

/**
 * The official JSON Schema test suite against the JSON format. Every test must come out as the suite says, except those
 * in `known-failures.json`, each under its reason; one that is listed and passes is a failure too, so the list (and its
 * copy in `docs/formats.md`) cannot rot.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadPayloadFormat } from '../../src/contracts/payload/load.ts'

interface Group {
  readonly description: string
  readonly schema: unknown
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[]
}

const fixtures = new URL('../fixtures/json-schema-suite/', import.meta.url)

function fixture(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'))
}

const drafts = [
  // Tests that fetch documents (`refRemote`, custom meta-schemas): nothing is ever fetched from a `$ref`.
  { draft: 'draft7', uri: 'http://json-schema.org/draft-07/schema#', remote: 23 },
  { draft: 'draft2020-12', uri: 'https://json-schema.org/draft/2020-12/schema', remote: 49 }
] as const

const known = fixture('known-failures.json') as Record<string, Record<string, string[]>>

for (const { draft, uri, remote } of drafts) {
  describe(`JSON Schema ${draft}`, () => {
    const suite = fixture(`${draft}.json`) as Record<string, Group[]>
    const outcome = run(suite, uri)

    test('only the tests that are listed with a reason come out otherwise', () => {
      const listed = Object.values(known[draft] ?? {}).flat()
      expect(new Set(listed).size).toBe(listed.length)
      expect(outcome.failed.toSorted()).toEqual(listed.toSorted())
    })

    test('the rest passes, and what needs remote documents is refused at load', () => {
      expect(outcome.remote).toBe(remote)
      expect(outcome.passed).toBeGreaterThan(1200)
    })

    test('the manual names each reason', () => {
      const manual = readFileSync(new URL('../../docs/formats.md', import.meta.url), 'utf8')
      for (const [reason, tests] of Object.entries(known[draft] ?? {})) {
        expect(manual).toContain(`| ${draft} | ${reason} | ${String(tests.length)} |`)
      }
    })
  })
}

function run(suite: Record<string, Group[]>, uri: string): { passed: number; remote: number; failed: string[] } {
  const failed: string[] = []
  let passed = 0
  let remote = 0
  for (const [file, groups] of Object.entries(suite)) {
    for (const group of groups) {
      const schema =
        typeof group.schema === 'object' && !('$schema' in (group.schema as object))
          ? { $schema: uri, ...group.schema }
          : group.schema
      const loaded = loadPayloadFormat({ format: 'json', source: JSON.stringify(schema), file: `${file}.json` })
      if ('problem' in loaded && needsFetching(loaded.problem)) {
        remote += group.tests.length
        continue
      }
      for (const { description, data, valid } of group.tests) {
        const bytes = Buffer.from(JSON.stringify(data))
        const ok = 'format' in loaded ? loaded.format.decode(bytes, 0, bytes.length).ok : null
        if (ok === valid) passed++
        else failed.push(`${file} | ${group.description} | ${description}`)
      }
    }
  }
  return { passed, remote, failed }
}

function needsFetching(problem: string): boolean {
  return problem.includes('never fetched') || problem.startsWith('$schema is "http://localhost:1234/')
}

/**
 * The official JSON Schema test suite against the JSON format. Every test must come out as the suite says, except those
 * in `known-failures.json`, each under its reason; one that is listed and passes is a failure too, so the list (and its
 * copy in `docs/formats.md`) cannot rot.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Slots } from '../../src/contracts/payload/compiled.ts'
import type { Compilable } from '../../src/contracts/payload/compiled.ts'
import type { PayloadFormat } from '../../src/contracts/payload/format.ts'
import { loadPayloadFormat } from '../../src/contracts/payload/load.ts'
import { compareVisits, VisitRecorder } from '../support/compiled-visits.ts'

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

    test('the compiled validator accepts nothing that the reference refuses', () => {
      expect(outcome.compiled.wrong).toEqual([])
    })

    test('the compiled validator accepts most of what the reference accepts, of the schemas that are compiled', () => {
      const { compiled } = outcome
      expect(compiled.schemas / (compiled.schemas + compiled.notCompiled)).toBeGreaterThan(0.5)
      expect(compiled.accepted / compiled.acceptable).toBeGreaterThan(0.9)
    })

    test('the compiled validator shows the items of lists as the reference has them', () => {
      const { compiled } = outcome
      expect(compiled.items).toBeGreaterThan(300)
      expect(compiled.acceptedWithItems).toBe(compiled.accepted)
    })

    test('the manual names each reason', () => {
      const manual = readFileSync(new URL('../../docs/formats.md', import.meta.url), 'utf8')
      for (const [reason, tests] of Object.entries(known[draft] ?? {})) {
        expect(manual).toContain(`| ${draft} | ${reason} | ${String(tests.length)} |`)
      }
    })
  })
}

interface Outcome {
  readonly passed: number
  readonly remote: number
  readonly failed: string[]
  readonly compiled: CompiledOutcome
}

interface CompiledOutcome {
  schemas: number
  notCompiled: number
  /** Tests of compiled schemas that the reference accepts, and those of them that the compiled validator does. */
  acceptable: number
  accepted: number
  /** The same when the payload is looked into as a list, and the items seen in all. */
  acceptedWithItems: number
  items: number
  /** Tests that only the compiled validator accepts. */
  readonly wrong: string[]
}

function run(suite: Record<string, Group[]>, uri: string): Outcome {
  const failed: string[] = []
  const compiled: CompiledOutcome = {
    ...{ schemas: 0, notCompiled: 0, acceptable: 0, accepted: 0 },
    ...{ acceptedWithItems: 0, items: 0, wrong: [] }
  }
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
      if ('format' in loaded) runCompiled(loaded.format, `${file} | ${group.description}`, group.tests, compiled)
      for (const { description, data, valid } of group.tests) {
        const bytes = Buffer.from(JSON.stringify(data))
        const ok = 'format' in loaded ? loaded.format.decode(bytes, 0, bytes.length).ok : null
        if (ok === valid) passed++
        else failed.push(`${file} | ${group.description} | ${description}`)
      }
    }
  }
  return { passed, remote, failed, compiled }
}

function runCompiled(format: PayloadFormat, name: string, tests: Group['tests'], outcome: CompiledOutcome): void {
  const compiled = (format as PayloadFormat & Compilable).compile([], 0)
  const recorder = new VisitRecorder([{ list: [], items: [[]] }], 1)
  const looking = (format as PayloadFormat & Compilable).compile([[]], 0, recorder.visits)
  if ('reason' in compiled || 'reason' in looking) {
    outcome.notCompiled++
    return
  }
  outcome.schemas++
  const slots = new Slots(2)
  for (const { description, data } of tests) {
    for (const indent of [0, 2]) {
      const bytes = Buffer.from(JSON.stringify(data, null, indent))
      const accepted = compiled.accepts(bytes, 0, bytes.length, slots)
      const acceptable = format.decode(bytes, 0, bytes.length).ok
      if (acceptable) outcome.acceptable++
      if (acceptable && accepted) outcome.accepted++
      const looked = compareVisits(format, looking, [[]], recorder, bytes, slots, `${name} | ${description}`)
      if (looked.accepted) outcome.acceptedWithItems++
      outcome.items += looked.items
      if (accepted && !acceptable) outcome.wrong.push(`${name} | ${description}`)
    }
  }
}

function needsFetching(problem: string): boolean {
  return problem.includes('never fetched') || problem.startsWith('$schema is "http://localhost:1234/')
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readResults, sum } from '../../support/results.ts'

let folder: string
let report: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kontrakt-results-'))
  report = join(folder, 'report.json')
})

afterEach(() => rm(folder, { recursive: true, force: true }))

function file(name: string, status: string, ...tests: string[]): object {
  return { name, status, assertionResults: tests.map((test) => ({ status: test })) }
}

async function read(exitCode: number, ...testResults: object[]): Promise<ReturnType<typeof readResults>> {
  await writeFile(report, JSON.stringify({ testResults }))
  return readResults(report, exitCode)
}

describe('counting', () => {
  it('adds what passed, failed and was skipped', async () => {
    const results = await read(
      1,
      file('a', 'passed', 'passed', 'skipped', 'todo'),
      file('b', 'failed', 'failed', 'passed')
    )
    expect(results).toEqual({ passed: 2, failed: 1, skipped: 2, files: 2, notRun: [] })
    expect(sum([results, results])).toMatchObject({ passed: 4, failed: 2, skipped: 4, files: 4 })
  })

  it('names the files of which nothing ran', async () => {
    const { notRun } = await read(
      0,
      file('a', 'passed', 'skipped', 'skipped'),
      file('b', 'passed', 'skipped', 'passed')
    )
    expect(notRun).toEqual([{ file: 'a', tests: 2 }])
  })

  it('counts a file that fails outside its tests', async () => {
    expect(await read(1, file('a', 'failed'))).toMatchObject({ passed: 0, failed: 1 })
    expect(await read(1, file('a', 'failed', 'skipped'))).toMatchObject({ failed: 1, skipped: 1 })
  })

  it('counts a suite that failed without any test', async () => {
    expect(await read(1, file('a', 'passed', 'passed'))).toMatchObject({ passed: 1, failed: 1 })
    expect(readResults(join(folder, 'absent.json'), 1)).toMatchObject({ passed: 0, failed: 1, files: 0 })
    expect(readResults(join(folder, 'absent.json'), 0)).toMatchObject({ failed: 0 })
  })
})

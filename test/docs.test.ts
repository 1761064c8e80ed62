/**
 * The README and the pages of `docs/` are true: their links lead somewhere, their commands are understood, their
 * snippets load, their tables match the sources. What the README tells a newcomer to do is done in `readme.test.ts`.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { errorByCode } from '../protocol/errors.ts'
import { apis } from '../protocol/messages/api-table.ts'
import { checkCommand } from '../src/cli/check.ts'
import type { CommandContext } from '../src/cli/command.ts'
import { demoCommand } from '../src/cli/demo-command.ts'
import { doctorCommand } from '../src/cli/doctor.ts'
import { initCommand } from '../src/cli/init.ts'
import { quarantineCommand } from '../src/cli/quarantine.ts'
import { serveCommand } from '../src/cli/serve.ts'
import { settingsCommand } from '../src/cli/settings.ts'
import { statusCommand } from '../src/cli/status.ts'
import { testCommand } from '../src/cli/test.ts'
import { whyCommand } from '../src/cli/why.ts'
import { loadSettings } from '../src/config/load.ts'
import { inspectPolicies, runInspectedCases } from '../src/config/policy-inspection.ts'
import { formatDiagnostic } from '../src/contracts/diagnostic.ts'
import { ChainState } from '../src/enforcement/ledger/chain-state.ts'
import {
  decodeLedgerKey,
  decodeLedgerValue,
  encodeLedgerKey,
  encodeLedgerValue
} from '../src/enforcement/ledger/ledger-format.ts'
import { batchMessage, markHeader, markHeaderValue, recordMessage } from '../src/enforcement/violation-text.ts'
import { closeReasons } from '../src/proxy/session/effects.ts'
import {
  anchorsOf,
  commandLinesOf,
  fencesOf,
  kontraktCalls,
  pageOf,
  pages,
  proseOf,
  root,
  sectionOf,
  simpleCommands,
  type Fence
} from './support/docs.ts'

const fences = pages.flatMap(fencesOf)
const place = ({ page, line }: Fence): string => `${page}:${line}`

describe('links', () => {
  it.each(pages.map((page) => [page.path, page] as const))('of %s lead somewhere', (path, page) => {
    const dead = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map((match) => match[1]!)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path : normalize(join(dirname(path), file))
        if (!existsSync(join(root, target))) return true
        return anchor !== undefined && !anchorsOf(pageOf(target)).includes(anchor)
      })
    expect(dead).toEqual([])
  })

  it('of docs/README.md list every page, and no other', () => {
    const listed = [...pageOf('docs/README.md').text.matchAll(/^\| \[([a-z-]+\.md)\]/gm)].map((match) => match[1]!)
    const there = pages.flatMap(({ path }) => /^docs\/((?!README).*)$/.exec(path)?.[1] ?? [])
    expect(listed.toSorted()).toEqual(there.toSorted())
  })

  it.each(pages.map((page) => [page.path, page] as const))('files named in %s exist', (_, page) => {
    const named = [...proseOf(page).matchAll(/`((?:src|protocol|test|bench|docs|\.ci)\/[\w./-]*)`/g)].map(
      (match) => match[1]!
    )
    expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([])
  })
})

describe('commands', () => {
  const typed = fences.flatMap((fence) => commandLinesOf(fence).map((line) => ({ fence, line })))
  const inline = pages.flatMap((page) =>
    [...proseOf(page).matchAll(/`(kontrakt [a-z][^`]*|npm (?:run|test)[^`]*)`/g)].map((match) => match[1]!)
  )
  const lines = [...typed.map(({ line }) => line), ...inline]

  it('call kontrakt in ways that it understands', () => {
    const calls = lines
      .flatMap(kontraktCalls)
      // `kontrakt <command>` stands for any; `[dir]` and `<ID>` stand for a value.
      .filter(([name]) => name !== undefined && !name.startsWith('<'))
      .map((words) => words.map((word) => (/^[<[].*[>\]]$/.test(word) ? 'x' : word)))
    expect(calls.length).toBeGreaterThan(25)
    const refused = calls.flatMap((words) => {
      const problem = parseProblem(words)
      return problem === null ? [] : [`kontrakt ${words.join(' ')}: ${problem}`]
    })
    expect(refused).toEqual([])
  })

  it('would be refused if they were wrong', () => {
    expect(parseProblem(['serve', '--upstraem', 'a:1'])).toContain('unknown option')
    expect(parseProblem(['why', '--limit', 'many'])).toContain('whole number')
    expect(parseProblem(['init', 'a', 'b'])).toContain('too many arguments')
    expect(parseProblem(['sreve'])).toContain('unknown command')
  })

  it('name npm scripts and vitest projects that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const config = await readFile(join(root, 'vitest.config.ts'), 'utf8')
    const called = lines.flatMap(simpleCommands)
    const missing = called.flatMap(([program, verb, name]) =>
      program === 'npm' && verb === 'run' && name !== undefined && scripts[name] === undefined ? [name] : []
    )
    expect(missing).toEqual([])
    expect(scripts).toHaveProperty('test')
    for (const match of pageOf('docs/testing.md').text.matchAll(/--project (\w+)/g))
      expect(config).toContain(`name: '${match[1]!}'`)
  })
})

/** Null when the command line is understood. Nothing is run. */
function parseProblem([name = '', ...args]: readonly string[]): string | null {
  let said = ''
  const io = {
    out: () => undefined,
    err: (text: string) => void (said += text),
    env: {},
    cwd: root,
    colour: false,
    errColour: false
  }
  const context: CommandContext = { io, exit: () => undefined }
  const makers = [
    demoCommand,
    initCommand,
    serveCommand,
    checkCommand,
    testCommand,
    whyCommand,
    quarantineCommand,
    statusCommand,
    doctorCommand,
    settingsCommand
  ]
  const command = makers.map((make) => make(context)).find((candidate) => candidate.name() === name)
  if (command === undefined) return name.startsWith('-') ? null : `unknown command '${name}'`
  for (const one of [command, ...command.commands]) {
    one.exitOverride().configureOutput({ writeErr: io.err, writeOut: io.out })
    if (one.commands.length === 0) one.action(() => undefined)
  }
  try {
    command.parse(args, { from: 'user' })
    return null
  } catch (error) {
    return (error as { code?: string }).code === 'commander.helpDisplayed' ? null : said
  }
}

describe('snippets', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kontrakt-docs-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const yaml = fences.filter(({ language, text }) => language === 'yaml' && !text.startsWith('- run:'))
  const is =
    (key: string) =>
    ({ text }: Fence): boolean =>
      new RegExp(`^${key}:`, 'm').test(text)
  const settings = yaml.filter(is('upstream'))
  const cases = yaml.filter(is('cases'))
  const policies = yaml.filter((fence) => !settings.includes(fence) && !cases.includes(fence))

  it('are there', () => {
    expect(settings.length).toBeGreaterThan(0)
    expect(cases.length).toBeGreaterThan(0)
    expect(policies.length).toBeGreaterThan(10)
  })

  it.each(settings.map((fence) => [place(fence), fence] as const))('settings at %s are valid', async (_, { text }) => {
    const file = join(folder, 'kontrakt.yaml')
    await writeFile(file, text.replaceAll(/file: \/[^ }]+/g, `file: ${file}`))
    const loaded = loadSettings({ settingsFile: file, flags: new Map(), env: {}, cwd: folder })
    expect(loaded.diagnostics.map(formatDiagnostic)).toEqual([])
    expect(loaded.settings).not.toBeNull()
  })

  it.each(policies.map((fence) => [place(fence), fence] as const))('policy at %s loads', async (_, fence) => {
    const documents = splitRepeats(fence.text)
    expect(documents.length).toBeGreaterThan(0)
    for (const [i, document] of documents.entries()) {
      const inside = join(folder, `policy-${fence.line}-${i}`)
      await writeFolder(inside, { 'orders.yaml': completed(document), ...schemas })
      const { policies: loaded, diagnostics } = inspectPolicies(inside)
      expect(diagnostics.map(formatDiagnostic)).toEqual([])
      expect(loaded.size).toBe(1)
    }
  })

  it.each(cases.map((fence) => [place(fence), fence] as const))('cases at %s can be read', async (_, fence) => {
    const inside = join(folder, `cases-${fence.line}`)
    const policy = completed('topics: shop.orders.v1\nvalue: { format: json, schema: { file: schemas/order.json } }\n')
    await writeFolder(inside, { 'orders.yaml': policy, 'orders.cases.yaml': fence.text, ...schemas })
    const inspection = inspectPolicies(inside)
    expect(inspection.diagnostics.map(formatDiagnostic)).toEqual([])
    expect(inspection.cases[0]?.policy).toBe('orders.yaml')
    expect(runInspectedCases(inspection).length).toBeGreaterThan(3)
  })

  it('a policy with a mistake would not load', async () => {
    const inside = join(folder, 'wrong')
    await writeFolder(inside, { 'orders.yaml': completed('mode: rejct\n') })
    expect(inspectPolicies(inside).diagnostics).toHaveLength(1)
  })
})

/** Schemas under the names that the pages use. */
const schemas = {
  'schemas/order.schema.json': JSON.stringify({
    type: 'object',
    properties: { order_id: { type: 'string' }, amount: { type: 'number' }, country: { type: 'string' } }
  }),
  'schemas/order.json': '{}',
  'schemas/order.avsc': JSON.stringify({
    type: 'record',
    name: 'Order',
    fields: [{ name: 'order_id', type: 'string' }]
  }),
  'schemas/shipment.proto': 'syntax = "proto3"; package shop; message Shipment { string order_id = 1; }'
}

async function writeFolder(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
}

/** A fragment may show one key several times, as alternatives: each becomes a fragment of its own. */
function splitRepeats(text: string): string[] {
  const parts = text.split(/^(?=[a-zA-Z]+:)/m).filter((part) => /^[a-zA-Z]+:/m.test(part))
  const keyOf = (part: string): string => /^([a-zA-Z]+):/m.exec(part)![1]!
  const repeated = new Set(parts.map(keyOf)).size < parts.length
  return repeated ? parts : [text]
}

/** A policy of which the page shows a part: what it leaves out, and what that part is about, is added. */
function completed(fragment: string): string {
  const given = parseDocument(fragment).toJS() as Record<string, unknown> | null
  const rest: Record<string, string> = {
    apiVersion: 'kontrakt/v1',
    topics: 'shop.orders.v1',
    value: '{ format: json }',
    ...(given?.['checks'] === undefined
      ? {}
      : {
          value: '{ format: json, schema: { file: schemas/order.json } }',
          headers: '{ source: { required: true } }',
          fields: '{ value.country: { required: true } }'
        })
  }
  const added = Object.entries(rest).filter(([key]) => given?.[key] === undefined)
  return `${added.map(([key, value]) => `${key}: ${value}\n`).join('')}${fragment}`
}

describe('docs/clients.md', () => {
  const { text } = pageOf('docs/clients.md')
  const policy = { name: 'orders', version: '7423ffbed819', file: 'orders.yaml' }
  const violation = { rule: 'amount-positive', path: 'value.amount', message: 'amount must be above zero' }

  it('shows the mark header as it is written', () => {
    const [json] = fencesOf(pageOf('docs/clients.md')).filter(({ language }) => language === 'json')
    expect(json?.text).toBe(`${markHeaderValue(policy, [violation]).toString()}\n`)
    expect(text).toContain(`\`${markHeader}\``)
    const many = JSON.parse(
      markHeaderValue(policy, Array(20).fill(violation) as (typeof violation)[]).toString()
    ) as object
    expect(many).toMatchObject({ v: 1, violations: Array(16).fill(violation) as object[], more: 4 })
  })

  it('shows the message of a refused partition as it is written', () => {
    expect(text).toContain(`${batchMessage(policy, 1, 3, 1, recordMessage([violation]))}\n`)
  })
})

describe('docs/limits-and-behaviour.md', () => {
  const page = pageOf('docs/limits-and-behaviour.md')

  it('calls errors by their names', () => {
    const named = [...page.text.matchAll(/\b(\d+) `([A-Z_]+)`/g)]
    expect(named.length).toBeGreaterThan(5)
    for (const [, code, name] of named) expect(errorByCode(Number(code))?.name).toBe(name)
  })

  it('lists every cause of a refusal, and no other', async () => {
    const source = await readFile(join(root, 'src/enforcement/report.ts'), 'utf8')
    const causes = [.../RefusalCause =([^]*?)\n\n/.exec(`${source}\n\n`)![1]!.matchAll(/'([a-z-]+)'/g)].map(
      (match) => match[1]!
    )
    const listed = [...sectionOf(page, 'Answers given here').matchAll(/^\| [^|]+ \| `([a-z-]+)` \|/gm)].map(
      (match) => match[1]!
    )
    expect(new Set(listed)).toEqual(new Set(causes))
  })

  it('lists every cause of a closed connection, and no other', () => {
    const rows = [...sectionOf(page, 'Why a connection was closed').matchAll(/^\| (`[^|]+) \|/gm)]
    const listed = rows.flatMap((row) => [...row[1]!.matchAll(/`([a-z0-9-]+)`/g)].map((match) => match[1]!))
    expect(listed.toSorted()).toEqual([...closeReasons].toSorted())
  })

  it('gives the versions that are passed', () => {
    const rows = [...sectionOf(page, 'Versions').matchAll(/^\| (\w+) \| (\d+) \|/gm)]
    expect(rows.length).toBe(4)
    for (const [, name, version] of rows)
      expect(apis.find((api) => api.name === name)?.maxVersion).toBe(Number(version))
  })

  it('names settings and metrics that there are', () => {
    const settings = pageOf('docs/settings.md').text
    const metrics = pageOf('docs/metrics.md').text
    for (const [, name] of page.text.matchAll(/`((?:limits|timings)\.\w+)`/g))
      expect(settings).toContain(`\`${name!}\``)
    for (const [, name] of page.text.matchAll(/`(kontrakt_[a-z_]+)/g)) expect(metrics).toContain(`\`${name!}\``)
  })
})

describe('docs/ledger.md', () => {
  const page = pageOf('docs/ledger.md')
  const range = (text: string): [number, number] => {
    const [first, last = first] = text.split('–').map(Number)
    return [first!, last!]
  }
  const [key, value] = fencesOf(page).flatMap(({ language, text }) => (language === 'json' ? [text] : []))

  it('moves numbers down as the code does', () => {
    const state = new ChainState(0)
    const rows = [...page.text.matchAll(/^\| [A-E] \| ([\d–]+) \| ([^|]+) \| ([^|]+) \|$/gm)]
    expect(rows).toHaveLength(5)
    for (const [, numbers, bad, seen] of rows) {
      const [base, last] = range(numbers!)
      const dropped = bad === 'none' ? [] : bad!.split(', ').map((number) => Number(number) - base)
      const count = last - base + 1
      state.add({ base, count, digest: '', dropped })
      const kept = count - dropped.length
      const up = state.up(base)!
      expect(seen).toBe(kept === 0 ? 'nothing' : `${up}–${up + kept - 1}`)
    }
  })

  it('shows a key and a value as they are written', () => {
    expect(encodeLedgerKey(decodeLedgerKey(Buffer.from(key!)))).toEqual(Buffer.from(key!.trim()))
    expect(JSON.parse(encodeLedgerValue(decodeLedgerValue(Buffer.from(value!))).toString())).toEqual(JSON.parse(value!))
    expect(page.text).toContain(`\`${encodeLedgerValue({ kind: 'claim' }).toString()}\``)
  })

  it('calls errors, causes and metrics by their names', async () => {
    for (const [, code, name] of page.text.matchAll(/\b(\d+) `([A-Z_]+)`/g)) {
      expect(errorByCode(Number(code))?.name).toBe(name)
    }
    const report = await readFile(join(root, 'src/enforcement/report.ts'), 'utf8')
    for (const [, cause] of page.text.matchAll(/refused `([a-z-]+)`/g)) expect(report).toContain(`'${cause!}'`)
    const metrics = pageOf('docs/metrics.md').text
    for (const [, name] of page.text.matchAll(/`(kontrakt_[a-z_]+)/g)) expect(metrics).toContain(`\`${name!}\``)
  })
})

describe('docs/architecture.md', () => {
  it('has every folder of src, and says what the import test says', async () => {
    const { text } = pageOf('docs/architecture.md')
    const rows = [...text.matchAll(/^\| ((?:`[\w/.]+`(?:, )?)+) \| [^|]+ \|([^|]*)\|$/gm)]
    const folders = rows.flatMap((row) => [...row[1]!.matchAll(/`([\w/.]+?)\/?`/g)].map((match) => match[1]!))
    const imports = await readFile(join(root, 'test/unit/imports.test.ts'), 'utf8')
    const allowed = [...imports.matchAll(/^ {2}'?([\w/]+)'?: \[([^\]]*)\]/gm)]
    expect(allowed.length).toBeGreaterThan(5)
    for (const [, folder, list] of allowed) {
      const row = rows.find((candidate) => candidate[1]!.includes(`\`${folder!}/\``))
      const said = [...row![2]!.matchAll(/`([\w/]+)`/g)].map((match) => match[1]!)
      const ruled = [...list!.matchAll(/'([^']+)'/g)].map((match) => match[1]!)
      expect(said.toSorted(), folder).toEqual(
        ruled.filter((name) => name !== folder && !name.endsWith('.ts')).toSorted()
      )
    }
    const there = (await readdir(join(root, 'src'), { withFileTypes: true })).filter((entry) => entry.isDirectory())
    expect(there.map(({ name }) => `src/${name}`).filter((name) => !folders.includes(name))).toEqual([])
  })
})

/** What `kontrakt init` does. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseHostPort } from '../config/kinds.ts'
import { loadSettings } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import type { OptionValues } from './command.ts'
import { settingsInputs } from './command.ts'
import { casesTemplate, policyTemplate, schemaTemplate, settingsTemplate } from './init-templates.ts'
import type { CliIo } from './io.ts'
import { CliError } from './io.ts'
import { painter } from './style.ts'

interface Plan {
  /** By path below the folder. */
  readonly files: ReadonlyMap<string, string>
  /** What was found out, for the user to read. */
  readonly notes: readonly string[]
}

export async function init(dir: string, options: OptionValues, io: CliIo): Promise<number> {
  const folder = resolve(io.cwd, dir)
  const plan = await makePlan(folder, options, io)
  const there = [...plan.files.keys()].filter((path) => existsSync(join(folder, path)))
  if (there.length > 0 && options['force'] !== true) {
    throw new CliError(`already there: ${there.join(', ')}`, 'name another folder, or write over them with --force')
  }
  for (const [path, text] of plan.files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
    io.out(`${painter(io.colour)('green', 'wrote')} ${join(dir, path)}\n`)
  }
  for (const note of plan.notes) io.out(`${note}\n`)
  const inside = dir === '.' ? '' : `cd ${dir} && `
  const test = [...plan.files.keys()].some((path) => path.endsWith('.cases.yaml')) ? ' && kontrakt test' : ''
  io.out(`\nNext: ${inside}kontrakt check${test}, then kontrakt doctor, then kontrakt serve\n`)
  return 0
}

async function makePlan(folder: string, options: OptionValues, io: CliIo): Promise<Plan> {
  const { upstream = 'localhost:9092', listen = '0.0.0.0:9192', registry, fromTopic } = options
  checkAddresses(String(upstream), String(listen))
  const settings = settingsTemplate({
    upstream: String(upstream),
    listen: String(listen),
    registry: typeof registry === 'string' ? registry : null
  })
  if (typeof fromTopic !== 'string') {
    const files = new Map([
      ['kontrakt.yaml', settings],
      ['policies/orders.yaml', policyTemplate],
      ['policies/orders.cases.yaml', casesTemplate],
      ['policies/schemas/order.schema.json', schemaTemplate]
    ])
    return { files, notes: [] }
  }
  const { inferFromTopic } = await import('./init-from-topic.ts')
  const inferred = await inferFromTopic(fromTopic, Number(options['records']), connectionFor(folder, options, io))
  const files = new Map(inferred.files)
  // An instance that is set up already only gets the policy.
  if (!existsSync(join(folder, 'kontrakt.yaml')) || options['force'] === true) files.set('kontrakt.yaml', settings)
  return { files, notes: inferred.notes }
}

function checkAddresses(upstream: string, listen: string): void {
  for (const [flag, text] of [
    ...upstream.split(',').map((server) => ['--upstream', server.trim()] as const),
    ['--listen', listen] as const
  ]) {
    const parsed = parseHostPort(text)
    if (parsed === null || parsed.port === 0) throw new CliError(`${flag}: '${text}' is not HOST:PORT`, null, 2)
  }
}

/** Upstream and registry: from flags, else from the settings of that folder. */
function connectionFor(
  folder: string,
  options: OptionValues,
  io: CliIo
): Pick<Settings, 'upstream' | 'registry' | 'timings'> {
  const { flags, ...inputs } = settingsInputs(options, io)
  const own = existsSync(join(folder, 'kontrakt.yaml')) ? { settingsFile: join(folder, 'kontrakt.yaml') } : {}
  // A listener is required of settings, though nothing listens here.
  const withListener = new Map([['--listen', '0.0.0.0:9192'] as const, ...flags])
  const { settings, diagnostics } = loadSettings({ ...own, ...inputs, flags: withListener })
  if (settings !== null) return settings
  const [first] = diagnostics
  throw new CliError(first?.message ?? 'the settings have faults', 'give --upstream HOST:PORT')
}

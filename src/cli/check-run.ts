/** What `kontrakt check` does. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { defaultSettingsFile, loadSettings } from '../config/load.ts'
import type { Settings } from '../config/settings.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import { howJudged } from '../contracts/compiled/explain.ts'
import type { HowJudged } from '../contracts/compiled/explain.ts'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import { checkAgainstRegistry, usesRegistry } from '../contracts/registry-check.ts'
import { renderCopies } from '../contracts/registry-copies.ts'
import type { OptionValues } from './command.ts'
import { settingsInputs } from './command.ts'
import type { DiagnosticFormat } from './diagnostics.ts'
import { countText, diagnosticText, githubAnnotation, hasErrors } from './diagnostics.ts'
import type { CliIo } from './io.ts'
import { CliError } from './io.ts'
import { loadSet, policySets } from './policy-set.ts'
import type { PolicySet } from './policy-set.ts'
import { withRegistry } from './registry-access.ts'
import { painter, plural } from './style.ts'

interface Checked {
  readonly diagnostics: Diagnostic[]
  policies: number
  settingsFiles: number
  /** With `--explain`, by the file of the policy. */
  readonly judged: Map<string, HowJudged>
}

export async function check(paths: readonly string[], options: OptionValues, io: CliIo): Promise<number> {
  const checked: Checked = { diagnostics: [], policies: 0, settingsFiles: 0, judged: new Map() }
  const given = paths.filter((path) => isSettingsFile(path, io.cwd))
  const settings = checkSettings(given, paths.length === 0, options, io, checked)
  const policyPaths = paths.filter((path) => !given.includes(path))
  if (paths.length === 0) policyPaths.push(policiesOf(settings, io))
  for (const set of policySets(policyPaths, io.cwd)) await checkSet(set, options, settings, io, checked)
  print(checked, formatOf(options), io)
  return hasErrors(checked.diagnostics) ? 1 : 0
}

/** A settings file is told from a policy by its name, or by keys that no policy has. */
function isSettingsFile(path: string, cwd: string): boolean {
  const absolute = resolve(cwd, path)
  if (!existsSync(absolute) || !statSync(absolute).isFile()) return false
  if (basename(path) === defaultSettingsFile) return true
  return statSync(absolute).size < 1024 * 1024 && /^(upstream|listeners)\s*:/m.test(readFileSync(absolute, 'utf8'))
}

/** The settings that were checked last; null when there are none, or they have faults. */
function checkSettings(
  given: readonly string[],
  byDefault: boolean,
  options: OptionValues,
  io: CliIo,
  checked: Checked
): Settings | null {
  // Flags of settings are not this command's; `--registry` means something else here.
  const { settings: named } = options
  const inputs = settingsInputs(typeof named === 'string' ? { settings: named } : {}, io)
  const hasDefault =
    typeof named === 'string' ||
    io.env['KONTRAKT_SETTINGS'] !== undefined ||
    existsSync(resolve(io.cwd, defaultSettingsFile))
  const files: (string | null)[] = [...given]
  if (byDefault && hasDefault) files.push(null)
  let settings: Settings | null = null
  for (const file of files) {
    const loaded = loadSettings(file === null ? inputs : { ...inputs, settingsFile: file })
    checked.diagnostics.push(...loaded.diagnostics)
    checked.settingsFiles += 1
    settings = loaded.settings
  }
  if (files.length > 0) return settings
  return hasDefault ? loadSettings(inputs).settings : null
}

function policiesOf(settings: Settings | null, io: CliIo): string {
  const folder = settings?.policies.folder ?? resolve(io.cwd, 'policies')
  if (!existsSync(folder)) throw new CliError(`there is no policies folder ${folder}`, '`kontrakt init` writes one')
  return folder.startsWith(`${io.cwd}/`) ? folder.slice(io.cwd.length + 1) : folder
}

async function checkSet(
  set: PolicySet,
  options: OptionValues,
  settings: Settings | null,
  io: CliIo,
  checked: Checked
): Promise<void> {
  const { policies, diagnostics, fileCount } = loadSet(set)
  checked.diagnostics.push(...diagnostics)
  checked.policies += fileCount
  if (options['explain'] === true) {
    for (const policy of policies) checked.judged.set(policy.reference.file, howJudged(policy))
  }
  const { registry, save } = options
  if (registry === undefined) {
    if (save === true) throw new CliError('--save keeps what a registry says', 'give --registry as well', 2)
    return
  }
  const url = typeof registry === 'string' ? registry : null
  await checkWithRegistry(set, policies.filter(usesRegistry), url, save === true, settings, io, checked)
}

async function checkWithRegistry(
  set: PolicySet,
  policies: readonly CompiledPolicy[],
  url: string | null,
  save: boolean,
  settings: Settings | null,
  io: CliIo,
  checked: Checked
): Promise<void> {
  await withRegistry(url, settings, async (registry) => {
    for (const policy of policies) {
      const found = await checkAgainstRegistry(policy, registry.source)
      // Here the registry was asked for: that it does not answer is a fault, not a circumstance.
      checked.diagnostics.push(
        ...found.map((d) => (d.severity === 'warning' ? { ...d, severity: 'error' as const } : d))
      )
    }
    if (!save || hasErrors(checked.diagnostics)) return
    const copies = await registry.copiesFor(policies)
    for (const [path, text] of renderCopies(copies)) {
      const absolute = join(set.files.folder, path)
      await mkdir(dirname(absolute), { recursive: true })
      await writeFile(absolute, text)
    }
    io.err(`saved ${plural(copies.length, 'schema')} under ${set.files.display('schemas/.registry')}\n`)
  })
}

function formatOf(options: OptionValues): DiagnosticFormat {
  return options['json'] === true ? 'json' : (options['format'] as DiagnosticFormat)
}

function print({ diagnostics, policies, settingsFiles, judged }: Checked, format: DiagnosticFormat, io: CliIo): void {
  switch (format) {
    case 'json': {
      const explained = judged.size === 0 ? {} : { judged: Object.fromEntries(judged) }
      const report = { ok: !hasErrors(diagnostics), policies, settingsFiles, diagnostics, ...explained }
      io.out(`${JSON.stringify(report, null, 2)}\n`)
      return
    }
    case 'github':
      for (const diagnostic of diagnostics) io.out(githubAnnotation(diagnostic))
      return
    case 'text': {
      const paint = painter(io.colour)
      for (const diagnostic of diagnostics) io.out(diagnosticText(diagnostic, paint))
      for (const [file, how] of judged) io.out(explanation(file, how))
      const files =
        settingsFiles === 0 ? plural(policies, 'policy file') : `${plural(policies, 'policy file')} and the settings`
      const result = diagnostics.length === 0 ? paint('green', 'no faults') : countText(diagnostics)
      io.out(`${files}: ${result}\n`)
    }
  }
}

function explanation(file: string, how: HowJudged): string {
  switch (how.kind) {
    case 'compiled':
      return `${file}: compiled, records are judged where they lie\n`
    case 'decoded':
      return `${file}: every record is decoded to be judged\n${how.reasons.map((reason) => `    ${reason}\n`).join('')}`
    case 'by-schema':
      return `${file}: compiled for each schema of the registry with its first record\n`
    case 'not-judged':
      return `${file}: no check is on\n`
  }
}

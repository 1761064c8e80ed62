/**
 * What all commands share: their options, their examples, and how an action becomes an exit code. A command's file only
 * declares; what it does is imported when it is asked for, so that `--help` needs nothing but commander.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { declarations } from '../config/declarations.ts'
import { parseHostPort } from '../config/kinds.ts'
import type { FlagValues } from '../config/layers.ts'
import type { SettingsInputs } from '../config/load.ts'
import type { CliIo } from './io.ts'

/** What the values of options are before a command looks at them. */
export type OptionValues = Readonly<Record<string, unknown>>

/** Runs the action and remembers its exit code. */
export type Exit = (code: number) => void

export interface CommandContext {
  readonly io: CliIo
  readonly exit: Exit
}

export function makeCommand(name: string, description: string, examples: readonly string[]): Command {
  const example = examples.map((line) => `  $ ${line}`).join('\n')
  return new Command(name).description(description).addHelpText('after', `\nExamples:\n${example}`)
}

/** Adds `--settings` and the flags of the settings named; all of them when none is. */
export function addSettingsOptions(command: Command, flags?: readonly string[]): Command {
  command.option('--settings <FILE>', 'settings file (default: kontrakt.yaml, if it is there)')
  for (const { flag, help, default: byDefault, notYet, of } of declarations) {
    if (flag === undefined || (flags !== undefined && !flags.includes(flag.name))) continue
    const choices = of === undefined ? '' : `: ${of.filter((word) => notYet?.includes(word) !== true).join(', ')}`
    const otherwise = byDefault === undefined || flag.argument === undefined ? '' : ` (default: ${byDefault})`
    const text =
      flag.name === '--no-watch' ? 'do not reload policies when their files change' : `${help}${choices}${otherwise}`
    command.addOption(new Option(flag.argument === undefined ? flag.name : `${flag.name} <${flag.argument}>`, text))
  }
  return command
}

/** `--log-level` and `--log-format`, for commands that log without taking all settings. */
export const logFlags = ['--log-level', '--log-format'] as const

/** What the options say about settings. */
export function settingsInputs(options: OptionValues, io: CliIo): SettingsInputs {
  const flags = new Map<string, string | boolean>()
  for (const { flag } of declarations) {
    if (flag === undefined) continue
    const isNegated = flag.name.startsWith('--no-')
    const value = options[camelCase(flag.name.replace(/^--(no-)?/, ''))]
    // Commander gives a negated flag the default `true`; only its absence says anything.
    if (typeof value === 'string' || (typeof value === 'boolean' && value !== isNegated)) flags.set(flag.name, value)
  }
  const { settings } = options
  return {
    flags: flags satisfies FlagValues,
    env: io.env,
    cwd: io.cwd,
    ...(typeof settings === 'string' ? { settingsFile: settings } : {})
  }
}

function camelCase(flag: string): string {
  return flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** For commander: an option that is a whole number. */
export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}

/** For commander: `http://host:port`, or `host:port` for short. */
export function adminUrl(text: string): string {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text).href.replace(/\/+$/, '')
  if (parseHostPort(text) !== null) return `http://${text}`
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:9190.')
}

/** The options that lead to a running instance. */
export function addAdminOptions(command: Command): Command {
  return command
    .option('--settings <FILE>', 'settings file (default: kontrakt.yaml, if it is there)')
    .addOption(
      new Option('--admin <URL>', 'admin address of the instance (default: from the settings)').argParser(adminUrl)
    )
    .option('--token-file <FILE>', 'file that holds the admin token (default: from the settings)')
    .option('--log-level <LEVEL>', 'accepted for all commands; this one logs nothing')
}

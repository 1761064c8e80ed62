/**
 * Settings from a file, the environment and flags. The result is either complete and consistent, or a list of
 * everything that is wrong with it, each fault at its place; nothing is reported one at a time.
 */
import type { Address } from '../address.ts'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import type { Diagnostic } from '../contracts/diagnostic.ts'
import { checkConsistency } from './consistency.ts'
import type { KindValues } from './kinds.ts'
import { showBrokerPorts } from './kinds.ts'
import type { FlagValues, Layer, RawSetting } from './layers.ts'
import { environmentLayer, fileLayer, flagLayer } from './layers.ts'
import type { Limits, Timings } from './limits.ts'
import { limitTable, settingsFileLimits, timingTable } from './limits.ts'
import { diagnosticAt } from './origin.ts'
import type { EffectiveSetting } from './resolver.ts'
import { Resolver } from './resolver.ts'
import type {
  AdminSettings,
  BrokerPorts,
  ListenerSettings,
  LogFormat,
  LogLevel,
  RegistrySettings,
  Role,
  Settings,
  TopicSettings
} from './settings.ts'

export const defaultSettingsFile = 'kontrakt.yaml'

export interface SettingsInputs {
  /** `--listen` and so on; `--settings` is `settingsFile`. */
  readonly flags: FlagValues
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute working directory. */
  readonly cwd: string
  /** `--settings`; else `KONTRAKT_SETTINGS`; else `kontrakt.yaml` in the working directory, if it is there. */
  readonly settingsFile?: string
  /** What clients are told when a listener listens on all addresses; default: this machine's host name. */
  readonly hostName?: string
}

export interface LoadedSettings {
  /** Null when there is any error. */
  readonly settings: Settings | null
  /** Errors first in file order, then the rest. Warnings may come with settings. */
  readonly diagnostics: readonly Diagnostic[]
  /** In the order of the declarations; also filled when there are errors. */
  readonly effective: readonly EffectiveSetting[]
  /** The file that was read, as the user would type it; null when flags and environment alone were used. */
  readonly file: string | null
}

/** Reads files, never throws, never waits. */
export function loadSettings(inputs: SettingsInputs): LoadedSettings {
  const { resolver, file, isBroken, unreadable } = prepare(inputs)
  // A file that cannot be read at all would only draw "is not set" for everything in it.
  if (isBroken) return { settings: null, diagnostics: ordered(unreadable), effective: [], file }
  const settings = build(resolver, file !== null, inputs.hostName ?? hostname())
  if (settings !== null) checkConsistency(settings, resolver)
  const diagnostics = ordered([...unreadable, ...resolver.diagnostics])
  const hasError = diagnostics.some((d) => d.severity === 'error')
  return { settings: hasError ? null : settings, diagnostics, effective: resolver.effective, file }
}

export interface LoadedAdmin {
  /** Null when the admin server is off, or there are errors. */
  readonly admin: AdminSettings | null
  readonly diagnostics: readonly Diagnostic[]
}

/** Only how to reach a running instance: for commands that ask one, which need no upstream and no listener. */
export function loadAdmin(inputs: SettingsInputs): LoadedAdmin {
  const { resolver, isBroken, unreadable } = prepare(inputs)
  const admin = isBroken ? 'wrong' : buildAdmin(resolver)
  if (admin === 'wrong') return { admin: null, diagnostics: ordered([...unreadable, ...resolver.diagnostics]) }
  return { admin, diagnostics: [] }
}

interface Prepared {
  readonly resolver: Resolver
  readonly file: string | null
  /** The file cannot be read at all. */
  readonly isBroken: boolean
  readonly unreadable: readonly Diagnostic[]
}

function prepare(inputs: SettingsInputs): Prepared {
  const chosen = chooseFile(inputs)
  const fromFile = chosen === null ? emptyLayer : readFile(chosen, inputs.cwd)
  const fromFlags = flagLayer(inputs.flags)
  const fromEnvironment = environmentLayer(inputs.env, referencedVariables(fromFile.settings))
  const resolver = new Resolver({
    layers: [fromFlags.settings, fromEnvironment.settings, fromFile.settings],
    env: inputs.env,
    fileFolder: chosen === null ? inputs.cwd : dirname(resolve(inputs.cwd, chosen)),
    workingFolder: inputs.cwd
  })
  const unreadable = [...fromFile.diagnostics, ...fromEnvironment.diagnostics]
  const isBroken = fromFile.diagnostics.some((d) =>
    ['yaml', 'duplicate-key', 'unreadable-file', 'empty-file'].includes(d.code)
  )
  return { resolver, file: chosen, isBroken, unreadable }
}

const emptyLayer: Layer = { settings: new Map(), diagnostics: [] }

function chooseFile(inputs: SettingsInputs): string | null {
  const named = inputs.settingsFile ?? inputs.env['KONTRAKT_SETTINGS']
  if (named !== undefined && named !== '') return named
  return existsSync(resolve(inputs.cwd, defaultSettingsFile)) ? defaultSettingsFile : null
}

function readFile(file: string, cwd: string): Layer {
  const fail = (message: string, remedy?: string): Layer => ({
    settings: new Map(),
    diagnostics: [diagnosticAt({ kind: 'file', file, line: 1, column: 1 }, 'error', 'unreadable-file', message, remedy)]
  })
  try {
    const path = resolve(cwd, file)
    const { size } = statSync(path)
    if (size > settingsFileLimits.fileBytes) return fail('the file is larger than 1 MiB: that is no settings file')
    return fileLayer(file, readFileSync(path, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return fail('there is no such file', '`kontrakt init` writes one')
    return fail(`the file cannot be read: ${code ?? 'unknown error'}`)
  }
}

/** Variables that the file names as secrets: they may begin with KONTRAKT_ without being settings. */
function referencedVariables(settings: ReadonlyMap<string, RawSetting>): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { declaration, raw } of settings.values()) {
    const name = declaration.kind === 'secret' ? (raw as { env?: unknown } | null)?.env : undefined
    if (typeof name === 'string') names.add(name)
  }
  return names
}

function ordered(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const rank = (d: Diagnostic): number => (d.severity === 'error' ? 0 : 1)
  return [...diagnostics].sort(
    (a, b) =>
      rank(a) - rank(b) || (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column
  )
}

/** Null when something required is missing or cannot be read; the resolver then holds the reasons. */
function build(resolver: Resolver, hasFile: boolean, hostName: string): Settings | null {
  if (hasFile && resolver.take('apiVersion', 'choice') === null && !resolver.isSet('apiVersion')) {
    resolver.report(
      { kind: 'default' },
      'missing',
      "'apiVersion' is not set",
      "begin the file with 'apiVersion: kontrakt/v1'"
    )
  }
  const roles = resolver.take('roles', 'choices') as readonly Role[] | null
  const bootstrapServers = required(resolver, 'upstream.bootstrapServers', 'host-ports')
  const listeners = buildListeners(resolver, hostName)
  const folder = resolver.takePath('policies')
  const watch = resolver.take('watch', 'boolean')
  const strict = resolver.take('strict', 'boolean')
  const stateDir = resolver.takePath('stateDir')
  const defaultPolicy = resolver.take('defaultPolicy', 'choice') as Settings['defaultPolicy'] | null
  const registry = buildRegistry(resolver)
  const admin = buildAdmin(resolver)
  const topics = buildTopics(resolver)
  const acksZero = resolver.take('acksZero', 'choice') as Settings['acksZero'] | null
  const workers = buildWorkers(resolver)
  const logLevel = resolver.take('logLevel', 'choice') as LogLevel | null
  const logFormat = resolver.take('logFormat', 'choice') as LogFormat | null
  const limits = buildLimits(resolver)
  const timings = buildTimings(resolver)
  if (roles === null || bootstrapServers === null || listeners === null || folder === null || watch === null)
    return null
  if (strict === null || stateDir === null || defaultPolicy === null || registry === 'wrong' || admin === 'wrong')
    return null
  if (topics === null || acksZero === null || workers === null || logLevel === null || logFormat === null) return null
  if (limits === null || timings === null) return null
  return {
    roles,
    upstream: { bootstrapServers },
    listeners,
    policies: { folder, watch, strict },
    stateDir,
    defaultPolicy,
    registry,
    admin,
    topics,
    acksZero,
    workers,
    limits,
    timings,
    logLevel,
    logFormat
  }
}

function required<K extends 'host-ports' | 'host-port'>(
  resolver: Resolver,
  path: string,
  kind: K
): KindValues[K] | null {
  if (!resolver.isSet(path)) resolver.missing(path)
  return resolver.take(path, kind)
}

function buildListeners(resolver: Resolver, hostName: string): readonly ListenerSettings[] | null {
  const count = resolver.count('listeners')
  if (count === 0) resolver.missing('listeners.0.address')
  const listeners: ListenerSettings[] = []
  for (let index = 0; index < count; index++) {
    const listener = buildListener(resolver, `listeners.${index}`, hostName)
    if (listener !== null) listeners.push(listener)
  }
  return listeners.length === count && count > 0 ? listeners : null
}

function buildListener(resolver: Resolver, at: string, hostName: string): ListenerSettings | null {
  const address = required(resolver, `${at}.address`, 'host-port')
  const writtenHost = resolver.take(`${at}.advertisedHost`, 'host')
  const writtenPorts = resolver.take(`${at}.brokerPorts`, 'broker-ports')
  const authentication = resolver.take(`${at}.clientAuthentication`, 'choice')
  if (address === null || authentication === null) return null
  const isWrong = (key: string, value: unknown): boolean => value === null && resolver.isSet(`${at}.${key}`)
  if (isWrong('advertisedHost', writtenHost) || isWrong('brokerPorts', writtenPorts)) return null
  const advertisedHost = writtenHost ?? (isEverywhere(address.host) ? hostName : address.host)
  if (writtenHost === null) resolver.showDefault(`${at}.advertisedHost`, advertisedHost)
  const brokerPorts = writtenPorts ?? defaultBrokerPorts(address)
  if (brokerPorts === null) {
    resolver.missing(`${at}.brokerPorts`)
    return null
  }
  if (writtenPorts === null) resolver.showDefault(`${at}.brokerPorts`, showBrokerPorts(brokerPorts))
  return { address, advertisedHost, brokerPorts, clientAuthentication: 'pass-through' }
}

export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** None after port 65535 or when the listener takes any free port: then they must be written. */
function defaultBrokerPorts(address: Address): BrokerPorts | null {
  if (address.port === 0 || address.port >= 65535) return null
  return { kind: 'range', first: address.port + 1, last: Math.min(65535, address.port + 100) }
}

function buildRegistry(resolver: Resolver): RegistrySettings | null | 'wrong' {
  const url = resolver.take('registry.url', 'url')
  const username = resolver.take('registry.auth.username', 'text')
  const password = resolver.takeSecret('registry.auth.password')
  const hasUser = resolver.isSet('registry.auth.username')
  const hasPassword = resolver.isSet('registry.auth.password')
  if (!resolver.isSet('registry.url')) {
    resolver.showDefault('registry.url', null)
    if (!hasUser && !hasPassword) return null
    const origin = resolver.originOf(hasUser ? 'registry.auth.username' : 'registry.auth.password')
    resolver.report(
      origin,
      'missing',
      "'registry.auth' is set, but 'registry.url' is not",
      'set it, or remove registry.auth'
    )
    return 'wrong'
  }
  if (hasUser !== hasPassword) {
    const [there, lacking] = hasUser ? ['username', 'password'] : ['password', 'username']
    const message = `'registry.auth.${lacking}' is missing beside '${there}'`
    resolver.report(resolver.originOf(`registry.auth.${there}`), 'missing', message)
    return 'wrong'
  }
  if (url === null || (hasUser && username === null) || (hasPassword && password === null)) return 'wrong'
  return { url, auth: username === null || password === null ? null : { username, password } }
}

function buildAdmin(resolver: Resolver): AdminSettings | null | 'wrong' {
  const address = resolver.take('admin.address', 'host-port-or-off')
  const token = resolver.takeSecret('admin.token')
  if (address === null || (token === null && resolver.isSet('admin.token'))) return 'wrong'
  return address === 'off' ? null : { address, token }
}

function buildTopics(resolver: Resolver): TopicSettings | null {
  const ledger = resolver.take('topics.ledger', 'topic')
  const quarantineState = resolver.take('topics.quarantineState', 'topic')
  const replicationFactor = resolver.take('topics.replicationFactor', 'count')
  const isWrong = replicationFactor === null && resolver.isSet('topics.replicationFactor')
  if (!isWrong && replicationFactor === null) resolver.showDefault('topics.replicationFactor', null)
  return ledger === null || quarantineState === null || isWrong ? null : { ledger, quarantineState, replicationFactor }
}

function buildWorkers(resolver: Resolver): number | null {
  const workers = resolver.take('workers', 'count')
  if (workers === null || workers === 1) return workers
  const message = `'workers': more than one is not built yet in this version`
  resolver.report(resolver.originOf('workers'), 'not-yet', message, 'use 1; run further instances beside it')
  return null
}

function buildLimits(resolver: Resolver): Limits | null {
  const entries = limitTable.map((row) => [row.key, resolver.take(`limits.${row.key}`, row.kind)] as const)
  return entries.every(([, value]) => value !== null) ? (Object.fromEntries(entries) as Limits) : null
}

function buildTimings(resolver: Resolver): Timings | null {
  const entries = timingTable.map((row) => [`${row.key}Ms`, resolver.take(`timings.${row.key}`, 'duration')] as const)
  return entries.every(([, value]) => value !== null) ? (Object.fromEntries(entries) as Timings) : null
}

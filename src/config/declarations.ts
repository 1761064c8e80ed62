/**
 * Every setting, declared once: its place in the file, its kind, its flag, its default and the reason for it. Reading,
 * the names of the environment variables, the published JSON Schema and `docs/settings.md` all follow from this table.
 */
import type { Kind, KindOptions } from './kinds.ts'
import { limitTable, timingTable } from './limits.ts'

export interface SettingDeclaration extends KindOptions {
  /** Keys joined by dots; `[]` after a key means a list of objects. */
  readonly path: string
  readonly kind: Kind
  readonly help: string
  /** As a user would write it. Absent: there is none, or `defaultFrom` says what it follows from. */
  readonly default?: string
  /** In words, where the default follows from something else. */
  readonly defaultFrom?: string
  readonly required?: true
  /** Long flag of `serve` and of the other commands that take settings. */
  readonly flag?: { readonly name: string; readonly argument?: string }
  /** Choices of the design that this version does not have yet. */
  readonly notYet?: readonly string[]
  /** Cannot be set by environment: it describes the file itself. */
  readonly fileOnly?: true
}

const limitDeclarations: readonly SettingDeclaration[] = limitTable.map((row) => ({
  path: `limits.${row.key}`,
  kind: row.kind,
  default: row.default,
  min: row.min,
  max: row.max,
  help: row.reason
}))

const timingDeclarations: readonly SettingDeclaration[] = timingTable.map((row) => ({
  path: `timings.${row.key}`,
  kind: 'duration',
  default: row.default,
  min: row.min,
  max: row.max,
  help: row.reason
}))

export const declarations: readonly SettingDeclaration[] = [
  {
    path: 'apiVersion',
    kind: 'choice',
    of: ['kontrakt/v1'],
    required: true,
    fileOnly: true,
    help: 'the version of this file format'
  },
  {
    path: 'roles',
    kind: 'choices',
    of: ['proxy', 'quality'],
    notYet: ['quality'],
    default: 'proxy',
    flag: { name: '--roles', argument: 'ROLE[,..]' },
    help: 'what this instance does; each role is a process of its own'
  },
  {
    path: 'upstream.bootstrapServers',
    kind: 'host-ports',
    required: true,
    flag: { name: '--upstream', argument: 'HOST:PORT[,..]' },
    help: 'brokers of the cluster behind the proxy; two or three are enough, the rest is learned from them'
  },
  {
    path: 'listeners[].address',
    kind: 'host-port',
    required: true,
    flag: { name: '--listen', argument: 'HOST:PORT' },
    help: 'the bootstrap address that producers and consumers are given'
  },
  {
    path: 'listeners[].advertisedHost',
    kind: 'host',
    defaultFrom: "the listener's host; the machine's host name when it listens on all addresses",
    flag: { name: '--advertised-host', argument: 'HOST' },
    help: 'the host that clients are told to connect to; they must be able to resolve it'
  },
  {
    path: 'listeners[].brokerPorts',
    kind: 'broker-ports',
    defaultFrom: "the hundred ports after the listener's",
    flag: { name: '--broker-ports', argument: 'FIRST-LAST' },
    help: 'broker id N is reached at the first port + N; or a map from broker id to port (ID=PORT,.. as text)'
  },
  {
    path: 'listeners[].clientAuthentication',
    kind: 'choice',
    of: ['pass-through', 'mtls', 'none'],
    notYet: ['mtls', 'none'],
    default: 'pass-through',
    help: 'pass-through: the broker authenticates the client'
  },
  {
    path: 'policies',
    kind: 'path',
    default: 'policies',
    flag: { name: '--policies', argument: 'DIR' },
    help: 'folder of the policy files'
  },
  {
    path: 'watch',
    kind: 'boolean',
    default: 'true',
    flag: { name: '--no-watch' },
    help: 'reload policies when their files change'
  },
  {
    path: 'strict',
    kind: 'boolean',
    default: 'false',
    flag: { name: '--strict' },
    help: 'refuse to start when a policy does not load, even if stateDir holds a good copy of it'
  },
  {
    path: 'stateDir',
    kind: 'path',
    default: '.kontrakt',
    flag: { name: '--state-dir', argument: 'DIR' },
    help: 'last good copies of policies and schemas; a start without the registry uses them'
  },
  {
    path: 'defaultPolicy',
    kind: 'choice',
    of: ['pass', 'refuse'],
    default: 'pass',
    flag: { name: '--default-policy', argument: 'pass|refuse' },
    help: 'what happens to records of a topic without a policy'
  },
  {
    path: 'registry.url',
    kind: 'url',
    flag: { name: '--registry', argument: 'URL' },
    help: 'schema registry with the Confluent API; absent: there is none'
  },
  { path: 'registry.auth.username', kind: 'text', help: 'user name for HTTP basic authentication' },
  { path: 'registry.auth.password', kind: 'secret', help: 'its password' },
  {
    path: 'admin.address',
    kind: 'host-port-or-off',
    default: '127.0.0.1:9190',
    flag: { name: '--admin', argument: 'HOST:PORT|off' },
    help: 'metrics, health and API; off: no admin server'
  },
  {
    path: 'admin.token',
    kind: 'secret',
    help: 'bearer token for the API; required unless the address is loopback'
  },
  {
    path: 'topics.ledger',
    kind: 'topic',
    default: 'kontrakt.ledger',
    help: 'which sequence numbers of which producer are in quarantine; instances in front of one cluster share it'
  },
  {
    path: 'topics.quarantineState',
    kind: 'topic',
    default: 'kontrakt.quarantine-state',
    help: 'what became of each quarantined record: sent home, or discarded by whom and why'
  },
  {
    path: 'topics.replicationFactor',
    kind: 'count',
    min: '1',
    max: '32767',
    defaultFrom: "the brokers' own",
    help: 'of these two topics, when they are created'
  },
  {
    path: 'acksZero',
    kind: 'choice',
    of: ['drop', 'close'],
    default: 'drop',
    help: 'bad records sent with acks=0, which is never answered: drop and count them, or also close the connection'
  },
  {
    path: 'workers',
    kind: 'count',
    default: '1',
    min: '1',
    max: '64',
    flag: { name: '--workers', argument: 'N' },
    help: 'processes that share the listening ports'
  },
  {
    path: 'logLevel',
    kind: 'choice',
    of: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    flag: { name: '--log-level', argument: 'LEVEL' },
    help: 'the least severe log lines that are written'
  },
  {
    path: 'logFormat',
    kind: 'choice',
    of: ['json', 'pretty'],
    default: 'json',
    flag: { name: '--log-format', argument: 'json|pretty' },
    help: 'log lines as JSON, or for reading on a terminal'
  },
  ...limitDeclarations,
  ...timingDeclarations
]

/** Keys of the design that this version refuses: whoever writes one relies on it, so it is never ignored. */
export const notYetKeys: ReadonlyMap<string, string> = new Map([
  ['upstream.tls', 'this version reaches the brokers in plaintext only'],
  ['upstream.sasl', 'this version has no credentials of its own, so the brokers need a listener without SASL'],
  ['listeners[].tls', 'this version accepts plaintext connections only'],
  ['listeners[].sni', 'use brokerPorts: a port per broker'],
  ['registry.tls', 'use a registry whose certificate the system trusts (NODE_EXTRA_CA_CERTS)'],
  ['quality', 'stateful rules are not built yet']
])

export function declarationOf(path: string): SettingDeclaration {
  const found = declarations.find((declaration) => declaration.path === path)
  if (found === undefined) throw new Error(`no setting '${path}' is declared`)
  return found
}

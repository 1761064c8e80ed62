/**
 * The settings of an instance as the rest of the program sees them: typed, complete, immutable, secrets resolved. Plain
 * data (structured clone carries it to a worker process); `load.ts` makes it.
 */
import type { Address } from '../address.ts'
import type { Limits, Timings } from './limits.ts'

export type { Limits, Timings } from './limits.ts'

export type Role = 'proxy' | 'quality'

/**
 * Where clients reach broker N. `range`: at `first + N`, up to `last` inclusive. `map`: at the port listed for N,
 * where 0 means any free port.
 */
export type BrokerPorts =
  | { readonly kind: 'range'; readonly first: number; readonly last: number }
  | { readonly kind: 'map'; readonly ports: ReadonlyMap<number, number> }

export interface ListenerSettings {
  readonly address: Address
  /** The host that clients are told to connect to. */
  readonly advertisedHost: string
  readonly brokerPorts: BrokerPorts
  readonly clientAuthentication: 'pass-through'
}

export interface RegistrySettings {
  /** `http://host:port` or `https://...`, without credentials and without a slash at the end. */
  readonly url: string
  readonly auth: { readonly username: string; readonly password: string } | null
}

export interface AdminSettings {
  readonly address: Address
  /** Null only on a loopback address. */
  readonly token: string | null
}

/** Topics of our own; `serve` creates them when a policy can quarantine. */
export interface TopicSettings {
  readonly ledger: string
  readonly quarantineState: string
  /** Null: the brokers' default. */
  readonly replicationFactor: number | null
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
export type LogFormat = 'json' | 'pretty'

export interface Settings {
  readonly roles: readonly Role[]
  readonly upstream: {
    /** At least one. */
    readonly bootstrapServers: readonly Address[]
  }
  /** At least one. */
  readonly listeners: readonly ListenerSettings[]
  readonly policies: {
    /** Absolute path. */
    readonly folder: string
    readonly watch: boolean
    /** A policy that does not load stops the start, whatever good copy there is. */
    readonly strict: boolean
  }
  /** Absolute path; created when missing. */
  readonly stateDir: string
  readonly defaultPolicy: 'pass' | 'refuse'
  readonly registry: RegistrySettings | null
  readonly admin: AdminSettings | null
  readonly topics: TopicSettings
  readonly acksZero: 'drop' | 'close'
  readonly workers: number
  readonly limits: Limits
  readonly timings: Timings
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/** The port at which a listener shows broker `nodeId`, or null when it has none for it. 0 means any free port. */
export function brokerPort(ports: BrokerPorts, nodeId: number): number | null {
  if (ports.kind === 'map') return ports.ports.get(nodeId) ?? null
  const port = ports.first + nodeId
  return nodeId >= 0 && port <= ports.last ? port : null
}

/**
 * The kinds of value a setting can have: how each is read from YAML and from text (flags, environment), how it is
 * shown, and how a JSON Schema describes it. The declarations in `declarations.ts` refer to these by name.
 */
import { formatAddress } from '../address.ts'
import type { Address } from '../address.ts'
import { isIPv6 } from 'node:net'
import { parseDurationMs, parseSizeBytes } from '../contracts/units.ts'
import type { BrokerPorts } from './settings.ts'

/** A secret as it was written; `secrets.ts` reads it. */
export type SecretReference =
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'env'; readonly name: string }
  | { readonly kind: 'file'; readonly path: string }

/** What each kind is parsed into. */
export interface KindValues {
  'host-port': Address
  'host-port-or-off': Address | 'off'
  'host-ports': readonly Address[]
  host: string
  'broker-ports': BrokerPorts
  path: string
  url: string
  text: string
  topic: string
  boolean: boolean
  choice: string
  choices: readonly string[]
  count: number
  size: number
  duration: number
  secret: SecretReference
}

export type Kind = keyof KindValues

/** What a kind needs to know besides itself. */
export interface KindOptions {
  /** For `choice` and `choices`. */
  readonly of?: readonly string[]
  /** For `count`, `size` and `duration`, as a user would write them; inclusive. */
  readonly min?: string
  readonly max?: string
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string }

/** Where the raw value comes from: YAML has types, flags and variables are text. */
export type RawForm = 'yaml' | 'text'

type Parser<T> = (raw: unknown, form: RawForm, options: KindOptions) => Parsed<T>

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value })
const wrong = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem })

/** The YAML type of a value in words, so that no message needs to show the value. */
export function describe(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing'
  if (Array.isArray(raw)) return 'a list'
  if (typeof raw === 'object') return 'a mapping'
  if (typeof raw === 'string') return 'a string'
  return `a ${typeof raw}`
}

const hostPattern = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?$/

function isHost(text: string): boolean {
  return hostPattern.test(text) || isIPv6(text)
}

/** `host:port` or `[v6]:port`. Port 0 is for the caller to judge. */
export function parseHostPort(text: string): Address | null {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host === undefined || port > 65535 || !isHost(host) ? null : { host, port }
}

const hostPortForm = 'expected HOST:PORT, such as kafka-1:9092 or [::1]:9092'

function asText(raw: unknown): string | null {
  return typeof raw === 'string' ? raw.trim() : null
}

function list(raw: unknown, form: RawForm): readonly unknown[] | null {
  if (Array.isArray(raw)) return raw as readonly unknown[]
  if (typeof raw !== 'string') return null
  // In YAML too: `bootstrapServers: a:9092,b:9092` is what every Kafka user writes.
  const items = raw.split(',').map((item) => item.trim())
  return form === 'yaml' && items.length === 1 && items[0] === '' ? [] : items
}

function number(raw: unknown, form: RawForm): number | null {
  if (form === 'yaml') return typeof raw === 'number' && Number.isInteger(raw) ? raw : null
  const text = asText(raw)
  return text !== null && /^-?\d{1,15}$/.test(text) ? Number(text) : null
}

function within(value: number, options: KindOptions, unit: (text: string) => number): Parsed<number> {
  if (options.min !== undefined && value < unit(options.min)) return wrong(`the least is ${options.min}`)
  if (options.max !== undefined && value > unit(options.max)) return wrong(`the most is ${options.max}`)
  return ok(value)
}

/** For bounds and defaults that stand in our own tables. */
export function bytesOf(text: string): number {
  const parsed = parseSizeBytes(text)
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`)
  return parsed.value
}

/** For bounds and defaults that stand in our own tables. */
export function msOf(text: string): number {
  const parsed = parseDurationMs(text)
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`)
  return parsed.value
}

function parseRange(text: string): Parsed<BrokerPorts> {
  const [, first = '', last = ''] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []
  if (first === '') return wrong('expected FIRST-LAST, such as 9193-9292, or a map from broker id to port')
  const range = { kind: 'range' as const, first: Number(first), last: Number(last) }
  if (range.first === 0 || range.last > 65535) return wrong('a port is 1 to 65535')
  if (range.last < range.first) return wrong(`the range ends (${last}) before it begins (${first})`)
  return ok(range)
}

function parsePortMap(pairs: readonly (readonly [string, unknown])[], form: RawForm): Parsed<BrokerPorts> {
  if (pairs.length === 0) return wrong('the map is empty: expected broker ids with their ports, such as { 1: 9193 }')
  if (pairs.length > 65535) return wrong('there are more entries than ports')
  const ports = new Map<number, number>()
  const taken = new Set<number>()
  for (const [key, raw] of pairs) {
    if (!/^\d{1,10}$/.test(key) || Number(key) > 0x7fffffff) return wrong(`'${key.slice(0, 40)}' is not a broker id`)
    const port = number(raw, form)
    if (port === null || port < 0 || port > 65535)
      return wrong(`the port of broker ${key} is not a number of 0 to 65535`)
    if (port !== 0 && taken.has(port)) return wrong(`port ${port} is given to two brokers`)
    if (ports.has(Number(key))) return wrong(`broker ${key} is listed twice`)
    taken.add(port)
    ports.set(Number(key), port)
  }
  return ok({ kind: 'map', ports })
}

const parsers: { readonly [K in Kind]: Parser<KindValues[K]> } = {
  'host-port': (raw) => {
    const text = asText(raw)
    const parsed = text === null ? null : parseHostPort(text)
    return parsed === null ? wrong(`${hostPortForm}; found ${describe(raw)} of another form`) : ok(parsed)
  },
  'host-port-or-off': (raw, form, options) => {
    // YAML 1.1 habits: a bare `off` may arrive as false from other tools that write the file.
    if (raw === false || asText(raw) === 'off') return ok('off')
    return parsers['host-port'](raw, form, options)
  },
  'host-ports': (raw, form) => {
    const items = list(raw, form)
    if (items === null) return wrong(`expected a list of HOST:PORT; found ${describe(raw)}`)
    if (items.length === 0) return wrong('the list is empty')
    const parsed: Address[] = []
    for (const [index, item] of items.entries()) {
      const one = typeof item === 'string' ? parseHostPort(item.trim()) : null
      if (one === null) return wrong(`item ${index + 1}: ${hostPortForm}`)
      if (one.port === 0) return wrong(`item ${index + 1}: a broker cannot listen on port 0`)
      parsed.push(one)
    }
    return ok(parsed)
  },
  host: (raw) => {
    const text = asText(raw)
    return text !== null && isHost(text) ? ok(text) : wrong('expected a host name or an IP address, without a port')
  },
  'broker-ports': (raw, form) => {
    const text = asText(raw)
    if (text?.includes('=') === true) {
      const pairs = text.split(',').map((pair) => {
        const [key = '', port = ''] = pair.split('=')
        return [key.trim(), port.trim()] as const
      })
      return parsePortMap(pairs, 'text')
    }
    if (text !== null) return parseRange(text)
    if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return parsePortMap(Object.entries(raw), form)
    return wrong(`expected FIRST-LAST, such as 9193-9292, or a map from broker id to port; found ${describe(raw)}`)
  },
  path: (raw) => {
    const text = typeof raw === 'string' ? raw : null
    if (text === null || text === '') return wrong(`expected a path; found ${describe(raw)}`)
    return text.includes('\0') ? wrong('a path cannot hold a NUL byte') : ok(text)
  },
  url: (raw) => {
    const text = asText(raw)
    const url = text !== null && URL.canParse(text) ? new URL(text) : null
    if (url === null || !['http:', 'https:'].includes(url.protocol)) {
      return wrong('expected an http:// or https:// address, such as http://registry:8081')
    }
    if (url.username !== '' || url.password !== '') return wrong('credentials do not belong into the address')
    if (url.search !== '' || url.hash !== '') return wrong('an address with ? or # cannot be a base for requests')
    return ok(url.href.replace(/\/+$/, ''))
  },
  text: (raw) => {
    const text = typeof raw === 'string' ? raw : null
    return text === null || text === '' ? wrong(`expected a string; found ${describe(raw)}`) : ok(text)
  },
  topic: (raw) => {
    const text = asText(raw)
    const isName = text !== null && /^[A-Za-z0-9._-]{1,249}$/.test(text) && text !== '.' && text !== '..'
    return isName
      ? ok(text)
      : wrong('expected a topic name: letters, digits, dots, dashes and underscores, at most 249')
  },
  boolean: (raw, form) => {
    if (typeof raw === 'boolean') return ok(raw)
    const text = form === 'text' ? asText(raw) : null
    if (text === 'true' || text === 'false') return ok(text === 'true')
    return wrong(`expected true or false; found ${describe(raw)}`)
  },
  choice: (raw, _form, options) => {
    const text = asText(raw)
    const of = options.of ?? []
    return text !== null && of.includes(text) ? ok(text) : wrong(`expected ${oneOf(of)}`)
  },
  choices: (raw, form, options) => {
    const items = list(raw, form)
    const of = options.of ?? []
    if (items === null || items.length === 0) return wrong(`expected a list of ${oneOf(of)}; found ${describe(raw)}`)
    const chosen: string[] = []
    for (const item of items) {
      if (typeof item !== 'string' || !of.includes(item)) return wrong(`expected a list of ${oneOf(of)}`)
      if (!chosen.includes(item)) chosen.push(item)
    }
    return ok(chosen)
  },
  count: (raw, form, options) => {
    const value = number(raw, form)
    if (value === null) return wrong(`expected a whole number; found ${describe(raw)}`)
    return within(value, options, Number)
  },
  size: (raw, _form, options) => {
    const parsed = parseSizeBytes(typeof raw === 'string' ? raw.trim() : raw)
    return parsed.ok ? within(parsed.value, options, bytesOf) : wrong(`${parsed.message}; ${parsed.remedy}`)
  },
  duration: (raw, _form, options) => {
    const parsed = parseDurationMs(typeof raw === 'string' ? raw.trim() : raw)
    return parsed.ok ? within(parsed.value, options, msOf) : wrong(`${parsed.message}; ${parsed.remedy}`)
  },
  secret: (raw) => {
    const form = 'expected { env: NAME }, { file: PATH } or a string'
    if (typeof raw === 'string')
      return raw === '' ? wrong(`the secret is empty; ${form}`) : ok({ kind: 'plain', value: raw })
    if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return wrong(`${form}; found ${describe(raw)}`)
    const entries = Object.entries(raw as Record<string, unknown>)
    const [key, value] = entries[0] ?? []
    if (entries.length !== 1 || typeof value !== 'string' || value === '') return wrong(form)
    if (key === 'env') return ok({ kind: 'env', name: value })
    return key === 'file' ? ok({ kind: 'file', path: value }) : wrong(form)
  }
}

/** Parses a raw value of the given kind. Never throws, and no problem ever repeats a secret. */
export function parseKind<K extends Kind>(
  kind: K,
  raw: unknown,
  form: RawForm,
  options: KindOptions
): Parsed<KindValues[K]> {
  const parser: Parser<KindValues[K]> = parsers[kind]
  return parser(raw, form, options)
}

/** `a, b or c`. */
export function oneOf(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`
}

/** As a user would write it. */
export function showBrokerPorts(ports: BrokerPorts): string {
  if (ports.kind === 'range') return `${ports.first}-${ports.last}`
  return [...ports.ports].map(([id, port]) => `${id}=${port}`).join(',')
}

export function showHostPorts(list: readonly Address[]): string {
  return list.map(formatAddress).join(',')
}

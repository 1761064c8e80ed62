/**
 * The version of a policy: what it means, not how it is written. Comments, the order of keys, a list of one, and
 * defaults that are written out do not count.
 */
import { createHash } from 'node:crypto'
import { quarantineDefaults } from './schema.ts'
import type { PolicyDocument, QuarantineDocument, SideDocument } from './schema.ts'

/**
 * First 12 hex digits of the SHA-256 of the document, normalised, and of every file it names.
 *
 * @param path of the policy itself, whose bytes do not count
 */
export function versionOf(document: PolicyDocument, path: string, files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256').update(canonical(normalised(document)))
  for (const name of [...files.keys()].filter((other) => other !== path).sort()) {
    const digest = createHash('sha256').update(files.get(name)!).digest('hex')
    hash.update(`\n${JSON.stringify(name)} ${digest}`)
  }
  return hash.digest('hex').slice(0, 12)
}

/** For `canonical`: a key that is undefined is not there. */
function normalised(document: PolicyDocument): object {
  const mode = document.mode ?? 'observe'
  const whenUndecidable = mode === 'off' || mode === 'observe' ? 'accept' : mode
  const required = { required: false }
  return {
    ...document,
    topics: one(document.topics),
    mode: unless(document.mode, 'observe'),
    onUndecidable: unless(document.onUndecidable, whenUndecidable),
    key: document.key && filled(without({ ...document.key, ...side(document.key) }, required)),
    value: document.value && filled(without({ ...document.value, ...side(document.value) }, { nulls: 'refuse' })),
    headers: document.headers && filled(eachWithout(document.headers, required)),
    fields: document.fields && filled(eachWithout(document.fields, required)),
    rules: document.rules?.length ? document.rules.map((rule) => without(rule, { mode })) : undefined,
    checks: document.checks && filled(withoutEntries(document.checks, mode)),
    producers: document.producers?.length
      ? document.producers.map((entry) =>
          without({ ...entry, match: { clientId: one(entry.match.clientId) } }, { override: false })
        )
      : undefined,
    quarantine: document.quarantine && filled(quarantine(document.quarantine))
  }
}

function side({ format, framing, schema }: SideDocument): object {
  const registry = schema?.registry
  return {
    format: unless(format, 'bytes'),
    framing: unless(framing, 'none'),
    schema: registry === undefined ? schema : { ...schema, registry: without(registry, { versions: 'any' }) }
  }
}

function quarantine({ create, ...document }: QuarantineDocument): object {
  const { create: usual, ...standards } = quarantineDefaults
  return {
    ...without(document, standards),
    create: create === undefined || create === false ? create : filled(without(create, usual))
  }
}

/** A list of one is the one. */
function one(written: string | readonly string[] | undefined): string | readonly string[] | undefined {
  return typeof written === 'object' && written.length === 1 ? written[0] : written
}

function unless<T>(value: T | undefined, standard: T): T | undefined {
  return value === standard ? undefined : value
}

function without(map: object, standards: Readonly<Record<string, unknown>>): object {
  const entries = Object.entries(map).filter(([key, value]) => value !== undefined && standards[key] !== value)
  return Object.fromEntries(entries)
}

function eachWithout(map: Readonly<Record<string, object>>, standards: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(map).map(([key, entry]) => [key, without(entry, standards)]))
}

/** Entries that give a check the mode it has anyway. */
function withoutEntries(checks: NonNullable<PolicyDocument['checks']>, mode: string): object {
  return Object.fromEntries(Object.entries(checks).filter(([, entry]) => entry.mode !== mode))
}

/** An empty map says as much as none. */
function filled<T extends object>(map: T): T | undefined {
  return Object.values(map).some((value) => value !== undefined) ? map : undefined
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const map = value as Readonly<Record<string, unknown>>
    const entries = Object.keys(map)
      .filter((key) => map[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical(map[key])}`)
    return `{${entries.join(',')}}`
  }
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value)
}

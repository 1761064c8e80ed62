/**
 * Imports run one way. What is pure stays without I/O, what is the wire stays without contracts, and nothing goes in
 * circles, type imports included.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

interface Source {
  readonly path: string
  /** Files of ours, relative to the root. */
  readonly ours: readonly string[]
  /** Packages and node: modules. */
  readonly others: readonly string[]
}

const sources: readonly Source[] = ['protocol', 'src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readSource(join(folder, name)))
)

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1]!)
  const ours = specifiers
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(root, resolve(root, dirname(path), name)))
  return { path, ours, others: specifiers.filter((name) => !name.startsWith('.')) }
}

const below =
  (folder: string) =>
  (path: string): boolean =>
    path.startsWith(`${folder}/`)

/** What a folder may import of ours; everything not listed may import what it likes. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  protocol: ['protocol'],
  'src/contracts': ['src/contracts'],
  'src/proxy': ['protocol', 'src/proxy', 'src/address.ts'],
  'src/enforcement': ['protocol', 'src/contracts', 'src/proxy', 'src/enforcement'],
  'src/registry': ['src/contracts', 'src/registry'],
  'src/kafka': ['protocol', 'src/kafka', 'src/address.ts', 'src/clock.ts'],
  'src/broker': ['protocol', 'src/broker', 'src/address.ts', 'src/clock.ts'],
  'src/observability': ['protocol', 'src/config', 'src/contracts', 'src/observability']
}

/** Modules that reach outside the process. */
const io = ['node:fs', 'node:fs/promises', 'node:net', 'node:http', 'node:https', 'node:tls', 'node:dgram', 'node:dns']
const ioPackages = ['kafkajs', 'fastify', 'pino', 'prom-client', '@kafkajs/confluent-schema-registry']

describe('imports', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(150)
    expect(sources.find(({ path }) => path === 'src/app.ts')?.ours.length).toBeGreaterThan(10)
  })

  it.each(Object.entries(allowed))('of %s stay within %j', (folder, targets) => {
    const strays = sources
      .filter(({ path }) => below(folder)(path))
      .flatMap(({ path, ours }) =>
        ours
          .filter((target) => !targets.some((place) => target === place || below(place)(target)))
          .map((target) => `${path} imports ${target}`)
      )
    expect(strays).toEqual([])
  })

  it.each(['protocol', 'src/contracts', 'src/proxy/session'])('of %s reach nothing outside the process', (folder) => {
    const strays = sources
      .filter(({ path }) => below(folder)(path))
      .flatMap(({ path, others }) =>
        others.filter((name) => [...io, ...ioPackages].includes(name)).map((name) => `${path} imports ${name}`)
      )
    expect(strays).toEqual([])
  })

  it('of kafkajs come from src/kafka alone', () => {
    const users = sources.filter(({ others }) => others.includes('kafkajs')).map(({ path }) => path)
    expect(users.length).toBeGreaterThan(0)
    expect(users.filter((path) => !below('src/kafka')(path))).toEqual([])
  })

  it('go in no circles', () => {
    const graph = new Map(sources.map(({ path, ours }) => [path, ours]))
    const done = new Set<string>()
    const circles: string[] = []
    const visit = (path: string, trail: readonly string[]): void => {
      const at = trail.indexOf(path)
      if (at >= 0) circles.push([...trail.slice(at), path].join(' -> '))
      if (at >= 0 || done.has(path)) return
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
    for (const path of graph.keys()) visit(path, [])
    expect(circles).toEqual([])
  })

  it('leave the making of the large parts to app.ts', () => {
    const makers = sources
      .filter(({ path }) => /new (Proxy|Enforcer|ClusterWatch)\(\{?/.test(readFileSync(join(root, path), 'utf8')))
      .map(({ path }) => path)
    expect(makers.filter((path) => path !== 'src/app.ts')).toEqual([])
  })
})

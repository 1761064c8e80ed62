import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PolicyFolder, PolicyStartError } from '../../../src/config/policy-folder.ts'
import type { FolderReport, PolicyFolderOptions } from '../../../src/config/policy-folder.ts'
import { FakeSource } from '../../support/contracts.ts'

let root = ''
let reports: FolderReport[] = []
let started: PolicyFolder[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kontrakt-folder-'))
  mkdirSync(join(root, 'policies'))
  reports = []
  started = []
})
afterEach(() => {
  for (const folder of started) folder.stop()
  rmSync(root, { recursive: true, force: true })
})

function put(path: string, content: string): void {
  mkdirSync(dirname(join(root, 'policies', path)), { recursive: true })
  writeFileSync(join(root, 'policies', path), content)
}

function policy(topics: string, more = ''): string {
  return `apiVersion: kontrakt/v1\ntopics: ${topics}\n${more}`
}

const broken = 'apiVersion: kontrakt/v1\ntopics: [\n'

async function start(options: Partial<PolicyFolderOptions> = {}): Promise<PolicyFolder> {
  const folder = await PolicyFolder.start({
    folder: join(root, 'policies'),
    stateDir: join(root, 'state'),
    strict: false,
    source: null,
    onReload: (report) => reports.push(report),
    ...options
  })
  started.push(folder)
  return folder
}

function names(folder: PolicyFolder): string[] {
  return folder.contracts.policies.map(({ name }) => name).sort()
}

function states(folder: PolicyFolder): string[] {
  return folder.report.files.map(({ path, status }) => `${path} ${status}`)
}

describe('the start', () => {
  it('loads every policy of the tree', async () => {
    put('a.yaml', policy('a'))
    put('shop/b.yaml', policy('b'))
    put('a.cases.yaml', 'not read here')
    const folder = await start()
    expect(names(folder)).toEqual(['a', 'shop/b'])
    expect(folder.contracts.forTopic('b')?.policy.file).toBe(join(root, 'policies/shop/b.yaml'))
    expect(reports).toEqual([])
  })

  it('is refused when a file does not load and there is no copy of it', async () => {
    put('a.yaml', policy('a'))
    put('b.yaml', broken)
    const error = await start().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(PolicyStartError)
    expect((error as PolicyStartError).diagnostics).toMatchObject([
      { file: join(root, 'policies/b.yaml'), code: 'yaml-syntax' }
    ])
  })

  it('is refused without a folder, and with an ODCS file, which this version cannot read', async () => {
    await expect(start({ folder: join(root, 'nope') })).rejects.toThrow(PolicyStartError)
    put('a.odcs.yaml', 'x: 1')
    await expect(start()).rejects.toMatchObject({ diagnostics: [{ code: 'not-yet' }] })
  })

  it('takes the last good copy of a file that does not load, its schema included, and says so', async () => {
    put('a.yaml', policy('a', 'value: { format: json, schema: { file: schemas/s.json } }'))
    put('schemas/s.json', '{"type":"object"}')
    const version = (await start()).contracts.policies[0]?.version
    put('a.yaml', broken)
    put('schemas/s.json', 'gone')
    const folder = await start()
    expect(states(folder)).toEqual(['a.yaml last-good'])
    expect(folder.contracts.forTopic('a')?.policy.version).toBe(version)
    expect(folder.report.diagnostics).toMatchObject([{ code: 'yaml-syntax', severity: 'error' }])
  })

  it('with --strict takes no copy', async () => {
    put('a.yaml', policy('a'))
    await start()
    put('a.yaml', broken)
    await expect(start({ strict: true })).rejects.toThrow(PolicyStartError)
  })

  it('takes no copy of a file that is gone, and forgets it', async () => {
    put('a.yaml', policy('a'))
    put('b.yaml', policy('b'))
    await start()
    rmSync(join(root, 'policies/b.yaml'))
    expect(names(await start())).toEqual(['a'])
    expect(readdirSync(join(root, 'state/policies'))).toHaveLength(1)
  })

  it('does not trust a copy that was changed', async () => {
    put('a.yaml', policy('a'))
    await start()
    const [name] = readdirSync(join(root, 'state/policies'))
    const file = join(root, 'state/policies', name!)
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { files: Record<string, string> }
    stored.files['a.yaml'] = Buffer.from(policy('a', 'mode: off')).toString('base64')
    writeFileSync(file, JSON.stringify(stored))
    put('a.yaml', broken)
    await expect(start()).rejects.toThrow(PolicyStartError)
  })

  it('is refused when two files tie, unless one can give way to its last good copy', async () => {
    put('a.yaml', policy('a'))
    put('b.yaml', policy('b'))
    await start()
    put('b.yaml', policy('[a, b]'))
    const folder = await start()
    expect(states(folder)).toEqual(['a.yaml current', 'b.yaml last-good'])
    expect(folder.report.diagnostics).toMatchObject([{ code: 'topic-tie' }])
    await expect(start({ stateDir: null })).rejects.toMatchObject({ diagnostics: [{ code: 'topic-tie' }] })
  })

  it('warns of a file that nothing reads', async () => {
    put('a.yml', policy('a'))
    expect((await start()).report.diagnostics).toMatchObject([{ code: 'file-name', severity: 'warning' }])
  })

  it('works without a state directory that can be written, with a warning', async () => {
    put('a.yaml', policy('a'))
    writeFileSync(join(root, 'state'), 'a file where the folder should be')
    expect((await start()).report.diagnostics).toMatchObject([{ code: 'file-unreadable', severity: 'warning' }])
  })
})

describe('a reload', () => {
  it('swaps the files that changed and keeps the others as they are', async () => {
    put('a.yaml', policy('a'))
    put('b.yaml', policy('b'))
    const folder = await start()
    const before = folder.policies
    put('b.yaml', policy('b', 'mode: reject'))
    await folder.reload()
    expect(reports).toHaveLength(1)
    expect(reports[0]?.changes).toMatchObject([{ path: 'b.yaml' }])
    expect(folder.policies[0]).toBe(before[0])
    expect(folder.policies[1]?.model.mode).toBe('reject')
  })

  it('keeps the last good version of a file that fails, and takes the others', async () => {
    put('a.yaml', policy('a'))
    put('b.yaml', policy('b'))
    const folder = await start()
    const version = folder.contracts.forTopic('a')?.policy.version
    put('a.yaml', broken)
    put('b.yaml', policy('c'))
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml last-good', 'b.yaml current'])
    expect(folder.contracts.forTopic('a')?.policy.version).toBe(version)
    expect(folder.contracts.forTopic('b')).toBeNull()
    expect(folder.contracts.forTopic('c')).not.toBeNull()
    expect(reports[0]?.diagnostics).toMatchObject([{ code: 'yaml-syntax', file: join(root, 'policies/a.yaml') }])
  })

  it('keeps the last good version when a schema that it names breaks', async () => {
    put('a.yaml', policy('a', 'value: { format: json, schema: { file: schemas/s.json } }'))
    put('schemas/s.json', '{"type":"object"}')
    const folder = await start()
    put('schemas/s.json', '{"type":"objekt"}')
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml last-good'])
    put('schemas/s.json', '{"type":"array"}')
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml current'])
    expect(reports.at(-1)?.changes).toHaveLength(1)
  })

  it('takes new files in and old ones out', async () => {
    put('a.yaml', policy('a'))
    const folder = await start()
    renameSync(join(root, 'policies/a.yaml'), join(root, 'policies/c.yaml'))
    put('d.yaml', policy('d'))
    await folder.reload()
    expect(names(folder)).toEqual(['c', 'd'])
    expect(
      reports[0]?.changes.map(({ path, before, after }) => `${path} ${before !== null} ${after !== null}`)
    ).toEqual(['a.yaml true false', 'c.yaml false true', 'd.yaml false true'])
  })

  it('leaves a new file that does not load out, and says so', async () => {
    put('a.yaml', policy('a'))
    const folder = await start()
    put('b.yaml', broken)
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml current', 'b.yaml failed'])
    expect(names(folder)).toEqual(['a'])
  })

  it('makes the file that changed give way in a tie', async () => {
    put('b.yaml', policy('b'))
    put('c.yaml', policy('c'))
    const folder = await start()
    put('a.yaml', policy('c'))
    put('b.yaml', policy('[b, c]'))
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml failed', 'b.yaml last-good', 'c.yaml current'])
    expect(folder.contracts.forTopic('c')?.policy.name).toBe('c')
    expect(folder.contracts.forTopic('b')?.policy.name).toBe('b')
  })

  it('makes the file that changed give way when one begins to quarantine to the topic of another', async () => {
    put('a.yaml', policy('"shop.*"'))
    put('b.yaml', policy('shop.orders.quarantine'))
    const folder = await start()
    put('a.yaml', policy('"shop.*"', 'mode: quarantine'))
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml last-good', 'b.yaml current'])
    expect(folder.report.diagnostics).toMatchObject([{ code: 'quarantine-topic' }])
    expect(folder.contracts.forTopic('shop.orders')?.policy.name).toBe('a')
    await expect(start({ stateDir: null })).rejects.toMatchObject({ diagnostics: [{ code: 'quarantine-topic' }] })
  })

  it('lets a topic move between files in one step', async () => {
    put('a.yaml', policy('[a, x]'))
    put('b.yaml', policy('b'))
    const folder = await start()
    put('a.yaml', policy('a'))
    put('b.yaml', policy('[b, x]'))
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml current', 'b.yaml current'])
    expect(folder.contracts.forTopic('x')?.policy.name).toBe('b')
  })

  it('does not let a file take a topic from one that fails to give it up', async () => {
    put('a.yaml', policy('[a, x]'))
    put('b.yaml', policy('b'))
    const folder = await start()
    put('a.yaml', broken)
    put('b.yaml', policy('[b, x]'))
    await folder.reload()
    expect(states(folder)).toEqual(['a.yaml last-good', 'b.yaml last-good'])
    expect(folder.contracts.forTopic('x')?.policy.name).toBe('a')
  })

  it('keeps everything when the folder is gone', async () => {
    put('a.yaml', policy('a', 'mode: reject'))
    const folder = await start()
    renameSync(join(root, 'policies'), join(root, 'moved'))
    await folder.reload()
    expect(names(folder)).toEqual(['a'])
    expect(reports[0]?.diagnostics).toMatchObject([{ code: 'file-unreadable' }])
    await folder.reload()
    expect(reports).toHaveLength(1)
    renameSync(join(root, 'moved'), join(root, 'policies'))
    await folder.reload()
    expect(reports[1]?.diagnostics).toEqual([])
  })

  it('says nothing and changes nothing when nothing changed', async () => {
    put('a.yaml', policy('a'))
    const folder = await start()
    const { contracts } = folder
    await folder.reload()
    put('a.yaml', `# a comment\n${policy('a')}`)
    await folder.reload()
    expect(folder.contracts.policies).toEqual(contracts.policies)
    expect(reports).toEqual([])
  })

  it('is noticed by the watch without being asked for', async () => {
    put('shop/a.yaml', policy('a'))
    const changed = Promise.withResolvers<FolderReport>()
    const folder = await start({ onReload: changed.resolve, debounceMs: 5, rescanMs: 50 })
    folder.watch()
    put('shop/a.yaml', policy('a', 'mode: reject'))
    expect((await changed.promise).contracts.forTopic('a')?.strongestMode({ clientId: null, principal: null })).toBe(
      'reject'
    )
  })
})

describe('the watch', () => {
  it('sees a file that is replaced by renaming, again and again, and one in a folder that is new', async () => {
    put('shop/a.yaml', policy('a'))
    let told = Promise.withResolvers<FolderReport>()
    const folder = await start({ onReload: (report) => told.resolve(report), debounceMs: 5, rescanMs: 3_600_000 })
    folder.watch()
    const modeOfA = async (): Promise<string | undefined> => {
      const { contracts } = await told.promise
      told = Promise.withResolvers<FolderReport>()
      return contracts.forTopic('a')?.strongestMode({ clientId: null, principal: null })
    }
    for (const mode of ['reject', 'observe', 'reject']) {
      put('shop/.a.yaml.new', policy('a', `mode: ${mode}`))
      renameSync(join(root, 'policies/shop/.a.yaml.new'), join(root, 'policies/shop/a.yaml'))
      expect(await modeOfA()).toBe(mode)
    }
    put('later/b.yaml', policy('b'))
    expect((await told.promise).contracts.policies).toHaveLength(2)
    folder.stop()
  })
})

describe('links and hidden files', () => {
  it('a link to a folder outside refuses the start', async () => {
    mkdirSync(join(root, 'outside'))
    symlinkSync(join(root, 'outside'), join(root, 'policies/team'))
    await expect(start()).rejects.toMatchObject({ diagnostics: [{ code: 'file-outside', severity: 'error' }] })
  })

  it('a schema that is hidden from the listing is noticed when it changes', async () => {
    put('a.yaml', policy('a', 'value: { format: json, schema: { file: .real/s.json } }'))
    put('.real/s.json', '{"type":"string"}')
    const folder = await start()
    put('.real/s.json', '{"type":"integer"}')
    await folder.reload()
    expect(reports.at(-1)?.changes).toMatchObject([{ path: 'a.yaml' }])
  })

  it('a nearer file that an import would take is noticed when it appears', async () => {
    const value = 'value: { format: protobuf, schema: { file: schemas/o.proto } }'
    put('x/a.yaml', policy('a', value))
    put('common.proto', 'syntax = "proto3";\nmessage C { string a = 1; }')
    put('x/schemas/o.proto', 'syntax = "proto3";\nimport "common.proto";\nmessage O { C c = 1; }')
    const folder = await start()
    put('x/schemas/common.proto', 'syntax = "proto3";\nmessage C { int32 a = 1; }')
    await folder.reload()
    expect(reports.at(-1)?.changes).toMatchObject([{ path: 'x/a.yaml' }])
  })
})

describe('policies that need a registry', () => {
  const registered = policy(
    't',
    'value: { format: json, framing: confluent, schema: { registry: { subject: { strategy: topic-name } } } }\nrules: [{ id: a, expr: value.n > 0.0 }]'
  )

  it('do not load when the settings name none', async () => {
    put('a.yaml', registered)
    await expect(start()).rejects.toMatchObject({ diagnostics: [{ code: 'no-registry' }] })
  })

  it('load with a warning while it cannot be reached', async () => {
    put('a.yaml', registered)
    const source = new FakeSource()
    source.unreachable = 'connection refused'
    const folder = await start({ source })
    expect(states(folder)).toEqual(['a.yaml current'])
    expect(folder.report.diagnostics).toMatchObject([{ code: 'registry-unreachable', severity: 'warning' }])
  })

  it('are checked as soon as it answers, and told of once', async () => {
    put('a.yaml', registered)
    const source = new FakeSource().add(1, 'json', '{"type":"object","properties":{"n":{"type":"string"}}}')
    source.unreachable = 'connection refused'
    const folder = await start({ source })
    await folder.reload()
    expect(reports).toEqual([])
    source.unreachable = null
    await folder.reload()
    expect(reports).toMatchObject([{ diagnostics: [{ code: 'rule-type', severity: 'error' }], changes: [] }])
    expect(names(folder)).toEqual(['a'])
  })

  it('do not load when a rule does not fit an admitted version', async () => {
    put('a.yaml', registered)
    const source = new FakeSource().add(
      1,
      'json',
      '{"type":"object","additionalProperties":false,"properties":{"n":{"type":"string"}}}'
    )
    await expect(start({ source })).rejects.toMatchObject({ diagnostics: [{ code: 'rule-type' }] })
  })

  it('start when a later version does not fit, with a warning', async () => {
    put('a.yaml', registered)
    const fits = '{"type":"object","additionalProperties":false,"properties":{"n":{"type":"number"}}}'
    const source = new FakeSource().add(1, 'json', fits).add(2, 'json', fits.replace('number', 'string'))
    const folder = await start({ source })
    expect(states(folder)).toEqual(['a.yaml current'])
    expect(folder.report.diagnostics).toMatchObject([{ code: 'rule-not-applicable', severity: 'warning' }])
  })

  describe('while it does not answer at all', () => {
    /** Says nothing until it is told to. */
    class SilentSource extends FakeSource {
      asks = 0
      readonly speak = Promise.withResolvers<undefined>()
      override async admitted(): ReturnType<FakeSource['admitted']> {
        this.asks++
        await this.speak.promise
        return super.admitted()
      }
    }

    it('start after one wait, however many they are, with no more than eight questions at once', async () => {
      for (let index = 0; index < 30; index++)
        put(`p${index}.yaml`, registered.replace('topics: t', `topics: t${index}`))
      const source = new SilentSource()
      const folder = await start({ source, registryTimeoutMs: 20 })
      expect(source.asks).toBe(8)
      expect(folder.report.files.every(({ status }) => status === 'current')).toBe(true)
      expect(folder.report.diagnostics).toHaveLength(30)
      expect(new Set(folder.report.diagnostics.map(({ code }) => code))).toEqual(new Set(['registry-unreachable']))
      put('other.yaml', policy('other'))
      await folder.reload()
      expect(folder.contracts.forTopic('other')).not.toBeNull()
      expect(source.asks).toBe(8)
    })

    it('are checked beside the path, and told of when it answers at last', async () => {
      put('a.yaml', registered)
      const told = Promise.withResolvers<FolderReport>()
      const source = new SilentSource()
      source.add(1, 'json', '{"type":"object","additionalProperties":false,"properties":{"n":{"type":"string"}}}')
      const folder = await start({ source, registryTimeoutMs: 20, onReload: told.resolve })
      expect(states(folder)).toEqual(['a.yaml current'])
      source.speak.resolve(undefined)
      expect((await told.promise).diagnostics).toMatchObject([{ code: 'rule-type', severity: 'error' }])
    })

    it('go back to the version that was checked when the new one fits nothing', async () => {
      put('a.yaml', registered)
      const told = Promise.withResolvers<FolderReport>()
      const source = new SilentSource()
      source.add(1, 'json', '{"type":"object","additionalProperties":false,"properties":{"n":{"type":"number"}}}')
      source.speak.resolve(undefined)
      const onReload = (report: FolderReport): void => {
        if (report.diagnostics.some(({ severity }) => severity === 'error')) told.resolve(report)
      }
      const folder = await start({ source, registryTimeoutMs: 20, onReload })
      const version = folder.contracts.forTopic('t')?.policy.version
      const silence = Promise.withResolvers<undefined>()
      Object.assign(source, { speak: silence })
      put('a.yaml', registered.replace('value.n', 'value.other'))
      await folder.reload()
      expect(folder.contracts.forTopic('t')?.policy.version).not.toBe(version)
      silence.resolve(undefined)
      expect((await told.promise).contracts.forTopic('t')?.policy.version).toBe(version)
    })
  })
})

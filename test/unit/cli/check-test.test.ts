import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { Sandbox } from './run-cli.ts'

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
})
afterEach(() => box.remove())

const settings =
  'apiVersion: kontrakt/v1\nupstream: { bootstrapServers: [a:9092] }\nlisteners: [{ address: 127.0.0.1:9192 }]\n'
const good =
  'apiVersion: kontrakt/v1\ntopics: orders\nmode: reject\nvalue:\n  format: json\nrules:\n  - id: positive\n    expr: value.amount > 0\n'
const bad = 'apiVersion: kontrakt/v1\ntopics: orders\nmoode: reject\n'

describe('check', () => {
  it('finds nothing wrong with good files', async () => {
    box.write('kontrakt.yaml', settings)
    box.write('policies/orders.yaml', good)
    expect(await box.run('check')).toEqual({ code: 0, out: '1 policy file and the settings: no faults\n', err: '' })
  })

  it('prints file, line, column, code and remedy of each fault, in settings and policies', async () => {
    box.write('kontrakt.yaml', `${settings}defaultPolicy: no\n`)
    box.write('policies/orders.yaml', bad)
    const { code, out } = await box.run('check')
    expect(code).toBe(1)
    expect(out).toContain("kontrakt.yaml:4:16: error[bad-value]: 'defaultPolicy': expected pass or refuse")
    expect(out).toMatch(/^policies\/orders\.yaml:3:1: error\[unknown-key\]: .*moode/m)
    expect(out).toContain('did you mean mode?')
    expect(out).toContain('2 errors, 0 warnings')
  })

  it('takes single files, folders, and settings by name or by content', async () => {
    box.write('policies/orders.yaml', good)
    box.write('policies/bad.yaml', bad.replace('orders', 'other'))
    box.write('etc/mine.yaml', `${settings}nope: 1\n`)
    expect((await box.run('check', 'policies/orders.yaml')).code).toBe(0)
    expect((await box.run('check', 'policies/bad.yaml')).code).toBe(1)
    expect((await box.run('check', 'policies')).code).toBe(1)
    const { out } = await box.run('check', 'etc/mine.yaml')
    expect(out).toContain("etc/mine.yaml:4:1: error[unknown-key]: 'nope'")
    expect(out).not.toContain('bad.yaml')
  })

  it('sees that a single file ties with its neighbour', async () => {
    box.write('policies/orders.yaml', good)
    box.write('policies/again.yaml', good)
    const { code, out } = await box.run('check', 'policies/orders.yaml')
    expect(code).toBe(1)
    expect(out).toMatch(/error\[[a-z-]*tie[a-z-]*\]|error\[.*\].*orders/)
  })

  it('says with --explain which policies are compiled, and what of the others is not', async () => {
    const schema = '{"type":"object","properties":{"amount":{"type":"number"},"tags":{"type":"array"}}}'
    box.write('policies/schemas/order.json', schema)
    const typed = good.replace('format: json', 'format: json\n  framing: none\n  schema: { file: schemas/order.json }')
    box.write('policies/orders.yaml', typed.replace('amount > 0', 'amount > 0.0'))
    const other = typed.replace('topics: orders', 'topics: tags')
    box.write('policies/tags.yaml', other.replace('value.amount > 0', 'value.tags.map(tag, size(tag)).size() < 9'))
    const { code, out } = await box.run('check', 'policies', '--explain')
    expect(code).toBe(0)
    expect(out).toContain('policies/orders.yaml: compiled, records are judged where they lie\n')
    expect(out).toMatch(/^policies\/tags\.yaml: every record is decoded to be judged\n {4}rule positive: .*\n/m)
    const json = JSON.parse((await box.run('check', 'policies', '--explain', '--json')).out) as object
    expect(json).toMatchObject({ ok: true, judged: { 'policies/orders.yaml': { kind: 'compiled' } } })
  })

  it('prints as JSON, by either flag', async () => {
    box.write('policies/orders.yaml', bad)
    for (const flags of [['--json'], ['--format', 'json']]) {
      const { code, out } = await box.run('check', 'policies', ...flags)
      expect(code).toBe(1)
      expect(JSON.parse(out)).toMatchObject({
        ok: false,
        policies: 1,
        settingsFiles: 0,
        diagnostics: [{ file: 'policies/orders.yaml', line: 3, code: 'unknown-key' }]
      })
    }
  })

  it('prints annotations for GitHub, with what ends a property escaped', async () => {
    box.write('policies/a,b.yaml', bad)
    const { out } = await box.run('check', 'policies', '--format', 'github')
    expect(out).toMatch(/^::error file=policies\/a%2Cb\.yaml,line=3,col=1,title=unknown-key::.*%0A.*\n$/)
  })

  it('ends with 1 and a remedy where there is nothing to check', async () => {
    expect(await box.run('check')).toMatchObject({
      code: 1,
      err: expect.stringContaining('`kontrakt init` writes one') as string
    })
    expect(await box.run('check', 'nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no nowhere') as string
    })
  })

  it('--save without --registry, and --registry without an address, say what is missing', async () => {
    box.write('policies/orders.yaml', good)
    expect(await box.run('check', 'policies', '--save')).toMatchObject({
      code: 2,
      err: expect.stringContaining('give --registry as well') as string
    })
    expect(await box.run('check', '--registry')).toMatchObject({
      code: 1,
      err: expect.stringContaining('give --registry URL, or set registry.url') as string
    })
    expect(await box.run('check', 'policies', '--registry', 'nonsense')).toMatchObject({ code: 2 })
  })
})

describe('check --registry', () => {
  const policy =
    'apiVersion: kontrakt/v1\ntopics: orders\nmode: reject\nvalue:\n  format: avro\n  framing: confluent\n  schema:\n    registry: { subject: { strategy: topic-name }, versions: any }\nrules:\n  - id: positive\n    expr: value.amount > 0.0\n'
  const cases =
    'policy: orders.yaml\ncases:\n  - name: negative\n    record: { value: { amount: -1 } }\n    expect: reject\n'
  const avro = JSON.stringify({ type: 'record', name: 'Order', fields: [{ name: 'amount', type: 'double' }] })

  it('checks rules against the registered schemas, and saves copies that kontrakt test then runs with', async () => {
    const registry = await FakeRegistry.start()
    try {
      registry.register('orders-value', avro)
      box.write('policies/orders.yaml', policy)
      box.write('policies/orders.cases.yaml', cases)
      expect(await box.run('test', 'policies')).toMatchObject({
        code: 1,
        out: expect.stringContaining('kontrakt check --registry --save') as string
      })
      const saved = await box.run('check', 'policies', '--registry', registry.url, '--save')
      expect(saved).toMatchObject({ code: 0, err: 'saved 1 schema under policies/schemas/.registry\n' })
      const lock = JSON.parse(readFileSync(join(box.folder, 'policies/schemas/.registry/lock.json'), 'utf8')) as {
        schemas: unknown[]
      }
      expect(lock.schemas).toEqual([expect.objectContaining({ subject: 'orders-value', version: 1 })])
      expect(await box.run('test', 'policies')).toMatchObject({
        code: 0,
        out: expect.stringContaining('1 passed') as string
      })
      registry.register('orders-value', avro.replace('amount', 'total'))
      const { code, out } = await box.run('check', 'policies', '--registry', registry.url)
      expect(code).toBe(1)
      expect(out).toMatch(/orders\.yaml:\d+:\d+: error\[/)
    } finally {
      await registry.stop()
    }
  })

  it('that does not answer is an error here, where it was asked for', async () => {
    box.write('policies/orders.yaml', policy)
    const { code, out } = await box.run('check', 'policies', '--registry', 'http://127.0.0.1:1')
    expect(code).toBe(1)
    expect(out).toContain('http://127.0.0.1:1')
  })
})

describe('test', () => {
  const passing =
    'policy: orders.yaml\ncases:\n  - name: good\n    record: { value: { amount: 1 } }\n    expect: accept\n'
  const failing = '  - name: <wrong> "expectation"\n    record: { value: { amount: -1 } }\n    expect: accept\n'

  beforeEach(() => {
    box.write('policies/orders.yaml', good)
  })

  it('passes', async () => {
    box.write('policies/orders.cases.yaml', passing)
    const { code, out } = await box.run('test')
    expect(code).toBe(0)
    expect(out).toMatch(/^1 case in 1 file: 1 passed \(\d+ ms\)\n$/)
  })

  it('fails with the place, the name and the difference', async () => {
    box.write('policies/orders.cases.yaml', passing + failing)
    const { code, out } = await box.run('test', 'policies')
    expect(code).toBe(1)
    expect(out).toContain(
      'policies/orders.cases.yaml:6: failed: <wrong> "expectation"\n    expected accept, got reject (positive'
    )
    expect(out).toContain('2 cases in 1 file: 1 passed, 1 failed')
  })

  it('runs the cases of a policy that is named, or of a cases file', async () => {
    box.write('policies/orders.cases.yaml', passing)
    box.write('policies/other.yaml', good.replace('orders', 'other'))
    box.write('policies/other.cases.yaml', `policy: other.yaml\ncases:\n${failing}`)
    expect((await box.run('test', 'policies/orders.yaml')).code).toBe(0)
    expect((await box.run('test', 'policies/orders.cases.yaml')).code).toBe(0)
    expect((await box.run('test', 'policies/other.yaml')).code).toBe(1)
    expect((await box.run('test')).out).toContain('2 cases in 2 files')
  })

  it('reports JUnit that is well-formed XML', async () => {
    box.write('policies/orders.cases.yaml', passing + failing)
    const { code, out } = await box.run('test', '--format', 'junit')
    expect(code).toBe(1)
    expect(out).toMatch(
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites name="kontrakt" tests="2" failures="1" errors="0" time="\d+\.\d{3}">/
    )
    expect(out).toContain(
      '<testcase classname="policies/orders.cases.yaml" name="good" file="policies/orders.cases.yaml" line="3"/>'
    )
    expect(out).toContain('name="&lt;wrong&gt; &quot;expectation&quot;"')
    expect(out).toMatch(/<failure message="expected accept, got reject/)
    const opened = [...out.matchAll(/<(testsuites?|testcase|failure)\b[^>]*[^/]>/g)].length
    expect([...out.matchAll(/<\/(testsuites?|testcase|failure)>/g)]).toHaveLength(opened)
  })

  it('reports JSON', async () => {
    box.write('policies/orders.cases.yaml', passing + failing)
    expect(JSON.parse((await box.run('test', '--json')).out)).toMatchObject({
      ok: false,
      passed: 1,
      failed: 1,
      results: [{ name: 'good', passed: true }, { passed: false }]
    })
  })

  it('tells of cases and policies that cannot be read', async () => {
    box.write('policies/orders.cases.yaml', 'policy: orders.yaml\ncases:\n  - nam: x\n')
    box.write(
      'policies/b.cases.yaml',
      'policy: bad.yaml\ncases:\n  - name: x\n    record: { value: 1 }\n    expect: accept\n'
    )
    box.write('policies/bad.yaml', bad.replace('orders', 'x'))
    const { code, out } = await box.run('test')
    expect(code).toBe(1)
    expect(out).toContain('policies/orders.cases.yaml:3:')
    expect(out).toContain('policies/bad.yaml:3:1: error[unknown-key]')
  })

  it('without any case ends with 1 and says how to write one', async () => {
    expect(await box.run('test')).toMatchObject({
      code: 1,
      err: expect.stringContaining('write a *.cases.yaml beside a policy') as string
    })
  })
})

import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { examineClock, examineDescriptors, examineMemory } from '../../../src/cli/doctor/machine.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { freePorts } from '../../support/ports.ts'
import { settingsForTest } from '../supervisor/settings.ts'
import type { Ran } from './run-cli.ts'
import { Sandbox } from './run-cli.ts'

let box: Sandbox
let broker: EmbeddedBroker
let listen: string
let brokerPortNumber: number
const servers: Server[] = []

beforeEach(async () => {
  box = new Sandbox()
  broker = await startEmbeddedBroker({
    nodeId: 3,
    topics: [{ name: 'orders', configs: { 'cleanup.policy': 'compact' } }]
  })
  const [own, other] = await freePorts(2)
  listen = `127.0.0.1:${own!}`
  brokerPortNumber = other!
  box.write(
    'policies/orders.yaml',
    'apiVersion: kontrakt/v1\ntopics: orders\nmode: reject\nvalue: { format: json, nulls: allow }\n'
  )
})

afterEach(async () => {
  for (const server of servers.splice(0)) server.close()
  await broker.close()
  box.remove()
})

async function doctor(...more: readonly string[]): Promise<Ran> {
  const ports = more.includes('--broker-ports') ? [] : ['--broker-ports', `3=${brokerPortNumber}`]
  return box.run('doctor', '--upstream', broker.address, '--listen', listen, '--admin', 'off', ...ports, ...more)
}

async function occupy(port: number): Promise<number> {
  const server = createServer((socket) => socket.end('220 smtp\r\n')).listen(port, '127.0.0.1')
  servers.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as AddressInfo).port
}

describe('doctor', () => {
  it('finds all well, and ends with 0', async () => {
    const { code, out } = await doctor()
    expect(out).not.toContain('fail')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^ok {4}upstream: 127\.0\.0\.1:\d+ answers; clients negotiate up to Produce v\d+, Metadata v\d+, Fetch v\d+ through kontrakt$/m
    )
    expect(out).toMatch(/^ok {4}brokers: broker 3 at 127\.0\.0\.1:\d+ can be reached$/m)
    expect(out).toMatch(/^ok {4}ports: 127\.0\.0\.1:\d+ and 1 of the broker ports are free$/m)
    expect(out).toContain('ok    policies: 1 file loads')
    expect(out).toContain('ready to serve')
  })

  it('prints as JSON', async () => {
    const printed = JSON.parse((await doctor('--json')).out) as {
      ok: boolean
      findings: { level: string; remedy: string | null }[]
    }
    expect(printed.ok).toBe(true)
    for (const { level, remedy } of printed.findings) expect(remedy === null).toBe(level === 'ok')
  })

  it('needs no rights and asks for no topics while no policy quarantines', async () => {
    const { out } = await doctor()
    expect(out).toContain('ok    rights: no policy quarantines, so none are needed beyond Metadata')
    expect(out).not.toContain('quarantine:')
  })

  it('finds the topics of quarantine missing or wrong, creates none of them, and prints the rights', async () => {
    box.write(
      'policies/orders.yaml',
      'apiVersion: kontrakt/v1\ntopics: orders\nmode: quarantine\nvalue: { nulls: allow }\n'
    )
    broker.topics.create({ name: 'kontrakt.ledger', configs: { 'message.timestamp.type': 'LogAppendTime' } })
    const { code, out } = await doctor()
    expect(code).toBe(1)
    expect(out).toMatch(
      /^fail {2}quarantine: the ledger, kontrakt\.ledger, has cleanup\.policy delete.*\n {6}kafka-configs\.sh/m
    )
    expect(out).toContain('ok    quarantine: the quarantine topic orders.quarantine is not there; serve will create it')
    expect(out).toContain(
      'kafka-acls.sh --add --allow-principal User:ANONYMOUS --operation READ --operation WRITE ' +
        '--operation DESCRIBE_CONFIGS --operation CREATE --topic kontrakt.ledger --topic kontrakt.quarantine-state\n'
    )
    expect(out).toContain('--operation CREATE --topic orders.quarantine\n')
    expect(out).toContain('--operation DESCRIBE_CONFIGS --topic orders\n')
    expect(out).toContain('--resource-pattern-type prefixed --transactional-id kontrakt-redrive-\n')
    expect(broker.topics.names()).toEqual(['orders', 'kontrakt.ledger'])
  })

  it('finds a quarantine topic that nobody may create', async () => {
    box.write(
      'policies/orders.yaml',
      'apiVersion: kontrakt/v1\ntopics: orders\nmode: quarantine\nvalue: { nulls: allow }\nquarantine: { create: false }\n'
    )
    const { code, out } = await doctor()
    expect(code).toBe(1)
    expect(out).toMatch(
      /^fail {2}quarantine: .*orders\.quarantine is not there.*\n {6}create it: kafka-topics\.sh --create/m
    )
  })

  it('finds a broker that has no port, and names one that would do', async () => {
    const { code, out } = await doctor('--broker-ports', '9300-9302')
    expect(code).toBe(1)
    expect(out).toContain('live brokers without a port')
    expect(out).toContain('such as 9300-9303')
    expect((await doctor('--broker-ports', '1=9300')).out).toMatch(/a map that has them, such as \{ 3: \d+ \}/)
  })

  it('finds ports that are taken, the one of the admin server as well', async () => {
    await occupy(brokerPortNumber)
    const admin = await occupy(0)
    const { code, out } = await box.run(
      'doctor',
      '--upstream',
      broker.address,
      '--listen',
      listen,
      '--broker-ports',
      `3=${brokerPortNumber}`,
      '--admin',
      `127.0.0.1:${admin}`
    )
    expect(code).toBe(1)
    expect(out).toContain(`fail  ports: 127.0.0.1:${brokerPortNumber} cannot be listened on (EADDRINUSE)`)
    expect(out).toContain(`fail  admin: 127.0.0.1:${admin} cannot be listened on (EADDRINUSE)`)
  })

  it('finds a server that is down beside one that answers (a warning), and none that answers (a problem)', async () => {
    const one = await box.run(
      'doctor',
      '--upstream',
      `${broker.address},127.0.0.1:1`,
      '--listen',
      listen,
      '--broker-ports',
      `3=${brokerPortNumber}`,
      '--admin',
      'off'
    )
    expect(one.code).toBe(0)
    expect(one.out).toMatch(/^warn {2}upstream: 127\.0\.0\.1:1/m)
    const none = await box.run('doctor', '--upstream', '127.0.0.1:1', '--listen', listen, '--admin', 'off')
    expect(none.code).toBe(1)
    expect(none.out).toMatch(/^fail {2}upstream: 127\.0\.0\.1:1.*\n {6}is the address right/m)
  })

  it('finds something that listens and is no plaintext Kafka', async () => {
    const port = await occupy(0)
    const { code, out } = await box.run(
      'doctor',
      '--upstream',
      `127.0.0.1:${port}`,
      '--listen',
      listen,
      '--admin',
      'off'
    )
    expect(code).toBe(1)
    expect(out).toContain('does not answer in plaintext Kafka')
  })

  it('finds a broker that tells others an address which cannot be reached from here', async () => {
    await broker.close()
    broker = await startEmbeddedBroker({ nodeId: 3, advertised: { host: '127.0.0.1', port: 1 } })
    const port = broker.port
    const { code, out } = await box.run(
      'doctor',
      '--upstream',
      `127.0.0.1:${port}`,
      '--listen',
      listen,
      '--broker-ports',
      `3=${brokerPortNumber}`,
      '--admin',
      'off'
    )
    expect(code).toBe(1)
    expect(out).toContain('broker 3 at 127.0.0.1:1 cannot be reached')
    expect(out).toContain('advertised.listeners')
  })

  it('warns when a compacted topic refuses tombstones, and about topics that are not there', async () => {
    box.write(
      'policies/orders.yaml',
      'apiVersion: kontrakt/v1\ntopics: [orders, orderz]\nmode: reject\nvalue: { format: json }\n'
    )
    const { code, out } = await doctor()
    expect(code).toBe(0)
    expect(out).toContain('refuses tombstones, and these topics are compacted: orders')
    expect(out).toContain('topics that are not there: orderz')
  })

  it('finds policies that do not load, or need a registry that is not set, or are not there', async () => {
    box.write('policies/bad.yaml', 'nonsense: 1\n')
    expect(await doctor()).toMatchObject({ code: 1, out: expect.stringContaining('some do not load') as string })
    box.write(
      'policies/bad.yaml',
      'apiVersion: kontrakt/v1\ntopics: x\nvalue: { format: avro, framing: confluent, schema: { registry: { subject: { strategy: topic-name } } } }\n'
    )
    expect(await doctor()).toMatchObject({ code: 1, out: expect.stringContaining('the settings name none') as string })
    expect(await doctor('--policies', 'nowhere')).toMatchObject({
      code: 1,
      out: expect.stringContaining('there is no folder') as string
    })
  })

  it('asks the registry, with its faults told apart', async () => {
    const registry = await FakeRegistry.start()
    try {
      expect((await doctor('--registry', registry.url)).out).toContain(`ok    registry: ${registry.url} answers`)
      registry.behaviour = { kind: 'status', status: 401 }
      expect(await doctor('--registry', registry.url)).toMatchObject({
        code: 1,
        out: expect.stringContaining('set registry.auth') as string
      })
      registry.behaviour = { kind: 'status', status: 500 }
      expect((await doctor('--registry', registry.url)).out).toContain('answers 500 to /subjects')
      registry.behaviour = { kind: 'redirect', location: 'http://127.0.0.1:1/' }
      expect((await doctor('--registry', registry.url)).out).toContain('sends us elsewhere')
    } finally {
      await registry.stop()
    }
    expect(await doctor('--registry', 'http://127.0.0.1:1')).toMatchObject({
      code: 1,
      out: expect.stringContaining('cannot be reached') as string
    })
  })

  it('with wrong settings only says what is wrong with them', async () => {
    const { code, out, err } = await box.run('doctor')
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain("'upstream.bootstrapServers' is not set")
  })
})

describe('the machine', () => {
  const settings = settingsForTest()

  it('needs descriptors for both sides of every connection', () => {
    expect(examineDescriptors(settings, 1024)).toMatchObject({
      level: 'warning',
      remedy: 'raise it (ulimit -n 20200, LimitNOFILE=), or lower limits.connections to 412'
    })
    expect(examineDescriptors(settings, 65536).level).toBe('ok')
    expect(examineDescriptors(settings, null).level).toBe('ok')
  })

  it('needs memory for what is in flight', () => {
    expect(examineMemory(settings, 256 * 1024 * 1024).level).toBe('warning')
    expect(examineMemory(settings, 1024 ** 3).level).toBe('ok')
    expect(examineMemory(settings, 0).level).toBe('ok')
  })

  it('needs the right time', () => {
    expect(examineClock(400)).toMatchObject({ level: 'ok', message: "within 0.4 s of the registry's" })
    expect(examineClock(-60_000)).toMatchObject({ level: 'warning', message: "60 s ahead of the registry's" })
    expect(examineClock(null).level).toBe('ok')
  })
})

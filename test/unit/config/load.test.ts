import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LoadedSettings } from '../../../src/config/load.ts'
import { loadSettings } from '../../../src/config/load.ts'
import { formatOrigin } from '../../../src/config/origin.ts'
import { brokerPort } from '../../../src/config/settings.ts'

let cwd: string

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kontrakt-settings-'))
})

afterEach(() => {
  rmSync(cwd, { recursive: true })
})

interface Given {
  readonly file?: string
  readonly env?: Record<string, string>
  readonly flags?: Record<string, string | boolean>
  readonly settingsFile?: string
}

function load({ file, env = {}, flags = {}, settingsFile }: Given): LoadedSettings {
  if (file !== undefined) writeFileSync(join(cwd, 'kontrakt.yaml'), file)
  return loadSettings({
    flags: new Map(Object.entries(flags)),
    env,
    cwd,
    hostName: 'machine.internal',
    ...(settingsFile === undefined ? {} : { settingsFile })
  })
}

const minimal = `apiVersion: kontrakt/v1
upstream:
  bootstrapServers: [kafka-1:9092, kafka-2:9093]
listeners:
  - address: 0.0.0.0:9192
`

/** `code line:column message`, the shape most assertions need. */
function faults(loaded: LoadedSettings): readonly string[] {
  return loaded.diagnostics.map((d) => `${d.severity} ${d.code} ${d.file}:${d.line}:${d.column} ${d.message}`)
}

function sourceOf(loaded: LoadedSettings, path: string): string | undefined {
  const found = loaded.effective.find((setting) => setting.path === path)
  return found === undefined ? undefined : `${found.value ?? 'null'} from ${formatOrigin(found.origin)}`
}

describe('a minimal file', () => {
  it('gives complete settings with the defaults of the design', () => {
    const { settings, diagnostics, file } = load({ file: minimal })
    expect(diagnostics).toEqual([])
    expect(file).toBe('kontrakt.yaml')
    expect(settings).toMatchObject({
      roles: ['proxy'],
      upstream: {
        bootstrapServers: [
          { host: 'kafka-1', port: 9092 },
          { host: 'kafka-2', port: 9093 }
        ]
      },
      policies: { folder: join(cwd, 'policies'), watch: true, strict: false },
      stateDir: join(cwd, '.kontrakt'),
      defaultPolicy: 'pass',
      registry: null,
      admin: { address: { host: '127.0.0.1', port: 9190 }, token: null },
      topics: { ledger: 'kontrakt.ledger', quarantineState: 'kontrakt.quarantine-state', replicationFactor: null },
      acksZero: 'drop',
      workers: 1,
      logLevel: 'info',
      logFormat: 'json'
    })
    expect(settings?.limits).toMatchObject({
      requestBytes: 104_857_600,
      inflightBytes: 268_435_456,
      inflatedBatchBytes: 67_108_864,
      connections: 10_000,
      minBodyBytesPerSecond: 16_384
    })
    expect(settings?.timings).toMatchObject({ decideWaitMs: 5000, undecidableAfterMs: 30_000, drainDelayMs: 5000 })
  })

  it('advertises the host name of the machine when it listens everywhere, and the hundred ports after its own', () => {
    const { settings } = load({ file: minimal })
    expect(settings?.listeners).toEqual([
      {
        address: { host: '0.0.0.0', port: 9192 },
        advertisedHost: 'machine.internal',
        brokerPorts: { kind: 'range', first: 9193, last: 9292 },
        clientAuthentication: 'pass-through'
      }
    ])
  })

  it('advertises the listening host when that is a certain one', () => {
    const { settings } = load({ file: minimal.replace('0.0.0.0', '10.0.0.7') })
    expect(settings?.listeners[0]?.advertisedHost).toBe('10.0.0.7')
  })

  it('ends the default broker ports at 65535', () => {
    const { settings } = load({ file: minimal.replace('9192', '65500') })
    expect(settings?.listeners[0]?.brokerPorts).toEqual({ kind: 'range', first: 65501, last: 65535 })
  })

  it('survives a structured clone, which is how it reaches a worker process', () => {
    const { settings } = load({ file: minimal, flags: { '--broker-ports': '1=9301,2=9302' } })
    expect(structuredClone(settings)).toEqual(settings)
  })
})

describe('precedence', () => {
  const file = `${minimal}logLevel: warn\n`

  it('takes the file before the default', () => {
    const loaded = load({ file })
    expect(loaded.settings?.logLevel).toBe('warn')
    expect(sourceOf(loaded, 'logLevel')).toBe('warn from kontrakt.yaml:6:11')
  })

  it('takes the environment before the file', () => {
    const loaded = load({ file, env: { KONTRAKT_LOG_LEVEL: 'debug' } })
    expect(loaded.settings?.logLevel).toBe('debug')
    expect(sourceOf(loaded, 'logLevel')).toBe('debug from $KONTRAKT_LOG_LEVEL')
  })

  it('takes the flag before everything', () => {
    const loaded = load({ file, env: { KONTRAKT_LOG_LEVEL: 'debug' }, flags: { '--log-level': 'trace' } })
    expect(loaded.settings?.logLevel).toBe('trace')
    expect(sourceOf(loaded, 'logLevel')).toBe('trace from --log-level')
  })

  it('merges the fields of one listener from all layers', () => {
    const { settings } = load({
      file: `${minimal}    brokerPorts: { 7: 9300, 8: 9301 }\n`,
      env: { KONTRAKT_LISTENERS_0_ADVERTISED_HOST: 'from-env' },
      flags: { '--listen': '127.0.0.1:9999' }
    })
    expect(settings?.listeners[0]).toMatchObject({
      address: { host: '127.0.0.1', port: 9999 },
      advertisedHost: 'from-env'
    })
    expect(brokerPort(settings!.listeners[0]!.brokerPorts, 8)).toBe(9301)
    expect(brokerPort(settings!.listeners[0]!.brokerPorts, 9)).toBeNull()
  })

  it('does not let a wrong value of a weaker layer disturb', () => {
    expect(load({ file: `${minimal}logLevel: nonsense\n`, flags: { '--log-level': 'info' } }).settings?.logLevel).toBe(
      'info'
    )
  })

  it('counts an empty variable as unset', () => {
    expect(load({ file, env: { KONTRAKT_LOG_LEVEL: '' } }).settings?.logLevel).toBe('warn')
  })
})

describe('without a file', () => {
  it('is complete from flags alone', () => {
    const { settings, file } = load({
      flags: {
        '--upstream': 'a:9092,[::1]:9093',
        '--listen': '127.0.0.1:9192',
        '--broker-ports': '9300-9310',
        '--no-watch': false
      }
    })
    expect(file).toBeNull()
    expect(settings?.upstream.bootstrapServers[1]).toEqual({ host: '::1', port: 9093 })
    expect(settings?.policies).toEqual({ folder: join(cwd, 'policies'), watch: false, strict: false })
    expect(brokerPort(settings!.listeners[0]!.brokerPorts, 10)).toBe(9310)
    expect(brokerPort(settings!.listeners[0]!.brokerPorts, 11)).toBeNull()
  })

  it('is complete from the environment alone, with lists by index and by comma', () => {
    const { settings, diagnostics } = load({
      env: {
        KONTRAKT_UPSTREAM_BOOTSTRAP_SERVERS: 'a:9092, b:9092',
        KONTRAKT_LISTENERS_0_ADDRESS: '127.0.0.1:9192',
        KONTRAKT_LISTENERS_1_ADDRESS: '127.0.0.1:9500',
        KONTRAKT_LISTENERS_1_BROKER_PORTS: '1=9501,2=9502',
        KONTRAKT_STRICT: 'true',
        KONTRAKT_LIMITS_CONNECTIONS: '12',
        KONTRAKT_ADMIN_ADDRESS: 'off'
      }
    })
    expect(diagnostics).toEqual([])
    expect(settings).toMatchObject({ admin: null, limits: { connections: 12 }, policies: { strict: true } })
    expect(settings?.listeners).toHaveLength(2)
  })

  it('says what is missing and all three ways to set it', () => {
    const { settings, diagnostics } = load({})
    expect(settings).toBeNull()
    expect(diagnostics.map((d) => d.code)).toEqual(['missing', 'missing'])
    expect(diagnostics[0]?.remedy).toBe(
      "set it with --upstream HOST:PORT[,..], or 'upstream.bootstrapServers' in the settings file, or KONTRAKT_UPSTREAM_BOOTSTRAP_SERVERS"
    )
    expect(diagnostics[1]?.remedy).toContain(
      "'listeners[0].address' in the settings file, or KONTRAKT_LISTENERS_0_ADDRESS"
    )
  })
})

describe('paths', () => {
  it('are relative to the settings file in it, to the working directory elsewhere', () => {
    mkdirSync(join(cwd, 'etc'))
    writeFileSync(join(cwd, 'etc', 'k.yaml'), `${minimal}policies: rules\nstateDir: /var/lib/k\n`)
    expect(load({ settingsFile: 'etc/k.yaml' }).settings).toMatchObject({
      policies: { folder: join(cwd, 'etc', 'rules') },
      stateDir: '/var/lib/k'
    })
    expect(load({ settingsFile: 'etc/k.yaml', flags: { '--policies': 'mine' } }).settings?.policies.folder).toBe(
      join(cwd, 'mine')
    )
    expect(load({ settingsFile: 'etc/k.yaml', env: { KONTRAKT_STATE_DIR: 's' } }).settings?.stateDir).toBe(
      join(cwd, 's')
    )
  })

  it('takes the defaults relative to the file as well', () => {
    mkdirSync(join(cwd, 'etc'))
    writeFileSync(join(cwd, 'etc', 'k.yaml'), minimal)
    expect(load({ env: { KONTRAKT_SETTINGS: 'etc/k.yaml' } }).settings?.stateDir).toBe(join(cwd, 'etc', '.kontrakt'))
  })
})

describe('secrets', () => {
  const registry = (password: string): string =>
    `${minimal}registry: { url: "http://r:8081/", auth: { username: u, password: ${password} } }\n`

  it('are read from a variable, without a warning about its name', () => {
    const loaded = load({ file: registry('{ env: KONTRAKT_REGISTRY_PW }'), env: { KONTRAKT_REGISTRY_PW: 'geheim' } })
    expect(loaded.diagnostics).toEqual([])
    expect(loaded.settings?.registry).toEqual({ url: 'http://r:8081', auth: { username: 'u', password: 'geheim' } })
  })

  it('are read from a file relative to the settings, without the newline at its end', () => {
    writeFileSync(join(cwd, 'pw'), 'geheim\n')
    expect(load({ file: registry('{ file: pw }') }).settings?.registry?.auth?.password).toBe('geheim')
  })

  it('may stand in the file, with a warning', () => {
    const loaded = load({ file: registry('geheim') })
    expect(loaded.settings?.registry?.auth?.password).toBe('geheim')
    expect(faults(loaded)).toEqual([
      "warning plain-secret kontrakt.yaml:6:67 'registry.auth.password' stands in the file in the clear"
    ])
  })

  it('come from their own variable without a warning, or from a file that a variable names', () => {
    writeFileSync(join(cwd, 'token'), 't0ken')
    expect(load({ file: minimal, env: { KONTRAKT_ADMIN_TOKEN: 'x' } })).toMatchObject({
      diagnostics: [],
      settings: { admin: { token: 'x' } }
    })
    expect(load({ file: minimal, env: { KONTRAKT_ADMIN_TOKEN_FILE: 'token' } }).settings?.admin?.token).toBe('t0ken')
    expect(load({ file: minimal, env: { KONTRAKT_ADMIN_TOKEN_ENV: 'OTHER', OTHER: 'y' } }).settings?.admin?.token).toBe(
      'y'
    )
  })

  it('are masked wherever settings are shown', () => {
    const loaded = load({ file: registry('geheim'), env: { KONTRAKT_ADMIN_TOKEN: 'geheim' } })
    expect(JSON.stringify([loaded.effective, loaded.diagnostics])).not.toContain('geheim')
    expect(sourceOf(loaded, 'registry.auth.password')).toBe('*** from kontrakt.yaml:6:67')
  })

  it.each([
    ['{ env: NOT_THERE }', 'the environment variable NOT_THERE is not set'],
    ['{ file: not-there }', 'not-there cannot be read: ENOENT'],
    ['{ file: empty }', 'is empty']
  ])('that cannot be read (%s) are an error', (password, message) => {
    writeFileSync(join(cwd, 'empty'), '\n')
    const loaded = load({ file: registry(password) })
    expect(loaded.settings).toBeNull()
    expect(loaded.diagnostics[0]).toMatchObject({ code: 'secret-unreadable', line: 6 })
    expect(loaded.diagnostics[0]?.message).toContain(message)
  })

  it('refuses credentials in the address, and does not repeat them', () => {
    const loaded = load({ file: `${minimal}registry: { url: "http://u:geheim@r:8081" }\n` })
    expect(loaded.diagnostics[0]).toMatchObject({
      code: 'bad-value',
      remedy: 'user name and password go to registry.auth'
    })
    expect(JSON.stringify(loaded)).not.toContain('geheim')
  })
})

describe('diagnostics of the file', () => {
  it.each([
    [
      'unknown key',
      'lisseners: []\n',
      "error unknown-key kontrakt.yaml:6:1 'lisseners' is not a top-level key of the settings"
    ],
    [
      'unknown nested key',
      'admin: { adress: 127.0.0.1:1 }\n',
      "error unknown-key kontrakt.yaml:6:10 'adress' is not a key of 'admin'"
    ],
    ['duplicate key', 'workers: 1\nworkers: 1\n', 'error duplicate-key kontrakt.yaml:7:1 Map keys must be unique'],
    [
      'not yet: upstream.sasl',
      'quality: { stateTopic: x }\n',
      "error not-yet kontrakt.yaml:6:1 'quality' is not built yet in this version"
    ],
    [
      'section of the wrong type',
      'limits: many\n',
      "error wrong-type kontrakt.yaml:6:9 'limits' must be a mapping of keys to values"
    ],
    [
      'size without unit',
      'limits: { requestBytes: 1000 }\n',
      "error bad-value kontrakt.yaml:6:25 'limits.requestBytes': a size needs its unit"
    ],
    [
      'size out of range',
      'limits: { requestBytes: 1B }\n',
      "error bad-value kontrakt.yaml:6:25 'limits.requestBytes': the least is 64KiB"
    ],
    [
      'duration without unit',
      'timings: { decideWait: 5 }\n',
      "error bad-value kontrakt.yaml:6:24 'timings.decideWait': a duration needs its unit"
    ],
    [
      'count as a string',
      'limits: { connections: "5" }\n',
      "error bad-value kontrakt.yaml:6:24 'limits.connections': expected a whole number; found a string"
    ],
    [
      'quoted boolean',
      'watch: "true"\n',
      "error bad-value kontrakt.yaml:6:8 'watch': expected true or false; found a string"
    ],
    [
      'no topic name',
      'topics: { ledger: "my ledger" }\n',
      "error bad-value kontrakt.yaml:6:19 'topics.ledger': expected a topic name"
    ],
    [
      'no replicas',
      'topics: { replicationFactor: 0 }\n',
      "error bad-value kontrakt.yaml:6:30 'topics.replicationFactor': the least is 1"
    ],
    [
      'unknown choice',
      'defaultPolicy: deny\n',
      "error bad-value kontrakt.yaml:6:16 'defaultPolicy': expected pass or refuse"
    ],
    [
      'role that is not built',
      'roles: [proxy, quality]\n',
      "error not-yet kontrakt.yaml:6:8 'roles': quality is not built yet"
    ],
    ['several workers', 'workers: 2\n', "error not-yet kontrakt.yaml:6:10 'workers': more than one is not built yet"],
    [
      'key without a value',
      'policies:\n',
      "error bad-value kontrakt.yaml:6:10 'policies': expected a path; found nothing"
    ],
    [
      'host without port',
      'admin: { address: localhost }\n',
      "error bad-value kontrakt.yaml:6:19 'admin.address': expected HOST:PORT"
    ],
    [
      'auth without url',
      'registry: { auth: { username: u, password: { env: HOME } } }\n',
      "error missing kontrakt.yaml:6:31 'registry.auth' is set, but"
    ],
    [
      'user without password',
      'registry: { url: "http://r", auth: { username: u } }\n',
      "error missing kontrakt.yaml:6:48 'registry.auth.password' is missing"
    ],
    [
      'url of another kind',
      'registry: { url: "ftp://r" }\n',
      "error bad-value kontrakt.yaml:6:18 'registry.url': expected an http://"
    ],
    [
      'token as a number',
      'admin: { token: 5 }\n',
      "error bad-value kontrakt.yaml:6:17 'admin.token': expected { env: NAME }"
    ]
  ])('%s', (_name, addition, expected) => {
    const loaded = load({ file: minimal + addition, env: { HOME: '/x' } })
    expect(loaded.settings).toBeNull()
    expect(faults(loaded)[0]).toContain(expected)
    expect(loaded.diagnostics).toHaveLength(1)
  })

  it.each([
    ['upstream:\n  bootstrapServers: [a:1]\n  tls: { ca: ca.pem }', "'upstream.tls' is not built yet"],
    ['upstream:\n  bootstrapServers: [a:1]\n  sasl: {}', "'upstream.sasl' is not built yet"],
    ['upstream:\n  bootstrapServers: []', "'upstream.bootstrapServers': the list is empty"],
    ['upstream:\n  bootstrapServers: [a]', 'item 1: expected HOST:PORT'],
    ['upstream:\n  bootstrapServers: a:0', 'item 1: a broker cannot listen on port 0'],
    ['upstream:\n  bootstrapServers: [a:70000]', 'item 1: expected HOST:PORT']
  ])('upstream %j', (upstream, message) => {
    const file = `apiVersion: kontrakt/v1\n${upstream}\nlisteners: [{ address: 127.0.0.1:9192 }]\n`
    expect(
      load({ file })
        .diagnostics.map((d) => d.message)
        .join()
    ).toContain(message)
  })

  it.each([
    ['tls: {}', "'listeners.0.tls' is not built yet"],
    ['sni: "b-{id}.x"', "'listeners.0.sni' is not built yet"],
    ['clientAuthentication: mtls', "'listeners.0.clientAuthentication': mtls is not built yet"],
    ['brokerPorts: 9300-9200', 'the range ends (9200) before it begins (9300)'],
    ['brokerPorts: 0-10', 'a port is 1 to 65535'],
    ['brokerPorts: { a: 1 }', "'a' is not a broker id"],
    ['brokerPorts: { 1: 9300, 2: 9300 }', 'port 9300 is given to two brokers'],
    ['brokerPorts: { 1: 90000 }', 'the port of broker 1 is not a number of 0 to 65535'],
    ['brokerPorts: {}', 'the map is empty'],
    ['brokerPorts: 9300', 'found a number'],
    ['advertisedHost: "a:1"', 'expected a host name or an IP address, without a port'],
    ['advertisedHost: "a b"', 'expected a host name or an IP address, without a port']
  ])('listener %s', (line, message) => {
    const loaded = load({ file: `${minimal}    ${line}\n` })
    expect(loaded.settings).toBeNull()
    expect(loaded.diagnostics[0]?.message).toContain(message)
    expect(loaded.diagnostics[0]?.line).toBe(6)
  })

  it('names the nearest key', () => {
    expect(load({ file: `${minimal}registri: {}\n` }).diagnostics[0]?.remedy).toBe('did you mean registry?')
  })

  it('reports everything at once, in the order of the file', () => {
    const loaded = load({ file: `apiVersion: kontrakt/v2\nnope: 1\nlogLevel: loud\nlisteners: [{ address: x }]\n` })
    expect(loaded.diagnostics.map((d) => [d.line, d.code])).toEqual([
      [1, 'bad-value'],
      [2, 'unknown-key'],
      [3, 'bad-value'],
      [4, 'bad-value'],
      [1, 'missing']
    ])
  })

  it('asks for apiVersion', () => {
    expect(load({ file: minimal.replace(/^.*\n/, '') }).diagnostics[0]).toMatchObject({
      code: 'missing',
      remedy: "begin the file with 'apiVersion: kontrakt/v1'"
    })
  })

  it.each([
    ['broken YAML', 'apiVersion: [', 'yaml'],
    ['a tab', 'a:\n\t- b\n', 'yaml'],
    ['two documents', 'apiVersion: kontrakt/v1\n---\na: 1\n', 'yaml'],
    ['nothing', '', 'empty-file'],
    ['comments only', '# later\n', 'empty-file']
  ])('%s is reported alone', (_name, file, code) => {
    const loaded = load({ file })
    expect(new Set(loaded.diagnostics.map((d) => d.code))).toEqual(new Set([code]))
    expect(loaded.settings).toBeNull()
  })

  it('a list at the top, and a scalar as a listener, are of the wrong type', () => {
    expect(load({ file: '- a\n' }).diagnostics.some((d) => d.code === 'wrong-type')).toBe(true)
    const loaded = load({ file: 'apiVersion: kontrakt/v1\nupstream: { bootstrapServers: a:1 }\nlisteners: [x]\n' })
    expect(faults(loaded).join()).toContain("'listeners.0' must be a mapping")
  })

  it('a section whose lines are all comments is an empty one', () => {
    expect(load({ file: `${minimal}registry:\n  # url: x\nlimits:\n` }).settings?.registry).toBeNull()
  })

  it('resolves anchors, and a billion laughs are refused, not expanded', () => {
    expect(load({ file: `${minimal}policies: &p rules\nstateDir: *p\n` }).settings?.stateDir).toBe(join(cwd, 'rules'))
    const laughs = Array.from(
      { length: 9 },
      (_, n) =>
        `&a${n} [${Array(9)
          .fill(n === 0 ? 'x' : `*a${n - 1}`)
          .join(',')}]`
    )
    const loaded = load({ file: `${minimal}policies: [${laughs.join(', ')}]\n` })
    expect(loaded.settings).toBeNull()
    expect(loaded.diagnostics[0]).toMatchObject({
      code: 'yaml',
      message: 'the aliases of this value cannot be expanded'
    })
  })

  it('an alias to its own section does not loop', () => {
    expect(load({ file: `${minimal}limits: &l { requestBytes: *l }\n` }).settings).toBeNull()
  })

  it('refuses a file that is no settings file by its size, and one that is not there', () => {
    expect(load({ file: `# ${'x'.repeat(1024 * 1024)}\n` }).diagnostics[0]).toMatchObject({ code: 'unreadable-file' })
    expect(load({ settingsFile: 'nowhere.yaml' }).diagnostics[0]).toMatchObject({
      file: 'nowhere.yaml',
      message: 'there is no such file'
    })
    expect(load({ settingsFile: '.' }).diagnostics[0]?.message).toContain('EISDIR')
  })

  it('refuses more listeners than there can be', () => {
    const loaded = load({ file: `apiVersion: kontrakt/v1\nlisteners: [${'{},'.repeat(65)}]\n` })
    expect(faults(loaded).join()).toContain("'listeners' has more than 64 entries")
  })
})

describe('diagnostics of the environment', () => {
  it('warns about a variable that is no setting, naming the nearest, and starts all the same', () => {
    const loaded = load({ file: minimal, env: { KONTRAKT_REGISTRY_ULR: 'x' } })
    expect(loaded.settings).not.toBeNull()
    expect(loaded.diagnostics).toEqual([
      expect.objectContaining({
        severity: 'warning',
        code: 'unknown-variable',
        file: '$KONTRAKT_REGISTRY_ULR',
        remedy: 'did you mean KONTRAKT_REGISTRY_URL?'
      })
    ])
  })

  it('is silent about the variables that Kubernetes makes for a Service named kontrakt', () => {
    const env = {
      KONTRAKT_SERVICE_HOST: '10.0.0.1',
      KONTRAKT_SERVICE_PORT: '9192',
      KONTRAKT_SERVICE_PORT_KAFKA: '9192',
      KONTRAKT_PORT: 'tcp://10.0.0.1:9192',
      KONTRAKT_PORT_9192_TCP: 'tcp://10.0.0.1:9192',
      KONTRAKT_PORT_9192_TCP_ADDR: '10.0.0.1'
    }
    expect(load({ file: minimal, env }).diagnostics).toEqual([])
  })

  it.each([
    [
      { KONTRAKT_UPSTREAM_TLS_CA: 'x' },
      "error not-yet $KONTRAKT_UPSTREAM_TLS_CA:1:1 'upstream.tls' is not built yet in this version"
    ],
    [
      { KONTRAKT_WORKERS: 'two' },
      "error bad-value $KONTRAKT_WORKERS:1:1 'workers': expected a whole number; found a string"
    ],
    [
      { KONTRAKT_LISTENERS_2_ADDRESS: 'a:1' },
      'error missing $KONTRAKT_LISTENERS_2_ADDRESS:1:1 listeners[2] is set, but listeners[1] is not'
    ],
    [
      { KONTRAKT_ADMIN_TOKEN: 'a', KONTRAKT_ADMIN_TOKEN_FILE: 'b' },
      'error conflict $KONTRAKT_ADMIN_TOKEN_FILE:1:1 the secret is set twice'
    ]
  ])('%j', (env, expected) => {
    const loaded = load({ file: minimal, env: env })
    expect(loaded.settings).toBeNull()
    expect(faults(loaded)[0]).toContain(expected)
  })

  it('knows no variable for the version of the file format', () => {
    expect(load({ file: minimal, env: { KONTRAKT_API_VERSION: 'kontrakt/v1' } }).diagnostics[0]?.code).toBe(
      'unknown-variable'
    )
  })
})

describe('settings that contradict each other', () => {
  it.each([
    [
      'an open admin address without a token',
      'admin: { address: 0.0.0.0:9190 }',
      'admin-token',
      'can be reached from other machines'
    ],
    [
      'the admin port among the broker ports',
      'admin: { address: 127.0.0.1:9200 }',
      'conflict',
      'port 9200 is meant for both'
    ],
    [
      'a request that could never be read',
      'limits: { inflightBytes: 90MiB, responseBytes: 1MiB }',
      'conflict',
      'limits.requestBytes is above'
    ],
    ['one topic for two purposes', 'topics: { ledger: kontrakt.quarantine-state }', 'conflict', 'is meant for both'],
    ['a proxy before itself', 'registry:', 'conflict', "is this instance's own listener"]
  ])('%s', (name, line, code, message) => {
    const file = name === 'a proxy before itself' ? minimal.replace('kafka-1:9092', 'localhost:9192') : minimal
    const loaded = load({ file: `${file}${line}\n` })
    expect(loaded.settings).toBeNull()
    expect(loaded.diagnostics[0]).toMatchObject({ code })
    expect(loaded.diagnostics[0]?.message).toContain(message)
  })

  it('two listeners with the same broker ports are reported once', () => {
    const loaded = load({
      file: `${minimal}    brokerPorts: 9300-9399\n  - address: 127.0.0.1:9193\n    brokerPorts: 9350-9400\n`
    })
    expect(loaded.diagnostics).toHaveLength(1)
    expect(loaded.diagnostics[0]).toMatchObject({ code: 'conflict', line: 8 })
  })

  it('the same ports on different interfaces are fine', () => {
    const file = minimal.replace('0.0.0.0', '10.0.0.1') + '  - address: 10.0.0.2:9192\n'
    expect(load({ file }).diagnostics).toEqual([])
  })

  it('an open admin address with a token is fine', () => {
    const { settings } = load({
      file: `${minimal}admin: { address: "[::]:9190", token: { env: T } }\n`,
      env: { T: 'x' }
    })
    expect(settings?.admin).toEqual({ address: { host: '::', port: 9190 }, token: 'x' })
  })

  it('a listener on any free port needs its broker ports written, where 0 is any free port too', () => {
    expect(load({ flags: { '--upstream': 'a:1', '--listen': '127.0.0.1:0' } }).diagnostics[0]).toMatchObject({
      code: 'missing'
    })
    const { settings } = load({
      flags: { '--upstream': 'a:1', '--listen': '127.0.0.1:0', '--broker-ports': '1=0,2=0', '--admin': 'off' }
    })
    expect(brokerPort(settings!.listeners[0]!.brokerPorts, 2)).toBe(0)
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Sandbox } from './run-cli.ts'

let box: Sandbox
beforeEach(() => {
  box = new Sandbox()
})
afterEach(() => box.remove())

const commands = ['demo', 'init', 'serve', 'check', 'test', 'why', 'status', 'doctor', 'settings']

describe('help', () => {
  it('lists every command of this version and none of a later one', async () => {
    const { code, out } = await box.run('--help')
    expect(code).toBe(0)
    for (const command of commands) expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'))
    for (const later of ['backtest', 'trips', 'flink']) expect(out).not.toContain(later)
  })

  it.each(commands)('of %s has an example and --log-level', async (command) => {
    const { code, out } = await box.run(command, '--help')
    expect(code).toBe(0)
    expect(out).toMatch(/Examples:\n {2}\$ kontrakt /)
    expect(out).toContain('--log-level')
  })

  it.each(['check', 'test', 'why', 'status', 'doctor', 'settings'])(
    'of %s, which prints data, has --json',
    async (command) => {
      expect((await box.run(command, '--help')).out).toContain('--json')
    }
  )

  it('of serve has every flag a first run needs', async () => {
    const { out } = await box.run('serve', '--help')
    for (const flag of [
      '--upstream',
      '--listen',
      '--broker-ports',
      '--advertised-host',
      '--policies',
      '--registry',
      '--admin',
      '--roles',
      '--workers',
      '--settings',
      '--no-watch',
      '--strict',
      '--log-format'
    ]) {
      expect(out).toContain(flag)
    }
  })

  it('answers the version', async () => {
    expect(await box.run('--version')).toEqual({ code: 0, out: '0.1.0\n', err: '' })
  })
})

describe('what is not understood', () => {
  it.each([
    [['chek'], '(Did you mean check?)'],
    [['serve', '--nope'], "unknown option '--nope'"],
    [['serve', '--listen'], "option '--listen <HOST:PORT>' argument missing"],
    [['why', '--offset', 'x'], 'It must be a whole number.'],
    [['why', '--admin', 'nowhere'], 'It must be an address such as http://127.0.0.1:9190.'],
    [['check', '--format', 'xml'], 'Allowed choices are text, json, github.'],
    [['status', 'surplus'], 'too many arguments'],
    [[], 'Usage: kontrakt']
  ])('%j ends with 2 and says why', async (args, message) => {
    const { code, out, err } = await box.run(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(message)
  })

  it.each(['backtest', 'trips', 'flink'])('%s is not there yet, and says so', async (command) => {
    const { code, err } = await box.run(command, 'list')
    expect(code).toBe(2)
    expect(err).toContain(`error[not-yet]: '${command}' is not built yet in this version`)
  })
})

describe('serve', () => {
  it('with wrong settings ends with 1, with every fault at its place', async () => {
    box.write('kontrakt.yaml', 'apiVersion: kontrakt/v1\nlisteners: [{ address: 127.0.0.1 }]\n')
    const { code, out, err } = await box.run('serve')
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain("kontrakt.yaml:2:24: error[bad-value]: 'listeners.0.address': expected HOST:PORT")
    expect(err).toContain("settings: error[missing]: 'upstream.bootstrapServers' is not set")
    expect(err).toContain('2 errors, 0 warnings in the settings')
  })

  it('names flags and variables as the place of their faults', async () => {
    box.env = { KONTRAKT_LOG_LEVEL: 'loud' }
    const { err } = await box.run('serve', '--upstream', 'a', '--listen', '127.0.0.1:9192')
    expect(err).toContain("--upstream: error[bad-value]: 'upstream.bootstrapServers': item 1: expected HOST:PORT")
    expect(err).toContain("$KONTRAKT_LOG_LEVEL: error[bad-value]: 'logLevel': expected fatal, error,")
  })

  it.each([
    ['--roles', 'proxy,quality'],
    ['--workers', '3']
  ])('%s %s is refused as not built yet', async (flag, value) => {
    const { code, err } = await box.run('serve', '--upstream', 'a:1', '--listen', '127.0.0.1:9192', flag, value)
    expect(code).toBe(1)
    expect(err).toContain(`${flag}: error[not-yet]`)
  })
})

describe('settings', () => {
  beforeEach(() => {
    box.env = { TOKEN: 'geheim' }
    box.write(
      'kontrakt.yaml',
      'apiVersion: kontrakt/v1\nupstream: { bootstrapServers: [a:9092] }\nlisteners: [{ address: 127.0.0.1:9192 }]\nadmin: { token: { env: TOKEN } }\n'
    )
  })

  it('prints each with its source, secrets masked', async () => {
    const { code, out, err } = await box.run('settings', '--policies', 'elsewhere', '--no-watch')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^listeners\[0\]\.address +127\.0\.0\.1:9192 +kontrakt\.yaml:3:24$/m)
    expect(out).toMatch(/^listeners\[0\]\.brokerPorts +9193-9292 +default$/m)
    expect(out).toMatch(/^policies +elsewhere +--policies$/m)
    expect(out).toMatch(/^watch +false +--no-watch$/m)
    expect(out).toMatch(/^admin\.token +\*\*\* +kontrakt\.yaml:4:17$/m)
    expect(out).toMatch(/^limits\.requestBytes +100MiB +default$/m)
    expect(out).not.toContain('geheim')
  })

  it('prints as JSON, which parses and masks as well', async () => {
    const { out } = await box.run('settings', '--json')
    const printed = JSON.parse(out) as {
      file: string
      settings: { path: string; value: string; source: string; secret: boolean }[]
    }
    expect(printed.file).toBe('kontrakt.yaml')
    expect(printed.settings).toContainEqual({
      path: 'admin.token',
      value: '***',
      source: 'kontrakt.yaml:4:17',
      secret: true
    })
    expect(out).not.toContain('geheim')
  })

  it('with faults prints what it can and ends with 1', async () => {
    const { code, out, err } = await box.run('settings', '--admin', '0.0.0.0:1', '--default-policy', 'x')
    expect(code).toBe(1)
    expect(out).toContain('defaultPolicy')
    expect(err).toContain('--default-policy: error[bad-value]')
  })
})

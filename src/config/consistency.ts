/** What single settings cannot show: those that contradict each other. */
import { formatAddress } from '../address.ts'
import type { Address } from '../address.ts'
import { isIP } from 'node:net'
import type { Resolver } from './resolver.ts'
import type { BrokerPorts, ListenerSettings, Settings } from './settings.ts'

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true
  return isIP(host) === 4 && host.startsWith('127.')
}

/** Two hosts a socket could be bound to at the same time only with different ports. */
function overlaps(a: string, b: string): boolean {
  const everywhere = ['0.0.0.0', '::']
  return a === b || everywhere.includes(a) || everywhere.includes(b) || (isLoopback(a) && isLoopback(b))
}

export function checkConsistency(settings: Settings, resolver: Resolver): void {
  checkAdmin(settings, resolver)
  checkPorts(settings, resolver)
  checkLoop(settings, resolver)
  checkLimits(settings, resolver)
  checkTopics(settings, resolver)
}

function checkAdmin({ admin }: Settings, resolver: Resolver): void {
  if (admin === null || admin.token !== null || isLoopback(admin.address.host)) return
  const address = formatAddress(admin.address)
  const message = `the admin address ${address} can be reached from other machines, but there is no admin.token`
  const remedy = 'set admin.token, or use a loopback address such as 127.0.0.1:9190'
  resolver.report(resolver.originOf('admin.address'), 'admin-token', message, remedy)
}

interface Claim {
  readonly host: string
  readonly first: number
  readonly last: number
  readonly path: string
  readonly what: string
}

function portClaims(listener: ListenerSettings, at: string): readonly Claim[] {
  const { host, port } = listener.address
  const own = {
    host,
    first: port,
    last: port,
    path: `${at}.address`,
    what: `the listener ${formatAddress(listener.address)}`
  }
  return [own, ...brokerClaims(listener.brokerPorts, host, `${at}.brokerPorts`)]
}

function brokerClaims(ports: BrokerPorts, host: string, path: string): readonly Claim[] {
  if (ports.kind === 'range') return [{ host, first: ports.first, last: ports.last, path, what: 'a broker port' }]
  return [...ports.ports].map(([id, port]) => ({
    host,
    first: port,
    last: port,
    path,
    what: `the port of broker ${id}`
  }))
}

function checkPorts(settings: Settings, resolver: Resolver): void {
  const claims = settings.listeners.flatMap((listener, index) => portClaims(listener, `listeners.${index}`))
  if (settings.admin !== null) {
    const { host, port } = settings.admin.address
    claims.unshift({ host, first: port, last: port, path: 'admin.address', what: 'the admin server' })
  }
  const fixed = claims.filter((claim) => claim.first !== 0).sort((a, b) => a.first - b.first)
  const reported = new Set<string>()
  for (const [index, claim] of fixed.entries()) {
    for (let next = index + 1; next < fixed.length && fixed[next]!.first <= claim.last; next++) {
      const other = fixed[next]!
      const pair = [claim.path, other.path].sort().join(' ')
      if (!overlaps(claim.host, other.host) || reported.has(pair)) continue
      reported.add(pair)
      const written = resolver.isSet(other.path) ? other : claim
      const [one, two] = [claim, other].map(({ what, path }) => `${what} (${path})`)
      const message = `port ${other.first} is meant for both ${one!} and ${two!}`
      resolver.report(
        resolver.originOf(written.path),
        'conflict',
        message,
        'give each its own ports; kontrakt settings shows all'
      )
    }
  }
}

/** A proxy whose upstream is itself connects to itself until all descriptors are gone. */
function checkLoop(settings: Settings, resolver: Resolver): void {
  const isOwn = (server: Address): boolean =>
    settings.listeners.some(({ address, advertisedHost }) => {
      const sameHost = server.host === address.host || server.host === advertisedHost
      const local = isLoopback(server.host) && overlaps(server.host, address.host)
      return server.port === address.port && (sameHost || local)
    })
  const own = settings.upstream.bootstrapServers.find(isOwn)
  if (own === undefined) return
  const message = `the upstream broker ${formatAddress(own)} is this instance's own listener`
  resolver.report(
    resolver.originOf('upstream.bootstrapServers'),
    'conflict',
    message,
    'name the brokers of the cluster behind it'
  )
}

function checkTopics({ topics }: Settings, resolver: Resolver): void {
  if (topics.ledger !== topics.quarantineState) return
  const path = resolver.isSet('topics.quarantineState') ? 'topics.quarantineState' : 'topics.ledger'
  const message = `the topic ${topics.ledger} is meant for both the ledger and the states of quarantined records`
  resolver.report(resolver.originOf(path), 'conflict', message, 'give each a topic of its own')
}

function checkLimits({ limits }: Settings, resolver: Resolver): void {
  const atMost = (small: keyof typeof limits, large: keyof typeof limits, why: string): void => {
    if (limits[small] <= limits[large]) return
    const path = resolver.isSet(`limits.${large}`) ? `limits.${large}` : `limits.${small}`
    resolver.report(resolver.originOf(path), 'conflict', `limits.${small} is above limits.${large}: ${why}`)
  }
  atMost('requestBytes', 'inflightBytes', 'such a request could never be read')
  atMost('responseBytes', 'inflightBytes', 'such a response could never be opened')
  atMost('inflatedBatchBytes', 'inflightBytes', 'such a batch could never be judged')
}

/** Can everything be listened on, does every broker have its port, and will clients find the host they are told? */
import { formatAddress } from '../../address.ts'
import { lookup } from 'node:dns/promises'
import { createServer } from 'node:net'
import type { ListenerSettings, Settings } from '../../config/settings.ts'
import { brokerPort } from '../../config/settings.ts'
import type { Finding } from './finding.ts'
import { fine, problem, warning } from './finding.ts'

/** @param brokerIds of the live brokers; null when they are not known */
export async function examinePorts(
  settings: Settings,
  brokerIds: readonly number[] | null
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const listener of settings.listeners) {
    findings.push(...brokersWithoutPort(listener, brokerIds))
    findings.push(...(await examineListener(listener, brokerIds ?? [])))
  }
  if (settings.admin !== null) {
    const { host, port } = settings.admin.address
    const fault = await listenFault(host, port)
    if (fault !== null)
      findings.push(taken('admin', formatAddress(settings.admin.address), fault, 'admin.address (--admin)'))
    else findings.push(fine('admin', `${formatAddress(settings.admin.address)} is free`))
  }
  return findings
}

function brokersWithoutPort(
  { address, brokerPorts }: ListenerSettings,
  brokerIds: readonly number[] | null
): readonly Finding[] {
  const missing = (brokerIds ?? []).filter((id) => brokerPort(brokerPorts, id) === null)
  if (missing.length === 0) return []
  const example = missing.map((id, index) => `${id}: ${address.port + 1 + index}`).join(', ')
  const highest = Math.max(...(brokerIds ?? []))
  const remedy =
    brokerPorts.kind === 'map' || highest > 10_000
      ? `set brokerPorts to a map that has them, such as { ${example} }`
      : `set brokerPorts to a range that reaches them, such as ${brokerPorts.first}-${brokerPorts.first + highest}`
  return [
    problem(
      'broker ports',
      `live brokers without a port on ${formatAddress(address)}: ${missing.join(', ')}; serve would not start`,
      remedy
    )
  ]
}

async function examineListener(listener: ListenerSettings, brokerIds: readonly number[]): Promise<readonly Finding[]> {
  const { address, advertisedHost, brokerPorts } = listener
  const ports = [address.port, ...brokerIds.flatMap((id) => brokerPort(brokerPorts, id) ?? [])]
  const findings: Finding[] = []
  for (const port of ports) {
    const fault = await listenFault(address.host, port)
    const setting =
      port === address.port ? 'listeners[].address (--listen)' : 'listeners[].brokerPorts (--broker-ports)'
    if (fault !== null) findings.push(taken('ports', formatAddress({ host: address.host, port }), fault, setting))
  }
  if (findings.length === 0)
    findings.push(fine('ports', `${formatAddress(address)} and ${ports.length - 1} of the broker ports are free`))
  try {
    await lookup(advertisedHost)
    findings.push(fine('advertised host', `${advertisedHost} has an address, as seen from here`))
  } catch {
    const remedy = 'clients must be able to resolve it; set listeners[].advertisedHost (--advertised-host)'
    findings.push(warning('advertised host', `${advertisedHost} cannot be resolved here`, remedy))
  }
  return findings
}

function taken(subject: string, at: string, code: string, setting: string): Finding {
  const why: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another process has it: an instance that runs already?',
    EACCES: 'ports below 1024 need a right',
    EADDRNOTAVAIL: 'this machine has no such address'
  }
  return problem(subject, `${at} cannot be listened on (${code})`, `${why[code] ?? 'see the code'}; change ${setting}`)
}

/** The code of the error, or null when it can be listened on. */
async function listenFault(host: string, port: number): Promise<string | null> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown error'))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)))
  })
}

/** The health of an instance for people. */
import type { StatusView } from '../admin/view.ts'
import { painter, plural, printable } from './style.ts'

/** Ready, and nothing else to complain of. */
export function isHealthy({ readiness }: StatusView): boolean {
  return readiness.ready && readiness.details.length === 0
}

export function statusText(status: StatusView, url: string, colour: boolean, nowMs: number): string {
  const paint = painter(colour)
  const { readiness, upstream, policies, registry } = status
  const state = isHealthy(status)
    ? paint('green', 'healthy')
    : readiness.ready
      ? paint('yellow', 'serving, with faults')
      : paint('red', 'not ready')
  const lines = [`${state}  ${url}  version ${status.version}, up ${ageText(nowMs - status.startedAtMs)}`]
  for (const { code, message } of readiness.reasons) lines.push(`  ${paint('red', code)}: ${printable(message)}`)
  for (const { code, message } of readiness.details) lines.push(`  ${paint('yellow', code)}: ${printable(message)}`)
  const reach = upstream.reachable ? 'reachable' : paint('red', 'unreachable')
  lines.push(`upstream     ${reach}, ${plural(upstream.brokers.length, 'broker')}`)
  for (const { nodeId, address, advertised } of upstream.brokers) {
    const place = advertised === null ? paint('red', 'has no port') : `reached at ${advertised}`
    lines.push(`  broker ${nodeId}  ${address}  ${place}`)
  }
  const failing = policies.failing === 0 ? '' : paint('red', `, ${plural(policies.failing, 'file')} failing`)
  lines.push(`policies     ${policies.inForce} in force${failing}`)
  lines.push(`registry     ${registryText(registry)}`)
  lines.push(`connections  ${status.connections}`)
  lines.push(`in flight    ${status.inflightBytes} bytes`)
  return `${lines.join('\n')}\n`
}

function registryText(registry: StatusView['registry']): string {
  if (registry === null) return 'none'
  const reach = registry.reachable === null ? 'not asked yet' : registry.reachable ? 'reachable' : 'unreachable'
  return `${registry.url}, ${reach}, ${plural(registry.cachedSchemas, 'schema')} cached`
}

function ageText(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return `${Math.max(0, Math.floor(ms / 1000))} s`
  if (minutes < 120) return `${minutes} min`
  return minutes < 2880 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`
}

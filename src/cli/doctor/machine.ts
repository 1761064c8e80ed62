/** Does this machine give what the settings promise: descriptors, memory, a place for state, the right time? */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import type { Finding } from './finding.ts'
import { fine, problem, warning } from './finding.ts'

export function examineMachine(settings: Settings): readonly Finding[] {
  return [
    fine('node', `Node.js ${process.versions.node}`),
    examineDescriptors(settings, openFileLimit()),
    examineMemory(settings, process.constrainedMemory()),
    examineStateDir(settings.stateDir)
  ]
}

/** Besides the connections: listeners, logs, policies, our own connections. */
const otherDescriptors = 200

/** @param limit null where it cannot be read (not Linux) */
export function examineDescriptors({ limits }: Settings, limit: number | null): Finding {
  const needed = 2 * limits.connections + otherDescriptors
  if (limit === null) return fine('open files', `${needed} are needed at most; the limit of this system cannot be read`)
  if (limit >= needed) return fine('open files', `the limit is ${limit}, ${needed} are needed at most`)
  const possible = Math.max(1, Math.floor((limit - otherDescriptors) / 2))
  const remedy = `raise it (ulimit -n ${needed}, LimitNOFILE=), or lower limits.connections to ${possible}`
  return warning(
    'open files',
    `the limit is ${limit}: too few for limits.connections = ${limits.connections}, which takes two each`,
    remedy
  )
}

function openFileLimit(): number | null {
  try {
    const [, soft = ''] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === 'unlimited' ? Infinity : Number(soft) || null
  } catch {
    return null
  }
}

/** The program itself, its compiled policies and schemas. */
const ownMemoryBytes = 256 * 1024 * 1024

/** @param available bytes that the container gives; 0 or more than any machine has means no limit */
export function examineMemory({ limits }: Settings, available: number): Finding {
  const mebibytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`
  const needed = limits.inflightBytes + limits.journalBytes + ownMemoryBytes
  if (available === 0 || available > 2 ** 50)
    return fine('memory', `up to about ${mebibytes(needed)} are used; there is no limit here`)
  if (available >= needed) return fine('memory', `up to about ${mebibytes(needed)} are used of ${mebibytes(available)}`)
  return warning(
    'memory',
    `up to about ${mebibytes(needed)} are used, but there are only ${mebibytes(available)}`,
    'lower limits.inflightBytes, or give more memory'
  )
}

function examineStateDir(stateDir: string): Finding {
  let existing = stateDir
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing)
  try {
    accessSync(existing, constants.W_OK)
    return fine('state', `${stateDir} can be written`)
  } catch {
    return problem(
      'state',
      `${stateDir} cannot be written`,
      'without it there are no last good copies to start from; set stateDir'
    )
  }
}

/** Beyond this, tokens and time windows of others begin to fail. */
const maxClockSkewMs = 5_000

/** @param skewMs another clock minus ours; null when nobody told */
export function examineClock(skewMs: number | null): Finding {
  if (skewMs === null) return fine('clock', 'not compared: nobody here tells the time')
  const seconds = Math.round(Math.abs(skewMs) / 100) / 10
  if (Math.abs(skewMs) <= maxClockSkewMs) return fine('clock', `within ${seconds} s of the registry's`)
  return warning(
    'clock',
    `${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} the registry's`,
    'synchronise both with NTP'
  )
}

/** What the options of `kontrakt quarantine` mean. */
import { parseDurationMs } from '../../contracts/units.ts'
import type { Scope } from '../../quarantine/desk.ts'
import type { RecordFilter } from '../../quarantine/selection.ts'
import type { OptionValues } from '../command.ts'
import { CliError } from '../io.ts'

/** @throws {CliError} when a time or an id is not one */
export function filterOf(options: OptionValues, ids: readonly string[], nowMs: number): RecordFilter {
  const text = (name: string): string | undefined => {
    const value = options[name]
    return typeof value === 'string' ? value : undefined
  }
  const filter = {
    topic: text('topic'),
    rule: text('rule'),
    clientId: text('clientId'),
    principal: text('principal'),
    policy: text('policy'),
    sinceMs: timeOf(text('since'), '--since', nowMs),
    untilMs: timeOf(text('until'), '--until', nowMs),
    state: text('state') as RecordFilter['state'],
    ids: ids.length === 0 ? undefined : ids.map(idOf)
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

export function scopeOf({ quarantineTopic }: OptionValues): Scope {
  return typeof quarantineTopic === 'string' ? { quarantineTopic } : {}
}

function idOf(text: string): string {
  const id = text.toLowerCase()
  if (/^[0-9a-f]{4,32}$/.test(id)) return id
  throw new CliError(`${text} is no id: four to 32 hex digits`, '`kontrakt quarantine list` shows them', 2)
}

/** A moment, or how long ago. Epoch milliseconds. */
function timeOf(text: string | undefined, flag: string, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const duration = parseDurationMs(text)
  if (duration.ok) return nowMs - duration.value
  const moment = /^\d{4}-\d\d-\d\d(T|$)/.test(text) ? Date.parse(text) : NaN
  if (!Number.isNaN(moment)) return moment
  throw new CliError(
    `${flag}: ${text} is no time`,
    'write 2026-11-21T10:00:00Z, 2026-11-21, or 2h for two hours ago',
    2
  )
}

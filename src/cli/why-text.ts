/** One refusal as a line, or in full. */
import { errorByCode } from '../../protocol/errors.ts'
import type { RefusalEntry } from '../observability/refusal-journal.ts'
import type { Paint } from './style.ts'
import { painter, printable } from './style.ts'

/**
 * `2026-11-21 10:00:00.000  orders/0  checkout  reject  amount-positive  value.amount: amount must be above zero (12
 * times)`
 */
export function lineText(entry: RefusalEntry, colour: boolean): string {
  const paint = painter(colour)
  const who = printable(entry.principal ?? entry.clientId ?? '-')
  const where = entry.path === '' ? '' : `${printable(entry.path)}: `
  const times = entry.count === 1 ? '' : paint('dim', ` (${entry.count} times)`)
  const verdict = paint(paintOf(entry.verdict), entry.verdict)
  const place = `${printable(entry.topic)}/${entry.partition}`
  const what = `${paint('bold', printable(entry.rule))}  ${where}${printable(entry.message)}${times}`
  return `${paint('dim', timeText(entry.lastAtMs))}  ${place}  ${who}  ${verdict}  ${what}\n`
}

/** All that is known, one field a line. */
export function fullText(entry: RefusalEntry, colour: boolean): string {
  const rows: (readonly [string, string | null])[] = [
    ['what was found', entry.found],
    ['what is expected', entry.expected],
    ['client id', entry.clientId],
    ['principal', entry.principal],
    ['policy', entry.policy],
    [
      'told to the client',
      entry.errorCode === 0 ? 'nothing' : `${errorByCode(entry.errorCode)?.name ?? 'error'} (${entry.errorCode})`
    ],
    ['record in its batch', String(entry.batchIndex)],
    ['sequence of the batch', entry.baseSequence === null ? null : String(entry.baseSequence)],
    ['offset', offsetText(entry)],
    ['first', timeText(entry.atMs)]
  ]
  const shown = rows.flatMap(([name, value]) =>
    value === null ? [] : [`    ${name.padEnd(22)} ${printable(value)}\n`]
  )
  return `${lineText(entry, colour)}${shown.join('')}`
}

function offsetText({ offset, lastOffset }: RefusalEntry): string | null {
  if (offset === null) return null
  return lastOffset === null || lastOffset === offset ? String(offset) : `${offset} to ${lastOffset}`
}

function paintOf(verdict: string): Paint {
  return verdict === 'reject' ? 'red' : 'yellow'
}

/** UTC, as in the logs. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '')
}

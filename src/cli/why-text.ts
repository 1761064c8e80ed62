/** One refusal as a line, or in full. */
import { errorByCode } from '../../protocol/errors.ts'
import type { Explanation, PlacedRefusal } from '../admin/view.ts'
import type { CheckPlace } from '../contracts/policy/check-place.ts'
import { shown, shownIdDigits, shownUnits } from './quarantine/text.ts'
import type { Paint } from './style.ts'
import { painter } from './style.ts'

/**
 * `2026-11-21 10:00:00.000  orders/0  checkout  reject  amount-positive  value.amount: amount must be above zero (12
 * times)`
 */
export function lineText(entry: PlacedRefusal, colour: boolean): string {
  const paint = painter(colour)
  const who = shown(entry.principal ?? entry.clientId ?? '-')
  const where = entry.path === '' ? '' : `${shown(entry.path)}: `
  const times = entry.count === 1 ? '' : paint('dim', ` (${entry.count} times)`)
  const id = entry.quarantineId == null ? '' : ` ${entry.quarantineId.slice(0, shownIdDigits)}`
  const verdict = `${paint(paintOf(entry.verdict), entry.verdict)}${id}`
  const place = `${shown(entry.topic)}/${entry.partition}`
  const what = `${paint('bold', shown(entry.rule))}  ${where}${shown(entry.message)}${times}`
  return `${paint('dim', timeText(entry.lastAtMs))}  ${place}  ${who}  ${verdict}  ${what}\n`
}

/** All that is known, one field a line. */
export function fullText(entry: PlacedRefusal, colour: boolean): string {
  const rows: (readonly [string, string | null])[] = [
    ['what was found', entry.found],
    ['what is expected', entry.expected],
    ['client id', entry.clientId],
    ['principal', entry.principal],
    ['policy', entry.policy],
    ['rule today', entry.place === undefined ? null : placeText(entry.place)],
    ['quarantined in', entry.quarantineTopic ?? null],
    ['quarantine id', entry.quarantineId ?? null],
    [
      'told to the client',
      entry.errorCode === 0 ? 'nothing' : `${errorByCode(entry.errorCode)?.name ?? 'error'} (${entry.errorCode})`
    ],
    ['record in its batch', String(entry.batchIndex)],
    ['sequence of the batch', entry.baseSequence === null ? null : String(entry.baseSequence)],
    ['offset', offsetText(entry)],
    ['first', timeText(entry.atMs)]
  ]
  const lines = rows.flatMap(([name, value]) =>
    value === null ? [] : [`    ${name.padEnd(22)} ${shown(value, shownUnits.alone)}\n`]
  )
  return `${lineText(entry, colour)}${lines.join('')}`
}

/** What the words of a producer's error mean. */
export function explanationText(explanation: Explanation, colour: boolean): string {
  const { policy, version, inForce, rule, path, place, refusals } = explanation
  const paint = painter(colour)
  const named = version === null ? policy : `${policy}@${version}`
  const today =
    inForce === null
      ? 'there is no such policy any more'
      : version === null || version === inForce
        ? null
        : `changed since: today it is ${policy}@${inForce}`
  const rows: (readonly [string, string | null])[] = [
    ['policy', today === null ? named : `${named} (${today})`],
    ['rule', rule ?? 'the text names none'],
    ['field', path],
    ['rule today', rule === null ? null : placeText(place)]
  ]
  const lines = rows.flatMap(([name, value]) =>
    value === null ? [] : [`${name.padEnd(12)} ${paint('bold', shown(value, shownUnits.alone))}\n`]
  )
  const latest = refusals.map((entry) => lineText(entry, colour)).toReversed()
  const heading =
    latest.length === 0 ? 'this instance remembers no refusal of that kind\n' : 'the latest of that kind:\n'
  return `${lines.join('')}${rule === null ? '' : `${heading}${latest.join('')}`}`
}

function placeText(place: CheckPlace | null): string {
  return place === null ? 'no longer in the policy' : `${place.file}:${place.line}:${place.column}`
}

function offsetText({ offset, lastOffset }: PlacedRefusal): string | null {
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

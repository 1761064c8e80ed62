/** Quarantined records, and what became of them, in words. */
import type { DiscardReport } from '../../quarantine/discard.ts'
import type { StuckReason } from '../../quarantine/homes.ts'
import type { ListedRecord, Listing } from '../../quarantine/listing.ts'
import type { RecordView, StateView } from '../../quarantine/record-view.ts'
import type { RedriveReport } from '../../quarantine/redrive.ts'
import type { Painter } from '../style.ts'
import { columns, plural, printable } from '../style.ts'

/** Hex digits shown of an id: enough to tell millions of records apart. */
export const shownIdDigits = 12

/** UTF-16 units of one text on a terminal: names in records may be as long as a record. */
export const shownUnits = { inLine: 300, alone: 1_500 } as const

/** Text out of a record: short, and nothing that a terminal takes for a command. */
export function shown(text: string, units: number = shownUnits.inLine): string {
  const short = text.length <= units ? text : `${text.slice(0, units - 1).toWellFormed()}…`
  return printable(short)
}

export function lineOf({ entry, atMs, state }: ListedRecord, paint: Painter): string {
  const [first] = entry.violations
  const count = entry.violations.length + entry.moreViolations
  const more = count > 1 ? paint('dim', ` (+${count - 1} more)`) : ''
  const where = first === undefined || first.path === '' ? '' : `${shown(first.path)}: `
  const what = first === undefined ? '' : `${paint('bold', shown(first.rule))}  ${where}${shown(first.message)}`
  const who = shown(entry.principal ?? entry.clientId ?? '-')
  const place = `${shown(entry.topic)}/${entry.partition}`
  const became = state.kind === 'open' ? '' : `  ${paint('yellow', state.kind)}`
  const id = paint('bold', entry.id.slice(0, shownIdDigits))
  return `${id}  ${paint('dim', timeText(atMs))}  ${place}  ${who}${became}  ${what}${more}\n`
}

/** All that is known of a record but its contents. */
export function viewText(view: RecordView, paint: Painter): string {
  const rows: (readonly [string, string | null])[] = [
    ['quarantined', timeText(view.atMs)],
    ['sent to', `${view.topic}/${view.partition}`],
    ['timestamp', view.timestampMs < 0 ? 'none' : timeText(view.timestampMs)],
    ['lies in', `${view.quarantineTopic}/${view.quarantinePartition}, offset ${view.quarantineOffset}`],
    ['client id', view.clientId],
    ['principal', view.principal],
    ['producer id, epoch', view.producerId === null ? null : `${view.producerId}, ${view.producerEpoch}`],
    ['sequence', view.sequence === null ? null : String(view.sequence)],
    ['record in its batch', String(view.batchIndex)],
    ['policy', view.policy],
    ['key', sizeText(view.keyBytes)],
    ['value', view.valueDropped ? `dropped, ${sizeText(view.valueBytes)} left` : sizeText(view.valueBytes)],
    ['headers', String(view.headerCount)],
    ['state', stateText(view.state)]
  ]
  const lines = rows.flatMap(([name, value]) => (value === null ? [] : [rowText(name, value)]))
  for (const { rule, path, message, expected, found, place } of view.violations) {
    const where = path === '' ? '' : `${shown(path)}: `
    lines.push(`  ${paint('bold', shown(rule))}  ${where}${shown(message)}\n`)
    const at = place === null ? 'no longer in the policy' : `${place.file}:${place.line}:${place.column}`
    lines.push(rowText('rule today', at))
    if (expected !== null) lines.push(rowText('what is expected', expected))
    if (found !== null) lines.push(rowText('what was found', found))
  }
  if (view.moreViolations > 0) lines.push(`  and ${plural(view.moreViolations, 'more violation')}\n`)
  return `${paint('bold', view.id)}\n${lines.join('')}`
}

function rowText(name: string, value: string): string {
  return `    ${name.padEnd(20)} ${shown(value, shownUnits.alone)}\n`
}

/** Key, value and headers: what the record contains. */
export function contentsText({ contents }: ListedRecord): string {
  if (contents === null) return ''
  const rows = [
    ['key', contents.key] as const,
    ['value', contents.value] as const,
    ...contents.headers.map(({ name, value }) => [`header ${name}`, value] as const)
  ]
  return rows.map(([name, bytes]) => `    ${shown(name).padEnd(20)} ${bytesText(bytes)}\n`).join('')
}

/** Text where it is text, hex where it is not. */
export function bytesText(bytes: Buffer | null): string {
  if (bytes === null) return 'null'
  const text = bytes.toString()
  // JSON may be written over several lines.
  const flat = text.replaceAll(/[\n\r\t]+/g, ' ')
  const isText = Buffer.from(text).equals(bytes) && printable(flat) === flat
  return isText ? flat : `hex ${bytes.toString('hex')}`
}

function stateText(state: StateView): string {
  switch (state.kind) {
    case 'open':
      return 'open'
    case 'redriven':
      return `sent to ${state.topic}/${state.partition}, offset ${state.offset}, ${timeText(state.atMs)} by ${state.by}`
    case 'discarded':
      return `discarded ${timeText(state.atMs)} by ${state.by}: ${state.reason}`
    case 'unreadable':
      return 'not known: what is noted of it was written by another version'
  }
}

export function summaryText({ total, byRule, byProducer }: Listing, paint: Painter): string {
  const byCount = <T extends readonly [string, number]>(a: T, b: T): number => b[1] - a[1]
  const rules = [...byRule].sort(byCount).map(([rule, count]) => [`  ${count}`, shown(rule)])
  const producers = [...byProducer.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ topic, clientId, principal, count }) => [
      `  ${count}`,
      shown(topic),
      shown(principal ?? '-'),
      shown(clientId ?? '-')
    ])
  return (
    `${plural(total, 'record')}\n${paint('bold', 'by rule')}\n${columns(rules)}` +
    `${paint('bold', 'by topic, principal and client id')}\n${columns(producers)}`
  )
}

const stuckTexts: Readonly<Record<StuckReason, string>> = {
  'value-dropped': 'their value was dropped',
  'topic-gone': 'their topic is gone',
  'reserved-topic': "they name a topic of Kafka's or of ours",
  'another-quarantine':
    "today's policy of their topic quarantines elsewhere; --quarantine-topic means them all the same"
}

/** What a redrive did, or would do. */
export function redriveText(report: RedriveReport, dryRun: boolean, paint: Painter): string {
  const rows: string[][] = []
  const row = (count: number, text: string): void => {
    if (count > 0) rows.push([`  ${count}`.padStart(8), text])
  }
  row(report.sent, dryRun ? "pass today's policies and would go home" : paint('green', 'sent home'))
  row(report.breaks, `still break today's policies: ${rulesText(report.byRule)}`)
  row(report.undecided, `cannot be judged now: ${shown(report.undecidedBecause ?? '')}`)
  row(report.held, `${dryRun ? 'would wait' : 'wait'} behind an earlier record of their key (--ignore-order)`)
  for (const [reason, count] of Object.entries(report.stuck))
    row(count, `cannot go home: ${stuckTexts[reason as StuckReason]}`)
  row(report.refused, paint('red', 'refused by the brokers'))
  const refusals = report.refusals.map(({ id, message }) => `    ${id.slice(0, shownIdDigits)}  ${shown(message)}\n`)
  const meant = `${paint('bold', report.quarantineTopic)}: ${plural(report.meant, 'open record')}\n`
  const foreign =
    report.unreadable === 0 ? '' : `  ${plural(report.unreadable, 'record')} in the topic are none of ours and stay\n`
  return `${meant}${rows.map((cells) => `${cells.join('  ')}\n`).join('')}${refusals.join('')}${foreign}`
}

export function discardText({ quarantineTopic, discarded }: DiscardReport, dryRun: boolean, paint: Painter): string {
  return `${paint('bold', quarantineTopic)}: ${plural(discarded, 'record')} ${dryRun ? 'would be ' : ''}discarded\n`
}

function rulesText(byRule: Readonly<Record<string, number>>): string {
  const rules = Object.entries(byRule).sort(([, a], [, b]) => b - a)
  const most = rules.slice(0, 8).map(([rule, count]) => `${count} ${shown(rule)}`)
  return rules.length > most.length ? `${most.join(', ')}, ...` : most.join(', ')
}

function sizeText(bytes: number | null): string {
  return bytes === null ? 'null' : plural(bytes, 'byte')
}

/** UTC, as in the logs. Times that no calendar has are shown as they are. */
export function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString().replace('T', ' ').replace('Z', '') : String(ms)
}

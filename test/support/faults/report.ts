/** A run of faults in words: the table of a page, what broke a promise, and the section that the long form rewrites. */
import { kindsOf, meanings, type Kind } from './tally.ts'
import type { ProducerReport, RunReport } from './run.ts'

const columns = [
  'producer',
  'way',
  'sent',
  'bad',
  'failed',
  'lost',
  'leaked',
  'repeated',
  'out of order',
  'altered',
  'repeats in quarantine',
  'longest send, s'
]

/** Markdown. */
export function tableOf(report: RunReport): string {
  const rows = report.producers.map(cellsOf)
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map((_, index) => (index < 2 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

function cellsOf({ spec, way, tally, longestSendMs }: ProducerReport): (string | number)[] {
  const { harm } = tally
  const guarded = way === 'kontrakt'
  return [
    spec.name,
    way,
    tally.sent,
    guarded ? tally.bad : '',
    tally.failed,
    harm.lost + harm.lostFromQuarantine,
    guarded ? harm.leaked : '',
    harm.repeated,
    harm.disordered,
    harm.altered + harm.stray + harm.misplaced,
    guarded ? tally.quarantineRepeats + tally.quarantineTwins : '',
    (longestSendMs / 1_000).toFixed(1)
  ]
}

/** What a client may do to its own records, on any Kafka, when connections are lost; the rest is nobody's to do. */
const ownHarm: readonly Kind[] = ['lost', 'lostFromQuarantine', 'repeated', 'disordered']

/** What long runs showed direct (docs/reliability.md): a short one does not show every kind each time. */
export const knownDirect: Readonly<Record<string, readonly Kind[]>> = {
  // When one partition of a request fails it takes back the sequences of all.
  kafkajs: ['lost', 'repeated'],
  // What is sent again comes behind what was sent after it.
  'java-plain': ['repeated', 'disordered'],
  'librdkafka-plain': ['repeated', 'disordered'],
  'franz-go-plain': ['repeated'],
  'kafkajs-plain': ['repeated'],
  'sarama-plain': ['repeated']
}

/**
 * What a run must not show, as lines; empty when every promise was kept.
 *
 * @param knownDirect kinds of harm that producers showed direct in other runs, by their names
 */
export function brokenPromises(
  report: RunReport,
  knownDirect: Readonly<Partial<Record<string, readonly Kind[]>>> = {}
): string[] {
  const direct = (name: string): Kind[] => {
    const here = report.producers.filter(({ spec, way }) => spec.name === name && way === 'direct')
    const shown = [...here.flatMap(({ tally }) => kindsOf(tally)), ...(knownDirect[name] ?? [])]
    // Direct, all records are alike.
    const also: Kind[] = shown.includes('lost') ? ['lostFromQuarantine'] : []
    return [...shown, ...also].filter((kind) => ownHarm.includes(kind))
  }
  const harmful = report.producers
    .filter(({ way }) => way === 'kontrakt')
    .flatMap((producer) => {
      const { spec, tally } = producer
      const allowed = spec.promise === 'kept' ? [] : direct(spec.name)
      const broken = kindsOf(tally)
        .filter((kind) => !allowed.includes(kind))
        .map((kind) => describeHarm(producer, kind))
      // Nothing was wrong that it could not outlast, so it has no reason to give up either.
      const gaveUp = spec.promise === 'kept' && tally.failed > 0
      return gaveUp ? [...broken, `${spec.name}: ${tally.failed} records failed: ${told(producer)}`] : broken
    })
  return [...harmful, ...report.deaths.map((line) => `an instance died by itself: ${line}`)]
}

function describeHarm({ spec, tally }: ProducerReport, kind: Kind): string {
  const examples = tally.examples[kind]?.join(', ') ?? ''
  return `${spec.name}: ${tally.harm[kind]} ${kind} (${meanings[kind]}), for example ${examples}`
}

function told({ errors }: ProducerReport): string {
  return Object.entries(errors)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

const begin = '<!-- measured: faults -->'
const end = '<!-- end -->'

/** The page with its measured section replaced. Throws when it has none. */
export function withSection(page: string, section: string): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`the page has no section between ${begin} and ${end}`)
  return `${page.slice(0, from + begin.length)}\n\n${section}\n\n${page.slice(to)}`
}

/** Turns what was measured into tables of medians and ratios. */
import type { LoadResult } from './load.ts'
import type { Suite, Way } from './ways.ts'

export interface Figures {
  readonly recordsPerSecond: number
  /** Mean size of a record's value. */
  readonly valueBytes: number
  /** Null without a fixed rate. */
  readonly latencyMs: LoadResult['latencyMs']
  /** CPU seconds of the proxy process per million records; null where no instance of ours was on the way. */
  readonly cpuSecondsPerMillion: number | null
  /** And per 10^9 bytes of record batches. */
  readonly cpuSecondsPerGigabyte: number | null
  /** Resident memory of the proxy process after the round. */
  readonly residentBytes: number | null
}

export interface Measured {
  readonly suites: ReadonlyMap<Suite, ReadonlyMap<Way, readonly Figures[]>>
  readonly machine: string
  readonly rounds: number
  /** Memory per idle connection, in bytes; null where it was not measured. */
  readonly idle: { readonly connections: number; readonly bytes: number | null }
}

export interface Row {
  readonly way: string
  readonly point: string
  readonly valueBytes: number
  readonly recordsPerSecond: number
  /** Throughput against that of other ways, by the title of the column: round by round, median. */
  readonly ratios: Readonly<Record<string, number | null>>
  readonly latencyMs: Figures['latencyMs']
  readonly cpuSecondsPerMillion: number | null
  readonly cpuSecondsPerGigabyte: number | null
  /** The highest after any round. */
  readonly residentMiB: number | null
}

export function report(measured: Measured): { text: string; data: object } {
  const { machine, rounds, idle } = measured
  const sections = [...measured.suites].map(([suite, figures]) => ({ suite, rows: rowsOf(suite, figures) }))
  const texts = sections.map(({ suite, rows }) => `${suite.title}. ${suite.text}\n\n${table(suite, rows)}\n`)
  const idleText = idle.bytes === null ? '' : `${idleLine(idle.connections, idle.bytes)}\n\n`
  const text = `${texts.join('\n')}\n${idleText}${footnote(rounds)}\n${machine}\n`
  const data = sections.map(({ suite, rows }) => ({ suite: suite.name, title: suite.title, rows }))
  return { text, data: { machine, rounds, idle, suites: data } }
}

export function idleLine(connections: number, bytes: number): string {
  return `An idle connection takes ${(bytes / 1024).toFixed(1)} KiB (${connections.toLocaleString('en')} of them).`
}

export function footnote(rounds: number): string {
  return (
    `Medians of ${rounds} rounds, in which the ways of a table take turns; ratios are taken round by round. Unless said ` +
    'otherwise: batches of 200 records, uncompressed, to 6 partitions over as many connections, 5 requests in flight, ' +
    'acks=1. Memory is the highest resident size of the proxy process after a round. Load generator, broker and proxy ' +
    'share the machine: read the ratios and the CPU seconds, not the records per second.'
  )
}

export function rowsOf({ ways, ratios }: Suite, figures: ReadonlyMap<Way, readonly Figures[]>): Row[] {
  return ways.map((way) => {
    const own = figures.get(way)!
    const ratioTo = (base: Way | null): number | null => {
      if (base === null) return null
      const theirs = figures.get(base)!
      return median(own.map((f, round) => f.recordsPerSecond / theirs[round]!.recordsPerSecond))
    }
    const cost = (read: (f: Figures) => number | null): number | null => {
      const known = own.map(read).filter((figure) => figure !== null)
      return known.length === 0 ? null : median(known)
    }
    const latency = (read: (l: NonNullable<Figures['latencyMs']>) => number): number =>
      median(own.map(({ latencyMs }) => read(latencyMs!)))
    const resident = own.map(({ residentBytes }) => residentBytes).filter((bytes) => bytes !== null)
    return {
      way: way.name,
      point: way.point,
      valueBytes: own[0]!.valueBytes,
      recordsPerSecond: median(own.map((f) => f.recordsPerSecond)),
      ratios: Object.fromEntries(ratios.map(({ title, to }) => [title, ratioTo(to(way, ways))])),
      latencyMs:
        own[0]!.latencyMs === null
          ? null
          : { p50: latency((l) => l.p50), p99: latency((l) => l.p99), p999: latency((l) => l.p999) },
      cpuSecondsPerMillion: cost((f) => f.cpuSecondsPerMillion),
      cpuSecondsPerGigabyte: cost((f) => f.cpuSecondsPerGigabyte),
      residentMiB: resident.length === 0 ? null : Math.max(...resident) / 2 ** 20
    }
  })
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Markdown, so that it can be read on a terminal and pasted into a document. */
export function table({ ratios }: Suite, rows: readonly Row[]): string {
  const titles = ratios.map(({ title }) => title)
  const varies = rows.some(({ point }) => point !== '')
  const timed = rows.some(({ latencyMs }) => latencyMs !== null)
  const head = [
    ...(varies ? ['at'] : []),
    'way',
    'value bytes',
    'records/s',
    ...titles,
    ...(timed ? ['p50 ms', 'p99 ms', 'p99.9 ms'] : []),
    ...['proxy CPU-s per million', 'per GB', 'memory']
  ]
  const cells = rows.map((row) => [
    ...(varies ? [row.point] : []),
    row.way,
    String(row.valueBytes),
    Math.round(row.recordsPerSecond).toLocaleString('en'),
    ...titles.map((title) => row.ratios[title]?.toFixed(2) ?? '-'),
    ...(timed ? [row.latencyMs?.p50, row.latencyMs?.p99, row.latencyMs?.p999].map((ms) => ms?.toFixed(2) ?? '-') : []),
    row.cpuSecondsPerMillion?.toFixed(2) ?? '-',
    row.cpuSecondsPerGigabyte?.toFixed(2) ?? '-',
    row.residentMiB === null ? '-' : `${Math.round(row.residentMiB)} MiB`
  ])
  const texts = varies ? 2 : 1
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i < texts ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  const dashes = (width: number, i: number): string => (i < texts ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)
  return [line(head), `|${widths.map(dashes).join('|')}|`, ...cells.map(line)].join('\n')
}

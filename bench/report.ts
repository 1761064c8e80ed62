/** Turns what was measured into tables of medians and ratios. */
import type { Suite, Way } from './ways.ts'

export interface Figures {
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  /** Mean size of a record's value. */
  readonly valueBytes: number
  /** CPU seconds of the proxy process per million records; null for direct. */
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
  readonly batches: number
  readonly recordsPerBatch: number
  readonly partitions: number
  readonly inflight: number
}

export interface Row {
  readonly way: string
  readonly valueBytes: number
  readonly recordsPerSecond: number
  /** Throughput against that of other ways, by the title of the column: round by round, median. */
  readonly ratios: Readonly<Record<string, number | null>>
  readonly cpuSecondsPerMillion: number | null
  readonly cpuSecondsPerGigabyte: number | null
  /** The highest after any round. */
  readonly residentMiB: number | null
}

export function report(measured: Measured): { text: string; data: object } {
  const { suites, machine, rounds, batches, recordsPerBatch, partitions, inflight } = measured
  const tables = [...suites].map(([suite, figures]) => ({
    suite,
    rows: suite.ways.map((way) => rowOf(way, suite, figures))
  }))
  const texts = tables.map(({ suite, rows }) => {
    const setup =
      `${rounds} interleaved rounds of ${batches} batches of ${recordsPerBatch} records to ${partitions} partitions, ` +
      `${suite.producer}, uncompressed, one connection per partition, ${inflight} requests in flight; medians. ` +
      `Memory is the highest resident size of the proxy process after a round.`
    return `${table(suite, rows)}\n\n${setup}\n`
  })
  const text = `${texts.join('\n')}${machine}\n`
  const data = tables.map(({ suite, rows }) => ({ suite: suite.name, producer: suite.producer, rows }))
  return { text, data: { machine, rounds, batches, recordsPerBatch, partitions, inflight, suites: data } }
}

function rowOf(way: Way, { ratios }: Suite, figures: ReadonlyMap<Way, readonly Figures[]>): Row {
  const own = figures.get(way)!
  const ratioTo = (base: Way | null): number | null => {
    if (base === null) return null
    const theirs = figures.get(base)!
    return median(own.map((f, round) => f.recordsPerSecond / theirs[round]!.recordsPerSecond))
  }
  return {
    way: way.name,
    valueBytes: own[0]!.valueBytes,
    recordsPerSecond: median(own.map((f) => f.recordsPerSecond)),
    ratios: Object.fromEntries(ratios.map(({ title, to }) => [title, ratioTo(to(way))])),
    cpuSecondsPerMillion: way.proxied ? median(own.map((f) => f.cpuSecondsPerMillion ?? 0)) : null,
    cpuSecondsPerGigabyte: way.proxied ? median(own.map((f) => f.cpuSecondsPerGigabyte ?? 0)) : null,
    residentMiB: way.proxied ? Math.max(...own.map((f) => f.residentBytes ?? 0)) / 2 ** 20 : null
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Markdown, so that it can be read on a terminal and pasted into a document. */
function table({ ratios }: Suite, rows: readonly Row[]): string {
  const titles = ratios.map(({ title }) => title)
  const head = ['way', 'value bytes', 'records/s', ...titles, 'proxy CPU-s per million', 'per GB', 'memory']
  const cells = rows.map((row) => [
    row.way,
    String(row.valueBytes),
    Math.round(row.recordsPerSecond).toLocaleString('en'),
    ...titles.map((title) => row.ratios[title]?.toFixed(2) ?? '-'),
    row.cpuSecondsPerMillion?.toFixed(2) ?? '-',
    row.cpuSecondsPerGigabyte?.toFixed(2) ?? '-',
    row.residentMiB === null ? '-' : `${Math.round(row.residentMiB)} MiB`
  ])
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`
  return [line(head), rule, ...cells.map(line)].join('\n')
}

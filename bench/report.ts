/** Turns what was measured into a table of medians and ratios. */
import type { Payload } from './payloads.ts'

/** One way from the load generator to the broker. */
export interface Way {
  readonly name: string
  readonly payload: Payload
  readonly topic: string
  readonly proxied: boolean
}

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
  readonly figures: ReadonlyMap<Way, readonly Figures[]>
  readonly machine: string
  readonly rounds: number
  readonly batches: number
  readonly recordsPerBatch: number
  readonly partitions: number
}

export interface Row {
  readonly way: string
  readonly valueBytes: number
  readonly recordsPerSecond: number
  /** Throughput against direct with the same payload, round by round, median. */
  readonly ratio: number
  readonly cpuSecondsPerMillion: number | null
  readonly cpuSecondsPerGigabyte: number | null
  /** The highest after any round. */
  readonly residentMiB: number | null
}

export function report(measured: Measured): { text: string; data: object } {
  const rows = [...measured.figures.keys()].map((way) => rowOf(way, measured.figures))
  const { machine, rounds, batches, recordsPerBatch, partitions } = measured
  const setup =
    `${rounds} interleaved rounds of ${batches} batches of ${recordsPerBatch} records to ${partitions} partitions, ` +
    `acks=1, uncompressed, one connection per partition, 5 requests in flight; medians. ` +
    `Memory is the highest resident size of the proxy process after a round.`
  const text = `${table(rows)}\n${setup}\n${machine}\n`
  return { text, data: { machine, rounds, batches, recordsPerBatch, partitions, rows } }
}

function rowOf(way: Way, figures: Measured['figures']): Row {
  const own = figures.get(way)!
  const direct = [...figures].find(([other]) => other.payload === way.payload && !other.proxied)![1]
  return {
    way: way.name,
    valueBytes: own[0]!.valueBytes,
    recordsPerSecond: median(own.map((f) => f.recordsPerSecond)),
    ratio: median(own.map((f, round) => f.recordsPerSecond / direct[round]!.recordsPerSecond)),
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
function table(rows: readonly Row[]): string {
  const head = ['way', 'value bytes', 'records/s', 'x direct', 'proxy CPU-s per million', 'per GB', 'memory']
  const cells = rows.map((row) => [
    row.way,
    String(row.valueBytes),
    Math.round(row.recordsPerSecond).toLocaleString('en'),
    row.ratio.toFixed(2),
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

/** Writes docs/benchmarks.md and the charts that it shows. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { barChart, type Bar } from './chart.ts'
import { footnote, idleLine, rowsOf, table, type Measured, type Row } from './report.ts'
import type { Suite } from './ways.ts'

const docs = join(import.meta.dirname, '..', 'docs')

const introduction = `# Benchmarks

What kontrakt costs, measured by subtraction: the same load direct to Apache Kafka, through kontrakt unread, and judged.
\`npm run bench -- --all --write\` measures everything anew and writes this page; [performance.md](performance.md) says what the
figures come from. To see another gateway beside it, name your cluster and the gateway:
\`npm run bench -- --broker HOST:PORT --also NAME=HOST:PORT\`.
`

export async function writePage(measured: Measured): Promise<void> {
  await mkdir(join(docs, 'benchmarks'), { recursive: true })
  const sections: string[] = []
  for (const [suite, figures] of measured.suites) {
    const rows = rowsOf(suite, figures)
    await writeFile(join(docs, 'benchmarks', `${suite.name}.svg`), barChart(chartTitle(suite), bars(suite, rows)))
    const chart = `![${chartTitle(suite)}](benchmarks/${suite.name}.svg)`
    sections.push(`## ${suite.title}\n\n${suite.text}\n\n${chart}\n\n${table(suite, rows)}\n`)
  }
  const { idle, rounds, machine } = measured
  if (idle.bytes !== null) sections.push(`## Idle connections\n\n${idleLine(idle.connections, idle.bytes)}\n`)
  const text = `${introduction}\n${footnote(rounds)}\n\n${machine}\n\n${sections.join('\n')}`
  await writeFile(join(docs, 'benchmarks.md'), text)
}

function chartTitle(suite: Suite): string {
  return `${suite.title}: ${suite.ratios.length === 0 ? 'p99 latency, ms' : 'throughput against direct'}`
}

/** Of a suite without ratios the tail of the latencies, of the others what is left of the throughput. */
function bars({ ratios }: Suite, rows: readonly Row[]): Bar[] {
  const ratio = ratios[0]?.title
  return rows.map(({ way, point, latencyMs, ratios: own }) => {
    const value = ratio === undefined ? (latencyMs?.p99 ?? 0) : (own[ratio] ?? 0)
    const label = point === '' ? way : `${point}, ${way}`
    return { label, value, text: value.toFixed(2), series: way }
  })
}

/** The tables of `docs/metrics.md`, from the catalogue and the log dictionary; a test keeps the page equal to them. */
import type { MetricDeclaration } from './catalogue.ts'
import { catalogue } from './catalogue.ts'
import { logFields } from './log-fields.ts'

export function metricsReference(): string {
  const rows = (Object.values(catalogue) as MetricDeclaration[]).map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${names} | ${help.replaceAll('|', '\\|')} |`
  })
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows, ''].join('\n')
}

export function logFieldsReference(): string {
  const rows = Object.entries(logFields).map(([field, meaning]) => `| \`${field}\` | ${meaning} |`)
  return ['| field | meaning |', '|---|---|', ...rows, ''].join('\n')
}

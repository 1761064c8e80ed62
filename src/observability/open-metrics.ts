/**
 * Prometheus text as OpenMetrics 1.0. The library can write OpenMetrics too, but renames its counters for good while
 * doing so, and every later scrape in the older format gets other names.
 */
export function toOpenMetrics(text: string): string {
  const lines: string[] = []
  const counters = new Set([...text.matchAll(/^# TYPE (\S+)_total counter$/gm)].map((match) => match[1]!))
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, keyword = '', name = '', rest = ''] = /^# (HELP|TYPE) (\S+)_total (.*)$/.exec(line) ?? []
    // The family of `x_total` is `x`; its samples keep the suffix.
    const named = counters.has(name) ? `# ${keyword} ${name} ${rest}` : line
    // Unlike its ancestor, the format wants quotes in a help text escaped.
    lines.push(named.startsWith('# HELP ') ? named.replaceAll('"', '\\"') : named)
  }
  return `${lines.join('\n')}\n# EOF\n`
}

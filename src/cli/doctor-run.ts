/** What `kontrakt doctor` does: runs the examinations and prints what they found. */
import type { OptionValues } from './command.ts'
import type { Finding } from './doctor/finding.ts'
import { examineClock, examineMachine } from './doctor/machine.ts'
import { examinePolicies } from './doctor/policies.ts'
import { examinePorts } from './doctor/ports.ts'
import { examineQuarantine } from './doctor/quarantine.ts'
import { examineRegistry } from './doctor/registry.ts'
import { examineUpstream } from './doctor/upstream.ts'
import type { CliIo } from './io.ts'
import { loadOrExplain } from './load-or-explain.ts'
import type { Paint } from './style.ts'
import { painter, plural, printable } from './style.ts'

const marks: Readonly<Record<Finding['level'], readonly [Paint, string]>> = {
  ok: ['green', 'ok  '],
  warning: ['yellow', 'warn'],
  problem: ['red', 'fail']
}

export async function doctor(options: OptionValues, io: CliIo): Promise<number> {
  const settings = loadOrExplain(options, io)
  if (settings === null) return 1
  const upstream = await examineUpstream(settings)
  const registry = await examineRegistry(settings)
  const policies = examinePolicies(settings, upstream, io.cwd)
  const findings: Finding[] = [
    ...upstream.findings,
    ...(await examinePorts(settings, upstream.brokerIds)),
    ...registry.findings,
    ...policies.findings,
    ...(await examineQuarantine(settings, policies.policies, upstream.brokerIds !== null)),
    ...examineMachine(settings),
    examineClock(registry.clockSkewMs)
  ]
  const problems = findings.filter((finding) => finding.level === 'problem').length
  if (options['json'] === true) io.out(`${JSON.stringify({ ok: problems === 0, findings }, null, 2)}\n`)
  else print(findings, problems, io)
  return problems === 0 ? 0 : 1
}

function print(findings: readonly Finding[], problems: number, io: CliIo): void {
  const paint = painter(io.colour)
  for (const { level, subject, message, remedy } of findings) {
    const [colour, mark] = marks[level]
    io.out(`${paint(colour, mark)}  ${paint('bold', subject)}: ${printable(message)}\n`)
    if (remedy !== null) io.out(`      ${printable(remedy)}\n`)
  }
  const warnings = findings.filter((finding) => finding.level === 'warning').length
  io.out(
    problems === 0
      ? `${paint('green', 'ready to serve')}, ${plural(warnings, 'warning')}\n`
      : `${paint('red', plural(problems, 'problem'))}, ${plural(warnings, 'warning')}\n`
  )
}

/** Runs cases: each record is judged by its policy and the verdict compared with the one that was written down. */
import type { CompiledPolicy } from '../compile.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { RecordJudgement, Violation } from '../judgement.ts'
import { isStricter, stricter, weaker } from '../mode.ts'
import type { Mode } from '../mode.ts'
import { exampleTopic, namesTopic } from '../policy/topics.ts'
import type { RegistryCopies } from '../registry-copies.ts'
import { topicContract } from '../topic-contract.ts'
import type { CasesFile } from './parse.ts'
import { buildRecord } from './record.ts'
import type { CaseDocument, Expectation, ExpectedViolation } from './schema.ts'

export interface CaseResult {
  readonly name: string
  readonly file: string
  /** 1-based line of the case. */
  readonly line: number
  readonly passed: boolean
  /** One sentence each: what was expected and what came out. Empty when passed. */
  readonly differences: readonly string[]
  /** The case itself is at fault: it was not judged. */
  readonly fault: Diagnostic | null
}

/** @param copies of the registry's schemas, for policies that take theirs from one; null when there are none */
export function runCases(policy: CompiledPolicy, file: CasesFile, copies: RegistryCopies | null): CaseResult[] {
  return file.cases.map((entry, index) => runCase(policy, file, entry, index, copies))
}

function runCase(
  policy: CompiledPolicy,
  file: CasesFile,
  entry: CaseDocument,
  index: number,
  copies: RegistryCopies | null
): CaseResult {
  const { yaml } = file
  const at = ['cases', index]
  const base = { name: entry.name, file: yaml.file, line: yaml.position(at).line }
  const patterns = policy.model.topics
  const topic = entry.record.topic ?? exampleTopic(patterns[0]!)
  if (!patterns.some((pattern) => namesTopic(pattern, topic))) {
    const fault = yaml.diagnostic([...at, 'record', 'topic'], 'bad-case', `the policy does not name the topic ${topic}`)
    return { ...base, passed: false, differences: [], fault }
  }
  const built = buildRecord(policy, entry.record, topic, copies)
  if (!built.ok) {
    const fault = yaml.diagnostic([...at, 'record', built.key], built.code, built.message, built.remedy)
    return { ...base, passed: false, differences: [], fault }
  }
  const contract = topicContract(policy, topic, copies)
  const producer = { clientId: entry.record.clientId ?? null, principal: null }
  const judgement = contract.judge(built.records, { topic, partition: entry.record.partition ?? 0, producer })
  const differences = compare(entry, judgement.records[0] ?? null, contract.onUndecidable)
  return { ...base, passed: differences.length === 0, differences, fault: null }
}

function compare(
  entry: CaseDocument,
  judged: RecordJudgement | null,
  onUndecidable: CompiledPolicy['model']['onUndecidable']
): string[] {
  const differences: string[] = []
  const violations = judged?.violations ?? []
  const verdict = verdictOf(judged, onUndecidable)
  if (verdict !== entry.expect) {
    const reasons = [...violations, ...(judged?.undecided ?? [])].map((reason) => `${reason.rule}: ${reason.message}`)
    const because = reasons.length === 0 ? 'nothing is wrong with the record' : reasons.join('; ')
    differences.push(`expected ${entry.expect}, got ${verdict} (${because})`)
  }
  const expected = entry.violations ?? entry.violationsInclude
  if (expected === undefined) return differences
  const { missing, unexpected } = match(expected, violations)
  for (const one of missing) differences.push(`expected a violation of ${describe(one.rule, one.path)}, there is none`)
  if (entry.violations !== undefined) {
    for (const one of unexpected)
      differences.push(`violation of ${describe(one.rule, one.path)} was not expected: ${one.message}`)
  }
  return differences
}

/**
 * The strictest mode of what is broken; `undecidable` when a check that could not run weighs more than that, so that
 * the verdict hangs on `onUndecidable`.
 */
export function verdictOf(
  judged: RecordJudgement | null,
  onUndecidable: CompiledPolicy['model']['onUndecidable']
): Expectation {
  if (judged === null) return 'accept'
  let strictest: Mode = 'off'
  for (const violation of judged.violations) strictest = stricter(strictest, violation.mode)
  const action: Mode = onUndecidable === 'accept' ? 'observe' : onUndecidable
  if (judged.undecided.some((undecided) => isStricter(weaker(action, undecided.mode), strictest))) return 'undecidable'
  return strictest === 'off' ? 'accept' : strictest
}

/** Pairs each expectation with a violation of its own; those with a path choose first. */
function match(
  expected: readonly ExpectedViolation[],
  found: readonly Violation[]
): { missing: ExpectedViolation[]; unexpected: Violation[] } {
  const unexpected = [...found]
  const missing: ExpectedViolation[] = []
  const byPath = [...expected].sort((a, b) => Number(b.path !== undefined) - Number(a.path !== undefined))
  for (const one of byPath) {
    const place = unexpected.findIndex(
      ({ rule, path }) => rule === one.rule && (one.path === undefined || one.path === path)
    )
    if (place === -1) missing.push(one)
    else unexpected.splice(place, 1)
  }
  return { missing, unexpected }
}

function describe(rule: string, path: string | undefined): string {
  return path === undefined || path === '' ? rule : `${rule} at ${path}`
}

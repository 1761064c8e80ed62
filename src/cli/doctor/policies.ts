/** Do the policies load, are their topics there, and do they fit what the topics are? */
import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import type { CompiledPolicy } from '../../contracts/compile.ts'
import { namesTopic } from '../../contracts/policy/topics.ts'
import { usesRegistry } from '../../contracts/registry-check.ts'
import { hasErrors } from '../diagnostics.ts'
import { loadSet, policySets } from '../policy-set.ts'
import { plural } from '../style.ts'
import type { Finding } from './finding.ts'
import { fine, problem, warning } from './finding.ts'

export interface KnownTopics {
  /** Null when they could not be listed. */
  readonly topics: ReadonlySet<string> | null
  readonly compactedTopics: ReadonlySet<string>
}

export interface PolicyFindings {
  readonly findings: readonly Finding[]
  /** Those that load. */
  readonly policies: readonly CompiledPolicy[]
}

export function examinePolicies(settings: Settings, known: KnownTopics, cwd: string): PolicyFindings {
  const { folder } = settings.policies
  if (!existsSync(folder)) {
    const remedy = '`kontrakt init` writes one; or set policies (--policies)'
    return { findings: [problem('policies', `there is no folder ${folder}`, remedy)], policies: [] }
  }
  const [set] = policySets([relative(cwd, folder) || '.'], cwd)
  const { policies, diagnostics, fileCount } = loadSet(set!)
  const findings: Finding[] = []
  if (hasErrors(diagnostics))
    findings.push(problem('policies', 'some do not load', '`kontrakt check` shows what is wrong with them'))
  else if (fileCount === 0)
    findings.push(warning('policies', `${folder} holds none: nothing is enforced`, '`kontrakt init` writes one'))
  else findings.push(fine('policies', `${plural(fileCount, 'file')} ${fileCount === 1 ? 'loads' : 'load'}`))
  if (settings.registry === null && policies.some(usesRegistry)) {
    findings.push(
      problem(
        'policies',
        'some take their schema from a registry, and the settings name none',
        'set registry.url (--registry)'
      )
    )
  }
  for (const policy of policies) findings.push(...examinePolicy(policy, known))
  return { findings, policies }
}

function examinePolicy(
  { model, reference }: CompiledPolicy,
  { topics, compactedTopics }: KnownTopics
): readonly Finding[] {
  const findings: Finding[] = []
  const missing = topics === null ? [] : model.topics.filter((glob) => glob.literal && !topics.has(glob.source))
  if (missing.length > 0) {
    const names = missing.map((glob) => glob.source).join(', ')
    findings.push(
      warning(
        'policies',
        `${reference.file} is for topics that are not there: ${names}`,
        'is the name right? They may be created later'
      )
    )
  }
  const compacted = [...compactedTopics].filter((topic) => model.topics.some((glob) => namesTopic(glob, topic)))
  if (compacted.length > 0 && model.value.nulls === 'refuse' && model.mode !== 'off') {
    const names = compacted.slice(0, 10).join(', ')
    const message = `${reference.file} refuses tombstones, and these topics are compacted: ${names}`
    findings.push(
      warning('policies', message, 'without tombstones nothing is ever deleted from them; write value.nulls: allow')
    )
  }
  return findings
}

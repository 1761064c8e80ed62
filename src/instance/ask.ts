/** Answers to "what would a policy say": for editors and CI, through the admin API. Nothing is produced anywhere. */
import type { JudgeAnswer, JudgeRequest, PolicyCheckAnswer, PolicyCheckRequest } from '../admin/view.ts'
import { PolicyFilesOnDisk } from '../config/policy-files.ts'
import type { PolicyFolder } from '../config/policy-folder.ts'
import { buildRecord } from '../contracts/cases/record.ts'
import { verdictOf } from '../contracts/cases/run.ts'
import type { RecordDocument } from '../contracts/cases/schema.ts'
import { loadPolicy } from '../contracts/compile.ts'
import type { FileRead, PolicyFiles } from '../contracts/policy/files.ts'

/** Loads the text as if it stood in the policies folder, so that its schemas are found there. */
export function checkPolicyText(request: PolicyCheckRequest, folder: string): PolicyCheckAnswer {
  const file = request.file ?? 'policy.yaml'
  const onDisk = new PolicyFilesOnDisk(folder)
  const bytes = Buffer.from(request.content)
  const files: PolicyFiles = {
    read: (path): FileRead => (path === file ? { ok: true, bytes } : onDisk.read(path))
  }
  const loaded = loadPolicy(files, file, (path) => path)
  return loaded.ok ? { ok: true, diagnostics: [] } : { ok: false, diagnostics: loaded.diagnostics }
}

/** Judges one described record by the policy in force for its topic. */
export function judgeRecord(
  request: JudgeRequest,
  folder: PolicyFolder,
  defaultPolicy: 'pass' | 'refuse'
): JudgeAnswer {
  const { topic, partition = 0, clientId, principal } = request
  const contract = folder.contracts.forTopic(topic)
  if (contract === null) {
    return {
      ok: true,
      policy: null,
      verdict: defaultPolicy === 'pass' ? 'accept' : 'reject',
      violations: [],
      undecided: []
    }
  }
  const policy = folder.policies.find((candidate) => candidate.reference.name === contract.policy.name)
  if (policy === undefined) return { ok: false, problem: 'the policy was changed just now; ask again' }
  const built = buildRecord(policy, request as RecordDocument, topic, null)
  if (!built.ok) return { ok: false, problem: built.message }
  const producer = { clientId: clientId ?? null, principal: principal ?? null }
  const judged = contract.judge(built.records, { topic, partition, producer }).records[0] ?? null
  return {
    ok: true,
    policy: `${contract.policy.name}@${contract.policy.version}`,
    verdict: verdictOf(judged, policy.model.onUndecidable),
    violations: (judged?.violations ?? []).map((violation) => ({
      rule: violation.rule,
      path: violation.path,
      message: violation.message,
      expected: violation.expected ?? null,
      found: violation.found ?? null,
      mode: violation.mode,
      docs: violation.docs ?? null
    })),
    undecided: (judged?.undecided ?? []).map(({ rule, message }) => ({ rule, message }))
  }
}

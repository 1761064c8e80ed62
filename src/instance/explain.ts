/** From the words a producer was given back to the policy, its rule and the line where it stands. */
import type { Explanation, PlacedRefusal } from '../admin/view.ts'
import type { CompiledPolicy } from '../contracts/compile.ts'
import type { CheckPlace } from '../contracts/policy/check-place.ts'
import { checkIdsOf } from '../contracts/policy/check-ids.ts'
import { placeOfCheck } from '../contracts/policy/check-place.ts'
import type { RefusalEntry, RefusalJournal } from '../observability/refusal-journal.ts'

/** Refusals shown beside the explanation. */
const shownRefusals = 5

/** Where the check that the entry names stands in today's policies. */
export function placeOfEntry(
  { policy, rule, path }: Pick<RefusalEntry, 'policy' | 'rule' | 'path'>,
  policies: readonly CompiledPolicy[]
): CheckPlace | null {
  const name = policy.replace(/@[^@]*$/, '')
  const found = policies.find(({ reference }) => reference.name === name)
  return found === undefined ? null : placeOfCheck(found, rule, path)
}

/**
 * Understands `... break orders@3f2a91c04b7e; record 3: amount-positive at value.amount: ...` wherever a client library
 * has put it, and a record's own message, which does not name the policy. Null when nothing in it is ours.
 */
export function explainText(
  text: string,
  policies: readonly CompiledPolicy[],
  journal: Pick<RefusalJournal, 'query'>
): Explanation | null {
  const named = /(?<![A-Za-z0-9_./-])([A-Za-z0-9_./-]{1,255})@([0-9a-f]{12})\b/.exec(text)
  const policy = named === null ? null : (policies.find(({ reference }) => reference.name === named[1]) ?? null)
  const said = (policy === null ? null : rulesOf(policy, text)) ?? saidRule(text)
  const owner = policy ?? (said === null || named !== null ? null : onlyOwner(said.rule, policies))
  if (named === null && owner === null) return null
  const version = named?.[2] ?? null
  const rule = said?.rule ?? null
  const path = said?.path ?? null
  const name = named?.[1] ?? owner!.reference.name
  const refusals =
    rule === null
      ? []
      : journal
          .query({ rule }, 0, 1_000)
          .items.filter((entry) => entry.policy.startsWith(`${name}@`) && (path === null || entry.path === path))
          .slice(0, shownRefusals)
  return {
    policy: name,
    version,
    inForce: owner?.reference.version ?? null,
    rule,
    path,
    place: owner === null || rule === null ? null : placeOfCheck(owner, rule, path ?? ''),
    refusals: refusals.map((entry): PlacedRefusal => ({ ...entry, place: placeOfEntry(entry, policies) }))
  }
}

/** `rule: message` or `rule at path: message`, behind `record 3: ` where that stands. */
function saidRule(text: string): { readonly rule: string; readonly path: string | null } | null {
  const from = /; record \d+: (.*)$/s.exec(text)?.[1] ?? text
  const match = /(?:^|[\s"'])([A-Za-z0-9_:.[\]*-]{1,255}?)(?: at ([^\s:]{1,1024}))?: /.exec(from)
  if (match === null) return null
  return { rule: match[1]!, path: match[2] ?? null }
}

/** By the ids that the policy has, which may have any characters in them. */
function rulesOf(
  { model }: CompiledPolicy,
  text: string
): { readonly rule: string; readonly path: string | null } | null {
  const from = /; record \d+: (.*)$/s.exec(text)?.[1]
  if (from === undefined) return null
  const ids = [...checkIdsOf(model)].sort((a, b) => b.length - a.length)
  const rule = ids.find((id) => from.startsWith(`${id}: `) || from.startsWith(`${id} at `))
  if (rule === undefined) return null
  const path = /^ at (.{1,1024}?): /s.exec(from.slice(rule.length))?.[1] ?? null
  return { rule, path }
}

/** Without the policy's name: when only one has such a rule, it is that. */
function onlyOwner(rule: string, policies: readonly CompiledPolicy[]): CompiledPolicy | null {
  const owners = policies.filter(({ model }) => checkIdsOf(model).has(rule))
  return owners.length === 1 ? owners[0]! : null
}

/** Policies that would fight over a topic. Found when files load; which file has to give way is the loader's matter. */
import type { Diagnostic } from '../diagnostic.ts'
import type { Glob } from '../glob.ts'
import type { PolicyModel } from './model.ts'
import { asPolicyDocument } from './schema.ts'
import { TopicOwners } from './topic-owners.ts'
import { isTie } from './topics.ts'
import type { PathStep } from './yaml.ts'

export interface Tie {
  readonly earlier: PolicyModel
  readonly later: PolicyModel
  /** Told at the topic in `later`. */
  readonly diagnostic: Diagnostic
}

interface Claim {
  readonly model: PolicyModel
  readonly pattern: Glob
  readonly index: number
}

/**
 * At most one per pair of policies: two that are equally specific for a topic, or one that names a topic where the
 * other's bad records go. Patterns of one policy never fight each other.
 */
export function findTies(models: readonly PolicyModel[]): Tie[] {
  const ties = new Map<string, Tie>()
  const names = new Map<string, Claim>()
  /** By how many literal characters they have: only equally specific globs can tie. */
  const globs = new Map<number, Claim[]>()
  const add = (earlier: Claim, later: Claim): void => {
    if (earlier.model === later.model) return
    const pair = `${earlier.model.name}\n${later.model.name}`
    if (!ties.has(pair))
      ties.set(pair, { earlier: earlier.model, later: later.model, diagnostic: tell(earlier, later) })
  }
  const owners = new TopicOwners(models.map((model) => ({ model })))
  for (const model of models) {
    for (const [index, pattern] of model.topics.entries()) {
      const claim = { model, pattern, index }
      if (pattern.literal) {
        const source = owners.quarantinedBy(pattern.source)?.model
        const pair = `${source?.name}\n${model.name}`
        if (source !== undefined && source !== model && !ties.has(pair))
          ties.set(pair, { earlier: source, later: model, diagnostic: tellQuarantine(source, claim) })
        const rival = names.get(pattern.source)
        if (rival === undefined) names.set(pattern.source, claim)
        else add(rival, claim)
        continue
      }
      const rivals = globs.get(pattern.literalCharacters) ?? []
      globs.set(pattern.literalCharacters, rivals)
      for (const rival of rivals) {
        if (isTie(rival.pattern, pattern)) add(rival, claim)
      }
      rivals.push(claim)
    }
  }
  return [...ties.values()]
}

function tellQuarantine({ yaml: source }: PolicyModel, { model, pattern, index }: Claim): Diagnostic {
  const message = `${pattern.source} is a quarantine topic of ${source.file}`
  const remedy = 'take the topic out, or give that policy another quarantine.topic'
  return model.yaml.diagnostic(placeOf(model, index), 'quarantine-topic', message, remedy)
}

function placeOf({ yaml }: PolicyModel, index: number): PathStep[] {
  return Array.isArray(asPolicyDocument(yaml.root).topics) ? ['topics', index] : ['topics']
}

function tell(earlier: Claim, later: Claim): Diagnostic {
  const { yaml } = later.model
  const same = earlier.pattern.source === later.pattern.source
  const what = same
    ? `${later.pattern.source} has`
    : `topics that match both ${later.pattern.source} and ${earlier.pattern.source} have`
  const remedy = 'make one of them more specific, or join the two'
  return yaml.diagnostic(
    placeOf(later.model, later.index),
    'topic-tie',
    `${what} a policy in ${earlier.model.yaml.file} too`,
    remedy
  )
}

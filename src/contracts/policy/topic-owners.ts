/**
 * Which policy a topic belongs to when all of them are known: the most literal one, except that no glob reaches a
 * quarantine topic. Judging the records of a quarantine topic would quarantine them again.
 */
import type { Glob } from '../glob.ts'
import { canQuarantine } from '../producer-modes.ts'
import type { PolicyModel } from './model.ts'
import { anyOrigin, originOf } from './quarantine.ts'
import { mostLiteral } from './topics.ts'

export class TopicOwners<Policy extends { readonly model: PolicyModel }> {
  readonly #exact = new Map<string, Policy>()
  readonly #globs: [Glob, Policy][] = []
  /** Policies by the template of their quarantine topics, because most have the same. */
  readonly #byTemplate = new Map<string, Policy[]>()

  /** @param policies without ties among them, see `ties.ts`; of two that have one the first is the owner */
  constructor(policies: readonly Policy[]) {
    for (const policy of policies) {
      const { model } = policy
      for (const pattern of model.topics) {
        if (!pattern.literal) this.#globs.push([pattern, policy])
        else if (!this.#exact.has(pattern.source)) this.#exact.set(pattern.source, policy)
      }
      // A policy that only watches says with its section which topics are not to be watched.
      if (!canQuarantine(model) && !model.quarantine.isWritten) continue
      const same = this.#byTemplate.get(model.quarantine.topic)
      if (same === undefined) this.#byTemplate.set(model.quarantine.topic, [policy])
      else same.push(policy)
    }
  }

  ownerOf(topic: string): Policy | null {
    return this.#ownerOf(topic, new Map())
  }

  /** The policy whose bad records go to this topic; null when it is no quarantine topic. */
  quarantinedBy(topic: string): Policy | null {
    return this.#quarantinedBy(topic, new Map())
  }

  /** `known` within one question: templates that take the same name apart in several ways meet again and again. */
  #ownerOf(topic: string, known: Map<string, Policy | null>): Policy | null {
    const before = known.get(topic)
    if (before !== undefined) return before
    const named = this.#exact.get(topic)
    const owner = named ?? (this.#quarantinedBy(topic, known) === null ? mostLiteral(this.#globs, topic) : null)
    known.set(topic, owner)
    return owner
  }

  #quarantinedBy(topic: string, known: Map<string, Policy | null>): Policy | null {
    for (const [template, policies] of this.#byTemplate) {
      const origin = originOf(template, topic)
      if (origin === null) continue
      if (origin === anyOrigin) return policies[0]!
      // The origin is shorter than the topic, so this comes to an end.
      const owner = this.#ownerOf(origin, known)
      if (owner !== null && policies.includes(owner)) return owner
    }
    return null
  }
}

/** All contracts in force, by topic. Immutable: a reload builds a new one and the old one serves who still holds it. */
import { LRUCache } from 'lru-cache'
import type { CompiledPolicy } from './compile.ts'
import type { ContractSet, TopicContract } from './judgement.ts'
import { TopicOwners } from './policy/topic-owners.ts'
import type { SchemaSource } from './schema-source.ts'
import { topicContract } from './topic-contract.ts'

/**
 * Topics whose contract, or lack of one, is remembered. Topic names come from clients, which may invent any number.
 */
const rememberedTopics = 10_000

/** @param policies without ties among them, see `policy/ties.ts` */
export function contractSet(policies: readonly CompiledPolicy[], source: SchemaSource | null): ContractSet {
  const owners = new TopicOwners(policies)
  const known = new LRUCache<string, { readonly contract: TopicContract | null }>({ max: rememberedTopics })
  return {
    policies: policies.map((policy) => policy.reference),
    forTopic(topic) {
      const remembered = known.get(topic)
      if (remembered !== undefined) return remembered.contract
      const policy = owners.ownerOf(topic)
      const contract = policy === null ? null : topicContract(policy, topic, source)
      known.set(topic, { contract })
      return contract
    }
  }
}

export const emptyContractSet: ContractSet = { policies: [], forTopic: () => null }

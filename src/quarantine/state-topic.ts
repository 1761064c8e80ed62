/** Makes sure of the topic of the states before something is written to it; creates it when it is missing. */
import type { TopicSettings } from '../config/settings.ts'
import { examineStateTopic } from './own-topics.ts'
import { QuarantineError } from './quarantine-error.ts'
import type { TopicClient } from './topic-admin.ts'

/** @throws {QuarantineError} `not-allowed`: what is wrong with it, and how it is mended; errors of Kafka as they are */
export async function ensureStateTopic(client: TopicClient, settings: TopicSettings): Promise<void> {
  const findings = await examineStateTopic(client, settings, { create: true })
  const problem = findings.find(({ level }) => level === 'problem')
  if (problem !== undefined) throw new QuarantineError('not-allowed', problem.message, problem.remedy)
}

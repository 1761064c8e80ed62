/** The `quarantine` section: where bad records go, how that topic is made, and what is kept of them. */
import { parseDurationMs } from '../units.ts'
import type { PolicyModel, QuarantineModel, SideModel } from './model.ts'
import { asPolicyDocument, quarantineDefaults } from './schema.ts'
import type { QuarantineDocument } from './schema.ts'
import { isReserved, longestTopicName, namesTopic } from './topics.ts'
import type { PathStep, YamlFile } from './yaml.ts'

const placeholder = '{topic}'

type Fault = (
  at: readonly PathStep[],
  code: Parameters<YamlFile['diagnostic']>[1],
  message: string,
  remedy?: string
) => void

export function parseQuarantine(
  written: QuarantineDocument | undefined,
  value: SideModel,
  fault: Fault
): QuarantineModel {
  const document = written ?? {}
  const template = document.topic ?? quarantineDefaults.topic
  const problem = templateProblem(template)
  if (problem !== null) fault(['quarantine', 'topic'], 'bad-topic', problem)
  if (document.values === 'drop-tagged' && value.schema.kind === 'none') {
    const message = 'without a schema no field of the value can be tagged'
    fault(['quarantine', 'values'], 'unused-key', message, 'write values: keep, or give value a schema')
  }
  return {
    topic: template,
    create: document.create === false ? null : readCreate(document.create ?? {}, fault),
    values: document.values ?? quarantineDefaults.values,
    transactions: document.transactions ?? quarantineDefaults.transactions,
    isWritten: written !== undefined
  }
}

function readCreate(
  document: Exclude<QuarantineDocument['create'], false | undefined>,
  fault: Fault
): QuarantineModel['create'] {
  const { create } = quarantineDefaults
  const retention = parseDurationMs(document.retention ?? create.retention)
  const at = ['quarantine', 'create', 'retention']
  if (!retention.ok) fault(at, 'wrong-value', retention.message, retention.remedy)
  else if (retention.value === 0) fault(at, 'wrong-value', 'a record that is not kept at all cannot be looked at')
  return {
    partitions: document.partitions ?? create.partitions,
    replicationFactor: document.replicationFactor ?? create.replicationFactor,
    retentionMs: retention.ok ? retention.value : 0,
    minInsyncReplicas: document.minInsyncReplicas ?? create.minInsyncReplicas
  }
}

function templateProblem(template: string): string | null {
  if (template === placeholder) return 'the quarantine topic cannot be the topic itself'
  const literal = template.replaceAll(placeholder, '')
  if (/[{}]/.test(literal)) return 'only {topic} is expanded here'
  if (!/^[A-Za-z0-9._-]*$/.test(literal)) return 'a topic name has only letters, digits, dots, dashes and underscores'
  if (literal.length >= longestTopicName) return `a topic name has at most ${longestTopicName} characters`
  if (isReserved(template)) return 'topics that start with __ or kontrakt. belong to Kafka and to kontrakt itself'
  return null
}

/** The topics that a policy names itself; those of its neighbours are looked at in `ties.ts`. */
export function checkNamedTopics({ topics, quarantine, yaml }: PolicyModel, fault: Fault): void {
  const { topic: template } = quarantine
  const isList = Array.isArray(asPolicyDocument(yaml.root).topics)
  for (const [index, { literal, source }] of topics.entries()) {
    if (!literal) continue
    const at = isList ? ['topics', index] : ['topics']
    if (expandTemplate(template, source).length > longestTopicName) {
      const message = `the quarantine topic of ${source} would have more than ${longestTopicName} characters`
      fault(at, 'bad-topic', message, 'set a shorter quarantine.topic')
    }
    const origin = originOf(template, source)
    if (origin === anyOrigin || (origin !== null && topics.some((pattern) => namesTopic(pattern, origin)))) {
      const message = `${source} is a quarantine topic of this very policy`
      fault(at, 'quarantine-topic', message, 'take it out, or set another quarantine.topic')
    }
  }
}

/** Every topic of the policy shares this one. */
export const anyOrigin = Symbol('any origin')

/** The topic whose bad records would go to `topic`; null when none would. */
export function originOf(template: string, topic: string): string | typeof anyOrigin | null {
  const parts = template.split(placeholder)
  if (parts.length === 1) return template === topic ? anyOrigin : null
  const around = parts.reduce((sum, part) => sum + part.length, 0)
  const length = (topic.length - around) / (parts.length - 1)
  if (length < 1 || !Number.isInteger(length)) return null
  const origin = topic.slice(parts[0]!.length, parts[0]!.length + length)
  return expandTemplate(template, origin) === topic ? origin : null
}

export function expandTemplate(template: string, topic: string): string {
  return template.replaceAll(placeholder, () => topic)
}

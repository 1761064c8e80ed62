/** What our principal must be allowed on the cluster, as Kafka's own tool takes it. Without quarantine it needs nothing. */
import type { TopicSettings } from '../config/settings.ts'
import type { WantedTopic } from './topics.ts'

export interface NeededAcl {
  readonly resource: 'topic' | 'transactional-id'
  /** Sorted, at least one. */
  readonly names: readonly string[]
  /** Also for every name that begins so. */
  readonly isPrefix: boolean
  /** Kafka's words: `READ`, `DESCRIBE_CONFIGS`. READ and WRITE include DESCRIBE. */
  readonly operations: readonly string[]
  /** What for, in words. */
  readonly why: string
}

/** Whoever has no credentials; this version cannot have any. */
export const ourPrincipal = 'User:ANONYMOUS'

/** Of every redrive; see `transactionalIdOf`. */
const redrivePrefix = 'kontrakt-redrive-'

/**
 * IDEMPOTENT_WRITE on the cluster is not among them: brokers that know DescribeProducers (2.8 and newer) take WRITE on any
 * topic for it.
 *
 * @param wanted the quarantine topics and their origins
 */
export function neededAcls(settings: TopicSettings, wanted: readonly WantedTopic[]): NeededAcl[] {
  const created = wanted.filter(({ target }) => target.create !== null)
  const existing = wanted.filter(({ target }) => target.create === null)
  const topics = (names: readonly string[], operations: readonly string[], why: string): NeededAcl[] => {
    const sorted = [...new Set(names)].toSorted()
    return sorted.length === 0 ? [] : [{ resource: 'topic', names: sorted, isPrefix: false, operations, why }]
  }
  const toUse = ['READ', 'WRITE', 'DESCRIBE_CONFIGS']
  return [
    ...topics(
      [settings.ledger, settings.quarantineState],
      [...toUse, 'CREATE'],
      'our own topics: what is in quarantine, and what became of it'
    ),
    ...topics(
      created.map(({ target }) => target.topic),
      [...toUse, 'CREATE'],
      'bad records go there, and are read again'
    ),
    ...topics(
      existing.map(({ target }) => target.topic),
      toUse,
      'bad records go there, and are read again'
    ),
    ...topics(
      wanted.flatMap(({ origins }) => origins),
      toUse,
      'to see how far a producer has come, what a record may weigh, and to send records home'
    ),
    {
      resource: 'transactional-id',
      names: [redrivePrefix],
      isPrefix: true,
      operations: ['DESCRIBE', 'WRITE'],
      why: 'records are sent home in transactions'
    }
  ]
}

/** @param principal `User:kontrakt` */
export function aclCommand({ resource, names, isPrefix, operations }: NeededAcl, principal: string): string {
  const option = resource === 'topic' ? '--topic' : '--transactional-id'
  return [
    'kafka-acls.sh --add',
    `--allow-principal ${principal}`,
    ...operations.map((operation) => `--operation ${operation}`),
    ...(isPrefix ? ['--resource-pattern-type prefixed'] : []),
    ...names.map((name) => `${option} ${name}`)
  ].join(' ')
}

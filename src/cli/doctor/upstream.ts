/** Are the brokers there, do they speak our versions, and which topics do they have? */
import { formatAddress } from '../../address.ts'
import type { Address } from '../../address.ts'
import type { Settings } from '../../config/settings.ts'
import * as apis from '../../kafka/apis.ts'
import { KafkaClient } from '../../kafka/client.ts'
import type { ClusterMetadata } from '../../kafka/client.ts'
import { Connection } from '../../kafka/connection.ts'
import { ConnectionError, NoCommonVersionError } from '../../kafka/errors.ts'
import type { Finding } from './finding.ts'
import { fine, problem, warning } from './finding.ts'

export interface UpstreamFindings {
  readonly findings: readonly Finding[]
  /** Of the live brokers; null when none could be asked. */
  readonly brokerIds: readonly number[] | null
  /** Null when they could not be listed. */
  readonly topics: ReadonlySet<string> | null
  readonly compactedTopics: ReadonlySet<string>
}

/** Topics whose settings are looked at; a cluster can have a hundred thousand. */
const maxDescribedTopics = 2_000

/** Longer than this and clients time out as well. */
const connectTimeoutMs = 5_000

const nothing = { brokerIds: null, topics: null, compactedTopics: new Set<string>() }

export async function examineUpstream(settings: Settings): Promise<UpstreamFindings> {
  const { bootstrapServers } = settings.upstream
  const reached = await Promise.all(bootstrapServers.map(examineServer))
  const findings = reached.map(({ finding }) => finding)
  if (!reached.some(({ finding }) => finding.level === 'ok')) return { ...nothing, findings: onlyProblems(findings) }
  const client = new KafkaClient({
    bootstrapServers: bootstrapServers.map(formatAddress),
    clientId: 'kontrakt-doctor',
    connectTimeoutMs
  })
  try {
    const cluster = await client.metadata(null)
    findings.push(...(await examineBrokers(cluster)))
    return {
      findings,
      brokerIds: cluster.brokers.map(({ id }) => id),
      topics: new Set(cluster.topics.map(({ name }) => name)),
      compactedTopics: await compactedTopics(client, cluster)
    }
  } catch (error) {
    findings.push(
      problem('upstream', `the cluster does not describe itself: ${messageOf(error)}`, 'see the log of that broker')
    )
    return { ...nothing, findings }
  } finally {
    client.close()
  }
}

/** One bootstrap server out of several may be down; that alone is a warning. When all are, each is a problem. */
function onlyProblems(findings: readonly Finding[]): readonly Finding[] {
  return findings.map((finding) => (finding.level === 'warning' ? { ...finding, level: 'problem' as const } : finding))
}

async function examineServer(server: Address): Promise<{ readonly finding: Finding }> {
  const at = formatAddress(server)
  try {
    const versions = await versionsOf(server)
    return { finding: fine('upstream', `${at} answers; clients negotiate up to ${versions} through kontrakt`) }
  } catch (error) {
    return { finding: warning('upstream', messageOf(error), remedyFor(error)) }
  }
}

/** Every broker, at the address it tells others: that is where this instance will have to reach it. */
async function examineBrokers(cluster: ClusterMetadata): Promise<readonly Finding[]> {
  const examined = cluster.brokers.map(async (broker) => {
    const at = `broker ${broker.id} at ${formatAddress(broker)}`
    try {
      await versionsOf(broker)
      return fine('brokers', `${at} can be reached`)
    } catch (error) {
      const remedy = 'this is its advertised.listeners; it must be reachable from here, like any client'
      return problem('brokers', `${at} cannot be reached: ${messageOf(error)}`, remedy)
    }
  })
  return Promise.all(examined)
}

async function versionsOf({ host, port }: Address): Promise<string> {
  const connection = await Connection.open(
    { host, port },
    { clientId: 'kontrakt-doctor', connectTimeoutMs, requestTimeoutMs: connectTimeoutMs }
  )
  try {
    const needed = [apis.produce, apis.metadata, apis.fetch]
    return needed.map((api) => `${api.name} v${connection.versionOf(api)}`).join(', ')
  } finally {
    connection.close()
  }
}

function remedyFor(error: unknown): string {
  if (error instanceof NoCommonVersionError) return 'kontrakt works with Apache Kafka 2.1 and newer'
  if (error instanceof ConnectionError && error.fault !== 'connect') {
    return 'what listens there does not answer in plaintext Kafka: this version cannot use TLS or SASL for itself'
  }
  return 'is the address right, is the broker running, does a firewall stand between?'
}

async function compactedTopics(client: KafkaClient, cluster: ClusterMetadata): Promise<ReadonlySet<string>> {
  const resources = cluster.topics
    .filter(({ isInternal }) => !isInternal)
    .slice(0, maxDescribedTopics)
    .map(({ name }) => ({ type: 'topic' as const, name, keys: ['cleanup.policy'] }))
  if (resources.length === 0) return new Set()
  try {
    const described = await client.describeConfigs(resources)
    const compacted = described.filter(({ values }) => values.get('cleanup.policy')?.includes('compact') === true)
    return new Set(compacted.map(({ resource }) => resource.name))
  } catch {
    // DescribeConfigs is a right that nothing else here needs.
    return new Set()
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Can bad records be quarantined: are the topics as they have to be, and what rights does it take? Creates nothing. */
import { formatAddress } from '../../address.ts'
import type { Settings } from '../../config/settings.ts'
import type { CompiledPolicy } from '../../contracts/compile.ts'
import { canQuarantine } from '../../contracts/producer-modes.ts'
import { KafkaClient } from '../../kafka/client.ts'
import { aclCommand, neededAcls, ourPrincipal } from '../../quarantine/acls.ts'
import { examineTopics, wantedTopics } from '../../quarantine/start.ts'
import type { WantedTopic } from '../../quarantine/topics.ts'
import type { Finding } from './finding.ts'
import { fine, problem } from './finding.ts'

/** Topics named in one line; a glob can match any number. */
const mostNames = 50

const connectTimeoutMs = 5_000

/** @param isReachable whether a broker has answered; else only the rights are told */
export async function examineQuarantine(
  settings: Settings,
  policies: readonly CompiledPolicy[],
  isReachable: boolean
): Promise<readonly Finding[]> {
  const isWanted = policies.some(({ model }) => canQuarantine(model))
  const none = fine(
    'rights',
    'no policy quarantines, so none are needed beyond Metadata; each client is checked by the brokers as itself'
  )
  if (!isReachable) return isWanted ? [] : [none]
  const client = new KafkaClient({
    bootstrapServers: settings.upstream.bootstrapServers.map(formatAddress),
    clientId: 'kontrakt-doctor',
    connectTimeoutMs
  })
  try {
    const topics = await examineTheTopics(client, settings, policies)
    if (!isWanted) return [none, ...topics]
    return [...topics, ...rights(settings, (await wantedTopics(client, policies)).wanted)]
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const remedy = 'see the log of that broker; records could not be quarantined either'
    return [problem('quarantine', `the topics cannot be looked at: ${message}`, remedy)]
  } finally {
    client.close()
  }
}

async function examineTheTopics(
  client: KafkaClient,
  settings: Settings,
  policies: readonly CompiledPolicy[]
): Promise<Finding[]> {
  const found = (await examineTopics(client, policies, settings.topics, { create: false })) ?? []
  return found.map(({ level, message, remedy }) => ({ level, subject: 'quarantine', message, remedy }))
}

function rights(settings: Settings, wanted: readonly WantedTopic[]): Finding[] {
  return neededAcls(settings.topics, wanted).map((acl) => {
    const names = acl.names.slice(0, mostNames)
    const more = acl.names.length - names.length
    const command = aclCommand({ ...acl, names }, ourPrincipal)
    return fine('rights', `${acl.why}: ${command}${more > 0 ? ` (and ${more} more topics)` : ''}`)
  })
}

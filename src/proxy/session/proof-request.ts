/** Our own question on the client's upstream connection: may it write to these topics, and does this broker lead them? */
import { requestFrame } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { metadataRequest } from '../../../protocol/messages/metadata.ts'
import type { Asker } from './pending.ts'
import type { SessionShared } from './shared.ts'

/** Metadata v8 (Kafka 2.3) is the first that tells authorized operations; every newer broker still speaks it. */
const proofMetadataVersion = 8
/** No client counts its requests below zero. */
const proofCorrelationId = -1

/** The answer is consumed here and handed to `asker`; the client never sees it. */
export function askForProof(
  shared: SessionShared,
  asker: Asker,
  topics: readonly string[],
  clientId: string | null
): void {
  const question = { apiKey: apiKeys.metadata, apiVersion: proofMetadataVersion, correlationId: proofCorrelationId }
  const body = metadataRequest.encode(
    {
      topics: topics.map((name) => ({ name })),
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: true
    },
    question.apiVersion
  )
  shared.toUpstream(requestFrame({ ...question, clientId }, body), false)
  shared.pending.push({ kind: 'own-metadata', asker, ...question })
}

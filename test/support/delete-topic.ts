/** Deletes a topic, which nothing of ours does but a test may want to happen. */
import { errorByCode } from '../../protocol/errors.ts'
import { deleteTopicsRequest, deleteTopicsResponse } from '../../protocol/messages/delete-topics.ts'
import { parseAddress } from '../../src/address.ts'
import { defineApi } from '../../src/kafka/apis.ts'
import { Connection } from '../../src/kafka/connection.ts'

const api = defineApi(20, 'DeleteTopics', [1, 5], deleteTopicsRequest, deleteTopicsResponse)

/** `broker` is `host:port`. Throws when the broker refuses. */
export async function deleteTopic(broker: string, topic: string): Promise<void> {
  const connection = await Connection.open(parseAddress(broker), { clientId: 'test' })
  try {
    const { responses } = await connection.call(api, { topicNames: [topic], timeoutMs: 10_000 })
    const code = responses[0]?.errorCode ?? -1
    if (code !== 0) throw new Error(`topic ${topic} was not deleted: ${errorByCode(code)?.name ?? code}`)
  } finally {
    connection.close()
  }
}

/** Every API the embedded broker answers, by the name its key has in `apiKeys`. */
import { apiVersionsHandler, type OfferedApi } from './apis/api-versions.ts'
import { createPartitions } from './apis/create-partitions.ts'
import { createTopics } from './apis/create-topics.ts'
import { deleteGroups } from './apis/delete-groups.ts'
import { deleteTopics } from './apis/delete-topics.ts'
import { describeCluster } from './apis/describe-cluster.ts'
import { describeConfigs } from './apis/describe-configs.ts'
import { describeGroups } from './apis/describe-groups.ts'
import { describeProducers } from './apis/describe-producers.ts'
import { fetch } from './apis/fetch.ts'
import { findCoordinator } from './apis/find-coordinator.ts'
import { heartbeat } from './apis/heartbeat.ts'
import { initProducerId } from './apis/init-producer-id.ts'
import { joinGroup } from './apis/join-group.ts'
import { leaveGroup } from './apis/leave-group.ts'
import { listGroups } from './apis/list-groups.ts'
import { listOffsets } from './apis/list-offsets.ts'
import { metadata } from './apis/metadata.ts'
import { offsetCommit } from './apis/offset-commit.ts'
import { offsetFetch } from './apis/offset-fetch.ts'
import { produce } from './apis/produce.ts'
import { syncGroup } from './apis/sync-group.ts'

export const handlers = {
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions: apiVersionsHandler(offeredApis),
  createTopics,
  deleteTopics,
  initProducerId,
  describeConfigs,
  createPartitions,
  deleteGroups,
  describeCluster,
  describeProducers
}

export type HandlerName = keyof typeof handlers

export type RequestOf<K extends HandlerName> = ReturnType<(typeof handlers)[K]['decode']>
export type AnswerOf<K extends HandlerName> = Parameters<(typeof handlers)[K]['encode']>[0]

/** Produce's advertised minimum, see `apis/api-versions.ts`. */
const advertisedProduceMin = 0

function offeredApis(): OfferedApi[] {
  return Object.values(handlers).map(({ key, versions: [first, last] }) => ({
    apiKey: key,
    minVersion: key === produce.key ? advertisedProduceMin : first,
    maxVersion: last
  }))
}

/** The Produce request as it goes on: untouched, with other batches or fewer partitions, or not at all. */
import { produceRequest } from '../../protocol/messages/produce.ts'
import { renumberBatch, renumberOwnBatch } from '../../protocol/records/batch.ts'
import type { ProduceCall } from '../proxy/produce-path.ts'
import { placeOf } from './decision.ts'
import type { PartitionDecision } from './decision.ts'
import type { HeldBatch } from './held.ts'

/**
 * Batches whose sequences differ from the producer's are renumbered where they lie, so a frame with nothing but such
 * batches still leaves as it came.
 */
export function bodyFor(
  call: ProduceCall,
  decisions: readonly PartitionDecision[],
  forwarded: readonly PartitionDecision[],
  held: ReadonlyMap<string, HeldBatch>
): 'original' | Buffer | null {
  if (forwarded.length === 0 && decisions.length > 0) return null
  const leaving = new Map(forwarded.map((decision) => [placeOf(decision), decision]))
  renumber(call, leaving, held)
  const isWhole = forwarded.length === decisions.length
  if (isWhole && forwarded.every(({ fate }) => fate.kind !== 'rebuilt')) return 'original'
  const topicData = call.request.topicData
    .map((topic) => ({
      ...topic,
      partitionData: topic.partitionData.flatMap((data) => {
        const decision = leaving.get(placeOf({ topic: topic.name, partition: data.index }))
        if (decision === undefined) return []
        return [decision.fate.kind === 'rebuilt' ? { ...data, records: decision.fate.batch } : data]
      })
    }))
    .filter((topic) => topic.partitionData.length > 0)
  return produceRequest.encode({ ...call.request, topicData }, call.header.apiVersion)
}

function renumber(
  { request }: ProduceCall,
  leaving: ReadonlyMap<string, PartitionDecision>,
  held: ReadonlyMap<string, HeldBatch>
): void {
  if (held.size === 0) return
  for (const { name, partitionData } of request.topicData) {
    for (const { index, records } of partitionData) {
      const place = placeOf({ topic: name, partition: index })
      const plan = held.get(place)?.plan ?? null
      const decision = leaving.get(place)
      if (plan === null || decision === undefined || plan.up === plan.batch.base) continue
      if (decision.fate.kind === 'rebuilt') renumberOwnBatch(decision.fate.batch, plan.up)
      else if (records !== null) renumberBatch(records, plan.up)
    }
  }
}

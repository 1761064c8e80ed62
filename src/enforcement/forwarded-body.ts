/** The Produce request as it goes on: untouched, with other batches or fewer partitions, or not at all. */
import { produceRequest } from '../../protocol/messages/produce.ts'
import { renumberBatch } from '../../protocol/records/batch.ts'
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
  const rebuilt = new Map<string, Buffer>()
  for (const { topic, partition, fate } of forwarded) {
    if (fate.kind === 'rebuilt') rebuilt.set(placeOf({ topic, partition }), fate.batch)
  }
  const byPlace = new Map(forwarded.map((decision) => [placeOf(decision), decision]))
  const topicData = call.request.topicData
    .map((topic) => ({
      ...topic,
      partitionData: topic.partitionData.flatMap((data) => {
        const place = placeOf({ topic: topic.name, partition: data.index })
        const decision = byPlace.get(place)
        if (decision === undefined) return []
        const records = rebuilt.get(place) ?? data.records
        const plan = held.get(place)?.plan ?? null
        if (plan !== null && records !== null && plan.up !== plan.batch.base) renumberBatch(records, plan.up)
        return [{ ...data, records }]
      })
    }))
    .filter((topic) => topic.partitionData.length > 0)
  if (forwarded.length === decisions.length && rebuilt.size === 0) return 'original'
  return produceRequest.encode({ ...call.request, topicData }, call.header.apiVersion)
}

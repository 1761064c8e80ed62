/** Takes the bad records of a batch out of it, as the quarantine topic is to have them. */
import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { BatchHeader, RecordTable } from '../../protocol/records/batch.ts'
import type { Producer, TopicContract } from '../contracts/judgement.ts'
import type { ChainPosition } from './sequence-gate.ts'
import type { QuarantinedBatch, QuarantinedRecord, QuarantineReason } from './quarantine-port.ts'

export interface BatchOrigin {
  readonly topic: string
  readonly partition: number
  readonly contract: TopicContract
  readonly producer: Producer
  readonly position: ChainPosition | null
}

/**
 * What makes a retry of a batch the same batch: its records. Not its bytes, because a client may compress them anew. By a
 * hash nobody can forge, because what is recognised passes unjudged.
 */
export function batchDigest(header: BatchHeader, table: RecordTable): string {
  return `${hash('sha256', table.bytes, 'base64')}@${header.baseTimestamp}`
}

/**
 * The same records, though perhaps of another time: kafkajs writes a batch anew when it sends it again, and stamps it with
 * the time of that.
 */
export function areSameRecords(digest: string, other: string): boolean {
  return digest.split('@', 1)[0] === other.split('@', 1)[0]
}

/** Copies: what is kept until it is stored must not keep a whole inflated batch in memory. */
export function quarantinedBatch(
  { topic, partition, contract, producer, position }: BatchOrigin,
  table: RecordTable,
  digest: string,
  reasons: ReadonlyMap<number, readonly QuarantineReason[]>
): QuarantinedBatch {
  const { bytes } = table
  const slice = (start: number, length: number): Buffer | null =>
    length < 0 ? null : Buffer.from(bytes.subarray(start, start + length))
  return {
    topic,
    partition,
    target: contract.quarantineOf(topic),
    policy: contract.policy,
    producer,
    chain: position,
    digest,
    records: [...reasons].map(([index, violations]) => {
      const headers: QuarantinedRecord['headers'][number][] = []
      table.forEachHeader(index, (nameStart, nameLength, valueStart, valueLength) => {
        const nameBytes = slice(nameStart, nameLength)!
        const value = slice(valueStart, valueLength)
        const name = nameBytes.toString()
        headers.push(isUtf8(nameBytes) ? { name, value } : { name, nameBytes, value })
      })
      return {
        index,
        key: slice(table.keyStart(index), table.keyLength(index)),
        value: slice(table.valueStart(index), table.valueLength(index)),
        headers,
        timestampMs: table.timestampMs(index),
        violations
      }
    })
  }
}

/** Quarantined records made up for tests. */
import { createHash } from 'node:crypto'
import type { QuarantineEntry } from '../../../src/quarantine/record.ts'
import { toQuarantineRecord } from '../../../src/quarantine/record.ts'
import type { FakeCluster } from './fake-cluster.ts'

export function entryOf(given: Partial<QuarantineEntry> & { readonly name?: string } = {}): QuarantineEntry {
  const { name = 'one', ...rest } = given
  return {
    id: createHash('sha256').update(name).digest('hex').slice(0, 32),
    topic: 'orders',
    partition: 0,
    timestampMs: 1_700_000_000_000,
    producerId: 7n,
    producerEpoch: 1,
    sequence: 3,
    batchIndex: 2,
    clientId: 'checkout',
    principal: null,
    policy: 'orders@3f2a91c04b7e',
    violations: [{ rule: 'amount-positive', path: 'value.amount', message: 'amount must be above zero' }],
    moreViolations: 0,
    key: Buffer.from('k'),
    value: Buffer.from(JSON.stringify({ name, amount: 1 })),
    headers: [{ name: 'source', value: Buffer.from('web') }],
    valueDropped: false,
    ...rest
  }
}

/** Puts them into a quarantine topic, one batch each. */
export function quarantine(
  cluster: FakeCluster,
  topic: string,
  entries: readonly QuarantineEntry[],
  partition = 0
): void {
  for (const entry of entries) {
    cluster.nowMs += 1_000
    cluster.append(topic, partition, { records: [toQuarantineRecord(entry, cluster.nowMs)] })
  }
}

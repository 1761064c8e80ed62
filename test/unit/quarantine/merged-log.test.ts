import { describe, expect, it } from 'vitest'
import { rangesOf } from '../../../src/quarantine/log-range.ts'
import { readMerged } from '../../../src/quarantine/merged-log.ts'
import { FakeCluster } from './fake-cluster.ts'

function clusterOf(timesMs: readonly (readonly number[])[]): FakeCluster {
  const cluster = new FakeCluster().create('t', timesMs.length)
  for (const [partition, times] of timesMs.entries())
    for (const timestamp of times)
      cluster.append('t', partition, { records: [{ key: null, value: Buffer.alloc(100), timestamp }] })
  return cluster
}

async function read(cluster: FakeCluster, partitions: number[], maxAheadBytes?: number): Promise<unknown[]> {
  const ranges = await rangesOf(cluster.client, 't', partitions)
  const found: unknown[] = []
  const options = maxAheadBytes === undefined ? {} : { maxAheadBytes }
  for await (const { range, batch, done } of readMerged(cluster.client, ranges, options)) {
    found.push([range.partition, 'header' in batch ? batch.header.maxTimestamp : batch.error.reason, done])
  }
  return found
}

describe('several partitions', () => {
  const merged = [
    [2, 1, 1],
    [0, 2, 2],
    [1, 3, 3],
    [1, 1, 4],
    [2, 5, 5],
    [0, 6, 6]
  ]

  it('are read by time, and each in its own order whatever its times say', async () => {
    expect(
      await read(
        clusterOf([
          [2, 6],
          [3, 1],
          [1, 5]
        ]),
        [0, 1, 2]
      )
    ).toEqual(merged)
  })

  it('are read the same when nothing may be read ahead', async () => {
    const cluster = clusterOf([
      [2, 6],
      [3, 1],
      [1, 5]
    ])
    expect(await read(cluster, [0, 1, 2], 1)).toEqual(merged)
    expect(cluster.fetches).toBeGreaterThan(6)
  })

  it('end where there is nothing', async () => {
    expect(await read(clusterOf([[], [1]]), [0, 1])).toEqual([[1, 1, 1]])
  })
})

describe('a batch whose header cannot be understood', () => {
  it('is told, and what is behind it is read', async () => {
    const cluster = clusterOf([[1, 2, 3]])
    const { bytes } = cluster.log('t', 0).batches[1]!
    // The base timestamp, which a broker that writes its own time does not look at.
    bytes.writeBigInt64BE(2n ** 62n, 27)
    expect(await read(cluster, [0])).toEqual([
      [0, 1, 1],
      [0, 'timestamp', 2],
      [0, 3, 3]
    ])
  })
})

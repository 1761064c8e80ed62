import { describe, expect, it } from 'vitest'
import { KafkaError } from '../../../src/kafka/errors.ts'
import { rangesOf, readLog } from '../../../src/quarantine/log-range.ts'
import type { LogClient, LogPiece, LogRange } from '../../../src/quarantine/log-range.ts'
import { FakeCluster } from './fake-cluster.ts'

const record = (timestamp: number) => ({ key: null, value: Buffer.from('x'), timestamp })

function clusterOf(batches: readonly number[]): FakeCluster {
  const cluster = new FakeCluster().create('t')
  let timestamp = 0
  for (const size of batches)
    cluster.append('t', 0, { records: Array.from({ length: size }, () => record((timestamp += 1_000))) })
  cluster.fetchBytes = 1
  return cluster
}

async function read(client: LogClient, range: LogRange, signal?: AbortSignal): Promise<LogPiece[]> {
  const pieces: LogPiece[] = []
  for await (const piece of readLog(client, range, signal)) pieces.push(piece)
  return pieces
}

describe('a range', () => {
  it('is what the partition holds now', async () => {
    const cluster = clusterOf([2, 3])
    cluster.deleteBefore('t', 0, 2n)
    expect(await rangesOf(cluster.client, 't', [0])).toEqual([{ topic: 't', partition: 0, start: 2n, end: 5n }])
  })

  it('begins at a time, and is empty when nothing is that young', async () => {
    const cluster = clusterOf([2, 3])
    expect(await rangesOf(cluster.client, 't', [0], 2_500)).toMatchObject([{ start: 2n, end: 5n }])
    expect(await rangesOf(cluster.client, 't', [0], 9_999)).toMatchObject([{ start: 5n, end: 5n }])
  })

  it('of a topic that is not there is an error at once', async () => {
    await expect(rangesOf(new FakeCluster().client, 't', [0])).rejects.toMatchObject({ code: 3 })
  })
})

describe('reading a range', () => {
  it('gives all of it in order, and nothing that came later', async () => {
    const cluster = clusterOf([2, 3, 1])
    const [range] = await rangesOf(cluster.client, 't', [0])
    cluster.append('t', 0, { records: [record(1)] })
    const pieces = await read(cluster.client, range!)
    expect(pieces.map(({ from, next }) => [from, next])).toEqual([
      [0n, 2n],
      [2n, 5n],
      [5n, 6n]
    ])
  })

  it('asks again while a leader moves', async () => {
    const cluster = clusterOf([2])
    const { client } = cluster
    let failures = 2
    const fetch: typeof client.fetch = (options) => {
      if (failures-- > 0) return Promise.reject(new KafkaError(6, { api: 'Fetch', address: 'fake:9092' }))
      return client.fetch(options)
    }
    expect(await read({ ...client, fetch }, { topic: 't', partition: 0, start: 0n, end: 2n })).toHaveLength(1)
  })

  it('goes on at what is left when retention was faster', async () => {
    const cluster = clusterOf([2, 2, 2])
    cluster.deleteBefore('t', 0, 4n)
    const pieces = await read(cluster.client, { topic: 't', partition: 0, start: 0n, end: 6n })
    expect(pieces.map(({ from }) => from)).toEqual([4n])
  })

  it('is an error when the log is another one now', async () => {
    const cluster = clusterOf([1])
    const range = { topic: 't', partition: 0, start: 5n, end: 9n }
    await expect(read(cluster.client, range)).rejects.toThrow('was the topic made anew')
  })

  it('ends when it is told to', async () => {
    const cluster = clusterOf([1, 1, 1])
    const controller = new AbortController()
    const pieces: bigint[] = []
    const range = { topic: 't', partition: 0, start: 0n, end: 3n }
    for await (const { from } of readLog(cluster.client, range, controller.signal)) {
      pieces.push(from)
      controller.abort()
    }
    expect(pieces).toEqual([0n])
  })

  it('of an answer that holds nothing, again and again, is an error', async () => {
    const { client } = clusterOf([1])
    const fetch: typeof client.fetch = async (options) =>
      (await client.fetch(options)).map((one) => ({ ...one, records: Buffer.alloc(0) }))
    await expect(read({ ...client, fetch }, { topic: 't', partition: 0, start: 0n, end: 1n })).rejects.toThrow(
      'nothing can be read of t-0 at offset 0'
    )
  })
})

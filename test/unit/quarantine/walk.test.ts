import { describe, expect, it } from 'vitest'
import { quarantineRanges } from '../../../src/quarantine/places.ts'
import { recordHeaders, toQuarantineRecord } from '../../../src/quarantine/record.ts'
import { RecordStates } from '../../../src/quarantine/state-log.ts'
import { walk } from '../../../src/quarantine/walk.ts'
import type { UnreadablePlace } from '../../../src/quarantine/walk.ts'
import { entryOf, quarantine } from './entries.ts'
import { FakeCluster } from './fake-cluster.ts'

interface Walked {
  readonly ids: string[]
  readonly pages: number[]
  readonly unreadable: (UnreadablePlace & { readonly why: string })[]
}

async function walked(cluster: FakeCluster, signal?: AbortSignal): Promise<Walked> {
  const found: Walked = { ids: [], pages: [], unreadable: [] }
  const pages = walk(cluster.client, await quarantineRanges(cluster.client, 'q'), {
    states: new RecordStates(),
    ...(signal === undefined ? {} : { signal }),
    onUnreadable: (place, why) => found.unreadable.push({ ...place, why })
  })
  for await (const { records } of pages) {
    found.pages.push(records.length)
    found.ids.push(...records.map(({ entry }) => entry.id))
  }
  return found
}

const many = (count: number) =>
  Array.from({ length: count }, (_, n) => toQuarantineRecord(entryOf({ name: String(n), headers: [] }), 1))

describe('a walk', () => {
  it('hands large batches over in pages, and lets others have their turns', async () => {
    const cluster = new FakeCluster().create('q')
    cluster.append('q', 0, { records: many(1_800), codec: 'zstd' })
    let turns = 0
    let isOver = false
    const count = (): void => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const { pages } = await walked(cluster)
    isOver = true
    expect(pages.slice(0, 3)).toEqual([500, 500, 500])
    expect(turns).toBeGreaterThan(2)
  })

  it('ends inside a batch when it is to end', async () => {
    const cluster = new FakeCluster().create('q')
    cluster.append('q', 0, { records: many(1_800) })
    const controller = new AbortController()
    setImmediate(() => controller.abort())
    expect((await walked(cluster, controller.signal)).ids.length).toBeLessThan(1_800)
  })

  it.each([
    ['inflates too far', { count: 70, valueBytes: 1_000_000 }, /decompress to more than 67108864 bytes/],
    ['states more records than any of ours', { count: 200_001, valueBytes: 0 }, /states 200001 records/]
  ])('goes on behind a batch that %s', async (_, { count, valueBytes }, why) => {
    const cluster = new FakeCluster().create('q')
    quarantine(cluster, 'q', [entryOf({ name: 'before' })])
    const value = valueBytes === 0 ? null : Buffer.alloc(valueBytes)
    const records = Array.from({ length: count }, () => ({ key: null, value, timestamp: 1 }))
    cluster.append('q', 0, { records, codec: 'zstd' })
    quarantine(cluster, 'q', [entryOf({ name: 'after' })])
    const { ids, unreadable } = await walked(cluster)
    expect(ids).toEqual(['before', 'after'].map((name) => entryOf({ name }).id))
    expect(unreadable).toMatchObject([{ partition: 0, offset: 1n, what: 'batch' }])
    expect(unreadable[0]!.why).toMatch(why)
  })

  it('goes on behind a batch whose bytes were changed', async () => {
    const cluster = new FakeCluster().create('q')
    quarantine(cluster, 'q', [entryOf({ name: 'a' }), entryOf({ name: 'b' })])
    const { bytes } = cluster.log('q', 0).batches[0]!
    bytes[bytes.length - 1]! ^= 1
    const { ids, unreadable } = await walked(cluster)
    expect(ids).toEqual([entryOf({ name: 'b' }).id])
    expect(unreadable).toMatchObject([{ offset: 0n, what: 'batch' }])
  })

  it('reads none with more headers than it holds, nor with more in ours than we write', async () => {
    const cluster = new FakeCluster().create('q')
    const headers = Array.from({ length: 200_001 }, () => ({ name: '', value: null }))
    const long = toQuarantineRecord(entryOf({ name: 'long', headers: [] }), 1)
    const swollen = long.headers!.map((header) =>
      header.name === recordHeaders.clientId ? { ...header, value: Buffer.alloc(30_000, 'x') } : header
    )
    cluster.append('q', 0, { records: [toQuarantineRecord(entryOf({ headers }), 1)] })
    cluster.append('q', 0, { records: [{ ...long, headers: swollen }] })
    const { ids, unreadable } = await walked(cluster)
    expect(ids).toEqual([])
    expect(unreadable.map(({ what }) => what)).toEqual(['record', 'record'])
  })

  it('tells in few words what is wrong, whatever is written there', async () => {
    const cluster = new FakeCluster().create('q')
    const record = toQuarantineRecord(entryOf({ headers: [] }), 1)
    const name = 'x'.repeat(10_000)
    const twice = [0, 1].map(() => ({ name, value: Buffer.from('1') }))
    const headers = record.headers!.map((header) =>
      header.name === recordHeaders.headers ? { ...header, value: Buffer.from('0') } : header
    )
    cluster.append('q', 0, { records: [{ ...record, headers: [...twice, ...headers] }] })
    expect((await walked(cluster)).unreadable[0]!.why.length).toBeLessThanOrEqual(200)
  })

  it('gives a record once that lies in two partitions', async () => {
    const cluster = new FakeCluster().create('q', 2)
    quarantine(cluster, 'q', [entryOf({})], 0)
    quarantine(cluster, 'q', [entryOf({})], 1)
    expect((await walked(cluster)).ids).toEqual([entryOf({}).id])
  })
})

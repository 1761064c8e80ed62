import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import type { LedgerRecord } from '../../../src/enforcement/ledger/ports.ts'
import { KafkaLedgerLog } from '../../../src/quarantine/ledger-log.ts'
import { deleteTopic } from '../../support/delete-topic.ts'

const topic = 'kontrakt.ledger'
let broker: EmbeddedBroker
const logs: KafkaLedgerLog[] = []

beforeEach(async () => {
  broker = await startEmbeddedBroker({ topics: [{ name: topic, configs: { 'cleanup.policy': 'compact' } }] })
})

afterEach(async () => {
  for (const log of logs.splice(0)) log.close()
  await broker.close()
})

function newLog(): { log: KafkaLedgerLog; seen: string[] } {
  const seen: string[] = []
  const log = new KafkaLedgerLog({
    kafka: { bootstrapServers: [broker.address], clientId: 'test' },
    topic,
    onRecord: ({ offset, key, value }: LedgerRecord) => seen.push(`${offset}:${String(key)}=${String(value)}`),
    onReset: () => seen.push('reset')
  })
  logs.push(log)
  return { log, seen }
}

describe('KafkaLedgerLog', () => {
  it('hands over what it wrote itself, and what others wrote, in one order', async () => {
    const [one, other] = [newLog(), newLog()]
    await Promise.all([one.log.start(), other.log.start()])
    const first = await one.log.append(Buffer.from('chain'), Buffer.from('claimed by one'))
    await one.log.readThrough(first)
    const second = await other.log.append(Buffer.from('chain'), Buffer.from('claimed by other'))
    const third = await other.log.append(Buffer.from('chain'), null)
    await other.log.readThrough(third)
    await one.log.sync()
    expect([first, second, third]).toEqual([0n, 1n, 2n])
    const all = ['0:chain=claimed by one', '1:chain=claimed by other', '2:chain=null']
    expect(one.seen).toEqual(all)
    expect(other.seen).toEqual(all)
    const late = newLog()
    await late.log.start()
    expect(late.seen).toEqual(all)
  })

  it('sync sees past a broker that no longer leads and tells an old end', async () => {
    const { log, seen } = newLog()
    const { log: other } = newLog()
    await log.start()
    broker.intercept('listOffsets', () => ({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, errorCode: 0, timestamp: -1n, offset: 0n }] }]
    }))
    let isFrozen = true
    const fetched = broker.intercept('fetch', async (call) => {
      while (isFrozen) await new Promise((resolve) => setTimeout(resolve, 5))
      return call.proceed()
    })
    await other.append(Buffer.from('chain'), Buffer.from('claimed by other'))
    let isSynced = false
    const synced = log.sync().then(() => {
      isSynced = true
    })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(isSynced).toBe(false)
    isFrozen = false
    await synced
    fetched()
    // The end of the log that was marked for it is not a record of the ledger.
    expect(seen).toEqual(['0:chain=claimed by other'])
  })

  it('does not take an append for read that lies before what it has read: the topic was made anew', async () => {
    const { log, seen } = newLog()
    await log.start()
    for (const value of ['1', '2', '3']) await log.readThrough(await log.append(Buffer.from('old'), Buffer.from(value)))
    // The answer to the fetch under way is held: nobody has told the reader yet.
    let isHeld = true
    const undo = broker.intercept('fetch', async (call) => {
      const answer = await call.proceed()
      while (isHeld) await new Promise((resolve) => setTimeout(resolve, 5))
      return answer
    })
    await deleteTopic(broker.address, topic)
    broker.topics.create({ name: topic, configs: { 'cleanup.policy': 'compact' } })
    const other = newLog()
    await other.log.append(Buffer.from('foreign'), Buffer.from('claim'))
    const offset = await log.append(Buffer.from('ours'), Buffer.from('claim'))
    expect(offset).toBe(1n)
    let outcome = 'waits'
    const reading = log.readThrough(offset).then(
      () => (outcome = 'read'),
      () => (outcome = 'rejected')
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(outcome).toBe('waits')
    isHeld = false
    await reading
    undo()
    expect(outcome).toBe('rejected')
    await log.sync()
    expect(seen.slice(seen.indexOf('reset'))).toEqual(['reset', '0:foreign=claim', '1:ours=claim'])
  })

  it('shares one mark among those who sync at the same time', async () => {
    const { log, seen } = newLog()
    await log.start()
    await Promise.all(Array.from({ length: 50 }, () => log.sync()))
    expect(broker.topics.endOffset(topic)).toBeLessThanOrEqual(2)
    expect(seen).toEqual([])
  })

  it('does not make an append wait for the poll of its own tail', async () => {
    const { log, seen } = newLog()
    await log.start()
    broker.intercept('fetch', (call) => new Promise((resolve) => setTimeout(() => resolve(call.proceed()), 300)))
    expect(await log.append(Buffer.from('a'), Buffer.from('1'))).toBe(0n)
    expect(seen).toEqual([])
  })

  it('rejects what waits when it is closed', async () => {
    const { log } = newLog()
    await log.start()
    broker.intercept('produce', () => 'drop-connection')
    const waiting = [log.append(Buffer.from('a'), null), log.readThrough(9n)].map((p) =>
      expect(p).rejects.toMatchObject({ fault: 'closed' })
    )
    log.close()
    await Promise.all(waiting)
  })
})

import { startCluster } from './support/cluster/start.ts'
import { startKontrakt } from './support/kontrakt.ts'
import { numberedPolicy, numbered, isBad, partitions } from './support/faults/numbered.ts'
import * as clients from './support/clients/index.ts'
console.log(Object.keys(clients))
const cluster = await startCluster({ version: '4.3.1', nodes: 1 } as never)
console.log(cluster.bootstrap)
const kontrakt = await startKontrakt({ upstream: cluster.bootstrap, policies: { 'g.yaml': numberedPolicy('guarded-*') } })
try {
  for (const name of (process.argv[2] ?? 'java').split(',')) {
    const driver = await (clients as any).openDriver(name)
    const admin = await (await (clients as any).openDriver('java')).admin(cluster.bootstrap)
    const topic = `guarded-${name}`
    await admin.createTopics([{ name: topic, replicas: [[1],[1],[1]] }]).catch((e: any) => console.log(e.message))
    const t0 = Date.now()
    const producer = await driver.producer([kontrakt.bootstrap], { acks: 'all', idempotence: true, codec: 'none', deliveryTimeoutMs: 20000, batchRecords: 7, batchBytes: 900, lingerMs: 2 })
    const numbers = Array.from({ length: 600 }, (_, i) => i)
    const results = await producer.send(numbers.map((n: number) => (numbered(topic, n))))
    console.log(name, Date.now() - t0, 'ms; errors', results.filter((r: any) => r.error).length, results.filter((r: any) => r.error).slice(0, 3), 'bad', numbers.filter(isBad).length)
    await producer.close()
    console.log('closed', Date.now() - t0, JSON.stringify(await admin.listOffsets(topic)), JSON.stringify(await admin.listOffsets(topic + '.quarantine').catch((e: any) => e.message)))
  }
  console.log((await kontrakt.metrics()).split('\n').filter((l: string) => /ledger|refused|records_total|closed_total/.test(l) && !l.startsWith('#')).join('\n'))
} catch (e) { console.log(e) }
console.log(kontrakt.log().split('\n').slice(-15).join('\n'))
await kontrakt.kill(); await cluster.stop?.(); process.exit(0)

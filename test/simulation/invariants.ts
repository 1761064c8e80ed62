/** What must hold at the end of every run, whatever happened on the way. */
import type { StoredRecord } from './broker.ts'
import type { SentRecord } from './clients/client.ts'
import { keepsOut } from './contracts.ts'
import type { ClientKind, PolicySpan, Stage } from './stage.ts'
import { SimulationError } from './world.ts'

/** Clients whose producer id makes a record unique and keeps it in its place. */
const idempotent: ReadonlySet<ClientKind> = new Set(['java', 'librdkafka', 'franz', 'kafkajs'])

export function check(stage: Stage): void {
  const { cluster, quarantine } = stage
  const logs = [...cluster.deleted.flat(), ...cluster.partitions].map(({ records }) => records)
  const inTopic = new Set(logs.flatMap((records) => records.map(({ value }) => value)))
  for (const { client, kind } of stage.clients) {
    if (!client.done) throw new SimulationError(`${client.name} never came to an end`)
    if (client.fatal !== null) throw new SimulationError(`${client.name} was killed: ${client.fatal}`)
    // Nobody answers acks=0: nothing was promised.
    if (kind === 'unanswered') continue
    for (const { value, fate } of client.records) {
      if (fate !== 'delivered' || inTopic.has(value) || quarantine.stored.has(value)) continue
      throw new SimulationError(`${value} was delivered, and is neither in its topic nor in quarantine`)
    }
  }
  const records = new Map(stage.records.map((record) => [record.value, record]))
  const kindOf = new Map(stage.clients.map(({ client, kind }) => [client.name, kind]))
  for (const log of logs) {
    for (const stored of log) checkLeak(stored, records.get(stored.value)!, stage.policies)
    const kept = log.filter(({ value }) => idempotent.has(kindOf.get(records.get(value)!.client)!))
    checkOnceInOrder(kept, records)
  }
}

/** No record that every policy in force from its first attempt to its append keeps out. */
function checkLeak(stored: StoredRecord, record: SentRecord, policies: readonly PolicySpan[]): void {
  if (policies.length === 0) return
  const from = record.firstStep ?? 0
  const inForce = policies.filter(({ fromStep, untilStep }) => fromStep <= stored.step && untilStep >= from)
  if (inForce.length > 0 && inForce.every(({ policy }) => keepsOut(policy, stored.value))) {
    throw new SimulationError(`${stored.value} is in its topic`)
  }
}

function checkOnceInOrder(log: readonly StoredRecord[], records: ReadonlyMap<string, SentRecord>): void {
  const last = new Map<string, SentRecord>()
  const seen = new Set<string>()
  for (const { value } of log) {
    const record = records.get(value)!
    if (seen.has(value)) {
      // The client itself gave up the protection against it.
      if (record.mayRepeat) continue
      throw new SimulationError(`${value} is in its topic twice`)
    }
    seen.add(value)
    const before = last.get(record.client)
    if (before !== undefined && !before.mayRepeat && before.number > record.number) {
      throw new SimulationError(`${value} comes behind ${before.value}`)
    }
    last.set(record.client, record)
  }
}

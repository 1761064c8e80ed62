/**
 * The clients that suites run with, and which of them this machine can run.
 */
import { messageOf } from '../message-of.ts'
import type { ClientDriver, ClientName } from './driver.ts'
import { goDriver, prepareGo } from './go.ts'
import { javaDriver, prepareJava } from './java.ts'
import { kafkajsDriver } from './kafkajs.ts'
import { librdkafkaDriver, prepareLibrdkafka } from './librdkafka.ts'

/** Those that do everything: every suite runs with them. */
export const clientNames: ClientName[] = ['kafkajs', 'java', 'librdkafka']
/** With those that only produce. */
export const producerNames: ClientName[] = [...clientNames, 'franz-go', 'sarama']

/** By client, in words why it cannot run here; empty where it can. */
export type MissingClients = Partial<Record<ClientName, string>>

/** Installs or compiles what the clients need (seconds, the first time) and says which cannot be had. */
export async function prepareClients(): Promise<MissingClients> {
  const missing: MissingClients = {}
  const prepare = async (name: ClientName, preparation: () => Promise<string | undefined>): Promise<void> => {
    const reason = await preparation().catch(messageOf)
    if (reason !== undefined) missing[name] = reason
  }
  const go = prepareGo()
  await Promise.all([
    prepare('java', prepareJava),
    prepare('librdkafka', prepareLibrdkafka),
    prepare('franz-go', () => go),
    prepare('sarama', () => go)
  ])
  return missing
}

export async function openDriver(name: ClientName): Promise<ClientDriver> {
  switch (name) {
    case 'kafkajs':
      return kafkajsDriver()
    case 'java':
      return await javaDriver()
    case 'librdkafka':
      return await librdkafkaDriver()
    case 'franz-go':
    case 'sarama':
      return await goDriver(name)
  }
}

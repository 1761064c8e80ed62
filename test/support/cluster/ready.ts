/**
 * When a cluster may be used: not when a port is open but when a client's ApiVersions and Metadata are answered with
 * every broker in it, and the coordinators of groups and transactions have loaded.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { messageOf } from '../message-of.ts'

export interface ReadyOptions {
  bootstrap: string[]
  /** Brokers that must be registered. */
  brokerIds: number[]
  timeoutMs: number
  /** Rejects early when this says why the node cannot come up any more. */
  failure: () => string | undefined
}

const pollMs = 100

/** Resolves when every bootstrap address answers and names all the brokers; rejects with the last error otherwise. */
export async function untilReady(options: ReadyOptions): Promise<void> {
  const deadline = Date.now() + options.timeoutMs
  for (const address of options.bootstrap) {
    for (;;) {
      const problem = await missing(address, options.brokerIds)
      if (problem === undefined) break
      const failure = options.failure()
      if (failure !== undefined) throw new Error(failure)
      if (Date.now() > deadline) throw new Error(`Kafka at ${address} was not ready in time: ${problem}`)
      await sleep(pollMs)
    }
  }
}

async function missing(address: string, brokerIds: number[]): Promise<string | undefined> {
  const admin = client([address]).admin({ retry: { retries: 0 } })
  try {
    await admin.connect()
    const { brokers } = await admin.describeCluster()
    const absent = brokerIds.filter((id) => !brokers.some((broker) => broker.nodeId === id))
    return absent.length === 0 ? undefined : `broker ${absent.join(', ')} has not registered`
  } catch (error) {
    return messageOf(error)
  } finally {
    await admin.disconnect()
  }
}

/**
 * Makes the cluster create and load its internal topics, so that the first test does not meet
 * COORDINATOR_LOAD_IN_PROGRESS or NOT_COORDINATOR.
 */
export async function warmUp(bootstrap: string[]): Promise<void> {
  await Promise.all([
    untilItWorks(async () => {
      const admin = client(bootstrap).admin()
      try {
        await admin.connect()
        await admin.fetchOffsets({ groupId: 'warm-up', topics: [] })
      } finally {
        await admin.disconnect()
      }
    }),
    untilItWorks(async () => {
      const options = { transactionalId: 'warm-up', maxInFlightRequests: 1, idempotent: true }
      const producer = client(bootstrap).producer(options)
      try {
        await producer.connect()
        await (await producer.transaction()).abort()
      } finally {
        await producer.disconnect()
      }
    })
  ])
}

const warmUpMs = 30_000

async function untilItWorks(work: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + warmUpMs
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      if (Date.now() > deadline) throw error
      await sleep(pollMs)
    }
  }
}

function client(brokers: string[]): Kafka {
  return new Kafka({
    brokers,
    clientId: 'test-cluster',
    logLevel: logLevel.NOTHING,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 3, initialRetryTime: 50 }
  })
}

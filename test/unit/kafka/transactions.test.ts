import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../../src/broker/embedded-broker.ts'
import { KafkaClient } from '../../../src/kafka/client.ts'
import { KafkaError } from '../../../src/kafka/errors.ts'

let broker: EmbeddedBroker
let coordinator: EmbeddedBroker
let client: KafkaClient
let lookUps: string[]

beforeEach(async () => {
  broker = await startEmbeddedBroker()
  coordinator = await startEmbeddedBroker({ nodeId: 2 })
  client = new KafkaClient({ bootstrapServers: [broker.address], clientId: 'test' })
  lookUps = []
  broker.intercept('findCoordinator', ({ request }) => {
    lookUps.push(`${request.keyType} ${request.coordinatorKeys.join()}`)
    const { host, port } = coordinator
    return { coordinators: request.coordinatorKeys.map((key) => ({ key, errorCode: 0, nodeId: 2, host, port })) }
  })
})

afterEach(async () => {
  client.close()
  await broker.close()
  await coordinator.close()
})

describe('KafkaClient, at the coordinator of a transaction', () => {
  it('asks for it once and sends there what it was given', async () => {
    const seen: unknown[] = []
    coordinator.intercept('initProducerId', ({ request }) => {
      seen.push(request)
      return { errorCode: 0, producerId: 9n, producerEpoch: 4 }
    })
    const options = { transactionalId: 'tx', transactionTimeoutMs: 5_000 }
    expect(await client.initProducerId(options)).toEqual({ producerId: 9n, producerEpoch: 4 })
    await client.initProducerId({ ...options, current: { producerId: 9n, producerEpoch: 4 } })
    expect(seen).toEqual([
      { ...options, producerId: -1n, producerEpoch: -1 },
      { ...options, producerId: 9n, producerEpoch: 4 }
    ])
    expect(lookUps).toEqual(['1 tx'])
  })

  it('looks for it anew after an answer that may pass or a lost connection, and not after a refusal', async () => {
    const faults = [16, 14, 'drop-connection', 53, 53] as const
    let next = 0
    coordinator.intercept('initProducerId', () => {
      const fault = faults[next++]!
      return typeof fault === 'string' ? fault : { errorCode: fault, producerId: -1n, producerEpoch: -1 }
    })
    const names: string[] = []
    while (names.length < faults.length) {
      const error: unknown = await client.initProducerId({ transactionalId: 'tx' }).catch((e: unknown) => e)
      names.push(error instanceof KafkaError ? error.errorName : (error as Error).name)
    }
    expect(names).toEqual([
      'NOT_COORDINATOR',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'ConnectionError',
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED'
    ])
    expect(lookUps).toHaveLength(4)
  })

  it('passes on why there is none', async () => {
    broker.intercept('findCoordinator', ({ request }) => ({
      coordinators: request.coordinatorKeys.map((key) => ({
        key,
        errorCode: 15,
        errorMessage: 'not yet',
        nodeId: -1,
        host: '',
        port: -1
      }))
    }))
    const asked = client.initProducerId({ transactionalId: 'tx' })
    await expect(asked).rejects.toMatchObject({ code: 15, retriable: true, detail: 'not yet' })
  })
})

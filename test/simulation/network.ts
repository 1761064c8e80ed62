/**
 * Connections between clients and what they produce to: instances of the proxy, or the cluster itself. Bytes stay in
 * order; what was on its way when an end goes may arrive up to somewhere.
 */
import { produceRequest } from '../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../protocol/messages/produce.ts'
import type { ProduceCall } from '../../src/proxy/produce-path.ts'
import { BrokerConnection, describeBatch } from './broker.ts'
import type { ClusterModel } from './broker.ts'
import type { Instance } from './instance.ts'
import type { ProxyConnection } from './proxy-connection.ts'
import { responseOf } from './proxy-connection.ts'
import { always, Lane } from './world.ts'

export interface BatchToSend {
  readonly partition: number
  readonly bytes: Buffer
}

export interface ProduceToSend {
  readonly acks: number
  readonly apiVersion: number
  readonly batches: readonly BatchToSend[]
}

export interface Answer {
  readonly partition: number
  readonly errorCode: number
  readonly baseOffset: bigint
}

export interface ClientHandler {
  answered(correlationId: number, answers: readonly Answer[]): void
  closed(): void
}

/** The client's end of a connection. */
export interface Connection {
  /** @returns its correlation id */
  send(request: ProduceToSend): number
  /** The client hangs up. */
  close(): void
}

/** What clients can connect to. */
export interface Network {
  /** Null: nobody takes connections now. */
  connect(node: number, clientId: string, handler: ClientHandler): Connection | null
}

export class ProxyNetwork implements Network {
  readonly #cluster: ClusterModel
  readonly #instances: () => readonly Instance[]
  readonly #open = new Map<Instance, Set<(reason: string) => void>>()

  constructor(cluster: ClusterModel, instances: () => readonly Instance[]) {
    this.#cluster = cluster
    this.#instances = instances
  }

  connect(node: number, clientId: string, handler: ClientHandler): Connection | null {
    const instances = this.#instances().filter((instance) => instance.accepts)
    if (instances.length === 0) return null
    return this.connectTo(this.#cluster.world.random.pick(instances), node, clientId, handler)
  }

  connectTo(instance: Instance, node: number, clientId: string, handler: ClientHandler): Connection {
    const { world } = this.#cluster
    world.note(`${clientId} connects to ${instance.name} for broker ${node}`)
    const up = new Lane(world, 'request', instance.life)
    const down = new Lane(world, 'answer', always)
    let nextId = 1
    let over = false
    const lost = (reason: string): void => {
      if (over) return
      over = true
      this.#open.get(instance)?.delete(lost)
      up.cut(0)
      if (reason === 'killed') down.truncate(world.random.whole(0, down.length))
      down.push(`${clientId} loses its connection to ${instance.name}: ${reason}`, () => handler.closed())
    }
    const open = this.#open.get(instance) ?? new Set()
    this.#open.set(instance, open.add(lost))
    const proxied: ProxyConnection = instance.connect(node, clientId, {
      answer: (correlationId, response) => {
        const answers = answersOf(response)
        down.push(`${clientId} hears ${describeAnswers(answers)} of ${instance.name}`, () =>
          handler.answered(correlationId, answers)
        )
      },
      close: lost
    })
    return {
      send: (request) => {
        const correlationId = nextId++
        const call = callOf(this.#cluster.topic, clientId, correlationId, request)
        up.push(`${instance.name} gets ${describeRequest(request)} of ${clientId}`, () => proxied.receive(call))
        return correlationId
      },
      close: () => {
        down.cut(0)
        if (over) return
        over = true
        this.#open.get(instance)?.delete(lost)
        up.truncate(world.random.whole(0, up.length))
        up.push(`${instance.name} sees that ${clientId} has gone`, () => proxied.close('client-gone'))
      }
    }
  }

  /** `kill -9` of an instance: answers on their way arrive up to somewhere. */
  crash(instance: Instance): void {
    this.#cluster.world.note(`${instance.name} is killed`)
    instance.crash()
    for (const lost of [...(this.#open.get(instance) ?? [])]) lost('killed')
    this.#open.delete(instance)
  }
}

/** Clients straight at the cluster: what Kafka itself promises under the same faults. */
export class DirectNetwork implements Network {
  readonly #cluster: ClusterModel

  constructor(cluster: ClusterModel) {
    this.#cluster = cluster
  }

  connect(node: number, clientId: string, handler: ClientHandler): Connection {
    let nextId = 1
    const waiting: number[] = []
    const broker = new BrokerConnection(this.#cluster, node, {
      clientId,
      life: always,
      answers: 'answer',
      answered: (results) => handler.answered(waiting.shift()!, answersOf(responseOf(results))),
      proven: () => undefined,
      closed: () => handler.closed()
    })
    return {
      send: (request) => {
        const correlationId = nextId++
        if (request.acks !== 0) waiting.push(correlationId)
        const call = callOf(this.#cluster.topic, clientId, correlationId, request)
        broker.produce({ acks: request.acks, topicData: call.request.topicData })
        return correlationId
      },
      close: () => broker.gone()
    }
  }
}

function answersOf(response: ProduceResponse): Answer[] {
  return response.responses.flatMap(({ partitionResponses }) =>
    partitionResponses.map(({ index, errorCode, baseOffset }) => ({ partition: index, errorCode, baseOffset }))
  )
}

const template = produceRequest.decode(
  produceRequest.encode(
    { acks: -1, timeoutMs: 30_000, topicData: [{ name: 't', partitionData: [{ records: null }] }] },
    9
  ),
  9
)

function callOf(topic: string, clientId: string, correlationId: number, request: ProduceToSend): ProduceCall {
  const [topicTemplate] = template.topicData
  const [partitionTemplate] = topicTemplate!.partitionData
  const partitionData = request.batches.map(({ partition, bytes }) => {
    return { ...partitionTemplate!, index: partition, records: bytes }
  })
  return {
    header: { apiKey: 0, apiVersion: request.apiVersion, correlationId, clientId, headerLength: 20 },
    request: { ...template, acks: request.acks, topicData: [{ ...topicTemplate!, name: topic, partitionData }] },
    clientId
  }
}

function describeRequest({ batches }: ProduceToSend): string {
  return batches.map(({ partition, bytes }) => describeBatch(partition, bytes)).join(', ')
}

function describeAnswers(answers: readonly Answer[]): string {
  return answers.map(({ partition, errorCode, baseOffset }) => `${partition}: ${errorCode}@${baseOffset}`).join(', ')
}

/** One simulated cluster with its instances and clients, and the hands that change what they live in. */
import type { LedgerLimits } from '../../src/enforcement/ledger/ledger.ts'
import { ClusterModel } from './broker.ts'
import type { PartitionRules } from './broker.ts'
import type { Client, ClientOptions, SentRecord, WireBatch } from './clients/client.ts'
import { FranzProducer } from './clients/franz.ts'
import { JavaProducer } from './clients/java.ts'
import { LibrdkafkaProducer } from './clients/librdkafka.ts'
import { KafkajsProducer, PlainProducer } from './clients/simple.ts'
import { describePolicy } from './contracts.ts'
import type { PolicyInForce } from './contracts.ts'
import { Instance } from './instance.ts'
import { LedgerTopic } from './ledger-topic.ts'
import { DirectNetwork, ProxyNetwork } from './network.ts'
import type { Network } from './network.ts'
import { QuarantineTopic } from './quarantine-topic.ts'
import { World } from './world.ts'

export type AnyClient = Client<WireBatch>

export const clientKinds = ['java', 'librdkafka', 'franz', 'kafkajs', 'plain', 'unanswered'] as const
export type ClientKind = (typeof clientKinds)[number]

export interface StageOptions {
  readonly partitions?: number
  readonly nodes?: number
  readonly instances?: number
  readonly policy?: PolicyInForce
  readonly rules?: PartitionRules
  /** Clients talk to the cluster itself. */
  readonly direct?: boolean
  readonly ledgerLimits?: Partial<LedgerLimits>
}

export interface PolicySpan {
  readonly policy: PolicyInForce
  readonly fromStep: number
  untilStep: number
}

export class Stage {
  readonly world: World
  readonly cluster: ClusterModel
  readonly ledgerTopic: LedgerTopic
  readonly quarantine: QuarantineTopic
  readonly statesFail = { chance: 0 }
  readonly network: Network
  readonly instances: Instance[] = []
  readonly clients: { readonly kind: ClientKind; readonly client: AnyClient }[] = []
  /** When each policy was in force somewhere. */
  readonly policies: PolicySpan[] = []
  readonly #proxies: ProxyNetwork
  readonly #ledgerLimits: Partial<LedgerLimits> | undefined
  readonly #spans = new Map<Instance, PolicySpan>()
  readonly #everStarted: Instance[] = []
  #instancesMade = 0

  constructor(seed: number, options: StageOptions = {}) {
    const { partitions = 1, nodes = 1, instances = 1, direct = false, rules = {} } = options
    this.world = new World(seed)
    this.cluster = new ClusterModel(this.world, 't', { partitions, nodes, rules })
    this.ledgerTopic = new LedgerTopic(this.world)
    this.quarantine = new QuarantineTopic(this.world)
    this.#ledgerLimits = options.ledgerLimits
    this.#proxies = new ProxyNetwork(this.cluster, () => this.instances)
    this.network = direct ? new DirectNetwork(this.cluster) : this.#proxies
    const policy = options.policy ?? { mode: 'quarantine', strict: false }
    if (!direct) for (let index = 0; index < instances; index += 1) this.start(policy)
  }

  get proxies(): ProxyNetwork {
    return this.#proxies
  }

  start(policy: PolicyInForce): Instance {
    this.#instancesMade += 1
    const instance = new Instance(
      {
        world: this.world,
        cluster: this.cluster,
        ledgerTopic: this.ledgerTopic,
        quarantine: this.quarantine,
        statesFail: this.statesFail,
        ...(this.#ledgerLimits === undefined ? {} : { ledgerLimits: this.#ledgerLimits })
      },
      `i${this.#instancesMade}`,
      policy
    )
    this.world.note(`${instance.name} starts with ${describePolicy(policy)}`)
    this.instances.push(instance)
    this.#everStarted.push(instance)
    this.#inForce(instance, policy)
    return instance
  }

  setPolicy(instance: Instance, policy: PolicyInForce): void {
    this.world.note(`${instance.name} loads ${describePolicy(policy)}`)
    instance.swapPolicy(policy)
    this.#inForce(instance, policy)
  }

  #inForce(instance: Instance, policy: PolicyInForce): void {
    this.#end(instance)
    const span = { policy, fromStep: this.world.steps, untilStep: Infinity }
    this.#spans.set(instance, span)
    this.policies.push(span)
  }

  #end(instance: Instance): void {
    const span = this.#spans.get(instance)
    if (span !== undefined) span.untilStep = this.world.steps
    this.#spans.delete(instance)
  }

  crash(instance: Instance): void {
    this.#proxies.crash(instance)
    this.#end(instance)
    this.instances.splice(this.instances.indexOf(instance), 1)
  }

  client(kind: ClientKind, { batchRecords = 3, network = this.network } = {}): AnyClient {
    const name = `${kind}${this.clients.length + 1}`
    const client = clientOf(kind, { world: this.world, cluster: this.cluster, network, name, batchRecords })
    this.clients.push({ kind, client })
    return client
  }

  /** Everything any client was given to send. */
  get records(): SentRecord[] {
    return this.clients.flatMap(({ client }) => client.records)
  }

  /** The run is over: nothing of it is to be kept alive. */
  release(): void {
    for (const instance of this.#everStarted) instance.release()
  }

  get allDone(): boolean {
    return this.clients.every(({ client }) => client.done)
  }
}

function clientOf(kind: ClientKind, options: ClientOptions): AnyClient {
  switch (kind) {
    case 'java':
      return new JavaProducer(options)
    case 'librdkafka':
      return new LibrdkafkaProducer(options)
    case 'franz':
      return new FranzProducer(options)
    case 'kafkajs':
      return new KafkajsProducer(options)
    case 'plain':
      return new PlainProducer(options, -1)
    case 'unanswered':
      return new PlainProducer(options, 0)
  }
}

/** One instance of the proxy: the real enforcer with the real ledger, over models of everything they touch. */
import { Enforcer } from '../../src/enforcement/enforcer.ts'
import { Ledger } from '../../src/enforcement/ledger/ledger.ts'
import type { LedgerLimits } from '../../src/enforcement/ledger/ledger.ts'
import type { ChainId, ProducerStates } from '../../src/enforcement/ledger/ports.ts'
import type { EnforcementReport } from '../../src/enforcement/report.ts'
import type { ClusterModel } from './broker.ts'
import { contractsOf } from './contracts.ts'
import type { PolicyInForce } from './contracts.ts'
import { LedgerLogModel } from './ledger-topic.ts'
import type { LedgerTopic } from './ledger-topic.ts'
import { ProxyConnection } from './proxy-connection.ts'
import type { ClientSide } from './proxy-connection.ts'
import type { QuarantineTopic } from './quarantine-topic.ts'
import { always } from './world.ts'
import type { Life, World } from './world.ts'

export interface Surroundings {
  readonly world: World
  readonly cluster: ClusterModel
  readonly ledgerTopic: LedgerTopic
  readonly quarantine: QuarantineTopic
  readonly ledgerLimits?: Partial<LedgerLimits>
  /** From 0 to 1: the broker cannot be asked for what it knows of a producer. */
  readonly statesFail: { chance: number }
}

const silent: EnforcementReport = {
  batchSettled: () => undefined,
  violation: () => undefined,
  undecided: () => undefined,
  refused: () => undefined,
  gateClosed: () => undefined,
  dropped: () => undefined
}

export class Instance {
  readonly name: string
  readonly life: Life = { dead: false, frozen: false }
  readonly enforcer: Enforcer
  readonly ledger: Ledger
  /** It has read the ledger and takes connections. */
  ready = false
  readonly #surroundings: Surroundings
  readonly #log: LedgerLogModel
  readonly #connections = new Set<ProxyConnection>()
  readonly #everConnected: ProxyConnection[] = []
  #policy: PolicyInForce

  constructor(surroundings: Surroundings, name: string, policy: PolicyInForce) {
    this.#surroundings = surroundings
    this.name = name
    this.#policy = policy
    const { world, ledgerTopic, quarantine, cluster, ledgerLimits } = surroundings
    const clock = {
      nowMs: () => world.nowMs,
      sleep: (ms: number, signal: AbortSignal) => world.sleep(ms, this.life, signal)
    }
    this.#log = new LedgerLogModel(ledgerTopic, this.life, name, (record) => this.ledger.apply(record))
    this.ledger = new Ledger({
      log: this.#log,
      states: this.#producerStates(),
      instanceId: name,
      clock,
      ...(ledgerLimits === undefined ? {} : { limits: ledgerLimits })
    })
    this.enforcer = new Enforcer(contractsOf(cluster.topic, policy), {
      limits: { inflatedBatchBytes: 1_000_000, recordsPerBatch: 10_000 },
      decideWaitMs: 5_000,
      undecidableAfterMs: 30_000,
      acksZero: 'drop',
      refuseUnknownTopics: false,
      clock,
      report: silent,
      quarantine: { ledger: this.ledger, sink: quarantine.sinkOf(this.life, name) }
    })
    void this.#start()
  }

  async #start(): Promise<void> {
    await this.#log.sync().catch(() => this.#start())
    this.ready = true
  }

  get policy(): PolicyInForce {
    return this.#policy
  }

  swapPolicy(policy: PolicyInForce): void {
    this.#policy = policy
    this.enforcer.swapContracts(contractsOf(this.#surroundings.cluster.topic, policy))
  }

  get accepts(): boolean {
    return this.ready && !this.life.dead
  }

  connect(node: number, clientId: string, client: ClientSide): ProxyConnection {
    const connection = new ProxyConnection(this.enforcer, this.#surroundings.cluster, node, this.life, clientId, {
      answer: (...given) => client.answer(...given),
      close: (reason) => {
        this.#connections.delete(connection)
        client.close(reason)
      }
    })
    this.#connections.add(connection)
    this.#everConnected.push(connection)
    return connection
  }

  /** The run is over. */
  release(): void {
    this.life.dead = true
    for (const connection of this.#everConnected) connection.release()
  }

  /** `kill -9`. The caller tells the clients. */
  crash(): void {
    this.life.dead = true
    this.#log.die()
    for (const connection of this.#connections) connection.die()
    this.#connections.clear()
  }

  /** A network that drops every connection. */
  cutAll(): void {
    for (const connection of [...this.#connections]) connection.close('cut')
  }

  #producerStates(): ProducerStates {
    const { world, cluster, statesFail } = this.#surroundings
    return {
      lastSequence: ({ partition, producerId, producerEpoch }: ChainId) =>
        new Promise((resolve, reject) => {
          world.soon('producer-states', always, `${this.name} asks for ${producerId}/${producerEpoch}`, () => {
            const last = cluster.partitions[partition]?.lastSequence(producerId, producerEpoch) ?? null
            const fails = world.random.chance(statesFail.chance)
            const told = fails ? 'nothing' : String(last)
            world.soon(
              'producer-states',
              this.life,
              `${this.name} hears ${told} of ${producerId}/${producerEpoch}`,
              () => {
                if (fails) reject(new Error('nobody tells what the broker knows'))
                else resolve(last)
              }
            )
          })
        })
    }
  }
}

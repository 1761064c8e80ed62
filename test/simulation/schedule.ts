/**
 * A run from a seed: clients with records to send, instances and policies, and a share of everything that goes wrong;
 * then the faults stop, everybody finishes, and the invariants are checked.
 */
import { noBrokerFaults } from './broker.ts'
import type { Quality } from './contracts.ts'
import type { PolicyInForce } from './contracts.ts'
import { check } from './invariants.ts'
import { noLedgerFaults } from './ledger-topic.ts'
import { noQuarantineFaults } from './quarantine-topic.ts'
import { Random } from './random.ts'
import { clientKinds, Stage } from './stage.ts'
import type { ClientKind } from './stage.ts'
import { always, kinds, Lane, SimulationError } from './world.ts'
import type { Instance } from './instance.ts'

export interface RunResult {
  readonly seed: number
  readonly steps: number
  readonly error: Error | null
  readonly trace: readonly string[]
}

export interface RunOptions {
  /** Without a proxy: what Kafka itself keeps. */
  readonly direct?: boolean
}

const mostSteps = 30_000

export async function run(seed: number, { direct = false }: RunOptions = {}): Promise<RunResult> {
  const schedule = new Schedule(seed, direct)
  const { world } = schedule.stage
  try {
    await schedule.run()
    return { seed, steps: world.steps, error: null, trace: world.trace }
  } catch (error) {
    return { seed, steps: world.steps, error: error as Error, trace: world.trace }
  } finally {
    schedule.stage.release()
  }
}

/** How a seed is told to whoever has to look at it. */
export function describeFailure({ seed, steps, error, trace }: RunResult, lastSteps = 200): string {
  const shown = trace.slice(-lastSteps)
  return [
    `seed ${seed} failed after ${steps} steps: ${error?.stack ?? String(error)}`,
    ...(shown.length < trace.length ? [`(the last ${shown.length} of ${trace.length} lines)`] : []),
    ...shown,
    `to run it again: SIM_SEED=${seed} npx vitest run --project simulation`
  ].join('\n')
}

class Schedule {
  readonly stage: Stage
  readonly #plan: Random
  readonly #policies: PolicyInForce[]
  /** Every policy of this run keeps bad records out and renumbers, so it guards first batches, too. */
  readonly #alwaysQuarantine: boolean
  readonly #startsAtZero: boolean
  /**
   * What is refused by one policy may have been let through by another, and its answer lost. Nobody can tell without a
   * ledger; a client that then gives the sequences to other records loses those, so none does where policies refuse.
   */
  readonly #clientKinds: readonly ClientKind[]

  constructor(seed: number, direct: boolean) {
    const plan = new Random(seed ^ 0x5bd1e995)
    this.#plan = plan
    const strictness = (): boolean => plan.chance(0.3)
    const first: PolicyInForce = {
      mode: plan.pick(['quarantine', 'quarantine', 'quarantine', 'quarantine', 'reject', 'observe']),
      strict: strictness()
    }
    this.#alwaysQuarantine = first.mode === 'quarantine' && plan.chance(0.6)
    this.#startsAtZero = plan.chance(this.#alwaysQuarantine ? 0.4 : 0.6)
    this.#policies = [first, { mode: 'quarantine', strict: !first.strict }]
    if (!this.#alwaysQuarantine) {
      this.#policies.push(
        { mode: 'observe', strict: false },
        { mode: 'off', strict: false },
        { mode: 'absent', strict: false }
      )
      if (plan.chance(0.5)) this.#policies.push({ mode: 'reject', strict: strictness() })
    }
    this.#clientKinds = this.#policies.some(({ mode }) => mode === 'reject')
      ? ['java', 'librdkafka', 'plain', 'unanswered']
      : clientKinds
    this.stage = new Stage(seed, {
      direct,
      partitions: plan.pick([1, 1, 2, 3]),
      nodes: plan.pick([1, 1, 2]),
      instances: plan.pick([1, 1, 2, 2, 3]),
      policy: first,
      rules: { startsAtZero: this.#startsAtZero }
    })
  }

  async run(): Promise<void> {
    const { stage } = this
    this.#setPace()
    this.#setFaults()
    this.#addClients()
    const faultySteps = this.#plan.whole(50, 600)
    this.#addEvents(faultySteps)
    await this.#steps(() => stage.world.steps >= faultySteps)
    this.#calm()
    await this.#steps(() => stage.allDone)
    await stage.world.drain()
    check(stage)
  }

  async #steps(enough: () => boolean): Promise<void> {
    const { world } = this.stage
    while (!enough()) {
      if (world.steps > mostSteps) throw new SimulationError(`not done after ${mostSteps} steps`)
      if (!(await world.step())) return
    }
  }

  /** Elsewhere Kafka by itself loses what is in flight behind a first batch that it refused. */
  get #refusesFirstBatches(): boolean {
    return this.#startsAtZero || (this.#alwaysQuarantine && this.stage.network === this.stage.proxies)
  }

  /** Each run has its own slow and fast parts. */
  #setPace(): void {
    const { world } = this.stage
    for (const kind of kinds) world.weigh(kind, this.#plan.pick([1, 1, 1, 0.2, 4]))
    world.weigh('timer', this.#plan.pick([0.02, 0.1, 0.5]))
    world.weigh('fault', this.#plan.pick([0.1, 0.3, 1]))
  }

  #setFaults(): void {
    const plan = this.#plan
    const { cluster, ledgerTopic, quarantine, statesFail } = this.stage
    const sometimes = (chances: readonly number[]): number => (plan.chance(0.4) ? plan.pick(chances) : 0)
    cluster.refusesFirstBatches = this.#refusesFirstBatches
    cluster.faults = {
      retriable: sometimes([0.02, 0.1, 0.3]),
      afterAppend: sometimes([0.02, 0.1, 0.3]),
      lostAnswer: sometimes([0.02, 0.1, 0.3])
    }
    ledgerTopic.faults = {
      refused: sometimes([0.05, 0.3]),
      lostAck: sometimes([0.05, 0.3]),
      noEnd: sometimes([0.05, 0.3])
    }
    quarantine.faults = {
      refused: sometimes([0.05, 0.3]),
      refusedForGood: sometimes([0.05, 0.2]),
      unknown: sometimes([0.05, 0.3])
    }
    statesFail.chance = sometimes([0.05, 0.3])
  }

  #addClients(): void {
    const plan = this.#plan
    const { stage } = this
    const badShare = plan.pick([0, 0.1, 0.3, 0.9])
    const oddShare = plan.pick([0, 0.2])
    const refusedShare = this.#refusesFirstBatches ? plan.pick([0, 0, 0.1]) : 0
    const quality = (): Quality => {
      if (plan.chance(badShare)) return 'bad'
      if (plan.chance(refusedShare)) return 'refused'
      return plan.chance(oddShare) ? 'odd' : 'good'
    }
    const count = plan.pick([1, 1, 2, 3])
    for (let index = 0; index < count; index += 1) {
      const kind = plan.chance(0.5) ? plan.pick(this.#clientKinds.slice(0, 3)) : plan.pick(this.#clientKinds)
      const client = stage.client(kind, { batchRecords: plan.pick([1, 2, 3, 5]) })
      const feed = new Lane(stage.world, 'client', always)
      let left = plan.whole(3, 40)
      while (left > 0) {
        const records = Array.from({ length: Math.min(left, plan.whole(1, 6)) }, quality)
        // What a broker refuses of one partition makes kafkajs lose what it took of the others, proxy or not.
        if (kind === 'kafkajs') records.forEach((each, i) => (records[i] = each === 'refused' ? 'good' : each))
        left -= records.length
        const partition = plan.whole(0, stage.cluster.partitions.length - 1)
        feed.push(`${client.name} is given ${records.length} records`, () => client.produce(partition, records))
      }
    }
  }

  /** What happens to the machines, at moments of the seed's choice. */
  #addEvents(faultySteps: number): void {
    const { stage } = this
    const plan = this.#plan
    const { world } = stage
    const happenings = new Lane(world, 'fault', always)
    const possible = this.#eventsPossible()
    const count = plan.pick([0, 1, 3, 6, 12])
    for (let index = 0; index < count; index += 1) {
      const [name, act] = plan.pick(possible)
      happenings.push(`fault: ${name}`, () => {
        if (world.steps < faultySteps) act()
      })
    }
  }

  #eventsPossible(): [string, () => void][] {
    const { stage } = this
    const { world, cluster, ledgerTopic, quarantine, proxies } = stage
    const { random } = world
    const anyClient = (): void => random.pick(stage.clients).client.disconnect()
    const anyPartition = (): number => random.whole(0, cluster.partitions.length - 1)
    const events: [string, () => void][] = [['a client hangs up', anyClient]]
    if (this.#refusesFirstBatches) events.push(['a leader moves', () => cluster.moveLeader(anyPartition())])
    if (stage.network !== proxies) return events
    const onAny = (act: (instance: Instance) => void) => (): void => {
      if (stage.instances.length > 0) act(random.pick(stage.instances))
    }
    events.push(
      ['an instance is killed and started again', onAny((instance) => this.#restart(instance))],
      ['an instance is killed and started again', onAny((instance) => this.#restart(instance))],
      ['an instance stands still', onAny((instance) => this.#freeze(instance))],
      ['all connections of an instance are cut', onAny((instance) => instance.cutAll())],
      ['a policy changes', onAny((instance) => stage.setPolicy(instance, random.pick(this.#policies)))],
      ['a policy changes', onAny((instance) => stage.setPolicy(instance, random.pick(this.#policies)))],
      ['the ledger is compacted', () => ledgerTopic.compact(random.whole(0, 3))],
      ['the ledger takes nothing for a while', () => this.#closeForAWhile(ledgerTopic)],
      ['the quarantine takes nothing for a while', () => this.#closeForAWhile(quarantine)]
    )
    return events
  }

  #restart(instance: Instance): void {
    const { stage } = this
    stage.crash(instance)
    const policy = stage.world.random.chance(0.3) ? stage.world.random.pick(this.#policies) : instance.policy
    stage.start(policy)
  }

  #freeze(instance: Instance): void {
    const { world } = this.stage
    instance.life.frozen = true
    world.timer(world.random.pick([100, 3_000, 40_000]), always, `${instance.name} goes on`, () => {
      instance.life.frozen = false
    })
  }

  #closeForAWhile(topic: { closed: boolean }): void {
    const { world } = this.stage
    topic.closed = true
    world.timer(world.random.pick([100, 3_000, 40_000]), always, 'it takes appends again', () => {
      topic.closed = false
    })
  }

  #calm(): void {
    const { world, cluster, ledgerTopic, quarantine, statesFail, instances } = this.stage
    world.note('the faults stop')
    cluster.faults = noBrokerFaults
    ledgerTopic.faults = noLedgerFaults
    ledgerTopic.closed = false
    quarantine.faults = noQuarantineFaults
    quarantine.closed = false
    statesFail.chance = 0
    for (const instance of instances) instance.life.frozen = false
    for (const kind of kinds) world.weigh(kind, 1)
    world.weigh('timer', 0.1)
  }
}

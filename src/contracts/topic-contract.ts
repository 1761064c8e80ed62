/** The compiled contract of one topic: which checks hold for which producer, and judging batches by them. */
import { BatchJudging } from './batch-judging.ts'
import type { CompiledPolicy } from './compile.ts'
import { RecordAcceptor } from './compiled/record-acceptor.ts'
import type {
  BatchContext,
  BatchJudgement,
  Judging,
  Producer,
  QuarantineTarget,
  RecordBytes,
  TopicContract
} from './judgement.ts'
import type { Mode } from './mode.ts'
import { sideReader } from './payload-side.ts'
import type { SideReader } from './payload-side.ts'
import { planFor } from './plan.ts'
import type { Plan } from './plan.ts'
import { quarantineTarget } from './quarantine-target.ts'
import { RecordJudge } from './record-judge.ts'
import type { SchemaSource } from './schema-source.ts'

export function topicContract(policy: CompiledPolicy, topic: string, source: SchemaSource | null): TopicContract {
  return new CompiledTopic(policy, topic, source)
}

class CompiledTopic implements TopicContract {
  readonly policy
  readonly onUndecidable
  readonly #policy: CompiledPolicy
  readonly #readers: { readonly key: SideReader; readonly value: SideReader }
  readonly #plans: (Plan | undefined)[] = []

  constructor(policy: CompiledPolicy, topic: string, source: SchemaSource | null) {
    this.policy = policy.reference
    this.onUndecidable = policy.model.onUndecidable
    this.#policy = policy
    this.#readers = { key: sideReader(policy, 'key', topic, source), value: sideReader(policy, 'value', topic, source) }
  }

  strongestMode(producer: Producer): Mode {
    return this.#planFor(producer).profile.strongest
  }

  modeOf(check: string, producer: Producer): Mode {
    return this.#planFor(producer).profile.modeOf(check)
  }

  quarantines(producer: Producer): boolean {
    return this.#planFor(producer).profile.quarantines
  }

  open(records: RecordBytes, context: BatchContext): Judging {
    const plan = this.#planFor(context.producer)
    if (plan.idle) return nothingToJudge(records.count)
    const rules = {
      policy: this.#policy,
      plan,
      key: this.#readers.key.openBatch(),
      value: this.#readers.value.openBatch()
    }
    return new BatchJudging(
      records,
      new RecordJudge(rules, records, context),
      new RecordAcceptor(rules, records, context)
    )
  }

  quarantineOf(topic: string): QuarantineTarget {
    return quarantineTarget(this.#policy, topic, this.#readers.value)
  }

  judge(records: RecordBytes, context: BatchContext): BatchJudgement {
    const judging = this.open(records, context)
    judging.advance(() => false)
    return judging.result()
  }

  #planFor(producer: Producer): Plan {
    const { modes } = this.#policy
    const index = modes.indexFor(producer)
    this.#plans[index] ??= planFor(this.#policy, modes.profiles[index]!)
    return this.#plans[index]
  }
}

function nothingToJudge(recordCount: number): Judging {
  return {
    advance: () => true,
    result: () => ({ recordCount, records: [], unlisted: 0, judgedToEnd: true, examined: 0 })
  }
}

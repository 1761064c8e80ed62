/** Policies, records and registries made up for unit tests of the contracts. */
import { contractSet } from '../../src/contracts/contract-set.ts'
import { loadPolicy } from '../../src/contracts/compile.ts'
import type { CompiledPolicy } from '../../src/contracts/compile.ts'
import { formatDiagnostic } from '../../src/contracts/diagnostic.ts'
import type { Diagnostic } from '../../src/contracts/diagnostic.ts'
import type {
  BatchContext,
  BatchJudgement,
  Producer,
  RecordBytes,
  RecordJudgement,
  TopicContract
} from '../../src/contracts/judgement.ts'
import { loadSchema } from '../../src/contracts/payload/load.ts'
import { filesInMemory } from '../../src/contracts/policy/files.ts'
import type { RegisteredSchema, SchemaLookup, SchemaQuery, SchemaSource } from '../../src/contracts/schema-source.ts'

export const head = 'apiVersion: kontrakt/v1\ntopics: t\n'

type Files = Readonly<Record<string, string>>

/** Loads `policy.yaml`, given as text, with other files beside it. */
export function tryPolicy(yaml: string, files: Files = {}): ReturnType<typeof loadPolicy> {
  const all = new Map(
    Object.entries({ 'policy.yaml': yaml, ...files }).map(([path, text]) => [path, Buffer.from(text)])
  )
  return loadPolicy(filesInMemory(all), 'policy.yaml', (path) => path)
}

export function policyOf(yaml: string, files: Files = {}): CompiledPolicy {
  const loaded = tryPolicy(yaml, files)
  if (!loaded.ok) throw new Error(loaded.diagnostics.map(formatDiagnostic).join('\n'))
  return loaded.policy
}

/** What is wrong with a policy: `line:column code`, in order. */
export function faultsOf(yaml: string, files: Files = {}): string[] {
  return diagnosticsOf(yaml, files).map(({ line, column, code }) => `${line}:${column} ${code}`)
}

export function diagnosticsOf(yaml: string, files: Files = {}): readonly Diagnostic[] {
  const loaded = tryPolicy(yaml, files)
  return loaded.ok ? [] : loaded.diagnostics
}

/** The contract of topic `t`, or of the one given. */
export function contractOf(
  yaml: string,
  options: { files?: Files; source?: SchemaSource; topic?: string } = {}
): TopicContract {
  const contract = contractSet([policyOf(yaml, options.files)], options.source ?? null).forTopic(options.topic ?? 't')
  if (contract === null) throw new Error('the policy does not name the topic')
  return contract
}

export interface TestRecord {
  readonly key?: string | Buffer | null
  readonly value?: string | Buffer | null
  readonly headers?: readonly (readonly [string, string | Buffer | null])[]
  readonly timestampMs?: number
}

/** Records as the wire layer lays them out: one buffer, with bytes around them that belong to nobody. */
export function recordsOf(records: readonly TestRecord[]): RecordBytes & { headerWalks: number } {
  const parts: Buffer[] = [Buffer.from([0xff, 0xff])]
  let length = 2
  const place = (content: string | Buffer | null | undefined): { start: number; length: number } => {
    if (content === null || content === undefined) return { start: length, length: -1 }
    const bytes = Buffer.from(content)
    const start = length
    parts.push(bytes, Buffer.from([0xff]))
    length += bytes.length + 1
    return { start, length: bytes.length }
  }
  const places = records.map((record) => ({
    key: place(record.key),
    value: place(record.value),
    headers: (record.headers ?? []).map(([name, value]) => ({ name: place(name), value: place(value) }))
  }))
  const table = {
    headerWalks: 0,
    count: records.length,
    bytes: Buffer.concat(parts),
    keyLength: (index: number) => places[index]!.key.length,
    keyStart: (index: number) => places[index]!.key.start,
    valueLength: (index: number) => places[index]!.value.length,
    valueStart: (index: number) => places[index]!.value.start,
    headerCount: (index: number) => places[index]!.headers.length,
    forEachHeader(index: number, visit: Parameters<RecordBytes['forEachHeader']>[1]) {
      table.headerWalks++
      for (const { name, value } of places[index]!.headers) visit(name.start, name.length, value.start, value.length)
    },
    timestampMs: (index: number) => records[index]!.timestampMs ?? 1_767_225_600_000
  }
  return table
}

/** The part of a contract that judges, from a function that does it in one go. */
export function judgesAtOnce(
  judge: (records: RecordBytes, context: BatchContext) => Pick<BatchJudgement, 'records'>
): Pick<TopicContract, 'judge' | 'open'> {
  const all: TopicContract['judge'] = (records, context) => {
    return { recordCount: records.count, unlisted: 0, judgedToEnd: true, examined: 0, ...judge(records, context) }
  }
  return {
    judge: all,
    open: (records, context) => ({ advance: () => true, result: () => all(records, context) })
  }
}

export const anybody: Producer = { clientId: null, principal: null }

export function judgeAll(contract: TopicContract, records: readonly TestRecord[], producer = anybody): BatchJudgement {
  return contract.judge(recordsOf(records), { topic: 't', partition: 0, producer })
}

/** The judgement of a single record; null when it is clean. */
export function judgeOne(contract: TopicContract, record: TestRecord, producer = anybody): RecordJudgement | null {
  return judgeAll(contract, [record], producer).records[0] ?? null
}

/** `rule path` of each violation. */
export function violationsOf(contract: TopicContract, record: TestRecord, producer = anybody): string[] {
  return (judgeOne(contract, record, producer)?.violations ?? []).map(({ rule, path }) => `${rule} ${path}`.trim())
}

/** `rule cause` of each check that could not be decided. */
export function undecidedOf(contract: TopicContract, record: TestRecord, producer = anybody): string[] {
  return (judgeOne(contract, record, producer)?.undecided ?? []).map(({ rule, cause }) => `${rule} ${cause.kind}`)
}

/** The Confluent framing before a payload. */
export function framed(schemaId: number, payload: string | Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(schemaId, 1)
  return Buffer.concat([header, Buffer.from(payload)])
}

/** A registry in memory. Ids that it does not hold are refused, those in `pending` never come. */
export class FakeSource implements SchemaSource {
  readonly asked: number[] = []
  readonly queries: SchemaQuery[] = []
  readonly pending = new Map<number, number | null>()
  readonly #schemas: RegisteredSchema[] = []
  unreachable: string | null = null

  add(id: number, format: 'avro' | 'protobuf' | 'json', source: string, version = id): this {
    const loaded = loadSchema({ format, source, references: [], file: `schema ${id}` })
    if ('problem' in loaded) throw new Error(loaded.problem)
    const formatFor = (indexes: readonly number[]): ReturnType<RegisteredSchema['formatFor']> =>
      loaded.formatFor(indexes)
    this.#schemas.push({ id, subject: 't-value', version, formatFor })
    return this
  }

  lookup(query: SchemaQuery, schemaId: number): SchemaLookup {
    this.asked.push(schemaId)
    this.queries.push(query)
    const failingSinceMs = this.pending.get(schemaId)
    if (failingSinceMs !== undefined) {
      return { state: 'pending', failingSinceMs, reason: 'connection refused', changed: new Promise(() => undefined) }
    }
    const schema = this.#schemas.find((candidate) => candidate.id === schemaId)
    if (schema === undefined) return { state: 'refused', reason: `there is no schema ${schemaId}` }
    return { state: 'ready', schema }
  }

  admitted(): Promise<readonly RegisteredSchema[]> {
    return this.unreachable === null ? Promise.resolve(this.#schemas) : Promise.reject(new Error(this.unreachable))
  }
}

/**
 * The running proxy as an attacker finds it: a policy in mode reject for `guarded-*`, little memory, short patience.
 * And what has to be true after every attack.
 */
import { expect } from 'vitest'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { apiVersionsRequest } from '../../../protocol/messages/api-versions.ts'
import { metadataRequest } from '../../../protocol/messages/metadata.ts'
import { buildBatch } from '../../../protocol/records/batch.ts'
import type { Kontrakt } from '../kontrakt.ts'
import { RawClient } from './raw-client.ts'
import { codesOf, framed, header, produceFrame } from './requests.ts'
import { memoryCapBytes, sumOf, Watch } from './watch.ts'

/** As in `env`. */
export const inflatedBatchBytes = 8 * 1024 * 1024

export const policies = {
  'guarded.yaml': `apiVersion: kontrakt/v1
topics: "guarded-*"
mode: reject
value:
  format: json
  framing: none
  schema: { file: schemas/numbered.json }
`,
  'schemas/numbered.json': JSON.stringify({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'integer' } }
  })
}
export const env = {
  KONTRAKT_LIMITS_INFLATED_BATCH_BYTES: '8MiB',
  // What balloons or leaks is to end the process, as it would in a small container, and not to be swept up in time.
  NODE_OPTIONS: '--max-old-space-size=192',
  // A frame that dawdles is to be closed while the test waits.
  KONTRAKT_TIMINGS_BODY_RATE_WINDOW: '1s',
  KONTRAKT_LOG_LEVEL: 'error'
}

const timestamp = 1_700_000_000_000
export const goodValue = '{"n":1}'
export const batchOf = (...values: readonly string[]): Buffer =>
  buildBatch({ records: values.map((value) => ({ key: null, value: Buffer.from(value), timestamp })) })
export const good = batchOf(goodValue)
export const bad = batchOf('{}')

export const apiVersions = (correlationId = 1): Buffer =>
  framed(
    header(apiKeys.apiVersions, 3, correlationId),
    apiVersionsRequest.encode({ clientSoftwareName: 'hostile', clientSoftwareVersion: '1' }, 3)
  )
export const metadata = (...names: readonly string[]): Buffer =>
  framed(
    header(apiKeys.metadata, 9),
    metadataRequest.encode({ topics: names.map((name) => ({ name })), allowAutoTopicCreation: false }, 9)
  )
/** Before, a broker; behind, whatever is asked of the proxy; and a client that behaves, after every test. */
export class Stage {
  readonly kontrakt: Kontrakt
  readonly watch: Watch
  readonly port: number
  readonly guarded: string
  readonly #clients = new Set<RawClient>()
  /** Good records that the guarded topic was given. */
  produced = 0
  #before: State = { startedAt: 0, residentBytes: 0, log: '' }

  constructor(kontrakt: Kontrakt, guarded: string) {
    this.kontrakt = kontrakt
    this.watch = new Watch(kontrakt)
    this.port = kontrakt.brokerPort(1)
    this.guarded = guarded
  }

  async connect(): Promise<RawClient> {
    const client = await RawClient.connect(this.port)
    this.#clients.add(client)
    return client
  }

  /** What one client is answered that sends this and nothing else. */
  async answerTo(...bytes: readonly Buffer[]): Promise<Buffer | 'closed'> {
    const client = await this.connect()
    const answer = await client.ask(...bytes)
    client.vanish()
    return answer
  }

  async expectClosed(...bytes: readonly Buffer[]): Promise<void> {
    const client = await this.connect()
    void client.send(...bytes)
    await client.ended()
  }

  /** A client that behaves is served. */
  async expectServes(): Promise<void> {
    expect(codesOf(await this.answerTo(produceFrame({ [this.guarded]: good })))).toEqual([0])
    this.produced += 1
  }

  /** Before the first test: what is to stay as it is. */
  async begin(): Promise<void> {
    await this.expectServes()
    this.#before = await this.#state()
  }

  /**
   * Whatever the test did: all clients but good ones go, and nothing of them is left. What one test broke is not held
   * against the next.
   */
  async expectUnharmed(): Promise<void> {
    for (const client of this.#clients) client.vanish()
    this.#clients.clear()
    const before = this.#before
    await this.watch.untilServing()
    await this.expectServes()
    await this.watch.untilQuiet()
    const now = (this.#before = await this.#state())
    expect(now.log.slice(before.log.length)).toBe('')
    expect(now.startedAt, 'the process that answers is another one').toBe(before.startedAt)
    expect(now.residentBytes).toBeLessThan(Math.max(memoryCapBytes, 1.1 * before.residentBytes))
  }

  async #state(): Promise<State> {
    const text = await this.kontrakt.metrics()
    return {
      startedAt: sumOf(text, 'process_start_time_seconds'),
      residentBytes: sumOf(text, 'process_resident_memory_bytes'),
      log: this.kontrakt.log()
    }
  }
}

interface State {
  readonly startedAt: number
  readonly residentBytes: number
  readonly log: string
}

/**
 * The metrics of one process: one small method per thing that happens, so that nobody else touches the library, the
 * label names or their bounds. See `catalogue.ts` for what each means.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import { apiByKey } from '../../protocol/messages/api-table.ts'
import { errorByCode } from '../../protocol/errors.ts'
import { LabelBounder, SeriesBounder } from './bounder.ts'
import type { MetricDeclaration, MetricKey } from './catalogue.ts'
import { catalogue } from './catalogue.ts'
import { EventLoopLag } from './event-loop-lag.ts'
import { toOpenMetrics } from './open-metrics.ts'

export interface MetricsOptions {
  /** Of this program, for `kontrakt_build_info`. */
  readonly version: string
  /** Distinct topics in labels (`limits.metricTopics`). */
  readonly maxTopics: number
  /** CPU, memory, garbage collection of the process. Off in tests. */
  readonly processMetrics?: boolean
}

/** Distinct rules, policies and brokers in labels: an operator writes them, so a few hundred are many. */
const maxOperatorValues = 500

/** Series of one metric. A scrape of all of them stays a few MiB. */
const maxSeriesPerMetric = 5000

export type RecordVerdict = 'accept' | 'observe' | 'mark' | 'quarantine' | 'reject' | 'refused-with-batch'

export type RegistryOutcome = 'hit' | 'fetched' | 'not-found' | 'failed' | 'limited'

export interface Scrape {
  readonly contentType: string
  readonly body: string
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #bounders: ReadonlyMap<string, LabelBounder>
  readonly #counters = new Map<MetricKey, SeriesBounder<{ inc(by: number): void }>>()
  readonly #gauges = new Map<MetricKey, SeriesBounder<{ set(value: number): void }>>()
  readonly #plainGauges = new Map<MetricKey, Gauge>()
  readonly #judging: Histogram
  readonly #lag = new EventLoopLag()
  /** What to do before a gauge is read. */
  readonly #scraped = new Map<MetricKey, () => void>()
  #activeConnections = 0

  constructor(options: MetricsOptions) {
    const topics = new LabelBounder(options.maxTopics)
    this.#bounders = new Map([
      ['topic', topics],
      ['rule', new LabelBounder(maxOperatorValues)],
      ['policy', new LabelBounder(maxOperatorValues)],
      ['version', new LabelBounder(maxOperatorValues)],
      ['broker', new LabelBounder(maxOperatorValues)]
    ])
    for (const [key, declaration] of Object.entries(catalogue) as [MetricKey, MetricDeclaration][])
      this.#declare(key, declaration)
    this.#judging = histogram(this.#registry, catalogue.judgingDuration)
    this.#gauge('buildInfo', [options.version, process.versions.node], 1)
    this.#onScrape('eventLoopLag', () => {
      for (const [quantile, seconds] of this.#lag.take()) this.#gauge('eventLoopLag', [quantile], seconds)
    })
    if (options.processMetrics !== false) collectDefaultMetrics({ register: this.#registry })
  }

  /** One judged batch. `seconds`: time spent opening and judging it, without waiting. */
  batchJudged(topic: string, seconds: number, examined: number): void {
    this.#count('batchesJudged', [topic], 1)
    if (examined > 0) this.#count('recordsExamined', [topic], examined)
    this.#judging.observe(seconds)
  }

  recordsJudged(topic: string, verdict: RecordVerdict, records: number): void {
    this.#count('records', [topic, verdict], records)
  }

  /** `records` records broke this check. */
  violation(topic: string, rule: string, mode: string, records = 1): void {
    this.#count('violations', [topic, rule, mode], records)
  }

  undecidable(topic: string, rule: string, cause: string, records = 1): void {
    this.#count('undecidable', [topic, rule, cause], records)
  }

  /** `errorCode`: Kafka's, shown by its name. */
  partitionRefused(topic: string, errorCode: number, cause: string): void {
    this.#count('partitionsRefused', [topic, errorByCode(errorCode)?.name ?? String(errorCode), cause], 1)
  }

  gateClosed(topic: string): void {
    this.#count('gateClosings', [topic], 1)
  }

  chainMoved(topic: string): void {
    this.#count('chainsMoved', [topic], 1)
  }

  ledgerFailed(): void {
    this.#count('ledgerFailures', [], 1)
  }

  acksZeroDropped(topic: string, records: number): void {
    this.#count('acksZeroDropped', [topic], records)
  }

  request(apiKey: number, bytes: number): void {
    const api = [apiByKey(apiKey)?.name ?? 'unknown']
    this.#count('requests', api, 1)
    this.#count('requestBytes', api, bytes)
  }

  response(apiKey: number, bytes: number): void {
    const api = [apiByKey(apiKey)?.name ?? 'unknown']
    this.#count('responses', api, 1)
    this.#count('responseBytes', api, bytes)
  }

  connectionOpened(): void {
    this.#count('clientConnections', [], 1)
    this.#activeConnections += 1
    this.#gauge('clientConnectionsActive', [], this.#activeConnections)
  }

  /** Exactly once for each connection that was opened. */
  connectionClosed(cause: string): void {
    this.#count('clientConnectionsClosed', [cause], 1)
    this.#activeConnections -= 1
    this.#gauge('clientConnectionsActive', [], this.#activeConnections)
  }

  /** `broker`: `host:port`. */
  upstreamConnectFailed(broker: string): void {
    this.#count('upstreamConnectErrors', [broker], 1)
  }

  budgetWaited(direction: 'request' | 'response'): void {
    this.#count('budgetWaits', [direction], 1)
  }

  /** `read` is called at each scrape. */
  inflightBytesFrom(read: () => number): void {
    this.#onScrape('inflightBytes', () => this.#gauge('inflightBytes', [], read()))
  }

  ledgerChainsFrom(read: () => { readonly owned: number; readonly known: number }): void {
    this.#onScrape('ledgerChains', () => {
      const { owned, known } = read()
      this.#gauge('ledgerChains', ['owned'], owned)
      this.#gauge('ledgerChains', ['known'], known)
    })
  }

  /**
   * After each load of the folder, the first included. `policies`: those in force now; `failing`: files that did not
   * load.
   */
  policiesLoaded(
    policies: readonly { readonly name: string; readonly version: string }[],
    failing: number,
    nowMs: number
  ): void {
    const outcome = failing === 0 ? 'success' : 'failure'
    this.#count('policyReloads', [outcome], 1)
    this.#gauge('policyLastReload', [outcome], nowMs / 1000)
    this.#gauge('policiesFailing', [], failing)
    // Versions come and go without end: each load starts anew, within the same bound.
    this.#plainGauges.get('policyInfo')!.reset()
    this.#gauges.set(
      'policyInfo',
      this.#series(catalogue.policyInfo, this.#plainGauges.get('policyInfo')!, freshBounders())
    )
    for (const { name, version } of policies) this.#gauge('policyInfo', [name, version], 1)
  }

  registryLookup(outcome: RegistryOutcome): void {
    this.#count('registryLookups', [outcome], 1)
  }

  /** `read` gives the age of the oldest schema that could not be refreshed, in seconds; 0 when there is none. */
  schemaStalenessFrom(read: () => number): void {
    this.#onScrape('schemaStaleness', () => this.#gauge('schemaStaleness', [], read()))
  }

  brokers(known: number, withoutPort: number): void {
    this.#gauge('brokersKnown', [], known)
    this.#gauge('brokersWithoutPort', [], withoutPort)
  }

  /** All metrics as text: Prometheus' format, or OpenMetrics when `accept` (the HTTP header) prefers it. */
  async scrape(accept: string | undefined): Promise<Scrape> {
    const text = await this.#registry.metrics()
    if (accept?.includes('application/openmetrics-text') !== true)
      return { contentType: this.#registry.contentType, body: text }
    return { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: toOpenMetrics(text) }
  }

  /** Ends what measures in the background. */
  close(): void {
    this.#lag.close()
    this.#registry.clear()
  }

  #declare(key: MetricKey, declaration: MetricDeclaration): void {
    const { name, help, labels } = declaration
    const shared = { name, help, labelNames: [...labels], registers: [this.#registry] }
    if (declaration.type === 'counter') {
      const counter = new Counter(shared)
      this.#counters.set(key, this.#series(declaration, counter, this.#bounders))
      // Without labels there is one series, and it is 0 from the start rather than absent.
      if (labels.length === 0) this.#count(key, [], 0)
    } else if (declaration.type === 'gauge') {
      const scraped = this.#scraped
      const gauge = new Gauge({
        ...shared,
        collect() {
          scraped.get(key)?.()
        }
      })
      this.#plainGauges.set(key, gauge)
      this.#gauges.set(key, this.#series(declaration, gauge, this.#bounders))
    }
  }

  #onScrape(key: MetricKey, run: () => void): void {
    this.#scraped.set(key, run)
  }

  #series<Child>(
    declaration: MetricDeclaration,
    metric: { labels(...values: string[]): Child },
    bounders: ReadonlyMap<string, LabelBounder>
  ): SeriesBounder<Child> {
    const perLabel = declaration.labels.map((label) => bounders.get(label) ?? null)
    return new SeriesBounder(perLabel, maxSeriesPerMetric, (values) => metric.labels(...values))
  }

  #count(key: MetricKey, labels: readonly string[], by: number): void {
    this.#counters.get(key)!.child(labels).inc(by)
  }

  #gauge(key: MetricKey, labels: readonly string[], value: number): void {
    this.#gauges.get(key)!.child(labels).set(value)
  }
}

function freshBounders(): ReadonlyMap<string, LabelBounder> {
  return new Map([
    ['policy', new LabelBounder(maxOperatorValues)],
    ['version', new LabelBounder(maxOperatorValues)]
  ])
}

function histogram(registry: Registry, declaration: MetricDeclaration): Histogram {
  const { name, help, labels, buckets = [] } = declaration
  return new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })
}

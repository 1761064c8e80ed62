import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LabelBounder, SeriesBounder, otherValue } from '../../../src/observability/bounder.ts'
import type { MetricDeclaration } from '../../../src/observability/catalogue.ts'
import { catalogue } from '../../../src/observability/catalogue.ts'
import { Metrics } from '../../../src/observability/metrics.ts'
import { logFieldsReference, metricsReference } from '../../../src/observability/reference.ts'

const declarations = Object.values(catalogue) as MetricDeclaration[]
let metrics: Metrics

beforeEach(() => {
  metrics = new Metrics({ version: '1.2.3', maxTopics: 3, processMetrics: false })
})

afterEach(() => metrics.close())

async function lines(accept?: string): Promise<readonly string[]> {
  return (await metrics.scrape(accept)).body.split('\n')
}

/** The samples of one metric: labels and value. */
async function samples(name: string): Promise<readonly string[]> {
  return (await lines())
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length))
}

function touchEverything(topic: string): void {
  metrics.batchJudged(topic, 0.001, 3)
  metrics.recordsJudged(topic, 'reject', 2)
  metrics.violation(topic, 'amount-positive', 'reject')
  metrics.undecidable(topic, 'schema', 'schema-unavailable')
  metrics.partitionRefused(topic, 87, 'contract')
  metrics.gateClosed(topic)
  metrics.acksZeroDropped(topic, 5)
  metrics.request(0, 100)
  metrics.response(0, 50)
  metrics.connectionOpened()
  metrics.connectionClosed('client-closed')
  metrics.upstreamConnectFailed('kafka-1:9092')
  metrics.budgetWaited('request')
  metrics.inflightBytesFrom(() => 42)
  metrics.ledgerChainsFrom(() => ({ owned: 1, known: 2 }))
  metrics.chainMoved('orders')
  metrics.ledgerFailed()
  metrics.policiesLoaded([{ name: 'orders', version: '3f2a91c04b7e' }], 0, 1_000)
  metrics.registryLookup('hit')
  metrics.schemaStalenessFrom(() => 7)
  metrics.brokers(3, 1)
}

describe('the catalogue', () => {
  it('names every metric with our prefix and its base unit', () => {
    for (const { name, type } of declarations) {
      expect(name).toMatch(/^kontrakt_[a-z][a-z_]*$/)
      if (type === 'counter') expect(name).toMatch(/_total$/)
      else expect(name).not.toMatch(/_total$/)
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/)
      expect(name).not.toMatch(/_(ms|millis|kb|mb)(_|$)/)
    }
    expect(new Set(declarations.map((d) => d.name)).size).toBe(declarations.length)
  })

  it('is what a scrape shows, neither less nor more', async () => {
    touchEverything('orders')
    const shown = (await lines())
      .filter((line) => line.startsWith('# TYPE '))
      .map((line) => line.split(' ').slice(2).join(' '))
    expect(new Set(shown)).toEqual(new Set(declarations.map((d) => `${d.name} ${d.type}`)))
    for (const { name, type } of declarations) {
      expect(await samples(type === 'histogram' ? `${name}_count` : name), name).not.toEqual([])
    }
  })

  it('is what the documentation lists', () => {
    const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    expect(page).toContain(metricsReference())
    expect(page).toContain(logFieldsReference())
  })
})

describe('methods', () => {
  it('count under their labels', async () => {
    metrics.recordsJudged('orders', 'accept', 9)
    metrics.recordsJudged('orders', 'accept', 1)
    metrics.violation('orders', 'schema', 'observe', 3)
    metrics.partitionRefused('orders', 87, 'contract')
    metrics.partitionRefused('orders', 12345, 'contract')
    expect(await samples('kontrakt_records_total')).toEqual(['{topic="orders",verdict="accept"} 10'])
    expect(await samples('kontrakt_violations_total')).toEqual(['{topic="orders",rule="schema",mode="observe"} 3'])
    expect(await samples('kontrakt_partitions_refused_total')).toEqual([
      '{topic="orders",error="INVALID_RECORD",cause="contract"} 1',
      '{topic="orders",error="12345",cause="contract"} 1'
    ])
  })

  it('name APIs as Kafka does, and any other key unknown', async () => {
    metrics.request(0, 10)
    metrics.request(31_000, 10)
    metrics.request(-1, 10)
    expect(await samples('kontrakt_requests_total')).toEqual(['{api="Produce"} 1', '{api="unknown"} 2'])
    expect(await samples('kontrakt_request_bytes_total')).toEqual(['{api="Produce"} 10', '{api="unknown"} 20'])
  })

  it('keep active = opened − closed, whatever the order of causes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(fc.constantFrom('client-closed', 'slow-body', 'drained'))), async (steps) => {
        const own = new Metrics({ version: '1', maxTopics: 1, processMetrics: false })
        let open = 0
        for (const cause of steps) {
          if (cause === null) own.connectionOpened()
          else if (open > 0) own.connectionClosed(cause)
          open = Math.max(0, open + (cause === null ? 1 : -1))
        }
        const { body } = await own.scrape(undefined)
        own.close()
        const sum = (name: string): number =>
          [...body.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))].reduce(
            (total, match) => total + Number(match[1]),
            0
          )
        const prefix = 'kontrakt_client_connections'
        expect(sum(`${prefix}_active`)).toBe(sum(`${prefix}_total`) - sum(`${prefix}_closed_total`))
        expect(sum(`${prefix}_active`)).toBe(open)
      }),
      { numRuns: 20 }
    )
  })

  it('read gauges when scraped', async () => {
    let bytes = 1
    metrics.inflightBytesFrom(() => bytes)
    expect(await samples('kontrakt_inflight_bytes')).toEqual([' 1'])
    bytes = 2
    expect(await samples('kontrakt_inflight_bytes')).toEqual([' 2'])
  })

  it('show only the policies in force, however many versions there were', async () => {
    for (let version = 0; version < 2000; version++)
      metrics.policiesLoaded([{ name: 'orders', version: `v${version}` }], 0, 5_000)
    expect(await samples('kontrakt_policy_info')).toEqual(['{policy="orders",version="v1999"} 1'])
    metrics.policiesLoaded([{ name: 'orders', version: 'v1999' }], 2, 9_000)
    expect(await samples('kontrakt_policy_reloads_total')).toEqual([
      '{outcome="success"} 2000',
      '{outcome="failure"} 1'
    ])
    expect(await samples('kontrakt_policy_last_reload_timestamp_seconds')).toEqual([
      '{outcome="success"} 5',
      '{outcome="failure"} 9'
    ])
    expect(await samples('kontrakt_policies_failing')).toEqual([' 2'])
  })

  it('show build and event loop', async () => {
    expect(await samples('kontrakt_build_info')).toEqual([`{version="1.2.3",node="${process.versions.node}"} 1`])
    const lag = await samples('kontrakt_event_loop_lag_seconds')
    expect(lag.map((sample) => sample.slice(0, sample.indexOf(' ')))).toEqual([
      '{quantile="0.5"}',
      '{quantile="0.99"}',
      '{quantile="1"}'
    ])
    for (const sample of lag) expect(Number(sample.split(' ')[1])).toBeGreaterThanOrEqual(0)
  })
})

describe('cardinality', () => {
  it('keeps the first topics and counts the rest under other, in every metric alike', async () => {
    for (let index = 0; index < 1000; index++) {
      metrics.recordsJudged(`topic-${index}`, 'accept', 1)
      metrics.gateClosed(`topic-${index}`)
    }
    expect(await samples('kontrakt_records_total')).toEqual([
      '{topic="topic-0",verdict="accept"} 1',
      '{topic="topic-1",verdict="accept"} 1',
      '{topic="topic-2",verdict="accept"} 1',
      '{topic="other",verdict="accept"} 997'
    ])
    expect(await samples('kontrakt_gate_closings_total')).toHaveLength(4)
  })

  it('keeps topics × rules within the series of one metric', async () => {
    const wide = new Metrics({ version: '1', maxTopics: 500, processMetrics: false })
    for (let topic = 0; topic < 200; topic++) {
      for (let rule = 0; rule < 200; rule++) wide.violation(`t${topic}`, `r${rule}`, 'reject')
    }
    const { body } = await wide.scrape(undefined)
    wide.close()
    const found = [...body.matchAll(/^kontrakt_violations_total\{.*\} (\d+)$/gm)]
    expect(found.length).toBeLessThanOrEqual(5001)
    expect(found.reduce((sum, match) => sum + Number(match[1]), 0)).toBe(40_000)
    expect(body).toContain('kontrakt_violations_total{topic="other",rule="other",mode="reject"}')
  })

  it('bounds one label by count and by length', () => {
    const bounder = new LabelBounder(2)
    expect([
      bounder.bound('a'),
      bounder.bound('x'.repeat(250)),
      bounder.bound('b'),
      bounder.bound('c'),
      bounder.bound('a')
    ]).toEqual(['a', otherValue, 'b', otherValue, 'a'])
    expect(bounder.size).toBe(2)
  })

  it('never makes more than twice the series plus one, whatever values come', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 200 }), (values) => {
        const made: (readonly string[])[] = []
        const series = new SeriesBounder([new LabelBounder(5), null], 10, (labels) => made.push(labels))
        for (const value of values) series.child(value)
        expect(made.length).toBe(series.size)
        expect(series.size).toBeLessThanOrEqual(21)
        expect(new Set(made.map((labels) => JSON.stringify(labels))).size).toBe(made.length)
      })
    )
  })

  it('a topic cannot break the format of a scrape', async () => {
    metrics.gateClosed('a"} 1\nkontrakt_build_info{version="evil')
    const shown = (await lines()).filter((line) => line.includes('evil'))
    expect(shown).toEqual(['kontrakt_gate_closings_total{topic="a\\"} 1\\nkontrakt_build_info{version=\\"evil"} 1'])
  })
})

describe('formats', () => {
  it('is Prometheus text unless OpenMetrics is asked for', async () => {
    expect((await metrics.scrape(undefined)).contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect((await metrics.scrape('text/html, */*')).contentType).toContain('version=0.0.4')
    const open = await metrics.scrape('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
    expect(open.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  })

  it('OpenMetrics has families without _total, samples with it, no empty lines and an end', async () => {
    touchEverything('orders')
    const { body } = await metrics.scrape('application/openmetrics-text')
    expect(body).toContain('# TYPE kontrakt_records counter\n')
    expect(body).toContain('# HELP kontrakt_records Records judged')
    expect(body).toContain('kontrakt_records_total{topic="orders",verdict="reject"} 2\n')
    expect(body).toContain('cause=\\"neighbour\\"')
    expect(body).not.toMatch(/\n\n/)
    expect(body.endsWith('\n# EOF\n')).toBe(true)
  })

  it('scraping one format leaves the other as it was', async () => {
    touchEverything('orders')
    const before = (await lines()).filter((line) => line.startsWith('# TYPE'))
    await metrics.scrape('application/openmetrics-text')
    expect((await lines()).filter((line) => line.startsWith('# TYPE'))).toEqual(before)
  })

  it('has the usual metrics of the process when they are wanted', async () => {
    const full = new Metrics({ version: '1', maxTopics: 1 })
    const { body } = await full.scrape(undefined)
    full.close()
    expect(body).toContain('process_resident_memory_bytes')
    expect(body).toContain('process_cpu_seconds_total')
  })
})

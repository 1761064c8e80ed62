/**
 * A run of faults on a real cluster of three nodes. Every producer sends numbered records through two instances of
 * kontrakt, of which one gets `kill -9` every few seconds while clients move to the other; brokers get it now and then. Those
 * without Kafka's promise send the same direct as well, through a forwarder whose connections are cut at the same
 * moments. At the end everything is read back and counted.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientDriver, ClientName, RecordResult, TestProducer } from '../clients/driver.ts'
import { openDriver } from '../clients/index.ts'
import { startCluster } from '../cluster/start.ts'
import type { TestCluster } from '../cluster/types.ts'
import { startKontrakt, type Kontrakt } from '../kontrakt.ts'
import { messageOf } from '../message-of.ts'
import { startForwarder, type Forwarder } from './forwarder.ts'
import { isBad, numbered, numberedPolicy, partitions } from './numbered.ts'
import { patientMs, type ProducerSpec } from './producers.ts'
import { quarantinedNumber, readAll, storedNumber } from './read-back.ts'
import { drawSchedule, randomFrom, type Fault } from './schedule.ts'
import { tally, type Tally, type Told } from './tally.ts'

export interface RunOptions {
  readonly seed: number
  /** For how long is sent; starting and reading back come on top. */
  readonly durationMs: number
  readonly producers: readonly ProducerSpec[]
  /** Default: both. */
  readonly ways?: readonly Way[]
  readonly log: (line: string) => void
}

export type Way = 'kontrakt' | 'direct'

export interface ProducerReport {
  readonly spec: ProducerSpec
  readonly way: Way
  readonly tally: Tally
  /** Errors as the client names them, by how many records got each. */
  readonly errors: Readonly<Record<string, number>>
  /** The longest that one `send` of some dozen records took. */
  readonly longestSendMs: number
}

export interface RunReport {
  readonly seed: number
  readonly durationMs: number
  readonly proxyKills: number
  readonly brokerKills: number
  /** How often a producer was found at the other instance than before. */
  readonly moves: number
  readonly producers: readonly ProducerReport[]
  /** What the logs say of processes that died by themselves. */
  readonly deaths: readonly string[]
  /** Ends of the instances' logs. */
  readonly logs: readonly string[]
}

const nodes = 3
const instances = 2
/** What a client needs to reach the other instance, at most: as long direct connections are refused. */
const cutMs = 300
/**
 * Records in one `send`, three batches for each partition, and the pause after it. Two cores run all of it: what saturates
 * them only measures time-outs.
 */
const chunkLength = 45
const pauseMs = { least: 100, most: 300 }
/** Of an instance's log, in a report. */
const keptLog = 8_000

export async function runFaults(options: RunOptions): Promise<RunReport> {
  const { seed, durationMs, log } = options
  const closing: (() => Promise<unknown>)[] = []
  try {
    const stage = await setUp(options, (close) => closing.push(close))
    log(`cluster, ${stage.proxies.length} instances and ${stage.lanes.length} producers are there; seed ${seed}`)
    const faults = drawSchedule({ seed, durationMs, instances, nodes })
    const until = Date.now() + durationMs
    const sending = stage.lanes.map((lane, index) => sendUntil(until, lane, stage, randomFrom(seed * 1_000 + index)))
    const [sent, watch] = await Promise.all([allOf(sending, stage, durationMs), cause(faults, stage, log)])
    log('all is sent; reading back')
    const reports: ProducerReport[] = []
    for (const [index, lane] of stage.lanes.entries()) reports.push(await reportOn(lane, sent[index]!, stage))
    return {
      seed,
      durationMs,
      proxyKills: faults.filter(({ kind }) => kind === 'proxy').length,
      brokerKills: faults.filter(({ kind }) => kind === 'broker').length,
      moves: watch.moves,
      deaths: [...watch.deaths],
      producers: reports,
      logs: stage.proxies.map((instance) => endOfLog(instance.log()))
    }
  } finally {
    for (const close of closing.toReversed()) await close().catch((error: unknown) => log(messageOf(error)))
  }
}

/** Without the lines of single records, of which there are thousands. */
function endOfLog(log: string): string {
  const lines = log.split('\n').filter((line) => !line.includes('"msg":"record quarantined"'))
  return lines.join('\n').slice(-keptLog)
}

interface Stage {
  readonly forwarder: Forwarder
  readonly cluster: TestCluster
  /** Empty when all goes direct. */
  readonly proxies: readonly Kontrakt[]
  readonly lanes: readonly Lane[]
  driver(name: ClientName): ClientDriver
}

const readingClient: ClientName = 'java'

/** `later` takes what ends each part; what was started before something failed is ended, too. */
async function setUp(options: RunOptions, later: (close: () => Promise<unknown>) => void): Promise<Stage> {
  const forwarder = await startForwarder(nodes)
  later(() => forwarder.close())
  const cluster = await startCluster({ version: '4.3.1', nodes, detours: forwarder.detours }, 'java')
  later(() => cluster.close())
  const drivers = new Map<ClientName, ClientDriver>()
  for (const name of new Set<ClientName>([readingClient, ...options.producers.map(({ client }) => client)])) {
    const driver = await openDriver(name)
    later(() => driver.close())
    drivers.set(name, driver)
  }
  const lanes = lanesOf(options)
  await createTopics(drivers.get(readingClient)!, cluster, lanes)
  const policies = { 'numbered.yaml': numberedPolicy(`${topicPrefix.kontrakt}-*`) }
  const proxies: Kontrakt[] = []
  while (proxies.length < instances && lanes.some(({ way }) => way === 'kontrakt')) {
    const instance = await startKontrakt({ upstream: cluster.bootstrap, policies })
    later(() => instance.kill())
    proxies.push(instance)
  }
  return { forwarder, cluster, proxies, lanes, driver: (name) => drivers.get(name)! }
}

/** One producer, one way, one topic of its own. */
interface Lane {
  readonly spec: ProducerSpec
  readonly way: Way
  readonly topic: string
}

const bothWays: readonly Way[] = ['kontrakt', 'direct']
const topicPrefix: Record<Way, string> = { kontrakt: 'guarded', direct: 'direct' }

/** What Kafka promises to the first kind of producer need not be shown direct as well: it is no excuse. */
function lanesOf({ producers, ways = bothWays }: RunOptions): Lane[] {
  const goes = (spec: ProducerSpec, way: Way): boolean =>
    ways.length < 2 || way === 'kontrakt' || spec.promise === 'as-direct'
  return producers.flatMap((spec) =>
    ways.filter((way) => goes(spec, way)).map((way) => ({ spec, way, topic: `${topicPrefix[way]}-${spec.name}` }))
  )
}

async function createTopics(driver: ClientDriver, cluster: TestCluster, lanes: readonly Lane[]): Promise<void> {
  const ids = Array.from({ length: nodes }, (_, index) => index + 1)
  // Each partition is led by another node, so that every broker's death concerns every producer.
  const replicas = Array.from({ length: partitions }, (_, first) => ids.map((_, at) => ids[(first + at) % nodes]!))
  const admin = await driver.admin(cluster.bootstrap)
  await admin.createTopics(
    lanes.map(({ topic }) => ({ name: topic, replicas, config: { 'min.insync.replicas': '2' } }))
  )
  await admin.close()
}

interface Sent {
  readonly told: Map<number, Told>
  readonly errors: Record<string, number>
  readonly longestSendMs: number
}

async function sendUntil(until: number, lane: Lane, stage: Stage, random: () => number): Promise<Sent> {
  const { spec, topic, way } = lane
  const direct = stage.forwarder.detours.map(({ advertised }) => advertised)
  const bootstrap = way === 'direct' ? direct : stage.proxies.map((instance) => instance.bootstrap)
  // Half of them start at each instance.
  if (random() < 0.5) bootstrap.reverse()
  const producer = await stage.driver(spec.client).producer(bootstrap, {
    acks: 'all',
    clientId: spec.name,
    ...spec.options
  })
  const told = new Map<number, Told>()
  const errors: Record<string, number> = {}
  let longestSendMs = 0
  for (let next = 0; Date.now() < until; next += chunkLength) {
    const numbers = Array.from({ length: chunkLength }, (_, index) => next + index)
    const startedMs = Date.now()
    const results = await sendOrFail(producer, topic, numbers)
    longestSendMs = Math.max(longestSendMs, Date.now() - startedMs)
    for (const [index, n] of numbers.entries()) {
      const result = results[index]!
      told.set(n, 'error' in result ? 'failed' : 'accepted')
      if ('error' in result) errors[result.error.name] = (errors[result.error.name] ?? 0) + 1
    }
    await sleep(pauseMs.least + random() * (pauseMs.most - pauseMs.least))
  }
  await producer.close()
  return { told, errors, longestSendMs }
}

/** A client that fails as a whole fails each record. */
async function sendOrFail(
  producer: TestProducer,
  topic: string,
  numbers: readonly number[]
): Promise<readonly RecordResult[]> {
  try {
    return await producer.send(numbers.map((n) => numbered(topic, n)))
  } catch (error) {
    const failure = { code: null, name: messageOf(error), message: '' }
    return numbers.map(() => ({ error: failure }))
  }
}

/** A producer that never comes to an end is named, instead of a test that runs out of time. */
async function allOf(
  sending: readonly Promise<Sent>[],
  { lanes, proxies }: Stage,
  durationMs: number
): Promise<Sent[]> {
  const open = new Set(lanes)
  for (const [index, one] of sending.entries())
    void one.finally(() => open.delete(lanes[index]!)).catch(() => undefined)
  const late = new AbortController()
  const stuck = sleep(durationMs + 2 * patientMs, undefined, { signal: late.signal }).then(() => {
    const topics = [...open].map(({ topic }) => topic).join(', ')
    throw new Error([`still sending: ${topics}`, ...proxies.map((instance) => endOfLog(instance.log()))].join('\n'))
  })
  try {
    return await Promise.race([Promise.all(sending), stuck])
  } finally {
    late.abort()
    stuck.catch(() => undefined)
  }
}

async function reportOn({ spec, way, topic }: Lane, { told, ...sent }: Sent, stage: Stage): Promise<ProducerReport> {
  const reader = stage.driver(readingClient)
  const bad = way === 'kontrakt' ? isBad : (): boolean => false
  const stored = await readAll(reader, stage.cluster, topic)
  const quarantined = way === 'kontrakt' ? await readAll(reader, stage.cluster, `${topic}.quarantine`) : []
  const outcome = { stored: stored.map(storedNumber(bad)), quarantined: quarantined.map(quarantinedNumber()) }
  return { spec, way, tally: tally({ told, isBad: bad, ...outcome }), ...sent }
}

/** Resolves when all that was broken is there again, with what was seen meanwhile. */
async function cause(
  faults: readonly Fault[],
  { proxies, cluster, forwarder }: Stage,
  log: (line: string) => void
): Promise<Watch> {
  const started = Date.now()
  const wait = (atMs: number): Promise<void> => sleep(Math.max(0, started + atMs - Date.now()))
  const tell = (what: string): void => log(`${((Date.now() - started) / 1_000).toFixed(1)} s: kill -9 of ${what}`)
  const watch = new Watch()
  const ofProxies = async (): Promise<void> => {
    for (const fault of faults) {
      if (fault.kind !== 'proxy') continue
      await wait(fault.atMs)
      await watch.look(proxies)
      tell(`instance ${fault.instance}`)
      await Promise.all([proxies[fault.instance]?.restart('SIGKILL'), forwarder.cut(cutMs)])
    }
  }
  const ofBrokers = async (): Promise<void> => {
    for (const fault of faults) {
      if (fault.kind !== 'broker') continue
      await wait(fault.atMs)
      const node = cluster.nodes[fault.node]!
      tell(`broker ${node.id}`)
      await node.kill()
      await sleep(fault.downMs)
      await node.start()
    }
  }
  await Promise.all([ofProxies(), ofBrokers()])
  await watch.look(proxies)
  return watch
}

/** Looks at the instances from time to time: where each producer is connected to brokers, and whether they are well. */
class Watch {
  moves = 0
  /** Lines of logs that say that a process died by itself. */
  readonly deaths = new Set<string>()
  readonly #home = new Map<string, number>()

  async look(proxies: readonly Kontrakt[]): Promise<void> {
    const here = new Map<string, number[]>()
    for (const [index, instance] of proxies.entries()) {
      for (const line of instance.log().split('\n')) if (deathNotice.test(line)) this.deaths.add(line)
      for (const name of await clientsOf(instance)) here.set(name, [...(here.get(name) ?? []), index])
    }
    for (const [name, at] of here) {
      const before = this.#home.get(name)
      const [only, ...more] = at
      // On its way it is at both.
      if (only === undefined || more.length > 0) continue
      if (before !== undefined && before !== only) this.moves += 1
      this.#home.set(name, only)
    }
  }
}

const deathNotice = /"level":"fatal"|"msg":"role died/

/** None when it does not answer: its log says why. */
async function clientsOf(instance: Kontrakt): Promise<ReadonlySet<string>> {
  interface Page {
    readonly items: readonly { readonly clientId: string | null; readonly nodeId: number | null }[]
  }
  const page = await instance.get('/api/v1/connections?limit=1000').catch(() => ({ items: [] }))
  const { items } = page as Page
  return new Set(items.flatMap(({ clientId, nodeId }) => (clientId === null || nodeId === null ? [] : [clientId])))
}

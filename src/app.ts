/**
 * The only place that constructs things. Read top to bottom it is the order in which an instance starts; its drain is the
 * same list backwards.
 */
import { formatAddress } from './address.ts'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startAdminServer } from './admin/server.ts'
import type { AdminServer } from './admin/server.ts'
import { PolicyFolder, PolicyStartError } from './config/policy-folder.ts'
import type { FolderReport } from './config/policy-folder.ts'
import { brokerPort } from './config/settings.ts'
import type { Settings } from './config/settings.ts'
import { formatDiagnostic } from './contracts/diagnostic.ts'
import { Enforcer } from './enforcement/enforcer.ts'
import { ledgerEvents } from './instance/ledger-report.ts'
import { LiveView, listeningAddresses } from './instance/live-view.ts'
import { ProduceReport } from './instance/produce-report.ts'
import { ProxyLog } from './instance/proxy-log.ts'
import { QuarantineAtHand } from './instance/quarantine-at-hand.ts'
import { registryEvents } from './instance/registry-report.ts'
import { systemClock } from './clock.ts'
import { KafkaClient } from './kafka/client.ts'
import { ClusterWatch } from './kafka/cluster-watch.ts'
import { Activity } from './observability/activity.ts'
import { LogLimiter } from './observability/log-limiter.ts'
import { createLogger, errorFields } from './observability/logger.ts'
import type { Logger } from './observability/logger.ts'
import { Metrics } from './observability/metrics.ts'
import { RefusalJournal } from './observability/refusal-journal.ts'
import { Proxy } from './proxy/proxy.ts'
import { QuarantineDesk } from './quarantine/desk.ts'
import { EnforcedQuarantine } from './quarantine/enforced-quarantine.ts'
import { requestTimeoutMs, transactionalWriters } from './quarantine/redrive-writer.ts'
import { ensureStateTopic } from './quarantine/state-topic.ts'
import { SchemaStore } from './registry/schema-store.ts'
import { RegistrySchemaSource } from './registry/source.ts'
import { StartError } from './supervisor/start-error.ts'
import { hasTerminalColour } from './supervisor/terminal.ts'
import { version } from './version.ts'

export interface RunningProxy {
  /** `host:port` of everything that listens. */
  readonly addresses: readonly string[]
  /** The first listener, as clients are to use it. */
  readonly bootstrap: string
  /** `http://host:port` of the admin address; null without one. */
  readonly admin: string | null
  /** The last violations of this instance. */
  readonly journal: RefusalJournal
  /** Finishes what produces, within `timings.drainTimeout` after `timings.drainDelay`. */
  drain(): Promise<void>
  readonly closed: Promise<void>
}

/** Distinct causes whose log lines are limited one by one. */
const limitedLines = { lines: 5, intervalMs: 10_000, keys: 10_000 }
/** Topics and producers that the API lists. */
const activityLimits = { topics: 10_000, producers: 10_000 }
/** How often the cluster is asked anew while it cannot be reached at the start. */
const firstContactMs = 500
const ignored = (): void => undefined

export interface GivenToProxy {
  /** Default: made from the settings, to stderr. */
  readonly logger?: Logger
  /** Ends a start that is under way; afterwards it does nothing. */
  readonly signal?: AbortSignal
}

/**
 * The role `proxy`. Resolves when everything is listening.
 * @throws StartError for what an operator can mend
 */
export async function runProxy(settings: Settings, given: GivenToProxy = {}): Promise<RunningProxy> {
  const { limits, timings } = settings
  const nowMs = Date.now
  const startedAtMs = nowMs()
  const closed = Promise.withResolvers<undefined>()
  const closing = new AbortController()

  // What tells of it.
  const logger = given.logger ?? processLogger(settings)
  const metrics = new Metrics({ version, maxTopics: limits.metricTopics })
  const journal = new RefusalJournal({ entries: limits.journalEntries, bytes: limits.journalBytes })
  const activity = new Activity(activityLimits)
  const limiter = new LogLimiter(limitedLines)

  // What is enforced.
  const registry = startRegistry(settings, metrics, logger, limiter)
  const policies = await startPolicies(settings, registry, (report) => {
    enforcer.swapContracts(report.contracts)
    tellPolicies(report, logger, metrics)
    // What may be quarantined from now on is held back, and its topics are asked for until they are there.
    quarantine.reload(policies.policies)
  })
  tellPolicies(policies.report, logger, metrics)
  const clock = { nowMs, sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(ignored) }
  const quarantine = new EnforcedQuarantine({
    bootstrapServers: settings.upstream.bootstrapServers.map(formatAddress),
    connectTimeoutMs: timings.connectTimeoutMs,
    topics: settings.topics,
    clock,
    events: ledgerEvents({ metrics, logger, limiter, nowMs })
  })
  metrics.ledgerChainsFrom(() => quarantine.parts.ledger)
  const enforcer = new Enforcer(policies.contracts, {
    limits,
    decideWaitMs: timings.decideWaitMs,
    undecidableAfterMs: timings.undecidableAfterMs,
    acksZero: settings.acksZero,
    refuseUnknownTopics: settings.defaultPolicy === 'refuse',
    quarantine: quarantine.parts,
    report: new ProduceReport({ metrics, journal, activity, logger, limiter, nowMs }),
    clock
  })

  // What is in front and behind.
  const cluster = new ClusterWatch({
    bootstrapServers: settings.upstream.bootstrapServers.map(formatAddress),
    clientId: 'kontrakt',
    metadataRefreshMs: timings.metadataRefreshMs,
    onUnreachable: (error) => {
      if (limiter.admit('unreachable', nowMs()) !== null) logger.warn('no broker can be reached', errorFields(error))
    }
  })
  const proxy = new Proxy({
    listeners: settings.listeners.map(({ address, advertisedHost, brokerPorts }) => ({
      address,
      advertisedHost,
      portOf: (nodeId) => brokerPort(brokerPorts, nodeId)
    })),
    bootstrapServers: settings.upstream.bootstrapServers,
    cluster,
    producePath: enforcer,
    events: new ProxyLog({ metrics, logger, limiter, nowMs }),
    limits,
    connectTimeoutMs: timings.connectTimeoutMs,
    bodyRateWindowMs: timings.bodyRateWindowMs,
    nowMs
  })
  metrics.inflightBytesFrom(() => proxy.inflightBytes)

  let phase: 'starting' | 'serving' | 'draining' = 'starting'
  const desk = quarantineDesk(settings, policies, logger, closing.signal)
  const view = new LiveView({
    settings,
    quarantine: desk.view,
    version,
    startedAtMs,
    metrics,
    journal,
    activity,
    policies,
    cluster,
    proxy,
    registry,
    phase: () => phase,
    nowMs
  })

  // From here on it can be seen, then reached.
  const admin = await startAdmin(settings, view, logger)
  const stop = async (): Promise<void> => {
    closing.abort()
    await desk.close()
    quarantine.close()
    policies.stop()
    registry?.close()
    await cluster.close()
    await admin?.close()
    metrics.close()
  }
  // What waits for brokers need not wait any longer then.
  const interrupt = (): void => quarantine.close()
  given.signal?.addEventListener('abort', interrupt)
  try {
    await firstContact(cluster, settings, logger, given.signal)
    await quarantine.start(policies.policies)
    given.signal?.throwIfAborted()
    given.signal?.removeEventListener('abort', interrupt)
    await listen(proxy, settings, cluster.brokers().keys())
  } catch (error) {
    await stop()
    throw error
  }
  if (settings.policies.watch) policies.watch()
  phase = 'serving'

  return {
    addresses: listeningAddresses(proxy, admin?.address ?? null),
    bootstrap: `${settings.listeners[0]!.advertisedHost}:${proxy.addresses[0]!.bootstrap.port}`,
    admin: admin === null ? null : `http://${formatAddress(admin.address)}`,
    journal,
    closed: closed.promise.then(() => undefined),
    async drain() {
      phase = 'draining'
      await sleep(timings.drainDelayMs)
      await proxy.drain(timings.drainTimeoutMs)
      await stop()
      closed.resolve(undefined)
    }
  }
}

function processLogger({ logLevel: level, logFormat: format }: Settings): Logger {
  return createLogger({ level, format, colour: hasTerminalColour(process.stderr) }).child({ role: 'proxy' })
}

/** What the admin API does with quarantined records; its connections are its own, a redrive must not hold up producers. */
function quarantineDesk(
  settings: Settings,
  policies: PolicyFolder,
  logger: Logger,
  closing: AbortSignal
): { readonly view: QuarantineAtHand; close(): Promise<void> } {
  const client = new KafkaClient({
    bootstrapServers: settings.upstream.bootstrapServers.map(formatAddress),
    clientId: 'kontrakt-quarantine-api',
    connectTimeoutMs: settings.timings.connectTimeoutMs,
    requestTimeoutMs
  })
  const desk = new QuarantineDesk({
    client,
    contracts: () => policies.contracts,
    defaultPolicy: settings.defaultPolicy,
    stateTopic: settings.topics.quarantineState,
    ledgerTopic: settings.topics.ledger,
    ensureStateTopic: () => ensureStateTopic(client, settings.topics),
    writers: transactionalWriters(client),
    decideWaitMs: settings.timings.decideWaitMs,
    clock: systemClock
  })
  const view = new QuarantineAtHand({ desk, policies, logger, closing })
  return { view, close: () => view.ended().finally(() => client.close()) }
}

async function startAdmin(settings: Settings, view: LiveView, logger: Logger): Promise<AdminServer | null> {
  if (settings.admin === null) return null
  try {
    const bodyBytes = settings.limits.adminBodyBytes
    return await startAdminServer({ settings: settings.admin, view, logger, bodyBytes })
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), [], { cause: error })
  }
}

function startRegistry(
  settings: Settings,
  metrics: Metrics,
  logger: Logger,
  limiter: LogLimiter
): RegistrySchemaSource | null {
  if (settings.registry === null) return null
  return new RegistrySchemaSource({
    ...settings.registry,
    timeoutMs: settings.timings.registryTimeoutMs,
    clock: systemClock,
    store: new SchemaStore(join(settings.stateDir, 'schemas')),
    events: registryEvents({ metrics, logger, limiter, url: settings.registry.url })
  })
}

async function startPolicies(
  settings: Settings,
  source: RegistrySchemaSource | null,
  onReload: (report: FolderReport) => void
): Promise<PolicyFolder> {
  const { folder, strict } = settings.policies
  try {
    const { stateDir, timings } = settings
    const { registryTimeoutMs } = timings
    return await PolicyFolder.start({ folder, strict, stateDir, source, registryTimeoutMs, onReload })
  } catch (error) {
    if (!(error instanceof PolicyStartError)) throw error
    throw new StartError('the policies do not load; mend them, or see `kontrakt check`', error.diagnostics)
  }
}

function tellPolicies(report: FolderReport, logger: Logger, metrics: Metrics): void {
  const failing = report.files.filter((file) => file.status !== 'current').length
  metrics.policiesLoaded(report.contracts.policies, failing, Date.now())
  for (const diagnostic of report.diagnostics) {
    const fields = { file: diagnostic.file, cause: diagnostic.code, error: formatDiagnostic(diagnostic) }
    if (diagnostic.severity === 'error')
      logger.error('policy does not load: its last good version stays in force', fields)
    else logger.warn('doubtful place in a policy', fields)
  }
  const policies = report.contracts.policies.map(({ name, version: of }) => `${name}@${of}`)
  if (report.changes.length > 0 || report.diagnostics.length > 0) logger.info('policies in force', { policies })
}

/** A proxy may be started before its cluster; it is ready once a broker has answered. */
async function firstContact(
  cluster: ClusterWatch,
  settings: Settings,
  logger: Logger,
  signal: AbortSignal | undefined
): Promise<void> {
  await cluster.start()
  if (cluster.brokers().size > 0) return
  const upstream = settings.upstream.bootstrapServers.map(formatAddress)
  logger.warn('waiting for the first broker to answer', { addresses: upstream })
  while (cluster.brokers().size === 0) {
    await sleep(firstContactMs, undefined, signal === undefined ? {} : { signal })
    await cluster.refresh()
  }
}

async function listen(proxy: Proxy, settings: Settings, brokerIds: Iterable<number>): Promise<void> {
  const missing = [...brokerIds].filter((id) =>
    settings.listeners.some(({ brokerPorts }) => brokerPort(brokerPorts, id) === null)
  )
  if (missing.length > 0) {
    const ids = missing.join(', ')
    throw new StartError(`live brokers have no port here: ${ids}; extend listeners[].brokerPorts (--broker-ports)`)
  }
  try {
    await proxy.listen()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const where = settings.listeners.map(({ address }) => formatAddress(address)).join(', ')
    const remedy =
      code === 'EADDRINUSE' ? 'another process has a port; see listeners[].address and brokerPorts' : message
    throw new StartError(`cannot listen (${where}): ${remedy}`, [], { cause: error })
  }
}

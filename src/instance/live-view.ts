/** The instance as the admin server shows it. Reads; what may change something is `quarantine`, with its own bounds. */
import type { PolicyFolder, PolicyFileState } from '../config/policy-folder.ts'
import type { RegistrySettings, Settings } from '../config/settings.ts'
import type {
  Condition,
  ConnectionView,
  Explanation,
  InstanceView,
  JudgeAnswer,
  JudgeRequest,
  PlacedRefusal,
  PolicyCheckAnswer,
  PolicyCheckRequest,
  PolicyView,
  ProducerView,
  Readiness,
  StatusView,
  TopicView
} from '../admin/view.ts'
import type { QuarantineView } from '../admin/quarantine-view.ts'
import { formatAddress } from '../address.ts'
import type { ClusterWatch } from '../kafka/cluster-watch.ts'
import type { Activity } from '../observability/activity.ts'
import type { Metrics, Scrape } from '../observability/metrics.ts'
import type { Page, RefusalJournal, RefusalQuery } from '../observability/refusal-journal.ts'
import type { Proxy } from '../proxy/proxy.ts'
import { checkPolicyText, judgeRecord } from './ask.ts'
import { explainText, placeOfEntry } from './explain.ts'

/** What `RegistrySchemaSource` tells of itself. */
export interface RegistryHealth {
  readonly health: { readonly failingSinceMs: number | null; readonly cachedSchemas: number }
}

export interface LiveViewParts {
  readonly settings: Settings
  readonly version: string
  readonly startedAtMs: number
  readonly metrics: Metrics
  readonly journal: RefusalJournal
  readonly activity: Activity
  readonly policies: PolicyFolder
  readonly cluster: ClusterWatch
  readonly proxy: Proxy
  /** Null without a registry. */
  readonly registry: RegistryHealth | null
  /** Null: not over the API. */
  readonly quarantine: QuarantineView | null
  readonly phase: () => 'starting' | 'serving' | 'draining'
  readonly nowMs: () => number
}

export class LiveView implements InstanceView {
  readonly #parts: LiveViewParts

  constructor(parts: LiveViewParts) {
    this.#parts = parts
  }

  readiness(): Readiness {
    const { settings, cluster, phase, nowMs } = this.#parts
    const reasons: Condition[] = []
    if (phase() === 'starting') reasons.push({ code: 'starting', message: 'not everything is listening yet' })
    if (phase() === 'draining') reasons.push({ code: 'draining', message: 'the instance is being shut down' })
    const goneSinceMs = cluster.unreachableSinceMs()
    if (goneSinceMs !== null && nowMs() - goneSinceMs >= settings.timings.upstreamGoneMs) {
      const seconds = Math.round((nowMs() - goneSinceMs) / 1_000)
      reasons.push({ code: 'upstream-gone', message: `no broker could be reached for ${seconds} s` })
    }
    return { ready: reasons.length === 0, reasons, details: this.#details() }
  }

  #details(): Condition[] {
    const { policies, proxy, registry } = this.#parts
    const details: Condition[] = policies.report.files
      .filter((file) => file.status !== 'current')
      .map((file) => ({ code: 'policy-failing', message: failingMessage(file) }))
    for (const id of proxy.brokersWithoutPort) {
      details.push({ code: 'broker-without-port', message: `broker ${id} has no port; extend brokerPorts` })
    }
    if (registry !== null && registry.health.failingSinceMs !== null) {
      details.push({ code: 'registry-down', message: 'the schema registry does not answer' })
    }
    return details
  }

  status(): StatusView {
    const { version, startedAtMs, cluster, proxy, policies, registry, settings } = this.#parts
    const advertised = proxy.addresses.map((listener) => listener.brokers)
    const brokers = [...cluster.brokers().values()].map((broker) => {
      const address = advertised.map((map) => map.get(broker.id)).find((found) => found !== undefined)
      return {
        nodeId: broker.id,
        address: formatAddress(broker),
        advertised: address === undefined ? null : formatAddress(address)
      }
    })
    const files = policies.report.files
    return {
      version,
      startedAtMs,
      readiness: this.readiness(),
      upstream: { reachable: cluster.unreachableSinceMs() === null, brokers },
      policies: {
        inForce: files.filter((file) => file.policy !== null).length,
        failing: files.filter((file) => file.status !== 'current').length
      },
      registry: registryView(settings.registry, registry),
      connections: proxy.connections().length,
      inflightBytes: proxy.inflightBytes
    }
  }

  policies(): readonly PolicyView[] {
    const { policies } = this.#parts
    const compiled = new Map(policies.policies.map((policy) => [policy.reference.name, policy]))
    return policies.report.files.map((file) => {
      const model = file.policy === null ? undefined : compiled.get(file.policy.name)?.model
      return {
        name: file.policy?.name ?? file.path.replace(/\.yaml$/, ''),
        version: file.policy?.version ?? null,
        file: file.path,
        topics: model?.topics.map((glob) => glob.source) ?? [],
        mode: model?.mode ?? 'off',
        owner: model?.owner ?? null,
        state: file.status === 'current' ? 'ok' : file.status,
        diagnostics: file.diagnostics
      }
    })
  }

  topics(): readonly TopicView[] {
    const { activity, policies } = this.#parts
    return activity.topics().map((topic) => {
      const policy = policies.contracts.forTopic(topic.topic)?.policy
      return { ...topic, policy: policy === undefined ? null : `${policy.name}@${policy.version}` }
    })
  }

  producers(): readonly ProducerView[] {
    return this.#parts.activity.producers()
  }

  connections(): readonly ConnectionView[] {
    return this.#parts.proxy.connections()
  }

  violations(query: RefusalQuery, skip: number, limit: number): Page<PlacedRefusal> {
    const { journal, policies } = this.#parts
    const { items, total } = journal.query(query, skip, limit)
    const inForce = policies.policies
    return { items: items.map((entry) => ({ ...entry, place: placeOfEntry(entry, inForce) })), total }
  }

  explain(text: string): Explanation | null {
    const { journal, policies } = this.#parts
    return explainText(text, policies.policies, journal)
  }

  get quarantine(): QuarantineView | null {
    return this.#parts.quarantine
  }

  scrape(accept: string | undefined): Promise<Scrape> {
    const { metrics, cluster, proxy } = this.#parts
    metrics.brokers(cluster.brokers().size, proxy.brokersWithoutPort.length)
    return metrics.scrape(accept)
  }

  checkPolicy(request: PolicyCheckRequest): Promise<PolicyCheckAnswer> {
    return Promise.resolve(checkPolicyText(request, this.#parts.settings.policies.folder))
  }

  judge(request: JudgeRequest): Promise<JudgeAnswer> {
    const { policies, settings } = this.#parts
    return Promise.resolve(judgeRecord(request, policies, settings.defaultPolicy))
  }
}

function registryView(settings: RegistrySettings | null, live: RegistryHealth | null): StatusView['registry'] {
  if (settings === null || live === null) return null
  const { failingSinceMs, cachedSchemas } = live.health
  return { url: settings.url, reachable: failingSinceMs === null, cachedSchemas }
}

function failingMessage(file: PolicyFileState): string {
  const first = file.diagnostics.find((diagnostic) => diagnostic.severity === 'error')
  const inForce = file.policy === null ? 'nothing is in force for it' : `${file.policy.version} stays in force`
  return `${file.path} does not load (${first?.message ?? 'see the log'}); ${inForce}`
}

/** `host:port` of every listener, for the ready line. */
export function listeningAddresses(proxy: Proxy, admin: { host: string; port: number } | null): string[] {
  const listeners = proxy.addresses.flatMap(({ bootstrap, brokers }) => [
    formatAddress(bootstrap),
    ...[...brokers.values()].map(formatAddress)
  ])
  return admin === null ? listeners : [...listeners, formatAddress(admin)]
}

/**
 * Every limit and every waiting time of a running instance: its default, the range it may be set to, and why it is
 * what it is. The settings, their JSON Schema, `docs/settings.md` and the typed values are all derived from these two
 * tables.
 */

export interface LimitRow {
  /** Key under `limits:` in the settings. */
  readonly key: string
  /** `size` is written with a unit (`100MiB`), `count` is a bare integer. */
  readonly kind: 'size' | 'count'
  /** As a user would write it. */
  readonly default: string
  readonly min: string
  readonly max: string
  readonly reason: string
}

export const limitTable = [
  {
    key: 'requestBytes',
    kind: 'size',
    default: '100MiB',
    min: '64KiB',
    max: '1GiB',
    reason:
      "a broker's socket.request.max.bytes: what the broker would take must fit, what it would refuse need not be read"
  },
  {
    key: 'responseBytes',
    kind: 'size',
    default: '100MiB',
    min: '64KiB',
    max: '1GiB',
    reason: 'opened responses only (Metadata of a large cluster is a few MiB); what is relayed opaque has no limit'
  },
  {
    key: 'inflightBytes',
    kind: 'size',
    default: '256MiB',
    min: '1MiB',
    max: '64GiB',
    reason:
      'the memory of all frames that are held, in each direction; above it clients wait. Inflated records come on top, one request at a time'
  },
  {
    key: 'inflatedBatchBytes',
    kind: 'size',
    default: '64MiB',
    min: '64KiB',
    max: '1GiB',
    reason:
      'a compressed batch may claim a thousand times its size; brokers refuse over max.message.bytes (1 MiB) anyway'
  },
  {
    key: 'recordsPerBatch',
    kind: 'count',
    default: '1000000',
    min: '1',
    max: '10000000',
    reason: 'the smallest record takes 7 bytes, so a batch within inflatedBatchBytes could hold nine million of them'
  },
  {
    key: 'minBodyBytesPerSecond',
    kind: 'size',
    default: '16KiB',
    min: '1B',
    max: '100MiB',
    reason: 'the rate of a body over timings.bodyRateWindow; else who promises much and sends little holds all memory'
  },
  {
    key: 'connections',
    kind: 'count',
    default: '10000',
    min: '1',
    max: '1000000',
    reason: 'each client connection takes two file descriptors, one to the client and one to its broker'
  },
  {
    key: 'pendingResponses',
    kind: 'count',
    default: '1000',
    min: '1',
    max: '100000',
    reason:
      'requests of one connection that wait for their answer; librdkafka allows itself 1000000 but sends far fewer'
  },
  {
    key: 'metricTopics',
    kind: 'count',
    default: '500',
    min: '1',
    max: '20000',
    reason:
      'distinct topics in metric labels; later ones count as topic="other", so that clients cannot grow the metrics'
  },
  {
    key: 'journalEntries',
    kind: 'count',
    default: '10000',
    min: '1',
    max: '1000000',
    reason: 'refusals remembered for `kontrakt why` and the API; the oldest go first'
  },
  {
    key: 'journalBytes',
    kind: 'size',
    default: '16MiB',
    min: '64KiB',
    max: '1GiB',
    reason: 'memory of the remembered refusals, whatever the length of their messages'
  },
  {
    key: 'adminBodyBytes',
    kind: 'size',
    default: '2MiB',
    min: '1KiB',
    max: '16MiB',
    reason: 'one policy file or one record, in JSON, posted to the admin API'
  }
] as const satisfies readonly LimitRow[]

export interface TimingRow {
  /** Key under `timings:` in the settings; the typed value is `<key>Ms`. */
  readonly key: string
  readonly default: string
  readonly min: string
  readonly max: string
  readonly reason: string
}

export const timingTable = [
  {
    key: 'decideWait',
    default: '5s',
    min: '0ms',
    max: '60s',
    reason: 'longest a request is held for what is not known yet (never longer than half its own timeout)'
  },
  {
    key: 'undecidableAfter',
    default: '30s',
    min: '0ms',
    max: '1d',
    reason: 'since a schema could first not be had; then onUndecidable decides instead of a retriable error'
  },
  {
    key: 'drainDelay',
    default: '5s',
    min: '0ms',
    max: '10m',
    reason: '/ready answers 503 this long before connections are refused, so that load balancers notice first'
  },
  {
    key: 'drainTimeout',
    default: '30s',
    min: '0ms',
    max: '1h',
    reason: 'what has not finished by then is cut; below the 45 s after which many orchestrators kill'
  },
  {
    key: 'metadataRefresh',
    default: '30s',
    min: '1s',
    max: '1h',
    reason: "how soon a broker that joined, left or moved is noticed when no client's own Metadata shows it first"
  },
  {
    key: 'connectTimeout',
    default: '10s',
    min: '100ms',
    max: '5m',
    reason: "a client's own socket.connection.setup.timeout.ms is 10 s at first: no use in trying longer for it"
  },
  {
    key: 'bodyRateWindow',
    default: '10s',
    min: '1s',
    max: '10m',
    reason: 'the span over which limits.minBodyBytesPerSecond is averaged; shorter spans punish a busy network'
  },
  {
    key: 'upstreamGone',
    default: '10s',
    min: '1s',
    max: '1h',
    reason: '/ready answers 503 when no broker could be reached for this long; shorter would flap with every election'
  },
  {
    key: 'registryTimeout',
    default: '5s',
    min: '100ms',
    max: '60s',
    reason: 'one call to the schema registry, from connecting to the last byte'
  }
] as const satisfies readonly TimingRow[]

export type LimitKey = (typeof limitTable)[number]['key']
export type TimingKey = (typeof timingTable)[number]['key']

/** Bytes for `size` rows, a plain number for `count` rows. */
export type Limits = Readonly<Record<LimitKey, number>>

/** Milliseconds: `decideWaitMs`, `drainDelayMs`, ... */
export type Timings = { readonly [K in TimingKey as `${K}Ms`]: number }

/** Limits of reading settings themselves; not settable, because they hold before anything is read. */
export const settingsFileLimits = {
  /** A settings file is a page or two; more is the wrong file. */
  fileBytes: 1024 * 1024,
  /** A password or token; more is the wrong file. */
  secretBytes: 64 * 1024,
  /** Listeners and other lists of objects. */
  listItems: 64
} as const

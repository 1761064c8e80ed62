/**
 * Every metric of ours: name, type, labels, meaning. `metrics.ts` makes them, `docs/metrics.md` lists them, and a test
 * keeps the three together. Names have the prefix `kontrakt_` and end in their base unit.
 */

export interface MetricDeclaration {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** In the order in which the values are given. */
  readonly labels: readonly string[]
  readonly help: string
  /** Upper bounds of a histogram's buckets, in the base unit. */
  readonly buckets?: readonly number[]
}

export const catalogue = {
  records: {
    name: 'kontrakt_records_total',
    type: 'counter',
    labels: ['topic', 'verdict'],
    help:
      'Records judged, by what was done with them: accept, observe, mark, quarantine, reject, or ' +
      'refused-with-batch (nothing wrong with it, but its batch was refused).'
  },
  batchesJudged: {
    name: 'kontrakt_batches_judged_total',
    type: 'counter',
    labels: ['topic'],
    help: 'Record batches judged.'
  },
  recordsExamined: {
    name: 'kontrakt_records_examined_total',
    type: 'counter',
    labels: ['topic'],
    help:
      'Records that were decoded to be judged, because the compiled contract did not accept them at once: it has ' +
      'something that is not compiled (`kontrakt check --explain` says what), or the record is not an ordinary one.'
  },
  judgingDuration: {
    name: 'kontrakt_judging_duration_seconds',
    type: 'histogram',
    labels: [],
    help: 'Time spent opening and judging one batch, without waiting.',
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]
  },
  violations: {
    name: 'kontrakt_violations_total',
    type: 'counter',
    labels: ['topic', 'rule', 'mode'],
    help: 'Checks broken by records, in lenient modes too; one record can break several.'
  },
  undecidable: {
    name: 'kontrakt_undecidable_total',
    type: 'counter',
    labels: ['topic', 'rule', 'cause'],
    help: 'Checks that could not be decided for a record: schema-unavailable, rule-error, rule-not-applicable.'
  },
  partitionsRefused: {
    name: 'kontrakt_partitions_refused_total',
    type: 'counter',
    labels: ['topic', 'error', 'cause'],
    help:
      'Partitions of Produce requests answered here instead of by the broker. cause="neighbour": nothing wrong with ' +
      'it, but an old client treats all partitions of its request alike (refused-with-neighbour); cause="gate": a ' +
      'later batch of a chain whose earlier batch was refused.'
  },
  gateClosings: {
    name: 'kontrakt_gate_closings_total',
    type: 'counter',
    labels: ['topic'],
    help: 'Times the sequence gate closed for a chain because one of its batches was refused.'
  },
  ledgerChains: {
    name: 'kontrakt_ledger_chains',
    type: 'gauge',
    labels: ['kind'],
    help:
      'Chains (producer id, epoch, partition) in the ledger of quarantined records: owned by this instance, or known ' +
      'from the log.'
  },
  chainsMoved: {
    name: 'kontrakt_ledger_chains_moved_total',
    type: 'counter',
    labels: ['topic'],
    help: 'Chains that another instance has taken over from this one because their producer came to it.'
  },
  ledgerFailures: {
    name: 'kontrakt_ledger_failures_total',
    type: 'counter',
    labels: [],
    help: 'Times the ledger, or the broker about a producer, could not be asked or written; the producer tries again.'
  },
  acksZeroDropped: {
    name: 'kontrakt_acks_zero_dropped_records_total',
    type: 'counter',
    labels: ['topic'],
    help: 'Records sent with acks=0 that were dropped; nobody was told.'
  },
  requests: {
    name: 'kontrakt_requests_total',
    type: 'counter',
    labels: ['api'],
    help: 'Requests taken up from clients.'
  },
  requestBytes: {
    name: 'kontrakt_request_bytes_total',
    type: 'counter',
    labels: ['api'],
    help: 'Bytes of those requests, as clients sent them.'
  },
  responses: {
    name: 'kontrakt_responses_total',
    type: 'counter',
    labels: ['api'],
    help: 'Responses sent to clients.'
  },
  responseBytes: {
    name: 'kontrakt_response_bytes_total',
    type: 'counter',
    labels: ['api'],
    help: 'Bytes of those responses, as sent to clients.'
  },
  clientConnections: {
    name: 'kontrakt_client_connections_total',
    type: 'counter',
    labels: [],
    help: 'Client connections opened.'
  },
  clientConnectionsClosed: {
    name: 'kontrakt_client_connections_closed_total',
    type: 'counter',
    labels: ['cause'],
    help: 'Client connections closed, by cause. Opened minus closed is kontrakt_client_connections_active.'
  },
  clientConnectionsActive: {
    name: 'kontrakt_client_connections_active',
    type: 'gauge',
    labels: [],
    help: 'Client connections open now.'
  },
  upstreamConnectErrors: {
    name: 'kontrakt_upstream_connect_errors_total',
    type: 'counter',
    labels: ['broker'],
    help: 'Brokers that could not be connected to for a client, by address.'
  },
  inflightBytes: {
    name: 'kontrakt_inflight_bytes',
    type: 'gauge',
    labels: [],
    help: 'Memory reserved for frames, inflated batches and held requests (limits.inflightBytes bounds it).'
  },
  budgetWaits: {
    name: 'kontrakt_budget_waits_total',
    type: 'counter',
    labels: ['direction'],
    help: 'Frames that had to wait for memory: request or response.'
  },
  policyReloads: {
    name: 'kontrakt_policy_reloads_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Loads of the policies folder: success, or failure when at least one file kept its last good version.'
  },
  policyLastReload: {
    name: 'kontrakt_policy_last_reload_timestamp_seconds',
    type: 'gauge',
    labels: ['outcome'],
    help: 'When that last happened, in seconds since the epoch.'
  },
  policyInfo: {
    name: 'kontrakt_policy_info',
    type: 'gauge',
    labels: ['policy', 'version'],
    help: '1 for each policy in force.'
  },
  policiesFailing: {
    name: 'kontrakt_policies_failing',
    type: 'gauge',
    labels: [],
    help: 'Policy files that do not load now, so that their last good version (or none) is in force.'
  },
  registryLookups: {
    name: 'kontrakt_registry_lookups_total',
    type: 'counter',
    labels: ['outcome'],
    help: 'Schemas asked for: hit (cached), fetched, not-found, failed, limited.'
  },
  schemaStaleness: {
    name: 'kontrakt_schema_staleness_seconds',
    type: 'gauge',
    labels: [],
    help: 'Age of the oldest schema in use that should have been refreshed and could not be; 0 when all are fresh.'
  },
  brokersKnown: {
    name: 'kontrakt_brokers_known',
    type: 'gauge',
    labels: [],
    help: 'Live brokers of the cluster behind the proxy.'
  },
  brokersWithoutPort: {
    name: 'kontrakt_brokers_without_port',
    type: 'gauge',
    labels: [],
    help: 'Live brokers that no listener has a port for: clients are not told of them.'
  },
  eventLoopLag: {
    name: 'kontrakt_event_loop_lag_seconds',
    type: 'gauge',
    labels: ['quantile'],
    help: 'How late timers ran since the last scrape; quantile 1 is the worst.'
  },
  buildInfo: {
    name: 'kontrakt_build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: '1; the labels say what is running.'
  }
} as const satisfies Readonly<Record<string, MetricDeclaration>>

export type MetricKey = keyof typeof catalogue

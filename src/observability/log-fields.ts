/**
 * Every field a log line may have, with its meaning. A logger takes no others, so the same thing has the same name in
 * every line; record contents and secrets have no field. `docs/metrics.md` lists them.
 */
export const logFields = {
  role: 'which process of the instance wrote the line: supervisor, proxy',
  pid: 'its process id',
  version: 'version of kontrakt',
  address: 'one host:port',
  addresses: 'list of host:port',
  upstream: 'host:port of a broker',
  nodeId: 'broker id',
  brokers: 'list of broker ids',
  sessionId: 'number of a client connection, unique within a process',
  remoteAddress: "the client's host:port",
  clientId: 'client id, as the client says',
  principal: 'authenticated principal, User:name',
  apiKey: "number of the request's API",
  apiVersion: "version of the request's API",
  correlationId: "the request's correlation id",
  topic: 'topic',
  partition: 'partition',
  offset: 'offset in a partition',
  producerId: 'id of an idempotent producer',
  producerEpoch: 'its epoch',
  baseSequence: 'first sequence of a batch',
  policy: 'name@version of a policy',
  policies: 'list of name@version',
  file: 'path of a file, with line and column when they are known',
  rule: 'id of a rule or built-in check',
  path: 'path of a field inside a record',
  verdict: 'what was done with a record',
  mode: 'mode of a check',
  errorCode: "Kafka's error code",
  schemaId: 'schema id in the registry',
  subject: 'subject in the registry',
  url: 'address without credentials',
  cause: 'why, in one or a few words that never vary',
  reason: 'why, in a sentence',
  remedy: 'what to do about it',
  outcome: 'how it ended, in one word',
  error: 'message of an error',
  stack: 'stack of an error of our own',
  signal: 'POSIX signal',
  exitCode: 'exit code of a process',
  attempt: 'how many times it has been tried',
  count: 'how many',
  records: 'how many records',
  connections: 'how many connections',
  bytes: 'how many bytes',
  durationMs: 'milliseconds it took',
  delayMs: 'milliseconds until it is tried again',
  suppressed: 'how many lines like this one were left out since the last',
  method: 'HTTP method',
  route: 'HTTP path',
  status: 'HTTP status'
} as const

export type LogField = keyof typeof logFields

type ListField = 'addresses' | 'brokers' | 'policies'
type NumberField =
  | 'pid'
  | 'nodeId'
  | 'sessionId'
  | 'apiKey'
  | 'apiVersion'
  | 'correlationId'
  | 'partition'
  | 'producerEpoch'
  | 'baseSequence'
  | 'errorCode'
  | 'schemaId'
  | 'exitCode'
  | 'attempt'
  | 'count'
  | 'records'
  | 'connections'
  | 'bytes'
  | 'durationMs'
  | 'delayMs'
  | 'suppressed'
  | 'status'

/** Undefined fields are left out of the line. */
export type LogFields = {
  readonly [K in LogField]?:
    (K extends ListField ? readonly (string | number)[] : K extends NumberField ? number : string) | null | undefined
}

/** The files that `kontrakt init` writes. A test checks and runs them. */

export interface SettingsTemplate {
  /** `host:port,..`. */
  readonly upstream: string
  /** `host:port`. */
  readonly listen: string
  /** Null: the line is written as a comment. */
  readonly registry: string | null
}

export function settingsTemplate({ upstream, listen, registry }: SettingsTemplate): string {
  const servers = upstream
    .split(',')
    .map((server) => JSON.stringify(server.trim()))
    .join(', ')
  const port = Number(listen.slice(listen.lastIndexOf(':') + 1))
  const registryLine =
    registry === null ? '# registry: { url: "http://registry:8081" }' : `registry: { url: ${JSON.stringify(registry)} }`
  return `# Settings of kontrakt. \`kontrakt settings\` shows what is in effect and where each value comes from,
# \`kontrakt check\` finds faults, \`kontrakt doctor\` tries everything out before the first start.
apiVersion: kontrakt/v1

# The cluster behind the proxy.
upstream:
  bootstrapServers: [${servers}]

# Where clients connect: they get this address as their bootstrap.servers.
listeners:
  - address: ${JSON.stringify(listen)}
    # The host that clients are told to connect to; default: the host above, or this machine's name.
    # advertisedHost: kontrakt.internal
    # Broker id N is reached at the first port + N; every live broker id needs its port.
    brokerPorts: ${port + 1}-${Math.min(65535, port + 100)}

# One file per topic; changes are taken up without a restart.
policies: policies

# Last good copies of policies and schemas.
stateDir: .kontrakt

# Topics without a policy: pass (default) or refuse.
defaultPolicy: pass

# Only for policies whose schema is in a registry.
${registryLine}

# Metrics, health and API. Another address than loopback needs a token: { env: NAME } or { file: PATH }.
admin:
  address: 127.0.0.1:9190
`
}

export const policyTemplate = `# What producers of this topic promise, and what happens to records that break it.
apiVersion: kontrakt/v1
topics: orders                        # a name, a glob, or a list of them: * any characters but '.', ** any characters
owner: team-checkout
mode: observe                         # off | observe | mark | quarantine | reject. Start by watching, then enforce.

key:
  format: string
  required: true
  equals: value.order_id              # the key must be that field

value:
  format: json                        # avro | protobuf | json | string | bytes
  nulls: refuse                       # tombstones: refuse | allow
  schema:
    file: schemas/order.schema.json
    # registry: { subject: { strategy: topic-name } }     # instead, where a schema registry is used

headers:
  source: { required: true, matches: "^[a-z][a-z0-9-]*$" }

fields:                               # what needs no expression
  value.country: { required: true, in: [DE, FR, IT, NL] }

rules:                                # CEL; checked against the schema when the file is loaded
  - id: amount-positive
    expr: value.amount > 0.0
    message: "amount must be above zero"
`

export const schemaTemplate = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "order",
  "type": "object",
  "required": ["order_id", "amount", "country"],
  "properties": {
    "order_id": { "type": "string", "minLength": 1 },
    "amount": { "type": "number" },
    "country": { "type": "string" }
  }
}
`

export const casesTemplate = `# Records and what must happen to them: \`kontrakt test\` runs these without a broker.
policy: orders.yaml
cases:
  - name: a good order passes
    record: { key: "o-1", value: { order_id: "o-1", amount: 12.5, country: "DE" }, headers: { source: web } }
    expect: accept

  - name: a negative amount is noticed
    record: { key: "o-2", value: { order_id: "o-2", amount: -3.5, country: "DE" }, headers: { source: web } }
    expect: observe
    violations: [{ rule: amount-positive, path: value.amount }]

  - name: an order without a country breaks the schema and the field's check
    record: { key: "o-3", value: { order_id: "o-3", amount: 1 }, headers: { source: web } }
    expect: observe
    violationsInclude: [{ rule: schema }]

  - name: what is not JSON breaks the schema
    record: { key: "o-4", valueHex: "6e6f", headers: { source: web } }
    expect: observe
    violationsInclude: [{ rule: schema }]
`

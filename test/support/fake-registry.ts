/**
 * A schema registry that speaks the part of the Confluent API that kontrakt and `@kafkajs/confluent-schema-registry`
 * use, in memory, and misbehaves when told to. Contexts are prefixes of subjects (`:.eu:orders-value`); ids are per
 * context.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeSchema {
  readonly schema: string
  /** Left out for Avro, as registries do. */
  readonly schemaType?: 'PROTOBUF' | 'JSON' | 'AVRO' | (string & {})
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[]
}

/** What every request gets until told otherwise. `honest` is the API. */
export type Behaviour =
  | { readonly kind: 'honest' }
  /** That status with a body of the registry's own error form. */
  | { readonly kind: 'status'; readonly status: number; readonly errorCode?: number }
  /** Accepts and never answers. */
  | { readonly kind: 'silent' }
  /** 200 with a page, as a captive portal or a wrong path gives. */
  | { readonly kind: 'page' }
  | { readonly kind: 'redirect'; readonly location: string }
  /** 200, JSON, and no end. */
  | { readonly kind: 'endless' }
  /** Breaks off inside the body. */
  | { readonly kind: 'cut' }
  /** 200 with this as JSON, whatever was asked. */
  | { readonly kind: 'lie'; readonly body: unknown }

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: http.IncomingHttpHeaders
}

interface Version {
  readonly version: number
  readonly id: number
  readonly schema: FakeSchema
}

const page = '<html><body>Welcome</body></html>'

export class FakeRegistry {
  readonly requests: SeenRequest[] = []
  behaviour: Behaviour = { kind: 'honest' }
  /** Overrides `behaviour` for the requests it returns one for. */
  behaviourAt: (request: SeenRequest) => Behaviour | null = () => null
  readonly #subjects = new Map<string, Version[]>()
  readonly #server: http.Server
  #port = 0

  private constructor() {
    this.#server = http.createServer((request, response) => this.#answer(request, response))
  }

  static async start(): Promise<FakeRegistry> {
    const registry = new FakeRegistry()
    await registry.up()
    return registry
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Listens, on the same port as before. */
  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Refuses connections. */
  async down(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async stop(): Promise<void> {
    if (this.#server.listening) await this.down()
  }

  /** Registers as a POST would: the same schema keeps its id. Returns the id. */
  register(subject: string, schema: FakeSchema | string): number {
    const registered = typeof schema === 'string' ? { schema } : schema
    const versions = this.#subjects.get(subject) ?? []
    const same = versions.find((version) => sameSchema(version.schema, registered))
    if (same !== undefined) return same.id
    const id = this.#idOf(contextOf(subject), registered)
    versions.push({ version: (versions.at(-1)?.version ?? 0) + 1, id, schema: registered })
    this.#subjects.set(subject, versions)
    return id
  }

  deleteVersion(subject: string, version: number): void {
    this.#subjects.set(
      subject,
      (this.#subjects.get(subject) ?? []).filter((known) => known.version !== version)
    )
  }

  /** How many requests had a path that matches. */
  asked(path: RegExp): number {
    return this.requests.filter(({ url }) => path.test(url)).length
  }

  #idOf(context: string, schema: FakeSchema): number {
    const all = [...this.#subjects]
      .filter(([subject]) => contextOf(subject) === context)
      .flatMap(([, versions]) => versions)
    return all.find((version) => sameSchema(version.schema, schema))?.id ?? Math.max(0, ...all.map(({ id }) => id)) + 1
  }

  #answer(request: http.IncomingMessage, response: http.ServerResponse): unknown {
    const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers }
    this.requests.push(seen)
    const behaviour = this.behaviourAt(seen) ?? this.behaviour
    switch (behaviour.kind) {
      case 'silent':
        return null
      case 'status':
        return json(response, behaviour.status, {
          error_code: behaviour.errorCode ?? behaviour.status,
          message: 'told to'
        })
      case 'page':
        return response.writeHead(200, { 'content-type': 'text/html' }).end(page)
      case 'redirect':
        return response.writeHead(302, { location: behaviour.location }).end()
      case 'endless':
        response.writeHead(200, { 'content-type': 'application/json' })
        return pour(response)
      case 'cut':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
        return response.write('{"schema":', () => void response.destroy())
      case 'lie':
        return json(response, 200, behaviour.body)
      case 'honest':
        return this.#honest(request, response)
    }
  }

  #honest(request: http.IncomingMessage, response: http.ServerResponse): unknown {
    const url = new URL(request.url ?? '/', this.url)
    const parts = url.pathname.split('/').slice(1).map(decodeURIComponent)
    if (parts[0] === 'schemas' && parts[1] === 'ids') {
      const context = contextOf(url.searchParams.get('subject') ?? '')
      return this.#byId(response, Number(parts[2]), context, parts[3] === 'versions')
    }
    if (parts[0] === 'subjects' && parts.length === 1) return json(response, 200, [...this.#subjects.keys()])
    const versions = parts[0] === 'subjects' ? this.#subjects.get(parts[1] ?? '') : undefined
    if (parts[0] === 'subjects' && (versions === undefined || versions.length === 0))
      return absent(response, 40401, 'Subject')
    if (parts[0] === 'subjects' && parts[2] === 'versions') return bySubject(response, parts[1]!, versions!, parts[3])
    return json(response, 404, { error_code: 404, message: 'HTTP 404 Not Found' })
  }

  #byId(response: http.ServerResponse, id: number, context: string, usages: boolean): unknown {
    const all = [...this.#subjects].filter(([subject]) => contextOf(subject) === context)
    const found = all.flatMap(([subject, versions]) =>
      versions.filter((known) => known.id === id).map((known) => ({ subject, known }))
    )
    if (found.length === 0) return absent(response, 40403, 'Schema')
    if (usages)
      return json(
        response,
        200,
        found.map(({ subject, known }) => ({ subject, version: known.version }))
      )
    return json(response, 200, found[0]!.known.schema)
  }
}

function bySubject(
  response: http.ServerResponse,
  subject: string,
  versions: readonly Version[],
  asked: string | undefined
): unknown {
  if (asked === undefined)
    return json(
      response,
      200,
      versions.map(({ version }) => version)
    )
  const found = asked === 'latest' ? versions.at(-1) : versions.find(({ version }) => version === Number(asked))
  if (found === undefined) return absent(response, 40402, 'Version')
  return json(response, 200, { subject, version: found.version, id: found.id, ...found.schema })
}

/** Until the other side gives up; bounded, should it never. */
function pour(response: http.ServerResponse): unknown {
  const chunk = Buffer.alloc(256 * 1024, 0x20)
  let left = 200
  const more = (): void => {
    while (left-- > 0 && response.writable) if (!response.write(chunk)) return
    response.end()
  }
  more()
  return response.on('drain', more)
}

function json(response: http.ServerResponse, status: number, body: unknown): unknown {
  return response
    .writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    .end(JSON.stringify(body))
}

function absent(response: http.ServerResponse, code: number, what: string): unknown {
  return json(response, 404, { error_code: code, message: `${what} not found` })
}

function contextOf(subject: string): string {
  return /^:([^:]*):/.exec(subject)?.[1] ?? ''
}

function sameSchema(a: FakeSchema, b: FakeSchema): boolean {
  return (
    JSON.stringify([a.schema, a.schemaType, a.references]) === JSON.stringify([b.schema, b.schemaType, b.references])
  )
}

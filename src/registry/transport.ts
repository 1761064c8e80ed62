/**
 * GET with everything bounded: the time from connecting to the last byte, the bytes of the answer, the redirects, and
 * the host. Credentials go to the configured origin and no other.
 *
 * The bounds on bytes and time sit in the agent's sockets, so that they also hold for the requests of
 * `@kafkajs/confluent-schema-registry`, which has neither.
 */
import http from 'node:http'
import https from 'node:https'
import type { Duplex } from 'node:stream'
import { limits } from './limits.ts'
import { RegistryUnavailable } from './types.ts'

export type RegistryAuth = { readonly username: string; readonly password: string } | { readonly bearerToken: string }

export interface TransportOptions {
  /** Base URL without a slash at the end; may have a path (`http://host:8080/apis/ccompat/v7`). */
  readonly url: string
  readonly auth: RegistryAuth | null
  readonly timeoutMs: number
  /** PEM of the authorities to trust instead of the system's, for `https`. */
  readonly ca?: string | undefined
}

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

const tooLarge = `answers with more than ${limits.responseBytes} bytes`

export class Transport {
  readonly agent: http.Agent
  readonly #options: TransportOptions
  readonly #origin: string
  readonly #headers: Readonly<Record<string, string>>

  constructor(options: TransportOptions) {
    this.#options = options
    this.#origin = new URL(options.url).origin
    this.#headers = {
      accept: 'application/vnd.schemaregistry.v1+json, application/json',
      'user-agent': 'kontrakt',
      ...(options.auth === null ? {} : { authorization: authorization(options.auth) })
    }
    this.agent = boundedAgent(options)
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs
  }

  urlOf(path: string): string {
    return this.#options.url + path
  }

  /** Rejects with `RegistryUnavailable`: no answer, too slow, too large, or sent elsewhere. Any status is an answer. */
  async get(path: string): Promise<Answer> {
    const asked = this.urlOf(path)
    const deadline = AbortSignal.timeout(this.#options.timeoutMs)
    let url = new URL(asked)
    for (let redirects = 0; ; redirects++) {
      const response = await this.#request(url, asked, deadline)
      const location = response.headers.location
      const status = response.statusCode ?? 0
      if (status < 300 || status > 399 || location === undefined) {
        return {
          status,
          contentType: response.headers['content-type'] ?? '',
          body: await readBody(response, asked, deadline)
        }
      }
      response.destroy()
      const target = URL.canParse(location, url.href) ? new URL(location, url.href) : null
      if (target?.origin !== this.#origin)
        throw new RegistryUnavailable(asked, `redirects to another host (${target?.host ?? 'unreadable'})`)
      if (redirects >= limits.redirects) throw new RegistryUnavailable(asked, 'redirects in circles')
      url = target
    }
  }

  close(): void {
    this.agent.destroy()
  }

  #request(url: URL, asked: string, deadline: AbortSignal): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { agent: this.agent, headers: this.#headers, signal: deadline }
      const request =
        url.protocol === 'https:' ? https.request(url, options, resolve) : http.request(url, options, resolve)
      request.on('error', (error) => reject(unavailable(asked, error, deadline)))
      request.end()
    })
  }
}

function authorization(auth: RegistryAuth): string {
  if ('bearerToken' in auth) return `Bearer ${auth.bearerToken}`
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`
}

async function readBody(response: http.IncomingMessage, asked: string, deadline: AbortSignal): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > limits.responseBytes) throw new RegistryUnavailable(asked, tooLarge)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof RegistryUnavailable ? error : unavailable(asked, error, deadline)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function unavailable(asked: string, error: unknown, deadline: AbortSignal): RegistryUnavailable {
  if (deadline.aborted) return new RegistryUnavailable(asked, 'does not answer in time')
  const code = error instanceof Error && 'code' in error ? String(error.code) : null
  return new RegistryUnavailable(asked, code ?? (error instanceof Error ? error.message : String(error)))
}

/** One request per socket: a socket's bytes and age are those of its answer. */
function boundedAgent(options: TransportOptions): http.Agent {
  const secure = options.url.startsWith('https:')
  const agent = secure
    ? new https.Agent({ keepAlive: false, maxSockets: 16, ...(options.ca === undefined ? {} : { ca: options.ca }) })
    : new http.Agent({ keepAlive: false, maxSockets: 16 })
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (connection, done) => {
    const socket = connect(connection, done)
    if (socket) bound(socket, options.timeoutMs)
    return socket
  }
  return agent
}

function bound(socket: Duplex, timeoutMs: number): void {
  let bytes = 0
  const timer = setTimeout(() => socket.destroy(new Error('does not answer in time')), timeoutMs)
  timer.unref()
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    // Headers come on top of the body; a body at its limit must still be readable.
    if (bytes > limits.responseBytes + 64 * 1024) socket.destroy(new Error(tooLarge))
  })
  socket.on('close', () => clearTimeout(timer))
}

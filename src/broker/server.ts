/**
 * The sockets of the embedded broker. As a Kafka broker it answers one request of a connection at a time, in order, and
 * closes a connection that sends something that cannot be read or was never offered.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { MalformedMessageError } from '../../protocol/bytes/malformed.ts'
import { errorCodes } from '../../protocol/errors.ts'
import { decodeRequestHeader, responseFrame, type RequestHeader } from '../../protocol/frames/header.ts'
import { apiKeys, UnsupportedApiError } from '../../protocol/messages/api-table.ts'
import { apiVersionsResponse } from '../../protocol/messages/api-versions.ts'
import { FrameLengthError, FrameReader } from '../../protocol/frames/frame-reader.ts'
import { apiVersionsRange } from './apis/api-versions.ts'
import type { Handler, Outcome, RequestContext } from './handler.ts'
import { handlers, type HandlerName } from './handlers.ts'
import type { AnyAnswer, Interceptors } from './interceptors.ts'
import * as limits from './limits.ts'
import type { BrokerState } from './state.ts'

const byKey = new Map<number, { readonly name: HandlerName; readonly handler: Handler<unknown, AnyAnswer> }>(
  Object.entries(handlers).map(([name, handler]) => [handler.key, { name: name as HandlerName, handler }])
)

export class BrokerServer {
  readonly #state: BrokerState
  readonly #interceptors: Interceptors
  readonly #connections = new Set<ClientConnection>()
  readonly #onFault: (error: unknown) => void
  readonly #server: Server
  #accepted = 0

  /** `onFault` gets what a handler or an interceptor threw; the connection it happened on is closed. */
  constructor(state: BrokerState, interceptors: Interceptors, onFault: (error: unknown) => void) {
    this.#state = state
    this.#interceptors = interceptors
    this.#onFault = onFault
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** Port 0 takes any free one. Rejects with the system's error (EADDRINUSE). */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Closes every connection; the server goes on listening. */
  dropConnections(): void {
    for (const connection of this.#connections) connection.drop()
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.dropConnections()
    })
  }

  #accept(socket: Socket): void {
    const id = ++this.#accepted
    const connection = new ClientConnection(socket, id, this.#state, this.#interceptors, this.#onFault)
    this.#connections.add(connection)
    socket.once('close', () => this.#connections.delete(connection))
  }
}

class ClientConnection {
  readonly #socket: Socket
  readonly #id: number
  readonly #state: BrokerState
  readonly #interceptors: Interceptors
  readonly #onFault: (error: unknown) => void
  readonly #frames = new FrameReader(limits.maxRequestBytes)
  readonly #gone = new AbortController()
  #isAnswering = false

  constructor(
    socket: Socket,
    id: number,
    state: BrokerState,
    interceptors: Interceptors,
    onFault: (error: unknown) => void
  ) {
    this.#onFault = onFault
    this.#socket = socket
    this.#id = id
    this.#state = state
    this.#interceptors = interceptors
    socket.on('data', (chunk) => this.#read(chunk))
    // What went wrong does not matter: `close` follows.
    socket.on('error', () => undefined)
    socket.on('close', () => this.#gone.abort())
  }

  drop(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#frames.push(chunk)
    if (!this.#isAnswering) void this.#answerAll()
    else if (this.#frames.bufferedBytes > limits.maxReadAheadBytes) this.#socket.pause()
  }

  async #answerAll(): Promise<void> {
    this.#isAnswering = true
    try {
      for (let frame = this.#frames.next(); frame !== null; frame = this.#frames.next()) {
        if (!(await this.#answer(frame)) || this.#socket.destroyed) {
          this.drop()
          return
        }
      }
      this.#socket.resume()
    } catch (error) {
      // What the client sent cannot be read: Kafka logs it and closes. All else is a fault on this side.
      if (!isClientFault(error)) this.#onFault(error)
      this.drop()
    } finally {
      this.#isAnswering = false
    }
  }

  /** False when the connection is to end. */
  async #answer(frame: Buffer): Promise<boolean> {
    const header = decodeRequestHeader(frame)
    const api = byKey.get(header.apiKey)
    if (api === undefined) return false
    const { name, handler } = api
    if (header.apiVersion < handler.versions[0] || header.apiVersion > handler.versions[1]) {
      if (header.apiKey !== apiKeys.apiVersions) return false
      return this.#write(fallback(header))
    }
    const request = handler.decode(frame.subarray(header.headerLength), header.apiVersion)
    const outcome = await this.#handle(name, handler, header, request)
    if (outcome === 'drop-connection') return false
    if (outcome === 'no-answer') return true
    const body = handler.encode(outcome, header.apiVersion)
    return this.#write(responseFrame(header.apiKey, header.apiVersion, header.correlationId, body))
  }

  #handle(
    name: HandlerName,
    handler: Handler<unknown, AnyAnswer>,
    header: RequestHeader,
    request: unknown
  ): Promise<Outcome<AnyAnswer>> {
    const context: RequestContext = {
      apiVersion: header.apiVersion,
      clientId: header.clientId,
      clientHost: this.#socket.remoteAddress ?? '',
      connectionId: this.#id,
      signal: this.#gone.signal
    }
    const call = { ...context, request, correlationId: header.correlationId }
    return this.#interceptors.run(name, call, () => handler.handle(this.#state, request, context))
  }

  /** Waits while the client does not read; false when it is gone. */
  async #write(frame: Buffer): Promise<boolean> {
    if (this.#socket.destroyed) return false
    if (this.#socket.write(frame)) return true
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done)
        this.#socket.off('close', done)
        resolve()
      }
      this.#socket.on('drain', done)
      this.#socket.on('close', done)
    })
    return !this.#socket.destroyed
  }
}

function isClientFault(error: unknown): boolean {
  return [MalformedMessageError, UnsupportedApiError, FrameLengthError].some((type) => error instanceof type)
}

/** KIP-511: in the layout that every client can read, with the versions it may try next. */
function fallback(header: RequestHeader): Buffer {
  const [minVersion, maxVersion] = apiVersionsRange
  const body = apiVersionsResponse.encode(
    {
      errorCode: errorCodes.UNSUPPORTED_VERSION,
      apiKeys: [{ apiKey: apiKeys.apiVersions, minVersion, maxVersion }]
    },
    0
  )
  return responseFrame(header.apiKey, 0, header.correlationId, body)
}

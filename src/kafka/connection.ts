/**
 * One TCP connection of our own to one broker.
 *
 * Requests leave in the order of the calls and are answered in that order, as Kafka promises per connection; an answer
 * with another correlation id means that the two ends no longer agree on the stream, and ends the connection. So does a
 * request that is not answered in time: those behind it would wait for the same answer.
 */
import { connect as connectSocket, type Socket } from 'node:net'
import { decodeResponseHeader, requestFrame } from '../../protocol/frames/header.ts'
import { formatAddress, type Address } from '../address.ts'
import { apiVersions, type Api } from './apis.ts'
import { systemClock, type Cancel, type Clock } from '../clock.ts'
import { ConnectionError, KafkaError, NoCommonVersionError } from './errors.ts'
import { FrameReader } from '../../protocol/frames/frame-reader.ts'
import * as limits from './limits.ts'

const unsupportedVersion = 35

export interface ConnectionOptions {
  readonly clientId: string
  readonly connectTimeoutMs?: number
  readonly requestTimeoutMs?: number
  readonly maxResponseBytes?: number
  readonly clock?: Clock
  /** Ends the attempt to connect, and the connection. */
  readonly signal?: AbortSignal
}

export interface CallOptions {
  /** Instead of the connection's `requestTimeoutMs`; a long poll needs its own wait on top. */
  readonly timeoutMs?: number
  /** Instead of the newest version that both have. */
  readonly version?: number
}

interface VersionRange {
  readonly min: number
  readonly max: number
}

interface Pending {
  readonly correlationId: number
  readonly apiKey: number
  readonly apiVersion: number
  readonly answer: (body: Buffer) => void
  readonly fail: (error: Error) => void
  readonly cancelTimeout: Cancel
}

export class Connection {
  readonly address: string
  readonly #socket: Socket
  readonly #clientId: string
  readonly #requestTimeoutMs: number
  readonly #clock: Clock
  readonly #frames: FrameReader
  readonly #pending: Pending[] = []
  readonly #onClose = new Set<(reason: ConnectionError) => void>()
  #versions: ReadonlyMap<number, VersionRange> = new Map()
  #nextCorrelationId = 0
  #closed: ConnectionError | null = null

  private constructor(socket: Socket, address: string, options: ConnectionOptions) {
    this.#socket = socket
    this.address = address
    this.#clientId = options.clientId
    this.#requestTimeoutMs = options.requestTimeoutMs ?? limits.requestTimeoutMs
    this.#clock = options.clock ?? systemClock
    this.#frames = new FrameReader(options.maxResponseBytes ?? limits.maxResponseBytes)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', (error) => this.#end('closed', error.message, error))
    socket.on('close', () => this.#end('closed', 'the broker closed the connection'))
    if (options.signal !== undefined) {
      const { signal } = options
      const stop = (): void => this.close()
      signal.addEventListener('abort', stop)
      this.#onClose.add(() => signal.removeEventListener('abort', stop))
    }
    if (socket.destroyed || options.signal?.aborted === true) this.close()
  }

  /** Connects and asks for the broker's versions. Rejects with ConnectionError or KafkaError. */
  static async open(target: Address, options: ConnectionOptions): Promise<Connection> {
    const address = formatAddress(target)
    const socket = await openSocket(target, address, options)
    const connection = new Connection(socket, address, options)
    try {
      await connection.#negotiate()
    } catch (error) {
      connection.close()
      throw error
    }
    return connection
  }

  /** False as soon as nothing can be asked any more. */
  get isOpen(): boolean {
    return this.#closed === null
  }

  /** The newest version of the request that both ends have. Throws NoCommonVersionError. */
  versionOf(api: Api<never, unknown>): number {
    const range = this.#versions.get(api.key)
    const version = Math.min(api.maxVersion, range?.max ?? -1)
    if (range === undefined || version < Math.max(api.minVersion, range.min)) {
      const theirs = range === undefined ? 'no version' : `versions ${range.min} to ${range.max}`
      throw new NoCommonVersionError(api.name, this.address, `${api.minVersion} to ${api.maxVersion}`, theirs)
    }
    return version
  }

  /**
   * Sends a request and resolves with its answer; the body may depend on the version. Rejects with ConnectionError or
   * NoCommonVersionError; error codes inside the answer are the caller's to read.
   */
  async call<Request, Response>(
    api: Api<Request, Response>,
    body: Request | ((version: number) => Request),
    options: CallOptions = {}
  ): Promise<Response> {
    const version = options.version ?? this.versionOf(api)
    const answer = await this.#exchange(api, encodeBody(api, body, version), version, options.timeoutMs)
    return this.#decode(api, answer, version)
  }

  /** Sends a request that has no answer (Produce with acks=0); resolves when the bytes were handed to the kernel. */
  async send<Request>(api: Api<Request, unknown>, body: Request | ((version: number) => Request)): Promise<void> {
    const version = this.versionOf(api)
    const frame = this.#frame(this.#takeCorrelationId(), api.key, version, encodeBody(api, body, version))
    await new Promise<void>((resolve, reject) => {
      if (this.#closed !== null) {
        reject(this.#closed)
        return
      }
      this.#socket.write(frame, (error) => {
        if (error) reject(new ConnectionError('closed', this.address, error.message, error))
        else resolve()
      })
    })
  }

  /** Calls back once when the connection ends; at once when it already has. Answers how to stop listening. */
  onClose(listener: (reason: ConnectionError) => void): Cancel {
    if (this.#closed !== null) listener(this.#closed)
    else this.#onClose.add(listener)
    return () => this.#onClose.delete(listener)
  }

  /** What is still unanswered is rejected. */
  close(): void {
    this.#end('closed', 'the connection was closed by its owner')
  }

  async #negotiate(): Promise<void> {
    let version = apiVersions.maxVersion
    const body = { clientSoftwareName: 'kontrakt', clientSoftwareVersion: '0' }
    for (;;) {
      const bytes = await this.#exchange(apiVersions, apiVersions.encode(body, version), version, undefined)
      // KIP-511: whoever does not know the version answers in the layout of version 0 and names those it knows.
      const refused = version > 0 && bytes.length >= 2 && bytes.readInt16BE(0) === unsupportedVersion
      const answer = this.#decode(apiVersions, bytes, refused ? 0 : version)
      if (refused) {
        const known = answer.apiKeys.find((entry) => entry.apiKey === apiVersions.key)
        version = Math.min(version - 1, known?.maxVersion ?? 0)
        continue
      }
      if (answer.errorCode !== 0)
        throw new KafkaError(answer.errorCode, { api: apiVersions.name, address: this.address })
      this.#versions = new Map(answer.apiKeys.map((k) => [k.apiKey, { min: k.minVersion, max: k.maxVersion }]))
      return
    }
  }

  #exchange(
    api: Api<never, unknown>,
    body: Buffer,
    apiVersion: number,
    timeoutMs = this.#requestTimeoutMs
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null) {
        reject(this.#closed)
        return
      }
      if (this.#pending.length >= limits.maxInFlightRequests) {
        reject(new Error(`${this.address}: ${limits.maxInFlightRequests} requests wait on one connection`))
        return
      }
      const correlationId = this.#takeCorrelationId()
      const frame = this.#frame(correlationId, api.key, apiVersion, body)
      const cancelTimeout = this.#clock.after(timeoutMs, () => {
        this.#end('timeout', `${api.name} was not answered within ${timeoutMs} ms`)
      })
      this.#pending.push({
        correlationId,
        apiKey: api.key,
        apiVersion,
        answer: resolve,
        fail: reject,
        cancelTimeout
      })
      this.#socket.write(frame)
    })
  }

  #takeCorrelationId(): number {
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = (correlationId + 1) & 0x7fff_ffff
    return correlationId
  }

  #frame(correlationId: number, apiKey: number, apiVersion: number, body: Buffer): Buffer {
    return requestFrame({ apiKey, apiVersion, correlationId, clientId: this.#clientId }, body)
  }

  #read(chunk: Buffer): void {
    this.#frames.push(chunk)
    try {
      for (let frame = this.#frames.next(); frame !== null && this.#closed === null; frame = this.#frames.next()) {
        this.#take(frame)
      }
    } catch (error) {
      this.#end('protocol', `cannot be understood: ${(error as Error).message}`, error)
    }
  }

  #take(frame: Buffer): void {
    const due = this.#pending[0]
    if (due === undefined) throw new Error('an answer nobody asked for')
    const header = decodeResponseHeader(frame, due.apiKey, due.apiVersion)
    if (header.correlationId !== due.correlationId) {
      throw new Error(`answer ${header.correlationId} where ${due.correlationId} was due`)
    }
    this.#pending.shift()
    due.cancelTimeout()
    due.answer(frame.subarray(header.headerLength))
  }

  #decode<Response>(api: Api<never, Response>, body: Buffer, version: number): Response {
    try {
      return api.decode(body, version)
    } catch (error) {
      this.#end('protocol', `its answer to ${api.name} v${version} cannot be read: ${(error as Error).message}`, error)
      throw this.#closed!
    }
  }

  #end(fault: ConnectionError['fault'], message: string, cause?: unknown): void {
    if (this.#closed !== null) return
    const reason = new ConnectionError(fault, this.address, message, cause)
    this.#closed = reason
    this.#socket.destroy()
    for (const pending of this.#pending.splice(0)) {
      pending.cancelTimeout()
      pending.fail(reason)
    }
    for (const listener of this.#onClose) listener(reason)
    this.#onClose.clear()
  }
}

function encodeBody<Request>(
  api: Api<Request, unknown>,
  body: Request | ((version: number) => Request),
  version: number
): Buffer {
  return api.encode(typeof body === 'function' ? (body as (version: number) => Request)(version) : body, version)
}

function openSocket(target: Address, address: string, options: ConnectionOptions): Promise<Socket> {
  const clock = options.clock ?? systemClock
  const timeoutMs = options.connectTimeoutMs ?? limits.connectTimeoutMs
  return new Promise((resolve, reject) => {
    const { signal } = options
    const socket = connectSocket({ host: target.host, port: target.port, noDelay: true, keepAlive: true })
    const settle = (): void => {
      cancelTimeout()
      signal?.removeEventListener('abort', onAbort)
    }
    const fail = (message: string, cause?: unknown): void => {
      settle()
      socket.destroy()
      reject(new ConnectionError('connect', address, message, cause))
    }
    const onAbort = (): void => fail('given up by its owner')
    const cancelTimeout = clock.after(timeoutMs, () => fail(`no connection within ${timeoutMs} ms`))
    // Stays on: a socket that fails between `connect` and its new owner's listeners must not end the process.
    socket.on('error', (error) => fail(error.message, error))
    socket.once('connect', () => {
      settle()
      resolve(socket)
    })
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
  })
}

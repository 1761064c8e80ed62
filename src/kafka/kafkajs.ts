/**
 * The only importer of kafkajs: consumer groups, and clients as users have them for the demo and the tests.
 *
 * kafkajs 2.2.4 brings gzip alone; our codecs fill in the rest. Its requests to a broker re-arm a timer without end and
 * with a negative delay even when nothing waits, which costs a wake-up per connection and millisecond and, from Node 24
 * on, prints a TimeoutNegativeWarning (kafkajs issue 1751); that timer is armed here only when something waits for it.
 */
import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'
import type { Kafka, KafkaConfig, LogEntry } from 'kafkajs'
import { deflate, inflate, type Codec } from '../../protocol/compression/codec.ts'

export type { Admin, Consumer, IHeaders, Kafka, Message, Producer } from 'kafkajs'

/** A batch is at most `max.message.bytes` on the wire; this is what it may become. */
const inflatedBatchBytes = 256 * 1024 * 1024

export const CompressionTypes = kafkajs.CompressionTypes

export interface KafkaJsLog {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** kafkajs' name of the part that speaks: `Consumer`, `Connection`. */
  readonly part: string
  readonly message: string
}

export interface KafkaJsOptions {
  /** `host:port`. */
  readonly brokers: string[]
  readonly clientId: string
  /** Where the library's log goes, warnings and errors alone. Default: nowhere. */
  readonly onLog?: (entry: KafkaJsLog) => void
  readonly connectionTimeoutMs?: number
  readonly requestTimeoutMs?: number
  /** Of kafkajs' own retrying; default its default, 5 times in about 10 s. */
  readonly retry?: KafkaConfig['retry']
}

export function createKafkaJs(options: KafkaJsOptions): Kafka {
  const { brokers, clientId, onLog, retry } = options
  return new kafkajs.Kafka({
    brokers,
    clientId,
    ...(options.connectionTimeoutMs === undefined ? {} : { connectionTimeout: options.connectionTimeoutMs }),
    ...(options.requestTimeoutMs === undefined ? {} : { requestTimeout: options.requestTimeoutMs }),
    ...(retry === undefined ? {} : { retry }),
    logLevel: onLog === undefined ? kafkajs.logLevel.NOTHING : kafkajs.logLevel.WARN,
    logCreator: () => (entry) => onLog?.(translate(entry))
  })
}

/** Whether kafkajs gave up for good on this error, by its own judgement; false for errors that are not its own. */
export function isKafkaJsError(
  error: unknown
): error is Error & { readonly retriable: boolean; readonly type?: string } {
  return error instanceof kafkajs.KafkaJSError
}

/** The namespace is left out in places, whatever the library's types say. */
type UntypedEntry = Omit<LogEntry, 'namespace'> & { readonly namespace?: string }

function translate({ level, namespace = '', log }: UntypedEntry): KafkaJsLog {
  const names = { 1: 'error', 2: 'warn', 4: 'info', 5: 'debug' } as const
  const name = level in names ? names[level as keyof typeof names] : 'debug'
  return { level: name, part: namespace, message: log.message }
}

/** kafkajs wants a function that gives an object of two functions, each answering a promise. */
function codecOf(codec: Codec): () => unknown {
  const port = {
    compress: (encoder: { readonly buffer: Buffer }) => Promise.resolve().then(() => deflate(codec, encoder.buffer)),
    decompress: (bytes: Buffer) => Promise.resolve().then(() => inflate(codec, bytes, inflatedBatchBytes))
  }
  return () => port
}

kafkajs.CompressionCodecs[kafkajs.CompressionTypes.Snappy] = codecOf('snappy')
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = codecOf('lz4')
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.ZSTD] = codecOf('zstd')

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  scheduleCheckPendingRequests(): void
}

// The class is not exported; the version of kafkajs is pinned, and a test fails if the method is no longer there.
const requestQueueClass = createRequire(import.meta.url)('kafkajs/src/network/requestQueue/index.js') as {
  readonly prototype: RequestQueue
}
const { prototype } = requestQueueClass
// eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with its object below
const schedule = prototype.scheduleCheckPendingRequests

prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
}

/**
 * What can go wrong between our own client and a broker: the broker says no (`KafkaError`), the connection fails
 * (`ConnectionError`), or both are well and do not speak a common version (`NoCommonVersionError`).
 */
import { errorByCode, errorCodes } from '../../protocol/errors.ts'

/** One entry of KIP-467's `record_errors`. */
export interface RecordError {
  /** Index in the batch that was sent. */
  readonly batchIndex: number
  readonly message: string | null
}

/** A broker answered with an error code. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code: number
  /** Kafka's name of the code, `INVALID_RECORD`. */
  readonly errorName: string
  /** Kafka's own opinion (`Errors.exception() instanceof RetriableException`). */
  readonly retriable: boolean
  /** Of the broker that answered, `host:port`. */
  readonly address: string
  /** Kafka's name of the request, `Produce`. */
  readonly api: string
  /** The broker's own words, where the response has room for them. */
  readonly detail: string | null
  /** Only from Produce v8 and newer. */
  readonly recordErrors: readonly RecordError[]

  constructor(
    code: number,
    at: {
      api: string
      address: string
      subject?: string
      detail?: string | null
      recordErrors?: readonly RecordError[]
    }
  ) {
    const error = errorByCode(code)
    const detail = at.detail ?? null
    const subject = at.subject === undefined ? '' : ` for ${at.subject}`
    const errorName = error?.name ?? 'an unknown error'
    const words = detail ?? error?.message
    super(
      `${at.api}${subject} refused by ${at.address}: ${errorName} (${code})${words === undefined ? '' : `: ${words}`}`
    )
    this.code = code
    this.errorName = errorName
    this.retriable = error?.retriable ?? false
    this.address = at.address
    this.api = at.api
    this.detail = detail
    this.recordErrors = at.recordErrors ?? []
  }
}

/**
 * `connect`: no connection came about. `timeout`: no answer in time. `closed`: ended while an answer was due, or used
 * after its end. `protocol`: what arrived is not what was asked for.
 */
export type ConnectionFault = 'connect' | 'timeout' | 'closed' | 'protocol'

export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly fault: ConnectionFault
  /** `host:port`. */
  readonly address: string
  /** Always: nobody knows whether a request that was under way took effect, but asking again may work. */
  readonly retriable = true

  constructor(fault: ConnectionFault, address: string, message: string, cause?: unknown) {
    super(`${address}: ${message}`, cause === undefined ? undefined : { cause })
    this.fault = fault
    this.address = address
  }
}

/** The broker has no version of this request that we have too. */
export class NoCommonVersionError extends Error {
  override readonly name = 'NoCommonVersionError'
  readonly address: string
  readonly api: string
  readonly retriable = false

  constructor(api: string, address: string, ours: string, theirs: string) {
    super(`${address} cannot answer ${api}: it offers ${theirs}, needed is ${ours}`)
    this.api = api
    this.address = address
  }
}

export function isRetriable(error: unknown): boolean {
  return (error instanceof KafkaError || error instanceof ConnectionError) && error.retriable
}

/** Answers after which what was asked for may have been done all the same. */
const halfDone: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_SERVER_ERROR,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.NETWORK_EXCEPTION,
  errorCodes.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  errorCodes.KAFKA_STORAGE_ERROR
])

/** Whether what was asked for may have been done, or may be done later when a copy on its way arrives. */
export function leavesDoubt(error: unknown): boolean {
  if (error instanceof KafkaError) return halfDone.has(error.code)
  if (error instanceof ConnectionError) return error.fault !== 'connect'
  return !(error instanceof NoCommonVersionError || error instanceof RangeError)
}

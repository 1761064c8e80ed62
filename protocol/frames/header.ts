/**
 * Request and response headers, and whole frames made of a length, a header and a body.
 *
 * The client id is a string with a two-byte length in every header version: RequestHeader.json exempts it from the
 * compact form, so that it can be read before anything else is known.
 */
import { MalformedMessageError, TruncatedMessageError } from '../bytes/malformed.ts'
import { Reader } from '../bytes/reader.ts'
import { Writer } from '../bytes/writer.ts'
import { requestHeaderVersion, responseHeaderVersion } from '../messages/api-table.ts'

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
  /** Bytes from the start of the frame to the body. */
  readonly headerLength: number
}

/** What a request header is made of. */
export type RequestHeaderInput = Omit<RequestHeader, 'headerLength'>

export interface ResponseHeader {
  readonly correlationId: number
  /** Bytes from the start of the frame to the body. */
  readonly headerLength: number
}

/**
 * A client id takes 32 KiB at most, and Kafka defines no header tags. While a frame streams in, more than this is not
 * collected for its header.
 */
export const maxHeaderBytes = 64 * 1024

/** Bytes of the length in front of a frame. */
const lengthBytes = 4

/**
 * @param frame the frame without its length
 * @throws MalformedMessageError
 * @throws UnsupportedApiError the key is not in the table; `apiKey` of the error is the key
 */
export function decodeRequestHeader(frame: Buffer): RequestHeader {
  const reader = new Reader(frame)
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  if (apiVersion < 0) throw new MalformedMessageError('negative API version')
  const flexible = requestHeaderVersion(apiKey, apiVersion) === 2
  const clientId = reader.nullableString()
  if (flexible) skipTags(reader)
  return { apiKey, apiVersion, correlationId, clientId, headerLength: reader.position }
}

/**
 * The same from the beginning of a frame that is still arriving. Null means that more bytes are needed.
 *
 * @param prefix what has arrived of the frame, without its length; bytes behind the frame are ignored
 * @param frameLength bytes of the whole frame
 * @throws MalformedMessageError also when the header is not complete within `maxHeaderBytes`
 * @throws UnsupportedApiError
 */
export function tryDecodeRequestHeader(prefix: Buffer, frameLength: number): RequestHeader | null {
  try {
    return decodeRequestHeader(prefix.length > frameLength ? prefix.subarray(0, frameLength) : prefix)
  } catch (error) {
    const mayStillArrive = prefix.length < frameLength && prefix.length < maxHeaderBytes
    if (error instanceof TruncatedMessageError && mayStillArrive) return null
    throw error
  }
}

/** The header without a length in front, in the version that the API and its version call for. */
export function encodeRequestHeader(header: RequestHeaderInput): Buffer {
  const writer = new Writer()
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  writer.nullableString(header.clientId)
  if (requestHeaderVersion(header.apiKey, header.apiVersion) === 2) writer.unsignedVarint(0)
  return writer.finish()
}

/**
 * @param frame the frame without its length; its first bytes suffice if they hold the header
 * @throws MalformedMessageError
 * @throws UnsupportedApiError
 */
export function decodeResponseHeader(frame: Buffer, apiKey: number, apiVersion: number): ResponseHeader {
  const reader = new Reader(frame)
  const correlationId = reader.int32()
  if (responseHeaderVersion(apiKey, apiVersion) === 1) skipTags(reader)
  return { correlationId, headerLength: reader.position }
}

/** Length, header and body, ready to be sent. */
export function requestFrame(header: RequestHeaderInput, body: Buffer): Buffer {
  return withLengthPrefix(encodeRequestHeader(header), body)
}

/** Length, header and body, ready to be sent. */
export function responseFrame(apiKey: number, apiVersion: number, correlationId: number, body: Buffer): Buffer {
  const header = new Writer()
  header.int32(correlationId)
  if (responseHeaderVersion(apiKey, apiVersion) === 1) header.unsignedVarint(0)
  return withLengthPrefix(header.finish(), body)
}

/** The frame of a header and a body that are encoded already. */
export function withLengthPrefix(header: Buffer, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(lengthBytes + header.length + body.length)
  bytes.writeInt32BE(header.length + body.length)
  header.copy(bytes, lengthBytes)
  body.copy(bytes, lengthBytes + header.length)
  return bytes
}

/** Kafka defines no tagged fields of headers; whatever is there is passed over. */
function skipTags(reader: Reader): void {
  const count = reader.tagCount()
  for (let index = 0; index < count; index++) {
    reader.unsignedVarint()
    reader.skip(reader.unsignedVarint())
  }
}

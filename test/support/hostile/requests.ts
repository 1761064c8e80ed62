/** Requests as a hostile client would put them together, part by part, and what a broker or the proxy said to them. */
import { encodeRequestHeader } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest, produceResponse } from '../../../protocol/messages/produce.ts'
import { decodeResponseHeader } from '../../../protocol/frames/header.ts'

export const produceVersion = 9

/** Any bytes under a right length. */
export function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const frame = Buffer.concat([Buffer.alloc(4), body])
  frame.writeInt32BE(body.length)
  return frame
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function unsignedVarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

export function header(apiKey: number, apiVersion: number, correlationId = 1, clientId = 'hostile'): Buffer {
  return encodeRequestHeader({ apiKey, apiVersion, correlationId, clientId })
}

export interface ProduceOptions {
  readonly apiVersion?: number
  readonly acks?: number
  readonly correlationId?: number
  readonly clientId?: string
}

/** `batches` by topic; each goes to partition 0. */
export function produceFrame(
  batches: Readonly<Record<string, Buffer | null>>,
  { apiVersion = produceVersion, acks = -1, correlationId = 1, clientId = 'hostile' }: ProduceOptions = {}
): Buffer {
  const topicData = Object.entries(batches).map(([name, records]) => ({ name, partitionData: [{ index: 0, records }] }))
  const body = produceRequest.encode({ acks, timeoutMs: 10_000, topicData }, apiVersion)
  return framed(header(apiKeys.produce, apiVersion, correlationId, clientId), body)
}

/** The error codes of a Produce answer in its order, or that there was none. */
export function codesOf(answer: Buffer | 'closed', apiVersion = produceVersion): number[] | 'closed' {
  if (answer === 'closed') return 'closed'
  const frame = answer.subarray(4)
  const { headerLength } = decodeResponseHeader(frame, apiKeys.produce, apiVersion)
  const { responses } = produceResponse.decode(frame.subarray(headerLength), apiVersion)
  return responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode))
}

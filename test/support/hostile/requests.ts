/** Requests as a hostile client would put them together, part by part, and what a broker or the proxy said to them. */
import { decodeResponseHeader, encodeRequestHeader } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { produceRequest, produceResponse } from '../../../protocol/messages/produce.ts'

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

/** No transactional id, acks=-1, a timeout of 4 s: Produce since v9. */
const beforeTopics = Buffer.from('00ffff00001000', 'hex')

/** One topic with so many partitions of six bytes each, each of another index and without records. */
export function emptyPartitions(topic: string, count: number): Buffer {
  const partition = Buffer.from('0000000000' + '00', 'hex')
  const partitions = Buffer.alloc(count * 6)
  for (let i = 0; i < count; i += 1) {
    partition.writeInt32BE(i)
    partition.copy(partitions, i * 6)
  }
  const name = Buffer.from(topic)
  const topics = Buffer.concat([unsignedVarint(2), unsignedVarint(name.length + 1), name, unsignedVarint(count + 1)])
  return framed(header(apiKeys.produce, 9), beforeTopics, topics, partitions, Buffer.from('0000', 'hex'))
}

/** So many topics of three bytes each: no name, no partitions, no tags. */
export function emptyTopics(count: number): Buffer {
  const topics = Buffer.alloc(3 * count, Buffer.from('010100', 'hex'))
  return framed(header(apiKeys.produce, 9), beforeTopics, unsignedVarint(count + 1), topics, Buffer.from([0]))
}

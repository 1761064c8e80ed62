/**
 * Reads the beginning of a Produce request, as far as needed to decide whether its body can pass unread: `acks`, how
 * many topics it names, and the name of the first.
 */
import type { RequestHeader } from '../../protocol/frames/header.ts'

/** Header, transactional id and topic name at their longest: three 32 KiB strings, and room for the tags. */
export const producePeekBytes = 3 * 32_768 + 4_096

export interface ProducePeek {
  readonly acks: number
  readonly topicCount: number
  /** Null when the request names no topic. */
  readonly firstTopic: string | null
}

/**
 * `frame` starts after the length prefix and may end early. Null: more bytes are needed to tell. `malformed`: no more
 * bytes will help.
 *
 * Layout: `ProduceRequest.json` of Apache Kafka, flexible since v9; `TransactionalId` since v3.
 */
export function peekProduce(frame: Buffer, header: RequestHeader): ProducePeek | null | 'malformed' {
  const flexible = header.apiVersion >= 9
  let position = header.headerLength
  if (header.apiVersion >= 3) {
    const size = flexible ? readUnsignedVarint(frame, position) : readInt16Length(frame, position)
    if (size === null || size === 'malformed') return size
    position = size.next + Math.max(0, flexible ? size.value - 1 : size.value)
  }
  if (position + 6 > frame.length) return null
  const acks = frame.readInt16BE(position)
  position += 2 + 4
  let topicCount: number
  if (flexible) {
    const count = readUnsignedVarint(frame, position)
    if (count === null || count === 'malformed') return count
    topicCount = count.value - 1
    position = count.next
  } else {
    if (position + 4 > frame.length) return null
    topicCount = frame.readInt32BE(position)
    position += 4
  }
  if (topicCount <= 0) return { acks, topicCount: 0, firstTopic: null }
  const name = flexible ? readUnsignedVarint(frame, position) : readInt16Length(frame, position)
  if (name === null || name === 'malformed') return name
  const length = flexible ? name.value - 1 : name.value
  if (length < 0 || length > 32_767) return 'malformed'
  if (name.next + length > frame.length) return null
  return { acks, topicCount, firstTopic: frame.toString('utf8', name.next, name.next + length) }
}

interface Length {
  readonly value: number
  readonly next: number
}

function readInt16Length(frame: Buffer, position: number): Length | null {
  if (position + 2 > frame.length) return null
  return { value: frame.readInt16BE(position), next: position + 2 }
}

function readUnsignedVarint(frame: Buffer, position: number): Length | null | 'malformed' {
  let value = 0
  for (let i = 0; i < 5; i += 1) {
    if (position + i >= frame.length) return null
    const byte = frame[position + i]!
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return value > 0x7fff_ffff ? 'malformed' : { value, next: position + i + 1 }
  }
  return 'malformed'
}

/**
 * Walks an Avro payload by its schema and builds the value tree. Exact where `avsc` is lenient (boolean byte 2, UTF-8,
 * 64-bit longs, logical types, block sizes) and bounded where it is not (block counts, nesting); on everything else the
 * two agree, which the property tests hold against each other.
 */
import type { Decoded } from '../format.ts'
import { limits, valueAllowance } from '../limits.ts'
import { bytesLeft, decodeSafely } from '../refusal.ts'
import type { Value } from '../../value.ts'
import { nodeName } from './node.ts'
import type { AvroNode, EnumNode, FixedNode } from './node.ts'
import { decimalOf, durationOf, isUuid, timestampOf, uuidOf } from './logical.ts'
import { AvroReader } from './reader.ts'
import type { LeastSizes } from './size.ts'

export function decodeAvro(root: AvroNode, leastSize: LeastSizes, bytes: Buffer, start: number, end: number): Decoded {
  return decodeSafely(() => {
    const reader = new AvroReader(bytes, start, end)
    const value = new AvroWalker(reader, leastSize, valueAllowance('avro', end - start)).read(root, 0)
    if (reader.remaining > 0) {
      throw reader.refuse('has bytes after the value', 'the end', bytesLeft(reader.remaining), reader.offset)
    }
    return { ok: true, value }
  })
}

class AvroWalker {
  readonly #reader: AvroReader
  readonly #leastSize: LeastSizes
  #allowance: number

  constructor(reader: AvroReader, leastSize: LeastSizes, allowance: number) {
    this.#reader = reader
    this.#leastSize = leastSize
    this.#allowance = allowance
  }

  read(node: AvroNode, depth: number): Value {
    if (--this.#allowance < 0) throw this.#refuse('holds more values than a payload of its size may', node)
    const reader = this.#reader
    switch (node.kind) {
      case 'null':
        return null
      case 'boolean':
        return reader.readBoolean()
      case 'int':
        return reader.readInt('int')
      case 'long': {
        const value = reader.readLong(nodeName(node))
        return node.logical === null ? value : timestampOf(value, node.logical)
      }
      case 'float':
        return reader.readFloat()
      case 'double':
        return reader.readDouble()
      case 'bytes':
        return this.#readBytes(node)
      case 'string':
        return this.#readString(node)
      case 'fixed':
        return this.#readFixed(node)
      case 'enum':
        return this.#readEnum(node)
      case 'union':
        return this.#readUnion(node, depth)
      case 'array':
        return this.#readArray(node.items, this.#enter(node, depth))
      case 'map':
        return this.#readMap(node.values, this.#enter(node, depth))
      case 'record':
        return this.#readRecord(node, this.#enter(node, depth))
    }
  }

  #refuse(message: string, node: AvroNode, byteOffset = this.#reader.offset): Error {
    return this.#reader.refuse(message, nodeName(node), null, byteOffset)
  }

  #enter(node: AvroNode, depth: number): number {
    if (depth >= limits.payloadNesting.avro) {
      throw this.#refuse(`is nested deeper than ${limits.payloadNesting.avro} levels`, node)
    }
    return depth + 1
  }

  #readRecord(node: AvroNode & { kind: 'record' }, depth: number): Value {
    const value = new Map<string, Value>()
    for (const field of node.fields) {
      this.#reader.path.push(field.name)
      value.set(field.name, this.read(field.node, depth))
      this.#reader.path.pop()
    }
    return value
  }

  #readUnion(node: AvroNode & { kind: 'union' }, depth: number): Value {
    const offset = this.#reader.offset
    const index = this.#reader.readLong('union branch')
    if (index < 0n || index >= BigInt(node.branches.length)) {
      throw this.#refuse('names a branch that the union does not have', node, offset)
    }
    // The branch is the value; the union itself is none.
    this.#allowance++
    return this.read(node.branches[Number(index)]!, depth)
  }

  #readEnum(node: EnumNode): Value {
    const offset = this.#reader.offset
    const index = this.#reader.readInt('enum')
    if (index < 0n || index >= BigInt(node.symbols.length)) {
      throw this.#refuse('names a symbol that the enum does not have', node, offset)
    }
    return node.symbols[Number(index)]!
  }

  #readBytes(node: AvroNode & { kind: 'bytes' }): Value {
    const offset = this.#reader.offset
    const length = this.#reader.readLength('bytes')
    const at = this.#reader.take(length, 'bytes')
    const bytes = this.#reader.bytes.subarray(at, at + length)
    if (node.logical === null) return bytes
    const decimal = decimalOf(bytes, node.logical)
    if (decimal === null) throw this.#refuse('is not a decimal of this precision', node, offset)
    return decimal
  }

  #readString(node: AvroNode & { kind: 'string' }): Value {
    const offset = this.#reader.offset
    const text = this.#reader.readString('string')
    if (node.logical === 'uuid' && !isUuid(text)) throw this.#reader.refuse('is not a UUID', 'uuid', 'string', offset)
    return text
  }

  #readFixed(node: FixedNode): Value {
    const offset = this.#reader.offset
    const at = this.#reader.take(node.size, nodeName(node))
    if (node.logical === 'uuid') return uuidOf(this.#reader.bytes, at)
    if (node.logical === 'duration') return durationOf(this.#reader.bytes, at)
    const bytes = this.#reader.bytes.subarray(at, at + node.size)
    if (node.logical === null) return bytes
    const decimal = decimalOf(bytes, node.logical)
    if (decimal === null) throw this.#refuse('is not a decimal of this precision', node, offset)
    return decimal
  }

  #readArray(items: AvroNode, depth: number): Value {
    const value: Value[] = []
    this.#readBlocks('array', this.#leastSize(items), () => {
      this.#reader.path.push(value.length)
      value.push(this.read(items, depth))
      this.#reader.path.pop()
    })
    return value
  }

  #readMap(values: AvroNode, depth: number): Value {
    const value = new Map<string, Value>()
    this.#readBlocks('map', 1 + this.#leastSize(values), () => {
      const key = this.#reader.readString('map key')
      this.#reader.path.push(null)
      value.set(key, this.read(values, depth))
      this.#reader.path.pop()
    })
    return value
  }

  /**
   * Blocks of a count and its items, up to a count of 0; a negative count is followed by the size of the block in
   * bytes.
   */
  #readBlocks(what: string, itemBytes: number, readItem: () => void): void {
    const reader = this.#reader
    while (true) {
      const offset = reader.offset
      const claimed = reader.readLong(`${what} count`)
      if (claimed === 0n) return
      const count = claimed < 0n ? -claimed : claimed
      const blockBytes = claimed < 0n ? reader.readLength(`${what} block size`) : null
      if (itemBytes === 0) {
        throw reader.refuse(
          'has items that take no bytes, so nothing bounds their number',
          `${what} of items with a size`,
          null,
          offset
        )
      }
      if (count * BigInt(itemBytes) > BigInt(reader.remaining)) {
        throw reader.refuse('claims more items than the payload can hold', what, bytesLeft(reader.remaining), offset)
      }
      const itemsStart = reader.offset
      for (let left = Number(count); left > 0; left--) readItem()
      if (blockBytes !== null && reader.offset - itemsStart !== blockBytes) {
        throw reader.refuse('has a block of another size than it says', what, null, offset)
      }
    }
  }
}

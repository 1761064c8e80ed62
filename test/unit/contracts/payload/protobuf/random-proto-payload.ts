/** Payloads of random `.proto` files: ordinary ones, and legal but odd ones. */
import type { SeededRandom } from '../../../../support/compiled-payload.ts'
import { groupFields } from './random-proto.ts'
import type { Field, RandomProto, Scalar, Type } from './random-proto.ts'

/** How far payloads may stray from what the usual writers write. */
export interface Oddness {
  /** Share of varints with more bytes than they need. */
  readonly overlong: number
  /** Fields in any order, singular ones more than once, both forms of lists, several members of a oneof. */
  readonly disorder: number
  readonly unknown: number
  /** Values outside of ranges, enums and UTF-8, missing required fields. */
  readonly invalid: number
}

export const ordinary: Oddness = { overlong: 0, disorder: 0, unknown: 0.02, invalid: 0 }
export const odd: Oddness = { overlong: 0.02, disorder: 0.3, unknown: 0.1, invalid: 0.01 }

export class PayloadWriter {
  readonly #random: SeededRandom
  readonly #proto: RandomProto
  readonly #odd: Oddness
  #budget = 60

  constructor(random: SeededRandom, proto: RandomProto, oddness: Oddness) {
    this.#random = random
    this.#proto = proto
    this.#odd = oddness
  }

  root(): Buffer {
    return this.#message(this.#proto.messages[0]!.fields, 0)
  }

  #message(fields: readonly Field[], depth: number): Buffer {
    const random = this.#random
    const disorder = random.chance(this.#odd.disorder)
    const parts: Buffer[] = []
    const order = [...fields].sort((one, other) => one.number - other.number)
    if (disorder) order.sort(() => random.below(3) - 1)
    const members = fields.filter(({ label }) => label === 'oneof')
    const member = members.length > 0 && random.chance(0.7) ? random.pick(members) : null
    for (const field of order) {
      const isWanted =
        field.label === 'required'
          ? !random.chance(this.#odd.invalid)
          : field.label === 'oneof'
            ? field === member || (disorder && random.chance(0.5))
            : random.chance(depth > 4 ? 0.05 : 0.6)
      if (!isWanted || (this.#budget-- < 0 && field.label !== 'required')) continue
      const times = disorder && random.chance(0.3) ? 2 : 1
      for (let time = 0; time < times; time++) parts.push(this.#field(field, depth))
    }
    if (random.chance(this.#odd.unknown)) parts.splice(random.below(parts.length + 1), 0, this.#unknown())
    return Buffer.concat(parts)
  }

  #unknown(): Buffer {
    const random = this.#random
    const number = random.pick([11, 12, 1000, 30_000])
    const value = [this.#varint(BigInt(random.uint32())), random.bytes(8), this.#counted(random.bytes(random.below(5)))]
    const wireType = random.pick([0, 1, 2, 5])
    return Buffer.concat([this.#tag(number, wireType), wireType === 5 ? random.bytes(4) : value[wireType]!])
  }

  #field(field: Field, depth: number): Buffer {
    const random = this.#random
    const { number, type, label } = field
    if (label === 'map') {
      const entries = Array.from({ length: random.below(4) }, () => {
        const parts: Buffer[] = []
        if (random.chance(0.95)) parts.push(this.#single(1, { kind: 'scalar', scalar: field.key }, depth))
        if (random.chance(0.95) || random.chance(1 - this.#odd.invalid)) parts.push(this.#single(2, type, depth + 1))
        if (random.chance(this.#odd.disorder)) parts.reverse()
        if (random.chance(this.#odd.unknown)) parts.push(this.#unknown())
        return Buffer.concat([this.#tag(number, 2), this.#counted(Buffer.concat(parts))])
      })
      return Buffer.concat(entries)
    }
    if (label !== 'repeated') return this.#single(number, type, depth)
    const count = random.below(4)
    const isPackable = wireTypeOf(type) !== 2 && wireTypeOf(type) !== 3
    if (isPackable && random.chance(0.5)) {
      const values = Array.from({ length: count }, () => this.#value(type, depth))
      return Buffer.concat([this.#tag(number, 2), this.#counted(Buffer.concat(values))])
    }
    return Buffer.concat(Array.from({ length: count }, () => this.#single(number, type, depth)))
  }

  #single(number: number, type: Type, depth: number): Buffer {
    if (type.kind === 'group') {
      const body = groupFields(this.#proto.messages[type.index]!)
      return Buffer.concat([this.#tag(number, 3), this.#message(body, depth + 1), this.#tag(number, 4)])
    }
    return Buffer.concat([this.#tag(number, wireTypeOf(type)), this.#value(type, depth)])
  }

  #value(type: Type, depth: number): Buffer {
    const random = this.#random
    const isInvalid = random.chance(this.#odd.invalid)
    switch (type.kind) {
      case 'enum': {
        const own = type.name === 'Even' ? [0n, 1n, 2n] : [0n, 7n, -3n]
        const foreign = [3n, -1n, 8n, 2n ** 32n + 1n]
        const mayBeAny = this.#proto.syntax !== 'proto2' && random.chance(0.1)
        return this.#varint(random.pick(isInvalid || mayBeAny ? foreign : own))
      }
      case 'message':
      case 'group':
        return this.#counted(this.#message(this.#proto.messages[type.index]!.fields, depth + 1))
      case 'known':
        return this.#counted(this.#known(type.name, isInvalid, depth))
      case 'scalar':
        return this.#scalar(type.scalar, isInvalid)
    }
  }

  #known(name: string, isInvalid: boolean, depth: number): Buffer {
    const random = this.#random
    const scalar = (number: number, of: Scalar, value: bigint): Buffer =>
      Buffer.concat([this.#tag(number, wireTypeOf({ kind: 'scalar', scalar: of })), this.#varint(value)])
    const value = (): Buffer => {
      const kind = 1 + random.below(6)
      if (kind === 1) return scalar(1, 'int32', 0n)
      if (kind === 2) return this.#single(2, { kind: 'scalar', scalar: 'double' }, depth)
      if (kind === 4) return scalar(4, 'bool', 1n)
      if (kind >= 5 && depth < 6) {
        return this.#single(kind, { kind: 'known', name: kind === 5 ? 'Struct' : 'ListValue' }, depth + 2)
      }
      return this.#single(3, { kind: 'scalar', scalar: 'string' }, depth)
    }
    switch (name) {
      case 'Timestamp':
      case 'Duration': {
        const sign = name === 'Duration' && random.chance(0.4) ? -1n : 1n
        const seconds = random.pick([
          0n,
          1n,
          1_700_000_000n,
          253_402_300_799n,
          62_135_596_800n,
          315_576_000_000n,
          127n,
          128n
        ])
        const nanos = random.pick([0n, 500_000_000n, 999_999_999n, 1_000_000n, 1n])
        const inRange = seconds > 253_402_300_799n && name === 'Timestamp' && !isInvalid ? 1n : seconds
        const isNegative = name === 'Timestamp' && random.chance(0.3) && inRange <= 62_135_596_800n
        return Buffer.concat([
          random.chance(0.9) ? scalar(1, 'int64', isNegative ? -inRange : sign * inRange) : Buffer.alloc(0),
          random.chance(0.7) ? scalar(2, 'int32', isInvalid ? -nanos : sign * nanos) : Buffer.alloc(0)
        ])
      }
      case 'Struct': {
        const entries = Array.from({ length: random.below(3) }, () =>
          Buffer.concat([
            this.#tag(1, 2),
            this.#counted(
              Buffer.concat([
                this.#single(1, { kind: 'scalar', scalar: 'string' }, depth),
                this.#tag(2, 2),
                this.#counted(value())
              ])
            )
          ])
        )
        return Buffer.concat(entries)
      }
      case 'ListValue':
        return Buffer.concat(
          Array.from({ length: random.below(3) }, () => Buffer.concat([this.#tag(1, 2), this.#counted(value())]))
        )
      case 'Value':
        return value()
      case 'Any':
        return this.#single(1, { kind: 'scalar', scalar: 'string' }, depth)
      case 'Empty':
        return Buffer.alloc(0)
      default: {
        const wrapped: Readonly<Record<string, Scalar>> = {
          StringValue: 'string',
          Int64Value: 'int64',
          BoolValue: 'bool',
          DoubleValue: 'double',
          BytesValue: 'bytes',
          UInt32Value: 'uint32'
        }
        if (random.chance(0.2)) return Buffer.alloc(0)
        return this.#single(1, { kind: 'scalar', scalar: wrapped[name]! }, depth)
      }
    }
  }

  #scalar(scalar: Scalar, isInvalid: boolean): Buffer {
    const random = this.#random
    switch (scalar) {
      case 'double':
      case 'fixed64':
      case 'sfixed64':
        return this.#fixed64(scalar)
      case 'float':
      case 'fixed32':
      case 'sfixed32':
        return random.bytes(4)
      case 'string': {
        const text = random.pick([
          '',
          'EUR',
          'order-1000021',
          'gr\u00f6\u00dfe',
          '\u{1f600}x',
          '\u20ac',
          'a'.repeat(random.below(200))
        ])
        return this.#counted(isInvalid ? random.bytes(1 + random.below(6)) : Buffer.from(text))
      }
      case 'bytes':
        return this.#counted(random.bytes(random.below(random.chance(0.1) ? 300 : 6)))
      case 'bool':
        return this.#varint(random.pick([0n, 1n, 1n, isInvalid ? 2n ** 40n : 1n]))
      default: {
        const limit = scalar.endsWith('32') ? 31n : 53n
        const small = BigInt(random.below(1000))
        const large = 2n ** limit - BigInt(random.below(2)) - 1n
        const signed = random.chance(0.2) && scalar.startsWith('int') ? -small : small
        return this.#varint(random.chance(0.8) ? signed : isInvalid ? large * 2048n + 2047n : large)
      }
    }
  }

  #fixed64(scalar: Scalar): Buffer {
    const random = this.#random
    const bytes = Buffer.alloc(8)
    if (scalar === 'double') return random.chance(0.5) ? random.bytes(8) : (bytes.writeDoubleLE(12.5), bytes)
    const edge = 2n ** 53n - BigInt(random.below(3))
    const value = random.chance(0.9) ? BigInt(random.uint32()) : edge
    bytes.writeBigInt64LE(scalar === 'sfixed64' && random.chance(0.3) ? -value : value)
    return bytes
  }

  #tag(number: number, wireType: number): Buffer {
    return this.#varint(BigInt(number) * 8n + BigInt(wireType))
  }

  #counted(bytes: Buffer): Buffer {
    return Buffer.concat([this.#varint(BigInt(bytes.length)), bytes])
  }

  #varint(value: bigint): Buffer {
    const bytes: number[] = []
    let left = BigInt.asUintN(64, value)
    do {
      bytes.push(Number(left & 0x7fn) | 0x80)
      left >>= 7n
    } while (left > 0n)
    if (this.#random.chance(this.#odd.overlong)) {
      for (let more = this.#random.below(11 - bytes.length + 1); more > 0; more--) bytes.push(0x80)
    }
    bytes[bytes.length - 1]! &= 0x7f
    return Buffer.from(bytes)
  }
}

function wireTypeOf(type: Type): number {
  if (type.kind === 'enum') return 0
  if (type.kind === 'group') return 3
  if (type.kind !== 'scalar') return 2
  switch (type.scalar) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 1
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 5
    case 'string':
    case 'bytes':
      return 2
    default:
      return 0
  }
}

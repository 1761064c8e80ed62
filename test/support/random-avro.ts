/** Random Avro schemas, and payloads written by hand: valid ones in every form, and hostile ones. */
import type { AvroNode } from '../../src/contracts/payload/avro/node.ts'
import type { SeededRandom } from './compiled-payload.ts'

const names = ['__proto__', 'constructor', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'amount', 'toString']

/**
 * A schema as JSON. Records may contain themselves, and named types are used again.
 *
 * @param listChance of types that are lists, beyond those that are anyway
 */
export function randomSchema(random: SeededRandom, mostFields = 7, listChance = 0): unknown {
  return new SchemaMaker(random, mostFields, listChance).record(0)
}

class SchemaMaker {
  readonly #random: SeededRandom
  readonly #mostFields: number
  readonly #listChance: number
  readonly #known: { name: string; isRecord: boolean }[] = []
  readonly #open: string[] = []
  #named = 0

  constructor(random: SeededRandom, mostFields: number, listChance: number) {
    this.#random = random
    this.#mostFields = mostFields
    this.#listChance = listChance
  }

  record(depth: number): unknown {
    const random = this.#random
    const name = `R${++this.#named}`
    this.#open.push(name)
    const fields = Array.from({ length: random.below(this.#mostFields + 1) }, (_, index) => ({
      name: names[index] ?? `f${index}`,
      type: this.#type(depth + 1)
    }))
    this.#open.pop()
    this.#known.push({ name, isRecord: true })
    return { type: 'record', name, fields }
  }

  #type(depth: number): unknown {
    const random = this.#random
    if (depth <= 4 && this.#listChance > 0 && random.chance(this.#listChance)) {
      const list = { type: 'array', items: this.#type(depth + 1) }
      return random.chance(0.2) ? ['null', list] : list
    }
    const kind = random.below(depth > 4 ? 13 : 22)
    switch (kind) {
      case 0:
        return random.chance(0.3) ? 'null' : 'boolean'
      case 1:
        return 'int'
      case 2:
        return 'long'
      case 3:
        return { type: 'long', logicalType: `timestamp-${random.pick(['millis', 'millis', 'micros', 'nanos'])}` }
      case 4:
        return random.pick(['float', 'double'])
      case 5:
        return random.chance(0.5) ? 'bytes' : { type: 'bytes', ...this.#decimal(30) }
      case 6:
      case 7:
        return random.chance(0.85) ? 'string' : { type: 'string', logicalType: 'uuid' }
      case 8:
        return this.#fixed()
      case 9:
        return this.#enum()
      case 10:
      case 11:
        return ['null', this.#plainType(depth)]
      case 12:
        return this.#known.length > 0 ? random.pick(this.#known).name : 'int'
      case 13:
      case 14:
        return { type: 'array', items: this.#type(depth + 1) }
      case 15:
        return { type: 'map', values: this.#type(depth + 1) }
      case 16:
        return this.#union(depth)
      case 17:
        return this.#again()
      case 18:
        return ['null', this.record(depth)]
      default:
        return this.record(depth)
    }
  }

  #decimal(mostDigits: number): object {
    const precision = 1 + this.#random.below(mostDigits)
    return { logicalType: 'decimal', precision, scale: this.#random.below(precision + 1) }
  }

  #fixed(): unknown {
    const name = `F${++this.#named}`
    this.#known.push({ name, isRecord: false })
    switch (this.#random.below(4)) {
      case 0:
        return { type: 'fixed', name, size: 16, logicalType: 'uuid' }
      case 1:
        return { type: 'fixed', name, size: 12, logicalType: 'duration' }
      case 2: {
        const size = 1 + this.#random.below(9)
        return { type: 'fixed', name, size, ...this.#decimal(Math.floor(Math.log10(2) * (8 * size - 1)) || 1) }
      }
      default:
        return { type: 'fixed', name, size: 1 + this.#random.below(20) }
    }
  }

  #enum(): unknown {
    const name = `E${++this.#named}`
    this.#known.push({ name, isRecord: false })
    const count = this.#random.chance(0.1) ? this.#random.pick([64, 65, 200, 9_000]) : 1 + this.#random.below(5)
    return { type: 'enum', name, symbols: Array.from({ length: count }, (_, index) => `S${index}`) }
  }

  /** Not a union, and nothing that a union with null may not hold. */
  #plainType(depth: number): unknown {
    const type = this.#type(depth)
    return Array.isArray(type) || type === 'null' ? 'string' : type
  }

  /** Several branches, each kind once. */
  #union(depth: number): unknown {
    const random = this.#random
    const branches: unknown[] = ['null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes']
    for (let index = random.below(3); index > 0; index--) branches.push(this.record(depth + 1), this.#enum())
    if (random.chance(0.2)) return branches.filter((branch) => branch === 'null' || typeof branch === 'object')
    if (random.chance(0.2)) branches.push({ type: 'array', items: this.#type(depth + 2) })
    return branches.sort(() => random.below(3) - 1).slice(0, 1 + random.below(branches.length))
  }

  /** A record that contains itself, or one of those around it. */
  #again(): unknown {
    const name = this.#random.pick(this.#open)
    switch (this.#random.below(3)) {
      case 0:
        return { type: 'array', items: name }
      case 1:
        return { type: 'map', values: name }
      default:
        return this.#random.chance(0.5) ? ['null', name] : [name, 'null']
    }
  }
}

/** More bytes of a number: longer than needed, or than there may be. */
const tails = [
  [0x80],
  [0x80, 0x80],
  Array<number>(4).fill(0x80),
  Array<number>(9).fill(0x80),
  Array<number>(9).fill(0xff)
]
const texts = ['', 'EUR', 'a longer text of plain letters, for the loop', 'Zürich', '日本語', '🦊', 'x\u0000y', '￿']
const badTexts = ['80', 'c0af', 'eda080', 'f4908080', 'f8888080', '41e282', 'ff']
const wideInts = [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n, 2n ** 40n, 2n ** 63n - 1n]
const longs = [0n, -1n, 1n, 63n, 64n, -65n, 8191n, 8192n, 2n ** 31n - 1n, -(2n ** 31n), 2n ** 31n, 2n ** 53n - 1n]
const wideLongs = [
  2n ** 53n,
  1n - 2n ** 53n,
  -(2n ** 53n),
  2n ** 54n,
  2n ** 55n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n)
]

/** A payload that is right, in any of the forms that Avro has for it. */
export function validPayload(root: AvroNode, random: SeededRandom, mostBytes?: number): Buffer {
  return new PayloadWriter(random, -1, mostBytes).payload(root)
}

/** A payload with one fault, in a place where all around it is right. It may happen to be a payload all the same. */
export function faultyPayload(root: AvroNode, random: SeededRandom): Buffer {
  const trial = new PayloadWriter(random, -1)
  trial.payload(root)
  return new PayloadWriter(random, random.below(trial.chances + 1)).payload(root)
}

class PayloadWriter {
  readonly #random: SeededRandom
  readonly #faultAt: number
  readonly #bytes: number[] = []
  readonly #mostBytes: number
  #chances = 0

  /** @param faultAt which of the places where a fault can be gets one; -1 for none */
  constructor(random: SeededRandom, faultAt: number, mostBytes = 300) {
    this.#random = random
    this.#faultAt = faultAt
    this.#mostBytes = mostBytes
  }

  /** Places where a fault could have been. */
  get chances(): number {
    return this.#chances
  }

  payload(root: AvroNode): Buffer {
    this.write(root, 0)
    return Buffer.from(this.#bytes)
  }

  write(node: AvroNode, depth: number): void {
    const random = this.#random
    switch (node.kind) {
      case 'null':
        return
      case 'boolean':
        this.#bytes.push(this.#isFault() ? 2 + random.below(254) : random.below(2))
        return
      case 'int':
        this.#long(this.#isFault() ? random.pick(wideInts) : BigInt.asIntN(32, this.#anyLong()))
        return
      case 'long':
        this.#long(this.#anyLong())
        return
      case 'float':
        this.#put(random.chance(0.2) ? Buffer.from('0000c07f', 'hex') : random.bytes(4))
        return
      case 'double':
        this.#put(random.bytes(8))
        return
      case 'bytes':
        this.#sized(
          node.logical === null ? random.bytes(random.below(12)) : this.#decimal(node.logical.precision, null)
        )
        return
      case 'string':
        this.#text(node.logical)
        return
      case 'fixed':
        if (node.logical === null || typeof node.logical === 'string') this.#put(random.bytes(node.size))
        else this.#put(this.#decimal(node.logical.precision, node.size))
        return
      case 'enum':
        this.#index(node.symbols.length)
        return
      case 'union':
        this.#union(node.branches, depth)
        return
      case 'array':
        this.#blocks(depth, () => {
          this.write(node.items, depth + 1)
        })
        return
      case 'map':
        this.#blocks(depth, () => {
          this.#text(null)
          this.write(node.values, depth + 1)
        })
        return
      case 'record':
        for (const field of node.fields) this.write(field.node, depth + 1)
    }
  }

  #isFault(): boolean {
    return this.#chances++ === this.#faultAt
  }

  #put(bytes: Iterable<number>): void {
    this.#bytes.push(...bytes)
  }

  #anyLong(): bigint {
    const random = this.#random
    if (random.chance(0.02)) return random.pick(wideLongs)
    if (random.chance(0.3)) return random.pick(longs)
    const bits = 1 + random.below(random.chance(0.02) ? 63 : 50)
    return BigInt.asIntN(bits, (BigInt(random.uint32()) << 32n) | BigInt(random.uint32()))
  }

  #long(value: bigint): void {
    let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
    do {
      this.#bytes.push(Number(raw & 0x7fn) | 0x80)
      raw >>= 7n
    } while (raw > 0n)
    if (this.#isFault()) this.#put(this.#random.pick(tails))
    this.#bytes[this.#bytes.length - 1]! &= 0x7f
  }

  /** Of a symbol or a branch; a fault is one that there is not. */
  #index(count: number): number {
    const index = this.#random.below(count)
    this.#long(BigInt(this.#isFault() ? this.#random.pick([-1, -index - 1, count, 2 * count, 1e9]) : index))
    return index
  }

  #sized(bytes: Buffer): void {
    const { length } = bytes
    this.#long(BigInt(this.#isFault() ? this.#random.pick([-length - 1, length - 1, length + 1, 100_000]) : length))
    this.#put(bytes)
  }

  #text(logical: 'uuid' | null): void {
    const random = this.#random
    if (this.#isFault()) {
      this.#sized(Buffer.concat([Buffer.from(random.pick(texts)), Buffer.from(random.pick(badTexts), 'hex')]))
    } else if (logical === 'uuid') {
      const hex = random.bytes(16).toString('hex')
      const text = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
      const bytes = Buffer.from(random.chance(0.5) ? text.toUpperCase() : text)
      if (this.#isFault()) bytes[random.below(36)] = random.below(128)
      this.#sized(bytes)
    } else {
      const text = random.pick(texts)
      this.#sized(Buffer.from(random.chance(0.1) ? text.repeat(random.below(30)) : text))
    }
  }

  /** The widest numbers of the precision and the narrowest beyond it are the likely mistakes. */
  #decimal(precision: number, width: number | null): Buffer {
    const random = this.#random
    const bound = 10n ** BigInt(precision)
    let value = random.chance(0.5) ? BigInt(random.uint32()) % bound : bound - 1n - BigInt(random.below(2))
    if (value < 0n) value = 0n
    if (this.#isFault()) value = bound + BigInt(random.below(3))
    if (random.chance(0.5)) value = -value
    let length = width ?? 1
    while (width === null && BigInt.asIntN(8 * length, value) !== value) length++
    if (width === null && random.chance(0.2)) length++
    if (width === null && this.#isFault()) length = random.below(length + 3)
    const hex = length === 0 ? '' : BigInt.asUintN(8 * length, value).toString(16)
    return Buffer.from(hex.padStart(2 * length, '0'), 'hex')
  }

  #union(branches: readonly AvroNode[], depth: number): void {
    const small = branches.findIndex((branch) => branch.kind === 'null' || branch.kind === 'boolean')
    if (this.#isFull(depth) && small >= 0) {
      this.#long(BigInt(small))
      this.write(branches[small]!, depth)
      return
    }
    const index = this.#index(branches.length)
    this.write(branches[index]!, depth)
  }

  #isFull(depth: number): boolean {
    return this.#bytes.length > this.#mostBytes || depth > 8
  }

  /** In up to three blocks, with and without their size. */
  #blocks(depth: number, writeItem: () => void): void {
    const random = this.#random
    for (let blocks = this.#isFull(depth) ? 0 : random.below(3); blocks > 0; blocks--) {
      const count = 1 + random.below(4)
      const start = this.#bytes.length
      for (let left = count; left > 0; left--) writeItem()
      const items = this.#bytes.splice(start)
      // The reference takes no items without a size.
      if (items.length === 0) break
      const claimed = this.#isFault() ? random.pick([count - 1, count + 1, count + 1000, 2 ** 40]) : count
      const isSized = random.chance(0.3)
      this.#long(BigInt(isSized ? -claimed : claimed))
      if (isSized)
        this.#long(BigInt(items.length + (this.#isFault() ? random.pick([-1, 1, -2 * items.length, 1000]) : 0)))
      this.#put(items)
    }
    this.#long(0n)
  }
}

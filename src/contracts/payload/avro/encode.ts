/**
 * Plain values of a test case, in the form `avsc` writes: unions as `{ branch: value }`, bytes as buffers, 64-bit
 * integers as bigints, logical types as what they stand on.
 */
import { decodeBase64, InvalidValue, parseTimestamp, wholeNumber } from '../plain.ts'
import { hexBytes } from '../encode.ts'
import type { PathSegment } from '../path.ts'
import { durationFields, decimalBytes, isUuid, unitsOf } from './logical.ts'
import { nodeName } from './node.ts'
import type { AvroNode, DecimalLogical, FixedNode } from './node.ts'

type Plain = Record<string, unknown>

/** Throws `InvalidValue` where the value does not fit. A field that is missing is its null branch, if it has one. */
export function toAvsc(node: AvroNode, plain: unknown, path: PathSegment[]): unknown {
  const wrong = (): InvalidValue => new InvalidValue(path, nodeName(node))
  switch (node.kind) {
    case 'null':
      if (plain !== null && plain !== undefined) throw wrong()
      return null
    case 'boolean':
      if (typeof plain !== 'boolean') throw wrong()
      return plain
    case 'int': {
      const value = wholeNumber(plain)
      if (value === null || BigInt.asIntN(32, value) !== value) throw wrong()
      return Number(value)
    }
    case 'long': {
      const value =
        node.logical !== null && typeof plain === 'string' ? instant(plain, node.logical) : wholeNumber(plain)
      if (value === null || BigInt.asIntN(64, value) !== value) throw wrong()
      return value
    }
    case 'float':
    case 'double':
      if (typeof plain !== 'number') throw wrong()
      return plain
    case 'bytes':
      return bytesOf(plain, node.logical, null) ?? raise(wrong())
    case 'string':
      if (typeof plain !== 'string' || (node.logical === 'uuid' && !isUuid(plain))) throw wrong()
      return plain
    case 'fixed':
      return fixedOf(node, plain) ?? raise(wrong())
    case 'enum':
      if (typeof plain !== 'string' || !node.symbols.includes(plain)) throw wrong()
      return plain
    case 'array':
      if (!Array.isArray(plain)) throw wrong()
      return plain.map((item, index) => at(path, index, () => toAvsc(node.items, item, path)))
    case 'map': {
      const entries = Object.entries(objectOf(plain) ?? raise(wrong()))
      return Object.fromEntries(
        entries.map(([key, value]) => [key, at(path, key, () => toAvsc(node.values, value, path))])
      )
    }
    case 'record':
      return recordOf(node, objectOf(plain) ?? raise(wrong()), path)
    case 'union':
      return unionOf(node.branches, plain, path, wrong)
  }
}

function recordOf(node: AvroNode & { kind: 'record' }, plain: Plain, path: PathSegment[]): unknown {
  const unknown = Object.keys(plain).find((key) => !node.fields.some((field) => field.name === key))
  if (unknown !== undefined) throw new InvalidValue([...path, unknown], `no such field in ${node.name}`)
  return Object.fromEntries(
    node.fields.map(({ name, node: field }) => [name, at(path, name, () => toAvsc(field, own(plain, name), path))])
  )
}

/** The first branch that takes the value. */
function unionOf(
  branches: readonly AvroNode[],
  plain: unknown,
  path: PathSegment[],
  wrong: () => InvalidValue
): unknown {
  let nearest: InvalidValue | null = null
  for (const branch of branches) {
    try {
      const value = toAvsc(branch, plain, path)
      return branch.kind === 'null' ? null : { [branchName(branch)]: value }
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      // The branch that got furthest into the value is the one that was meant.
      if (nearest === null || error.depth > nearest.depth) nearest = error
    }
  }
  throw nearest !== null && nearest.depth > path.length ? nearest : wrong()
}

/** What `avsc` calls the branch of a wrapped union. */
function branchName(branch: AvroNode): string {
  return 'name' in branch ? branch.name : branch.kind
}

function fixedOf(node: FixedNode, plain: unknown): Buffer | null {
  if (node.logical === 'uuid' && typeof plain === 'string') {
    return isUuid(plain) ? Buffer.from(plain.replaceAll('-', ''), 'hex') : null
  }
  if (node.logical === 'duration') {
    const parts = objectOf(plain)
    if (parts === null) return null
    const bytes = Buffer.alloc(12)
    for (const [index, name] of durationFields.entries()) {
      const part = wholeNumber(own(parts, name) ?? 0)
      if (part === null || BigInt.asUintN(32, part) !== part) return null
      bytes.writeUInt32LE(Number(part), 4 * index)
    }
    return bytes
  }
  const bytes = bytesOf(plain, node.logical === 'uuid' ? null : node.logical, node.size)
  return bytes?.length === node.size ? bytes : null
}

function bytesOf(plain: unknown, decimal: DecimalLogical | null, width: number | null): Buffer | null {
  if (plain instanceof Uint8Array) return Buffer.from(plain)
  const hex = hexBytes(plain)
  if (hex !== null) return hex
  if (decimal === null) return typeof plain === 'string' ? decodeBase64(plain) : null
  const written = /^(-?)([0-9]{1,1000})(?:\.([0-9]{1,1000}))?$/.exec(String(plain))
  if (written === null) return null
  const fraction = (written[3] ?? '').replace(/0+$/, '')
  if (fraction.length > decimal.scale) return null
  const unscaled = BigInt(`${written[1] ?? ''}${written[2] ?? ''}${fraction.padEnd(decimal.scale, '0')}`)
  return decimalBytes(unscaled, width)
}

function instant(text: string, logical: 'timestamp-millis' | 'timestamp-micros' | 'timestamp-nanos'): bigint | null {
  const timestamp = parseTimestamp(text)
  return timestamp === null ? null : unitsOf(timestamp, logical)
}

function objectOf(plain: unknown): Plain | null {
  return plain !== null && typeof plain === 'object' && !Array.isArray(plain) ? (plain as Plain) : null
}

function own(plain: Plain, name: string): unknown {
  return Object.hasOwn(plain, name) ? plain[name] : undefined
}

function at<T>(path: PathSegment[], segment: PathSegment, run: () => T): T {
  path.push(segment)
  try {
    return run()
  } finally {
    path.pop()
  }
}

function raise(error: Error): never {
  throw error
}

/**
 * Code that reads one value. It stands in a function of `b` (the bytes), `p` (the position) and `e` (where the message
 * ends), with `m`, `n`, `q` and `u` to work with, and leaves the function with -1 where the value is not one.
 */
import { slotKind } from '../../compiled.ts'
import type { GeneratedSource } from '../../generated/source.ts'
import { validUtf8 } from '../../generated/utf8.ts'
import type { EnumPlan, FieldType, ScalarType } from '../plan.ts'
import {
  lengthAndSize,
  storeDouble,
  storeFixed64,
  storeFloat,
  storeInt64,
  storeSfixed64,
  storeSint64,
  storeUint64,
  varint32,
  varintBit,
  varintEnd
} from './wire.ts'
import type { Store64 } from './wire.ts'

/** What the code here works with. */
export const workVariables = 'm=0,n=0,q=0,u=0'

/** The slots and their arrays, as the functions that note something are given them. */
export const slotParameters = 'K,N,S,E,o'

/** Bytes of a value that always has as many; null for the others. */
export function fixedSize(type: FieldType): 4 | 8 | null {
  if (type.kind !== 'scalar') return null
  switch (type.scalar) {
    case 'double':
    case 'fixed64':
    case 'sfixed64':
      return 8
    case 'float':
    case 'fixed32':
    case 'sfixed32':
      return 4
    default:
      return null
  }
}

/** Reads the length that comes next into `n`, and into `q` where what it counts ends. */
export function lengthCode(source: GeneratedSource): string {
  const rest = source.constant(lengthAndSize)
  return `if(p>=e)return -1;n=b[p++];if(n>127){n=${rest}(b,p,e,n);if(n<0)return -1;p+=n&7;n>>=3}if(n>e-p)return -1;q=p+n`
}

/** @param slot where the value is noted; -1 when only its form matters */
export function valueCode(source: GeneratedSource, type: FieldType, slot: number, end = 'e'): string {
  const isNoted = slot >= 0
  if (type.kind === 'enum') return enumCode(source, type.plan, slot, end)
  if (type.kind === 'message') throw new Error('a message is not read as a value')
  const size = fixedSize(type)
  if (size !== null) {
    const stored = isNoted ? fixedStoreCode(source, type.scalar, slot) : ''
    return `if(${end}-p<${size})return -1;${stored}p+=${size}`
  }
  switch (type.scalar) {
    case 'string': {
      const noted = isNoted ? `;K[${slot}]=${slotKind.text};S[${slot}]=q-n;E[${slot}]=q` : ''
      return `${lengthCode(source)};${textCode(source)}${noted}`
    }
    case 'bytes': {
      const noted = isNoted ? `;K[${slot}]=${slotKind.bytes};S[${slot}]=p;E[${slot}]=q` : ''
      return `${lengthCode(source)}${noted};p=q`
    }
    default:
      return isNoted ? varintStoreCode(source, type.scalar, slot, end) : varintCode(source, end)
  }
}

/**
 * Checks the UTF-8 from `p` to `q`, `n` bytes, and goes there. Nearly all text is ASCII: its bytes are gathered in `m`,
 * four at a time, of which the last four may have been seen already.
 */
function textCode(source: GeneratedSource): string {
  const short = 'm=n<1?0:b[p]|b[p+(n>>1)]|b[q-1]'
  const long = 'm=0;u=q-4;while(p<u){m|=b[p]|b[p+1]|b[p+2]|b[p+3];p+=4}m|=b[u]|b[u+1]|b[u+2]|b[u+3]'
  return `if(n<4){${short}}else{${long}}p=q;if(m>127&&!${source.constant(validUtf8)}(b,q-n,q))return -1`
}

function varintCode(source: GeneratedSource, end: string): string {
  return `if(p>=${end})return -1;if(b[p++]>127){p=${source.constant(varintEnd)}(b,p,${end});if(p<0)return -1}`
}

/** Reads a varint into `n` with what `convert` makes of one that takes more than a byte. */
function smallCode(source: GeneratedSource, convert: typeof varint32, end: string): string {
  const multi = `q=${source.constant(varintEnd)}(b,p,${end});if(q<0)return -1;n=${source.constant(convert)}(b,p-1,q);p=q`
  return `if(p>=${end})return -1;n=b[p++];if(n>127){${multi}}`
}

function enumCode(source: GeneratedSource, plan: EnumPlan, slot: number, end: string): string {
  if (!plan.closed && slot < 0) return varintCode(source, end)
  const parts = [smallCode(source, varint32, end)]
  if (plan.closed) parts.push(`if(${isNoMember(source, plan)})return -1`)
  if (slot >= 0) parts.push(`K[${slot}]=${slotKind.int};N[${slot}]=n`)
  return parts.join(';')
}

function isNoMember(source: GeneratedSource, { numbers }: EnumPlan): string {
  let lowest = 0
  let highest = 0
  for (const number of numbers) {
    if (number < lowest) lowest = number
    if (number > highest) highest = number
  }
  // Most enums have all numbers from zero on.
  return highest - lowest + 1 === numbers.size ? `n<${lowest}||n>${highest}` : `!${source.constant(numbers)}.has(n)`
}

function varintStoreCode(source: GeneratedSource, scalar: ScalarType, slot: number, end: string): string {
  switch (scalar) {
    case 'bool':
      return `${smallCode(source, varintBit, end)};K[${slot}]=n===0?${slotKind.false}:${slotKind.true}`
    case 'int32':
      return `${smallCode(source, varint32, end)};K[${slot}]=${slotKind.int};N[${slot}]=n`
    case 'uint32':
      return `${smallCode(source, varint32, end)};K[${slot}]=${slotKind.uint};N[${slot}]=n>>>0`
    case 'sint32':
      return `${smallCode(source, varint32, end)};K[${slot}]=${slotKind.int};N[${slot}]=n>>>1^-(n&1)`
    case 'sint64':
      return store64Code(source, storeSint64, slotKind.int, 'n>>>1^-(n&1)', slot, end)
    case 'uint64':
      return store64Code(source, storeUint64, slotKind.uint, 'n', slot, end)
    default:
      return store64Code(source, storeInt64, slotKind.int, 'n', slot, end)
  }
}

function store64Code(
  source: GeneratedSource,
  store: Store64,
  kind: number,
  ofOneByte: string,
  slot: number,
  end: string
): string {
  const stop = source.constant(varintEnd)
  const multi = `q=${stop}(b,p,${end});if(q<0||!${source.constant(store)}(b,p-1,q,N,${slot}))return -1;p=q`
  return `if(p>=${end})return -1;K[${slot}]=${kind};n=b[p++];if(n<128){N[${slot}]=${ofOneByte}}else{${multi}}`
}

function fixedStoreCode(source: GeneratedSource, scalar: ScalarType, slot: number): string {
  const int32 = '(b[p]|b[p+1]<<8|b[p+2]<<16|b[p+3]<<24)'
  switch (scalar) {
    case 'double':
      return `K[${slot}]=${slotKind.double};${source.constant(storeDouble)}(b,p,N,${slot});`
    case 'float':
      return `K[${slot}]=${slotKind.double};${source.constant(storeFloat)}(b,p,N,${slot});`
    case 'fixed32':
      return `K[${slot}]=${slotKind.uint};N[${slot}]=${int32}>>>0;`
    case 'sfixed32':
      return `K[${slot}]=${slotKind.int};N[${slot}]=${int32};`
    case 'fixed64':
      return `K[${slot}]=${slotKind.uint};if(!${source.constant(storeFixed64)}(b,p,N,${slot}))return -1;`
    default:
      return `K[${slot}]=${slotKind.int};if(!${source.constant(storeSfixed64)}(b,p,N,${slot}))return -1;`
  }
}

/** Notes what a field without presence is when it is not there. */
export function defaultCode(type: FieldType, slot: number): string {
  if (type.kind === 'message') throw new Error('a message has presence')
  if (type.kind === 'enum') return `K[${slot}]=${slotKind.int};N[${slot}]=0`
  switch (type.scalar) {
    case 'double':
    case 'float':
      return `K[${slot}]=${slotKind.double};N[${slot}]=0`
    case 'bool':
      return `K[${slot}]=${slotKind.false}`
    case 'string':
      return `K[${slot}]=${slotKind.text};S[${slot}]=p;E[${slot}]=p`
    case 'bytes':
      return `K[${slot}]=${slotKind.bytes};S[${slot}]=p;E[${slot}]=p`
    case 'uint32':
    case 'uint64':
    case 'fixed32':
    case 'fixed64':
      return `K[${slot}]=${slotKind.uint};N[${slot}]=0`
    default:
      return `K[${slot}]=${slotKind.int};N[${slot}]=0`
  }
}

/** Code for arrays. */
import { slotKind } from '../../compiled.ts'
import { limits } from '../../limits.ts'
import { noteRange } from './any.ts'
import { anything } from './plan.ts'
import type { ArrayBounds, Plan } from './plan.ts'
import { skipSpace } from './scan.ts'
import type { SlotNode } from './slots.ts'
import { note } from './writer.ts'
import type { ValueWriter } from './writer.ts'

const free: ArrayBounds = { prefix: [], rest: anything, minItems: 0, maxItems: Infinity, unique: false }

/** Writes the body of a function: `p` is at the opening bracket, `d` the number of containers around. */
export function writeArray(writer: ValueWriter, plan: Plan, node: SlotNode | null): void {
  const { source } = writer
  const { prefix, rest, minItems, maxItems, unique } = plan.arrays ?? free
  const item = node?.items?.node ?? null
  const space = `if(p<e&&b[p]<=32)p=${source.constant(skipSpace)}(b,p,e);`
  source.line(`const n=d+1;if(n>${limits.payloadNesting.json})return -1;`)
  source.line(`let i=0;p++;${space}if(p>=e)return -1;`)
  source.line(`if(b[p]===93)p++;else for(;;){if(p>=e)return -1;${unique ? 'const h=p;' : ''}`)
  if (prefix.length > 0) {
    source.line('switch(i){')
    for (const [index, first] of prefix.entries()) {
      source.line(`case ${index}:{`)
      writer.value(first, item, 'n')
      source.line('break}')
    }
    source.line('default:{')
  }
  writer.value(rest, item, 'n')
  if (prefix.length > 0) source.line('}}')
  if (unique) source.line(`if(!${source.constant(noteUnique)}(b,h,p,n,i))return -1;`)
  for (const visit of node?.items?.visits ?? []) source.line(`${source.constant(visit)}(s,b);`)
  source.line(`i++;${space}if(p>=e)return -1;`)
  source.line(`if(b[p]===44)p++;else if(b[p]===93){p++;break}else return -1;${space}}`)
  if (minItems > 0) source.line(`if(i<${source.constant(minItems)})return -1;`)
  if (maxItems < Infinity) source.line(`if(i>${source.constant(maxItems)})return -1;`)
  if (node !== null && node.slots.length > 0) source.line(note(node.slots, slotKind.list, { numbers: 'i' }))
  source.line('return p;')
}

/**
 * Notes an item of which there may be only one, and is false for what can be written in several ways: containers,
 * numbers with a fraction, texts with escapes, and texts with characters of four bytes, among which is the one that the
 * reference reads as `__proto__`.
 */
function noteUnique(bytes: Uint8Array, start: number, close: number, depth: number, count: number): boolean {
  const first = bytes[start]!
  if (first === 0x22) {
    for (let p = start; p < close; p++) if (bytes[p] === 0x5c || bytes[p]! >= 0xf0) return false
  } else if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
    if (close - start > 15 || (first === 0x2d && bytes[start + 1] === 0x30)) return false
    for (let p = start + 1; p < close; p++) if (bytes[p]! < 0x30 || bytes[p]! > 0x39) return false
  } else if (first === 0x5b || first === 0x7b) return false
  return noteRange(bytes, start, close, depth, count)
}

/**
 * Code for objects. Producers write the properties of each record in the same order, so the key that follows the last
 * one in the schema is compared first; other keys are looked up by their length and bytes. A key of the schema sets a
 * bit when it is met, other keys are noted by their place, and so both are found when they come again.
 */
import { slotKind } from '../../compiled.ts'
import { limits } from '../../limits.ts'
import { noteKey } from './any.ts'
import { anything, nothing } from './plan.ts'
import type { ObjectBounds, Plan } from './plan.ts'
import { scanString, skipColon, skipSpace, standsAt } from './scan.ts'
import type { SlotNode } from './slots.ts'
import { slotsInside } from './slots.ts'
import { note } from './writer.ts'
import type { ValueWriter } from './writer.ts'

const bitsPerWord = 30

/** Bytes of a key up to which it is compared in line. */
const longestInLine = 40

interface Property {
  readonly name: Buffer
  readonly plan: Plan
  readonly node: SlotNode | null
  readonly isRequired: boolean
}

const free: ObjectBounds = {
  properties: new Map(),
  required: new Set(),
  additional: anything,
  minProperties: 0,
  maxProperties: Infinity
}

/** Writes the body of a function: `p` is at the opening brace, `d` the number of containers around. */
export function writeObject(writer: ValueWriter, plan: Plan, node: SlotNode | null): void {
  const { source } = writer
  const bounds = plan.objects ?? free
  const properties = propertiesOf(bounds, node)
  const counts = bounds.minProperties > 0 || bounds.maxProperties < Infinity
  const words = Math.ceil(properties.length / bitsPerWord)
  source.line(`const n=d+1;if(n>${limits.payloadNesting.json})return -1;`)
  if (node !== null) source.line(note(node.slots, slotKind.other) + note(slotsInside(node), slotKind.absent))
  for (let word = 0; word < words; word++) source.line(`let w${word}=0;`)
  source.line(`let x=0,u=0,i=0,q=0${counts ? ',m=0' : ''};p++;`)
  writeSpace(writer)
  source.line('if(p>=e)return -1;')
  source.line('if(b[p]===125)p++;else for(;;){')
  if (counts) source.line('m++;')
  writeKey(writer, properties, bounds.additional)
  source.line('if(p>=e)return -1;')
  writeMembers(writer, properties, bounds.additional)
  source.line('if(p<e&&b[p]===44)p++;else{')
  writeSpace(writer)
  source.line('if(p>=e)return -1;if(b[p]===44)p++;else if(b[p]===125){p++;break}else return -1;}')
  writeSpace(writer)
  source.line('}')
  for (let word = 0; word < words; word++) {
    const inWord = properties.slice(word * bitsPerWord, (word + 1) * bitsPerWord)
    const mask = inWord.reduce((bits, property, bit) => bits | (property.isRequired ? 1 << bit : 0), 0)
    if (mask !== 0) source.line(`if((w${word}&${mask})!==${mask})return -1;`)
  }
  if (counts) {
    source.line(`if(m<${source.constant(bounds.minProperties)}||m>${source.constant(bounds.maxProperties)})return -1;`)
  }
  source.line('return p;')
}

/** Those the schema speaks of and those that are to be noted. */
function propertiesOf({ properties, required, additional }: ObjectBounds, node: SlotNode | null): Property[] {
  const names = new Set([...properties.keys(), ...required, ...(node?.children.keys() ?? [])])
  return Array.from(names, (name) => ({
    name: Buffer.from(name),
    plan: properties.get(name) ?? additional,
    node: node?.children.get(name) ?? null,
    isRequired: required.has(name)
  }))
}

function writeSpace({ source }: ValueWriter): void {
  source.line(`if(p<e&&b[p]<=32)p=${source.constant(skipSpace)}(b,p,e);`)
}

/** From the opening quote of a key to its value; `i` is the property then, -1 for another. */
function writeKey(writer: ValueWriter, properties: readonly Property[], additional: Plan): void {
  const { source } = writer
  source.line('i=-1;')
  const inLine = properties.map(({ name }) => name.length <= longestInLine && !name.some(isWrittenEscaped))
  if (inLine.includes(true)) {
    source.line('switch(x){')
    for (const [index, { name }] of properties.entries()) {
      if (!inLine[index]) continue
      const length = name.length
      const same = Array.from(name, (byte, at) => `&&b[p+${at + 1}]===${byte}`).join('')
      const ends = `&&b[p+${length + 1}]===34&&b[p+${length + 2}]===58`
      source.line(`case ${index}:if(p+${length + 3}<=e&&b[p]===34${same}${ends}){i=${index};p+=${length + 3}}break;`)
    }
    source.line('}')
  }
  source.line('if(i>=0){')
  writeSpace(writer)
  source.line('}else{')
  source.line('if(p>=e||b[p]!==34)return -1;')
  source.line(`q=${source.constant(scanString)}(b,p+1,e);if(q<0)return -1;`)
  writeLookup(writer, properties)
  if (additional === nothing) source.line('if(i<0)return -1;')
  else source.line(`if(i<0){if(!${source.constant(noteKey)}(b,p+1,q,n,u))return -1;u++;}`)
  source.line(`p=${source.constant(skipColon)}(b,q+1,e);if(p<0)return -1;}`)
}

/** What a string of JSON has no byte of its own for. */
function isWrittenEscaped(byte: number): boolean {
  return byte < 0x20 || byte === 0x22 || byte === 0x5c
}

/** Sets `i` for the key between `p` and `q`. Keys of one length are told apart by the byte in which most differ. */
function writeLookup({ source }: ValueWriter, properties: readonly Property[]): void {
  if (properties.length === 0) return
  const numbered = properties.map(({ name }, index) => ({ name, index }))
  const stands = ({ name, index }: { name: Buffer; index: number }): string =>
    `if(${source.constant(standsAt)}(b,p+1,e,${source.constant(name)}))i=${index};`
  source.line('switch(q-p-1){')
  for (const [length, sameLength] of Map.groupBy(numbered, ({ name }) => name.length)) {
    source.line(`case ${length}:`)
    const at = mostTelling(sameLength.map(({ name }) => name))
    if (sameLength.length < 3) source.line(sameLength.map(stands).join('else '))
    else {
      source.line(`switch(b[p+${at + 1}]){`)
      for (const [byte, alike] of Map.groupBy(sameLength, ({ name }) => name[at]!)) {
        source.line(`case ${byte}:${alike.map(stands).join('else ')}break;`)
      }
      source.line('}')
    }
    source.line('break;')
  }
  source.line('}')
}

/** @returns 0 for names without bytes */
function mostTelling(names: readonly Buffer[]): number {
  let best = 0
  let mostValues = 0
  for (let at = 0; at < names[0]!.length; at++) {
    const values = new Set(names.map((name) => name[at])).size
    if (values > mostValues) {
      best = at
      mostValues = values
    }
  }
  return best
}

function writeMembers(writer: ValueWriter, properties: readonly Property[], additional: Plan): void {
  const { source } = writer
  if (properties.length === 0) {
    writer.value(additional, null, 'n')
    return
  }
  source.line('switch(i){')
  for (const [index, { plan, node }] of properties.entries()) {
    const word = `w${Math.floor(index / bitsPerWord)}`
    const bit = 1 << (index % bitsPerWord)
    source.line(`case ${index}:{if((${word}&${bit})!==0)return -1;${word}|=${bit};x=${index + 1};`)
    writer.value(plan, node, 'n')
    source.line('break}')
  }
  if (additional !== nothing) {
    source.line('default:{')
    writer.value(additional, null, 'n')
    source.line('}')
  }
  source.line('}')
}

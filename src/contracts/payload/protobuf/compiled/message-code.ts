/**
 * Code that walks one message. Fields are told apart by a switch over their number; since writers put them in the order
 * of their numbers, each case looks for the tag of the next one and falls into its case.
 */
import { slotKind } from '../../compiled.ts'
import type { GeneratedSource } from '../../generated/source.ts'
import { limits } from '../../limits.ts'
import type { FieldPlan, FieldType, MessagePlan } from '../plan.ts'
import { wireTypeOf } from '../wire-types.ts'
import { caseCode, comesNext, defaultsOf, messageCode, SeenBits, usualTag } from './field-code.ts'
import type { CodeContext } from './field-code.ts'
import type { Projected } from './projection.ts'
import { defaultCode, slotParameters, valueCode, workVariables } from './read-code.ts'
import { tagOf, unknownEnd, varintEnd } from './wire.ts'

/**
 * Writes `name(b,p,e,d[,g][,K,N,S,E])`, which returns where the message ends, or -1. `d` is the depth, `g` the tag that
 * ends a group.
 */
export function writeMessage(
  context: CodeContext,
  name: string,
  plan: MessagePlan,
  projected: Projected | null,
  isGroup: boolean
): void {
  const { source } = context
  const parameters = ['b,p,e,d', ...(isGroup ? ['g'] : []), ...(projected === null ? [] : [slotParameters])].join(',')
  const fields = [...plan.fields].sort((one, other) => one.number - other.number)
  const isSparse = areFarApart(fields)
  const places = new Map(fields.map(({ number }, index) => [number, index]))
  const seen = new SeenBits()
  const cases = fields.map((field, index) => {
    const code = caseCode(context, field, projected, seen)
    return `case ${isSparse ? index : field.number}:${code};${nextCode(fields[index + 1])}`
  })
  source.function(name, parameters, () => {
    source.line(`if(d>${limits.payloadNesting.protobuf})return -1`)
    source.line(`${context.count}+=${1 + defaultsOf(plan)}`)
    source.line(`let t=0,${workVariables}${seen.declarations}`)
    for (const [field, { slot }] of projected?.fields ?? []) {
      if (slot >= 0 && !field.presence) source.line(absentCode(field, slot))
    }
    source.line('while(p<e){')
    source.line(tagCode(source))
    if (isGroup) source.line(['if(t===g){', ...seen.checks, 'return p}'].join('\n'))
    source.line(isSparse ? `switch(${source.constant(places)}.get(t>>>3)){` : 'switch(t>>>3){')
    for (const code of cases) source.line(code)
    source.line(`default:p=${source.constant(unknownEnd)}(b,p,e,t);if(p<0)return -1`)
    source.line('}}')
    if (!isGroup) for (const check of seen.checks) source.line(check)
    source.line(isGroup ? 'return -1' : 'return p')
  })
}

/**
 * Whether V8 would make no table of a switch over the numbers, but compare them one by one: it does where they span
 * three times as many. So many fields are found by a map.
 */
function areFarApart(sorted: readonly FieldPlan[]): boolean {
  return sorted.length > 16 && sorted.at(-1)!.number - sorted[0]!.number >= 3 * sorted.length
}

function tagCode(source: GeneratedSource): string {
  const long = `q=${source.constant(varintEnd)}(b,p-1,e);if(q<0)return -1;t=${source.constant(tagOf)}(b,p-2,q);if(t===0)return -1;p=q`
  return `t=b[p++];if(t>127){if(p>=e)return -1;n=b[p++];if(n<128){t=t&127|n<<7}else{${long}}}`
}

function nextCode(field: FieldPlan | undefined): string {
  const next = field === undefined ? null : comesNext(usualTag(field))
  return field === undefined || next === null
    ? 'continue'
    : `if(${next.absent})continue;${next.step};t=${usualTag(field)}`
}

/** What a field without presence holds when it is not there. */
function absentCode(field: FieldPlan, slot: number): string {
  if (field.cardinality === 'repeated') return `K[${slot}]=${slotKind.list};N[${slot}]=0`
  return field.cardinality === 'map' ? `K[${slot}]=${slotKind.other}` : defaultCode(field.type, slot)
}

/** Writes `name(b,p,e,d)` for an entry of a map: a message of key (1) and value (2), either of which may be missing. */
export function writeEntry(context: CodeContext, name: string, field: FieldPlan): void {
  const { source } = context
  const { type } = field
  const keyType: FieldType = { kind: 'scalar', scalar: field.keyType! }
  const tags = [keyType, type].map((of, index) => ((index + 1) << 3) | wireTypeOf(of))
  const inner = { ...field, number: 2 }
  source.function(name, 'b,p,e,d', () => {
    source.line(`let t=0,r=0,${workVariables}`)
    // The reference counts an entry as a level of its own.
    source.line('d++')
    source.line('while(p<e){')
    source.line(tagCode(source))
    source.line('switch(t>>>3){')
    source.line(`case 1:if(t!==${tags[0]!})return -1;${valueCode(source, keyType, -1)};continue`)
    source.line(`case 2:if(t!==${tags[1]!})return -1`)
    if (type.kind !== 'message') {
      source.line(`${valueCode(source, type, -1)};continue`)
    } else {
      if (context.mergingMatters) source.line('if(r!==0)return -1')
      source.line(`r=1;${messageCode(context, inner, type, null)};continue`)
    }
    source.line(`default:p=${source.constant(unknownEnd)}(b,p,e,t);if(p<0)return -1`)
    source.line('}}')
    // A value that is not there is an empty message.
    if (type.kind === 'message') {
      source.line(type.plan.hasRequired ? 'if(r===0)return -1' : `if(r===0)${context.count}+=${defaultsOf(type.plan)}`)
    }
    source.line('return p')
  })
}

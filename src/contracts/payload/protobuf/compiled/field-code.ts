/** Code that reads one field, its tag being in `t` already: the body of its case in the code of its message. */
import { slotKind } from '../../compiled.ts'
import type { GeneratedSource } from '../../generated/source.ts'
import { limits } from '../../limits.ts'
import type { FieldPlan, FieldType, MessagePlan } from '../plan.ts'
import { wire } from '../reader.ts'
import { wireTypeOf } from '../wire-types.ts'
import { isDuration, isTimestamp, storeTimestamp } from './instants.ts'
import { allBelow, slotsOf } from './projection.ts'
import type { Projected, VisitedItems } from './projection.ts'
import { fixedSize, lengthCode, slotParameters, valueCode } from './read-code.ts'

/** What the code of one message needs to know of the others. */
export interface CodeContext {
  readonly source: GeneratedSource
  /** Name of the variable that counts values beside those that take a byte themselves. */
  readonly count: string
  /** The function that walks a message; for one that notes something, of its own. */
  messageFunction(plan: MessagePlan, projected: Projected | null, isGroup: boolean): string
  entryFunction(field: FieldPlan): string
  /** Whether the reference may refuse what two occurrences of a message make when merged. */
  readonly mergingMatters: boolean
}

/** Fields that always exist count as values where they are not sent. */
export function defaultsOf(plan: MessagePlan): number {
  return plan.fields.filter(({ presence, required }) => !presence && !required).length
}

/** Bits of `r0`, `r1` …: the fields that were seen, where that matters. */
export class SeenBits {
  #bits = 0
  readonly #required: number[] = []

  /** A condition and a statement. */
  add(isRequired: boolean): { readonly isSeen: string; readonly mark: string } {
    const word = Math.floor(this.#bits / 30)
    const bit = 2 ** (this.#bits++ % 30)
    this.#required[word] = (this.#required[word] ?? 0) + (isRequired ? bit : 0)
    return { isSeen: `(r${word}&${bit})!==0`, mark: `r${word}|=${bit}` }
  }

  get declarations(): string {
    return this.#required.map((_, word) => `,r${word}=0`).join('')
  }

  get checks(): string[] {
    return this.#required.flatMap((mask, word) => (mask === 0 ? [] : [`if((r${word}&${mask})!==${mask})return -1`]))
  }
}

export function caseCode(context: CodeContext, field: FieldPlan, parent: Projected | null, seen: SeenBits): string {
  const projected = parent?.fields.get(field) ?? null
  if (field.cardinality === 'map') {
    const noted = projected === null ? '' : `;K[${projected.slot}]=${slotKind.other}`
    const entry = `if(${context.entryFunction(field)}(b,p,q,d)<0)return -1;p=q${noted}`
    return `if(t!==${usualTag(field)})return -1;${runCode(usualTag(field), `${lengthCode(context.source)};${entry}`)}`
  }
  if (field.cardinality === 'repeated') return repeatedCode(context, field, projected)
  const parts = [`if(t!==${usualTag(field)})return -1`]
  if (parent !== null && field.oneof !== null) parts.push(...dropCode(field, parent))
  if (field.type.kind === 'message') {
    const matters =
      context.mergingMatters || (projected !== null && (projected.fields.size > 0 || hasOwnValue(field.type)))
    if (field.required || matters) {
      const { isSeen, mark } = seen.add(field.required)
      if (matters) parts.push(`if(${isSeen})return -1`)
      parts.push(mark)
    }
    parts.push(messageCode(context, field, field.type, projected))
  } else {
    if (field.required) parts.push(seen.add(true).mark)
    parts.push(valueCode(context.source, field.type, projected?.slot ?? -1))
  }
  return parts.join(';')
}

/** A message whose slot depends on what is in it. */
function hasOwnValue(type: FieldType): boolean {
  return type.kind === 'message' && type.plan.wellKnown === 'timestamp'
}

/** The member that a oneof had before is gone with the next one. */
function dropCode(kept: FieldPlan, parent: Projected): string[] {
  const others = [...parent.fields].filter(
    ([field]) => field.oneof === kept.oneof && field !== kept && field.cardinality === 'singular'
  )
  const dropped = others.flatMap(([, projected]) => allBelow(projected)).filter(({ slot }) => slot >= 0)
  return dropped.map(({ slot, items }) => {
    // Items that were visited cannot be taken back.
    const visited = items === null ? '' : `if(K[${slot}]===${slotKind.list}&&N[${slot}]>0)return -1;`
    return `${visited}K[${slot}]=${slotKind.absent}`
  })
}

function repeatedCode(context: CodeContext, field: FieldPlan, projected: Projected | null): string {
  const { source } = context
  const { type } = field
  const slot = projected?.slot ?? -1
  const items = projected?.items ?? null
  const tag = tagOfField(field, wireTypeOf(type))
  const counted = slot < 0 ? '' : `;N[${slot}]+=1`
  const after = items === null ? counted : `${counted};${visitCode(source, items)}`
  if (type.kind === 'message') {
    const reset = items === null ? [] : slotsOf(items.root).map((of) => `K[${of}]=${slotKind.absent};`)
    const item = `${reset.join('')}${messageCode(context, field, type, items?.root ?? null)}`
    return `if(t!==${tag})return -1;${runCode(tag, `${item}${after}`)}`
  }
  const item = (end?: string): string => `${valueCode(source, type, items?.root.slot ?? -1, end)}${after}`
  const run = runCode(tag, item())
  if (!isPackable(field)) return `if(t!==${tag})return -1;${run}`
  const size = items === null ? fixedSize(type) : null
  const packed = size === null ? `const w=q;while(p<w){${item('w')}}` : countCode(size, slot)
  const whole = `${lengthCode(source)};${packed}`
  return `if(t===${tagOfField(field, wire.bytes)}){${whole}}else if(t===${tag}){${run}}else return -1`
}

/** Numbers that always take as many bytes have nothing to check but how many there are. */
function countCode(size: number, slot: number): string {
  const counted = slot < 0 ? '' : `;N[${slot}]+=n/${size}`
  return `if(n%${size}!==0)return -1${counted};p=q`
}

/** Shows the item that was read last. */
function visitCode(source: GeneratedSource, { copies, visits }: VisitedItems): string {
  return [...copyCode(copies), ...visits.map((visit) => `${source.constant(visit)}(o,b)`)].join(';')
}

export function copyCode(copies: VisitedItems['copies']): string[] {
  return copies.flatMap(({ from, to }) => ['K', 'N', 'S', 'E'].map((array) => `${array}[${to}]=${array}[${from}]`))
}

/** Values of one field, each with its tag, stand together. */
function runCode(tag: number, read: string): string {
  const next = comesNext(tag)
  return next === null ? read : `while(true){${read};if(${next.absent})break;${next.step}}`
}

export function messageCode(
  context: CodeContext,
  field: FieldPlan,
  type: FieldType & { readonly kind: 'message' },
  projected: Projected | null
): string {
  const slot = projected?.slot ?? -1
  const instant = instantCode(context, type.plan, slot)
  if (instant !== null) return `${lengthCode(context.source)};${instant};p=q`
  const noted = slot < 0 ? '' : `;K[${slot}]=${slotKind.other}`
  const inner = projected !== null && projected.fields.size > 0 ? projected : null
  const walk = context.messageFunction(type.plan, inner, type.delimited)
  const slots = inner === null ? '' : `,${slotParameters}`
  if (type.delimited) {
    return `p=${walk}(b,p,e,d+1,${tagOfField(field, wire.groupEnd)}${slots});if(p<0)return -1${noted}`
  }
  return `${lengthCode(context.source)};if(${walk}(b,p,q,d+1${slots})<0)return -1;p=q${noted}`
}

function instantCode({ source, count }: CodeContext, plan: MessagePlan, slot: number): string | null {
  const counted = `if(d>=${limits.payloadNesting.protobuf})return -1;${count}+=${1 + defaultsOf(plan)}`
  if (plan.wellKnown === 'duration') {
    const noted = slot < 0 ? '' : `;K[${slot}]=${slotKind.other}`
    return `${counted};if(!${source.constant(isDuration)}(b,p,q))return -1${noted}`
  }
  if (plan.wellKnown !== 'timestamp') return null
  const check =
    slot < 0 ? `${source.constant(isTimestamp)}(b,p,q)` : `${source.constant(storeTimestamp)}(b,p,q,K,N,${slot})`
  return `${counted};if(!${check})return -1`
}

function tagOfField(field: FieldPlan, wireType: number): number {
  return (field.number << 3) | wireType
}

/** How a field's values are most likely to be written, all of a packed list being one. */
export function usualTag(field: FieldPlan): number {
  if (field.cardinality === 'map') return tagOfField(field, wire.bytes)
  return tagOfField(field, field.packed && isPackable(field) ? wire.bytes : wireTypeOf(field.type))
}

function isPackable(field: FieldPlan): boolean {
  const wireType = wireTypeOf(field.type)
  return field.cardinality === 'repeated' && wireType !== wire.bytes && wireType !== wire.groupStart
}

/** A condition that the tag comes next, and a statement that steps over it; null for longer tags. */
export function comesNext(tag: number): { readonly absent: string; readonly step: string } | null {
  // The highest field numbers make it negative.
  if (tag < 0) return null
  if (tag < 0x80) return { absent: `p>=e||b[p]!==${tag}`, step: 'p++' }
  if (tag < 0x4000) return { absent: `e-p<2||b[p]!==${(tag & 0x7f) | 0x80}||b[p+1]!==${tag >>> 7}`, step: 'p+=2' }
  return null
}

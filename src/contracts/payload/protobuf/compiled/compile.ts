/** A Protobuf message, compiled: one generated function for each message it reaches. */
import { compiledLimits, slotKind } from '../../compiled.ts'
import type { CompiledPayload, ListVisit, NotCompiled, Slots, SlotPath } from '../../compiled.ts'
import { GeneratedSource } from '../../generated/source.ts'
import { valueAllowance } from '../../limits.ts'
import type { FieldPlan, MessagePlan } from '../plan.ts'
import { copyCode } from './field-code.ts'
import type { CodeContext } from './field-code.ts'
import { isStandardInstant } from './instants.ts'
import { writeEntry, writeMessage } from './message-code.ts'
import { projectPaths } from './projection.ts'
import type { Projected, Projection } from './projection.ts'
import { slotParameters } from './read-code.ts'
import { longestPayloadBytes } from './wire.ts'

type Accepts = (bytes: Buffer, start: number, end: number, slots: Slots) => boolean

/** As `Compilable.compile` has it. */
export function compileProtobuf(
  plan: MessagePlan,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[]
): CompiledPayload | NotCompiled {
  const generated = generateProtobuf(plan, paths, firstSlot, visits)
  if ('reason' in generated) return generated
  const accepts = generated.source.build(generated.entry)
  // Rules see the number of an enum, not its symbol.
  return typeof accepts === 'function' ? { accepts: accepts as Accepts, symbolsOf: () => null } : accepts
}

/** The code, and the name of the function in it that is `CompiledPayload.accepts`. */
export function generateProtobuf(
  plan: MessagePlan,
  paths: readonly SlotPath[],
  firstSlot: number,
  visits: readonly ListVisit[]
): { readonly source: GeneratedSource; readonly entry: string } | NotCompiled {
  const readCount = visits.reduce((count, { items }) => count + Math.max(1, items.length), paths.length)
  if (readCount > compiledLimits.paths) return { reason: `more than ${compiledLimits.paths} fields are read` }
  const reached = reachedMessages(plan)
  if ('reason' in reached) return reached
  const projection = projectPaths(plan, paths, firstSlot, visits)
  if ('reason' in projection) return projection
  const hasDuration = reached.some(({ wellKnown }) => wellKnown === 'duration')
  return new ProtobufGenerator(hasDuration).generate(plan, projection, paths.length, firstSlot)
}

function reachedMessages(root: MessagePlan): readonly MessagePlan[] | NotCompiled {
  const isInstant = ({ wellKnown }: MessagePlan): boolean => wellKnown === 'timestamp' || wellKnown === 'duration'
  if (isInstant(root)) return { reason: `a payload that is a ${root.name} itself is not compiled` }
  const seen = new Set([root])
  let nodes = 0
  // A set hands out what is added while it is walked.
  for (const plan of seen) {
    nodes += 1 + plan.fields.length
    if (nodes > compiledLimits.nodes) return { reason: `its messages have more than ${compiledLimits.nodes} fields` }
    if (plan.byNumber.size !== plan.fields.length) return { reason: `${plan.name} has two fields of one number` }
    if (isInstant(plan) && !isStandardInstant(plan)) return { reason: `${plan.name} is not declared as usual` }
    for (const { name, type, cardinality } of plan.fields) {
      if (type.kind !== 'message') continue
      if (type.delimited && (cardinality === 'map' || isInstant(type.plan))) {
        return { reason: `${plan.name}.${name} is delimited, which is not compiled for its type` }
      }
      seen.add(type.plan)
    }
  }
  return [...seen]
}

/** A function that is called already and still to be written. */
interface Pending {
  readonly name: string
  readonly plan: MessagePlan
  readonly projected: Projected | null
  readonly isGroup: boolean
}

class ProtobufGenerator implements CodeContext {
  readonly source = new GeneratedSource()
  readonly count = this.source.fresh('c')
  readonly mergingMatters: boolean
  readonly #pending: Pending[] = []
  readonly #pendingEntries: { readonly name: string; readonly field: FieldPlan }[] = []
  readonly #messages = new Map<MessagePlan, string>()
  readonly #groups = new Map<MessagePlan, string>()
  readonly #entries = new Map<FieldPlan, string>()

  constructor(mergingMatters: boolean) {
    this.mergingMatters = mergingMatters
  }

  generate(
    plan: MessagePlan,
    projection: Projection,
    slotCount: number,
    firstSlot: number
  ): { readonly source: GeneratedSource; readonly entry: string } | NotCompiled {
    const { source } = this
    const entry = source.fresh('a')
    source.line(`let ${this.count}=0`)
    this.#writeRoot(entry, plan, projection, slotCount, firstSlot)
    // Projected messages are walked by functions of their own, so the paths make code too.
    let nodes = 0
    while (!source.isTooLong) {
      const message = this.#pending.pop()
      const map = this.#pendingEntries.pop()
      if (message === undefined && map === undefined) break
      if (message !== undefined) {
        nodes += message.plan.fields.length
        if (nodes > 2 * compiledLimits.nodes) return { reason: 'the fields that are read lie in too many messages' }
        writeMessage(this, message.name, message.plan, message.projected, message.isGroup)
      }
      if (map !== undefined) writeEntry(this, map.name, map.field)
    }
    return { source, entry }
  }

  #writeRoot(entry: string, plan: MessagePlan, projection: Projection, slotCount: number, firstSlot: number): void {
    const { source, count } = this
    const { root, copies } = projection
    const inner = root.fields.size > 0 ? root : null
    const walk = this.messageFunction(plan, inner, false)
    source.function(entry, 'b,s,e,o', () => {
      source.line(`const l=e-s;if(l>${longestPayloadBytes})return false`)
      if (slotCount > 0) source.line('const K=o.kinds,N=o.numbers,S=o.starts,E=o.ends')
      for (let slot = firstSlot; slot < firstSlot + slotCount; slot++) source.line(`K[${slot}]=${slotKind.absent}`)
      if (root.slot >= 0) source.line(`K[${root.slot}]=${slotKind.other}`)
      source.line(`${count}=0`)
      source.line(`if(${walk}(b,s,e,0${inner === null ? '' : `,${slotParameters}`})<0)return false`)
      for (const copy of copyCode(copies)) source.line(copy)
      // Every value that is sent takes a byte; what takes none was counted. So this is never less than the reference
      // counts, and more only by what is sent of a message after all.
      source.line(`const v=l+${count};return v<=${valueAllowance('protobuf', 0)}||v<=${source.constant(allowance)}(l)`)
    })
  }

  messageFunction(plan: MessagePlan, projected: Projected | null, isGroup: boolean): string {
    const shared = isGroup ? this.#groups : this.#messages
    const known = projected === null ? shared.get(plan) : undefined
    if (known !== undefined) return known
    const name = this.source.fresh('f')
    if (projected === null) shared.set(plan, name)
    this.#pending.push({ name, plan, projected, isGroup })
    return name
  }

  entryFunction(field: FieldPlan): string {
    let name = this.#entries.get(field)
    if (name === undefined) {
      this.#entries.set(field, (name = this.source.fresh('x')))
      this.#pendingEntries.push({ name, field })
    }
    return name
  }
}

function allowance(byteLength: number): number {
  return valueAllowance('protobuf', byteLength)
}

/** Code for one schema: which function judges which value, and what they call. */
import { slotKind } from '../../compiled.ts'
import { GeneratedSource } from '../../generated/source.ts'
import type { GeneratedFunction } from '../../generated/source.ts'
import type { NotCompiled, Slots } from '../../compiled.ts'
import { scanValue } from './any.ts'
import { writeArray } from './arrays.ts'
import { possibleTypes } from './disjoint.ts'
import { writeObject } from './objects.ts'
import { anything, everyType, jsonType } from './plan.ts'
import type { Plan } from './plan.ts'
import { writeNumber, writeString, writeWord } from './scalars.ts'
import { skipSpace } from './scan.ts'
import type { SlotNode } from './slots.ts'
import { hasVisits, slotsInside } from './slots.ts'
import { note } from './writer.ts'
import type { ValueWriter } from './writer.ts'

export type Accepts = (bytes: Buffer, start: number, end: number, slots: Slots) => boolean

/** What a function judges: the value as a whole, its own keywords without `allOf` and the like, or one kind of it. */
type Part = 'whole' | 'own' | 'object' | 'array'

/** The generated source, for tests, and `Accepts` when it is built. */
export function generate(root: Plan, slots: SlotNode | null): GeneratedSource {
  const generator = new Generator()
  generator.write(root, slots)
  return generator.source
}

export function build(source: GeneratedSource): Accepts | NotCompiled {
  const built: GeneratedFunction | NotCompiled = source.build('accepts')
  return typeof built === 'function' ? (built as unknown as Accepts) : built
}

class Generator implements ValueWriter {
  readonly source = new GeneratedSource()
  readonly #names = new Map<SlotNode | null, Map<Plan, Map<Part, string>>>()
  /** Functions that were named and not written yet. */
  readonly #unwritten: (() => void)[] = []

  write(root: Plan, slots: SlotNode | null): void {
    const { source } = this
    const space = source.constant(skipSpace)
    source.function('accepts', 'b,p,e,s', () => {
      source.line(`p=${space}(b,p,e);if(p>=e)return false;`)
      source.line(`p=${this.#call(root, slots, 'whole', 'p', '0')};`)
      source.line(`return p>=0&&${space}(b,p,e)===e;`)
    })
    for (let next = this.#unwritten.pop(); next !== undefined; next = this.#unwritten.pop()) {
      if (source.isTooLong) return
      next()
    }
  }

  value(plan: Plan, node: SlotNode | null, depth: string): void {
    if (plan.isJoined || (plan.isAnything && node === null)) {
      this.source.line(`p=${this.#call(plan, node, 'whole', 'p', depth)};if(p<0)return -1;`)
    } else this.#writeOwn(plan, node, depth)
  }

  /** A call of the function that judges this part, which is written later if there is none yet. */
  #call(plan: Plan, node: SlotNode | null, part: Part, at: string, depth: string): string {
    const more = node === null ? '' : ',s'
    if (plan.isAnything && node === null && part === 'whole') {
      return `${this.source.constant(scanValue)}(b,${at},e,${depth})`
    }
    return `${this.#functionOf(plan, node, part)}(b,${at},e,${depth}${more})`
  }

  #functionOf(plan: Plan, node: SlotNode | null, part: Part): string {
    let ofNode = this.#names.get(node)
    if (ofNode === undefined) this.#names.set(node, (ofNode = new Map<Plan, Map<Part, string>>()))
    let ofPlan = ofNode.get(plan)
    if (ofPlan === undefined) ofNode.set(plan, (ofPlan = new Map<Part, string>()))
    let name = ofPlan.get(part)
    if (name === undefined) {
      const given = this.source.fresh('f')
      name = given
      ofPlan.set(part, name)
      const parameters = node === null ? 'b,p,e,d' : 'b,p,e,d,s'
      this.#unwritten.push(() => this.source.function(given, parameters, () => this.#writePart(plan, node, part)))
    }
    return name
  }

  #writePart(plan: Plan, node: SlotNode | null, part: Part): void {
    if (part === 'object') writeObject(this, plan, node)
    else if (part === 'array') writeArray(this, plan, node)
    else {
      if (part === 'whole' && plan.isJoined) this.#writeJoined(plan, node)
      else this.#writeOwn(plan, node, 'd')
      this.source.line('return p;')
    }
  }

  /** The value is judged from its beginning by each of the plans it has to keep; the first notes what is asked for. */
  #writeJoined(plan: Plan, node: SlotNode | null): void {
    const { source } = this
    let unnoted = node
    source.line('const a=p;')
    if (plan.types !== everyType && plan.hasTypesOnly) this.#writeTypeCheck(plan.types)
    else if (!plan.isBare) {
      source.line(`p=${this.#call(plan, unnoted, 'own', 'a', 'd')};if(p<0)return -1;`)
      unnoted = null
    }
    for (const part of plan.all) {
      source.line(`p=${this.#call(part, unnoted, 'whole', 'a', 'd')};if(p<0)return -1;`)
      unnoted = null
    }
    for (const branches of plan.any) {
      const isSecondLook = unnoted !== null && mayVisitAgain(branches, unnoted)
      const noted = isSecondLook ? null : unnoted
      source.line('p=-1;')
      for (const branch of branches) {
        const types = possibleTypes(branch)
        const call = `p=${this.#call(branch, noted, 'whole', 'a', 'd')};`
        source.line(types === everyType ? `if(p<0)${call}` : `if(p<0&&${firstByteOf(types, 'b[a]')})${call}`)
      }
      source.line('if(p<0)return -1;')
      if (isSecondLook) source.line(`p=${this.#call(anything, unnoted, 'whole', 'a', 'd')};if(p<0)return -1;`)
      unnoted = null
    }
  }

  #writeTypeCheck(types: number): void {
    this.source.line(`if(!${firstByteOf(types, 'b[p]')})return -1;`)
  }

  /** By the first byte: each type the plan takes in a branch of its own. */
  #writeOwn(plan: Plan, node: SlotNode | null, depth: string): void {
    const { source } = this
    const branches: [test: string, write: () => void][] = []
    const has = (type: number): boolean => (plan.types & type) !== 0
    const isScalar = node !== null && node.children.size > 0
    const scalar = (test: string, write: () => void): void => {
      // What is asked for inside of a scalar is an error of the rule, which is for the reference to report.
      branches.push([test, isScalar ? () => source.line('return -1;') : write])
    }
    if (has(jsonType.string)) scalar('b[p]===34', () => writeString(this, plan, node))
    if (has(jsonType.object)) branches.push(['b[p]===123', () => this.#writeCall(plan, node, 'object', depth)])
    if (has(jsonType.array)) scalar('b[p]===91', () => this.#writeCall(plan, node, 'array', depth))
    const { values } = plan
    if (has(jsonType.boolean)) {
      if (values?.true !== false) scalar('b[p]===116', () => writeWord(this, 'true', node))
      if (values?.false !== false) scalar('b[p]===102', () => writeWord(this, 'false', node))
    }
    if (has(jsonType.null)) {
      branches.push([
        'b[p]===110',
        () => {
          writeWord(this, 'null', node)
          if (node !== null) source.line(note(slotsInside(node), slotKind.absent))
        }
      ])
    }
    if (has(jsonType.number)) scalar('b[p]<=57', () => writeNumber(this, plan, node))
    for (const [test, write] of branches) {
      source.line(`if(${test}){`)
      write()
      source.line('}else ')
    }
    source.line('return -1;')
  }

  #writeCall(plan: Plan, node: SlotNode | null, part: Part, depth: string): void {
    // Objects and arrays among the values of an `enum` are not read.
    if (plan.values !== null) this.source.line('return -1;')
    else this.source.line(`p=${this.#call(plan, node, part, 'p', depth)};if(p<0)return -1;`)
  }
}

/**
 * Whether an alternative could fail when it has visited items, and the next visit them again. What is noted is the same
 * whatever plan the value is read by, so the alternatives are judged without it then.
 */
function mayVisitAgain(branches: readonly Plan[], node: SlotNode): boolean {
  const isTriedTwice = (type: number): boolean =>
    branches.filter((branch) => (possibleTypes(branch) & type) !== 0).length > 1
  if (node.items !== null && isTriedTwice(jsonType.array)) return true
  return [...node.children.values()].some(hasVisits) && isTriedTwice(jsonType.object)
}

/** A test of the first byte of a value for these types; what is not JSON may pass. */
function firstByteOf(types: number, byte: string): string {
  const tests = [
    [jsonType.string, `${byte}===34`],
    [jsonType.object, `${byte}===123`],
    [jsonType.array, `${byte}===91`],
    [jsonType.boolean, `${byte}===116||${byte}===102`],
    [jsonType.null, `${byte}===110`],
    [jsonType.number, `${byte}===45||${byte}>=48&&${byte}<=57`]
  ] as const
  const wanted = tests.filter(([type]) => (types & type) !== 0).map(([, test]) => test)
  return `(${wanted.length === 0 ? 'false' : wanted.join('||')})`
}

/** Writes the validator of a schema: one function, and more for records that are shared, recursive or large. */
import type { GeneratedSource } from '../../generated/source.ts'
import { limits } from '../../limits.ts'
import type { AvroField, AvroNode, RecordNode } from '../node.ts'
import type { LeastSizes } from '../size.ts'
import type { SchemaBounds } from './bounds.ts'
import { AvroCode } from './code.ts'
import type { Frame } from './code.ts'
import { noReads } from './reads.ts'
import type { Reads, ResolvedReads } from './reads.ts'
import { emitScalar } from './scalars.ts'
import type { ScalarPlace } from './scalars.ts'

/**
 * Characters after which a function gives the rest to another. V8 does not optimise functions beyond 60 KB of bytecode,
 * and takes long over much smaller ones.
 */
const mostBodyChars = 16_000

interface Place extends ScalarPlace {
  /** Containers entered since the depth that the frame counts from. */
  readonly entered: number
}

export interface ValidatorParts {
  readonly leastSize: LeastSizes
  readonly bounds: SchemaBounds
  readonly resolved: ResolvedReads
  /** Longer payloads are left to the reference. */
  readonly mostBytes: number
}

/** @returns the name of `(bytes, start, end, slots) => boolean` */
export function emitValidator(source: GeneratedSource, root: AvroNode, parts: ValidatorParts): string {
  return new ValidatorEmitter(source, parts).emitEntry(root)
}

class ValidatorEmitter {
  readonly #source: GeneratedSource
  readonly #code: AvroCode
  readonly #parts: ValidatorParts
  readonly #functions = new Map<RecordNode, string>()

  constructor(source: GeneratedSource, parts: ValidatorParts) {
    this.#source = source
    this.#code = new AvroCode(source)
    this.#parts = parts
  }

  emitEntry(root: AvroNode): string {
    const { leastSize, mostBytes, resolved } = this.#parts
    const frame: Frame = { fail: 'return false', depth: '' }
    const name = this.#source.fresh('f')
    this.#source.function(name, 'b,p,e,s', () => {
      this.#code.ensure(frame, leastSize(root))
      if (mostBytes !== Infinity) this.#source.line(`if(e-p>${mostBytes})return false`)
      if (resolved.ends.length > 0) this.#source.line('const K=s.kinds,N=s.numbers,S=s.starts,E=s.ends')
      this.#emit(root, { frame, entered: 0, need: 0, reads: resolved.reads })
      this.#source.line('return p===e')
    })
    return name
  }

  #emit(node: AvroNode, place: Place): void {
    // What is too long will not be used; and paths into unions of records that contain themselves have no other end.
    if (this.#source.isTooLong) return
    switch (node.kind) {
      case 'union':
        this.#emitUnion(node.branches, place)
        break
      case 'array':
        this.#emitArray(node.items, this.#enter(place))
        break
      case 'map':
        this.#emitMap(node.values, this.#enter(place))
        break
      case 'record':
        this.#emitRecord(node, place)
        break
      default:
        emitScalar(this.#code, node, place)
    }
  }

  /** Checks the depth at a container, and counts it. */
  #enter(place: Place): Place {
    if (!this.#parts.bounds.checksDepth) return place
    const most = limits.payloadNesting.avro - place.entered
    if (place.frame.depth !== '') this.#source.line(`if(${place.frame.depth}>=${most})${place.frame.fail}`)
    else if (most <= 0) this.#source.line(place.frame.fail)
    return { ...place, entered: place.entered + 1 }
  }

  #emitUnion(branches: readonly AvroNode[], place: Place): void {
    const { leastSize } = this.#parts
    const source = this.#source
    const index = this.#code.readDoubledIndex(place.frame, branches.length)
    // One byte of the index is in the least size; more of them, and larger branches, are not.
    const known = branches.length > 64 ? -1 : Math.min(...branches.map(leastSize))
    const emitBranch = (branch: AvroNode): void => {
      if (leastSize(branch) > known) this.#code.ensure(place.frame, leastSize(branch) + place.need)
      this.#emit(branch, place)
    }
    if (branches.length <= 3) {
      for (const [position, branch] of branches.entries()) {
        source.line(`${position === 0 ? '' : 'else '}if(${index}===${2 * position}){`)
        emitBranch(branch)
        source.line('}')
      }
      source.line(`${branches.length === 0 ? '' : 'else '}${place.frame.fail}`)
      return
    }
    source.line(`switch(${index}){`)
    for (const [position, branch] of branches.entries()) {
      source.line(`case ${2 * position}:{`)
      emitBranch(branch)
      source.line('break}')
    }
    source.line(`default:${place.frame.fail}`)
    source.line('}')
  }

  #emitArray(items: AvroNode, place: Place): void {
    const { slots, items: visited } = place.reads
    const itemBytes = this.#parts.leastSize(items)
    const count = slots.length > 0 ? this.#source.fresh() : null
    if (count !== null) this.#source.line(`let ${count}=0`)
    this.#emitBlocks(itemBytes, count, place, (inner) => {
      this.#emit(items, { ...inner, reads: visited?.reads ?? noReads })
      for (const visit of visited?.visits ?? []) this.#source.line(`${this.#source.constant(visit)}(s,b)`)
    })
    if (count !== null) this.#code.noteNumber(slots, 'list', count)
  }

  #emitMap(values: AvroNode, place: Place): void {
    const valueBytes = this.#parts.leastSize(values)
    this.#code.note(place.reads.slots, 'other')
    this.#emitBlocks(1 + valueBytes, null, place, (inner) => {
      this.#code.checkText(inner.frame, this.#code.readLength(inner.frame, valueBytes))
      this.#emit(values, inner)
    })
  }

  /** @param total variable that the counts are added to; null when nobody reads it */
  #emitBlocks(itemBytes: number, total: string | null, place: Place, emitItem: (place: Place) => void): void {
    const { frame, need } = place
    const source = this.#source
    source.line('for(;;){')
    const count = this.#code.readCount(frame)
    source.line(`if(${count}===0)break`)
    if (itemBytes === 0 || itemBytes === Infinity) {
      source.line(`${frame.fail};}`)
    } else {
      const blockEnd = source.fresh()
      source.line(`let ${blockEnd}=-1`)
      source.line(`if(${count}<0){`)
      source.line(`${count}=-${count}`)
      source.line(`if(p>=e)${frame.fail}`)
      source.line(`${blockEnd}=p+${this.#code.readLength(frame, 0)}`)
      source.line('}')
      source.line(`if(${count}*${itemBytes}>e-p)${frame.fail}`)
      if (total !== null) source.line(`${total}+=${count}`)
      source.line(`for(;${count}>0;${count}--){`)
      this.#code.ensure(frame, itemBytes)
      emitItem({ ...place, need: 0, reads: noReads })
      source.line('}')
      source.line(`if(${blockEnd}>=0&&${blockEnd}!==p)${frame.fail}`)
      source.line('}')
    }
    this.#code.ensure(frame, need)
  }

  #emitRecord(node: RecordNode, place: Place): void {
    const { reads } = place
    const isRead = reads.slots.length > 0 || reads.fields.size > 0
    const { shared } = this.#parts.bounds
    if (!isRead && (shared.has(node) || this.#source.bodyChars > mostBodyChars)) {
      this.#call(this.#functionOf(node), place)
      return
    }
    this.#code.note(reads.slots, 'other')
    const inside = this.#enter(place)
    this.#emitFields(node.fields, inside)
    this.#code.noteMissing(
      reads,
      node.fields.map((field) => field.name)
    )
  }

  #emitFields(fields: readonly AvroField[], place: Place): void {
    let need = fields.reduce((sum, field) => sum + this.#parts.leastSize(field.node), place.need)
    for (let index = 0; index < fields.length; index++) {
      if (this.#source.isTooLong) return
      if (this.#source.bodyChars > mostBodyChars) {
        const unread = this.#unreadRun(fields, index, place.reads)
        if (unread.length > 1) {
          for (const field of unread) need -= this.#parts.leastSize(field.node)
          this.#call(this.#partFunction(unread), { ...place, need })
          index += unread.length - 1
          continue
        }
      }
      const { name, node } = fields[index]!
      need -= this.#parts.leastSize(node)
      this.#emit(node, { ...place, need, reads: place.reads.fields.get(name) ?? noReads })
    }
  }

  /** Fields from `start` on that nobody reads. */
  #unreadRun(fields: readonly AvroField[], start: number, reads: Reads): readonly AvroField[] {
    let end = start
    while (end < fields.length && !reads.fields.has(fields[end]!.name)) end++
    return fields.slice(start, end)
  }

  #call(name: string, place: Place): void {
    const { depth } = place.frame
    const at = place.entered === 0 && depth !== '' ? depth : `${depth === '' ? '' : `${depth}+`}${place.entered}`
    const passed = this.#parts.bounds.checksDepth ? `,${at}` : ''
    this.#code.moveTo(place.frame, `${name}(b,p,e${passed})`, place.need)
  }

  #functionOf(node: RecordNode): string {
    let name = this.#functions.get(node)
    if (name === undefined) {
      name = this.#source.fresh('f')
      this.#functions.set(node, name)
      this.#emitFunction(name, (place) => {
        this.#emitFields(node.fields, this.#enter(place))
      })
    }
    return name
  }

  #partFunction(fields: readonly AvroField[]): string {
    const name = this.#source.fresh('f')
    this.#emitFunction(name, (place) => {
      this.#emitFields(fields, place)
    })
    return name
  }

  /** A function of the position (and the depth) that returns the position after what it read, or -1. */
  #emitFunction(name: string, emitBody: (place: Place) => void): void {
    const { checksDepth } = this.#parts.bounds
    this.#source.function(name, checksDepth ? 'b,p,e,d' : 'b,p,e', () => {
      emitBody({ frame: { fail: 'return -1', depth: checksDepth ? 'd' : '' }, entered: 0, need: 0, reads: noReads })
      this.#source.line('return p')
    })
  }
}

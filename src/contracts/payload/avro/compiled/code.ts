/**
 * Snippets of validators: `b` is the buffer, `p` the position, `e` the end; `K`, `N`, `S`, `E` the arrays of `Slots`.
 *
 * Every snippet may count on `e - p` being at least the least size of what it reads plus that of what follows it in the
 * same function (`need`), and leaves `e - p >= need`. So bytes are only counted where a value takes more than its least.
 */
import type { GeneratedSource } from '../../generated/source.ts'
import { validUtf8 } from '../../generated/utf8.ts'
import { slotKind } from '../../compiled.ts'
import { countEnd, intEnd, longEnd, putLong, rawBits } from './primitives.ts'
import type { Reads } from './reads.ts'

/** What one function of the validator needs to be written. */
export interface Frame {
  /** Statement that leaves the function when the payload is not accepted. */
  readonly fail: string
  /** What the depth is counted from: `d`, or nothing at the root. */
  readonly depth: string
}

/** No payload is longer, so a type whose values are has none. */
const mostBytes = 2 ** 30

/** Texts that are checked for plain letters where they stand; further ones by a call, which is a tenth of the code. */
const mostInlineTexts = 200

export class AvroCode {
  readonly source: GeneratedSource
  #texts = 0

  constructor(source: GeneratedSource) {
    this.source = source
  }

  /** Fails unless so many bytes are left. */
  ensure(frame: Frame, byteCount: number): void {
    if (byteCount > mostBytes) this.source.line(frame.fail)
    else if (byteCount > 0) this.source.line(`if(e-p<${byteCount})${frame.fail}`)
  }

  /** Moves over a constant number of bytes, which are known to be there. */
  skip(frame: Frame, byteCount: number): void {
    if (byteCount > mostBytes) this.source.line(frame.fail)
    else if (byteCount > 0) this.source.line(`p+=${byteCount}`)
  }

  /** Leaves with what a function returned when it did not accept, and checks what follows. */
  moveTo(frame: Frame, position: string, need: number): void {
    this.source.line(`p=${position}`)
    this.source.line(`if(p<0)${frame.fail}`)
    this.ensure(frame, need)
  }

  /** A long whose value nobody reads. */
  skipLong(frame: Frame, need: number): void {
    this.source.line('if(b[p++]>127){')
    this.moveTo(frame, `${this.source.constant(longEnd)}(b,p,e)`, need)
    this.source.line('}')
  }

  skipInt(frame: Frame, need: number): void {
    this.source.line('if(b[p++]>127){')
    this.source.line('if(p<e&&b[p]<128)p++')
    this.source.line('else{')
    this.source.line(`p=${this.source.constant(intEnd)}(b,p,e)`)
    this.source.line(`if(p<0)${frame.fail}`)
    this.source.line('}')
    this.ensure(frame, need)
    this.source.line('}')
  }

  /** Returns the name of a variable that holds the int. */
  readInt(frame: Frame, need: number): string {
    const { source } = this
    const value = source.fresh()
    source.line(`let ${value}=b[p++]`)
    source.line(`if(${value}>127){`)
    const start = source.fresh()
    source.line(`const ${start}=p-1`)
    this.moveTo(frame, `${source.constant(intEnd)}(b,p,e)`, need)
    source.line(`${value}=${source.constant(rawBits)}(b,${start},p)`)
    source.line('}')
    source.line(`${value}=${value}>>>1^-(${value}&1)`)
    return value
  }

  /** A long that must be exact, into slots: one or more. */
  putLong(frame: Frame, need: number, slots: readonly number[], kind: 'int' | 'timestampMs'): void {
    const { source } = this
    const value = source.fresh()
    const start = source.fresh()
    source.line(`const ${value}=b[p++]`)
    source.line(`if(${value}>127){`)
    source.line(`const ${start}=p-1`)
    this.moveTo(frame, `${source.constant(longEnd)}(b,p,e)`, need)
    source.line(`if(!${source.constant(putLong)}(b,${start},p,N,${slots[0]!}))${frame.fail}`)
    source.line(`}else N[${slots[0]!}]=${value}>>>1^-(${value}&1)`)
    this.note(slots, kind)
    this.copyNumber(slots)
  }

  /** Calls `(bytes, at, numbers, slot)` for slots: one or more. */
  putNumber(put: unknown, slots: readonly number[], kind: keyof typeof slotKind): void {
    this.source.line(`${this.source.constant(put)}(b,p,N,${slots[0]!})`)
    this.note(slots, kind)
    this.copyNumber(slots)
  }

  /** From the first of the slots to the others. */
  copyNumber(slots: readonly number[]): void {
    for (const slot of slots.slice(1)) this.source.line(`N[${slot}]=N[${slots[0]!}]`)
  }

  /** Returns the name of a variable that holds twice the index of a branch or symbol, which is below `2 * count`. */
  readDoubledIndex(frame: Frame, count: number): string {
    const { source } = this
    const index = source.fresh()
    source.line(`let ${index}=b[p++]`)
    // More bytes than the largest index takes are padding.
    for (let mostOfBytes = 64, shift = 7; mostOfBytes < count; mostOfBytes *= 128, shift += 7) {
      source.line(`if(${index}>${2 ** shift - 1}){`)
      source.line(`if(p>=e)${frame.fail}`)
      source.line(`${index}=${index}&${2 ** shift - 1}|b[p++]<<${shift}`)
    }
    for (let mostOfBytes = 64; mostOfBytes < count; mostOfBytes *= 128) source.line('}')
    return index
  }

  /** Returns the name of a variable that holds a count, negative ones included. */
  readCount(frame: Frame): string {
    const { source } = this
    const count = source.fresh()
    source.line(`if(p>=e)${frame.fail}`)
    source.line(`let ${count}=b[p++]`)
    this.#finishCount(frame, count)
    source.line(`${count}=${count}>>>1^-(${count}&1)`)
    return count
  }

  /** Returns the name of a variable that holds a length, which is not negative; `p` is behind it, known to be left. */
  readLength(frame: Frame, need: number): string {
    const { source } = this
    const length = source.fresh()
    source.line(`let ${length}=b[p++]`)
    // More than one byte, or odd, which is negative.
    source.line(`if(${length}&129){`)
    this.#finishCount(frame, length)
    source.line(`if(${length}&1)${frame.fail}`)
    source.line('}')
    source.line(`${length}>>=1`)
    this.ensureCounted(frame, length, need)
    return length
  }

  /** Text of a length that is known to be left; `p` is behind it. */
  checkText(frame: Frame, length: string): void {
    const { source } = this
    const start = source.fresh()
    const end = source.fresh()
    source.line(`const ${start}=p,${end}=p+${length}`)
    const check = `${source.constant(validUtf8)}(b,${start},${end})`
    if (++this.#texts > mostInlineTexts) {
      source.line(`if(!${check})${frame.fail}`)
      source.line(`p=${end}`)
      return
    }
    // Four bytes a step, the last four once more where the length is no multiple; up to three are the first, the last
    // and the middle one.
    const bits = source.fresh()
    source.line(`let ${bits}=0`)
    source.line(`if(${length}>3){`)
    source.line(`for(;p<${end}-4;p+=4)${bits}|=b[p]|b[p+1]|b[p+2]|b[p+3]`)
    source.line(`${bits}|=b[${end}-4]|b[${end}-3]|b[${end}-2]|b[${end}-1]`)
    source.line(`}else if(${length}>0)${bits}=b[p]|b[p+(${length}>>1)]|b[${end}-1]`)
    source.line(`p=${end}`)
    source.line(`if(${bits}>127&&!${check})${frame.fail}`)
  }

  ensureCounted(frame: Frame, length: string, need: number): void {
    if (need > mostBytes) this.source.line(frame.fail)
    else this.source.line(`if(e-p<${length}${need > 0 ? `+${need}` : ''})${frame.fail}`)
  }

  /** Of a count of which the first byte is in the variable, takes the second here and more of them elsewhere. */
  #finishCount(frame: Frame, count: string): void {
    const { source } = this
    const end = source.fresh()
    source.line(`if(${count}>127){`)
    source.line(`if(p<e&&b[p]<128)${count}=${count}&127|b[p++]<<7`)
    source.line('else{')
    source.line(`const ${end}=${source.constant(countEnd)}(b,p,e)`)
    source.line(`if(${end}<0)${frame.fail}`)
    source.line(`${count}=${source.constant(rawBits)}(b,p-1,${end})`)
    source.line(`p=${end}`)
    source.line('}}')
  }

  /** Sets slots to a kind that needs nothing beside it. */
  note(slots: readonly number[], kind: keyof typeof slotKind): void {
    for (const slot of slots) this.source.line(`K[${slot}]=${slotKind[kind]}`)
  }

  noteNumber(slots: readonly number[], kind: keyof typeof slotKind, value: string): void {
    this.note(slots, kind)
    for (const slot of slots) this.source.line(`N[${slot}]=${value}`)
  }

  noteRange(slots: readonly number[], kind: keyof typeof slotKind, start: string, end: string): void {
    this.note(slots, kind)
    for (const slot of slots) this.source.line(`S[${slot}]=${start};E[${slot}]=${end}`)
  }
  /** Everything below a value that is not there. */
  noteAbsent(reads: Reads): void {
    for (const below of reads.fields.values()) {
      this.note(below.slots, 'absent')
      this.noteAbsent(below)
    }
  }

  /** Fields that only another record of the same union has. */
  noteMissing(reads: Reads, names: readonly string[]): void {
    for (const [name, below] of reads.fields) {
      if (names.includes(name)) continue
      this.note(below.slots, 'absent')
      this.noteAbsent(below)
    }
  }
}

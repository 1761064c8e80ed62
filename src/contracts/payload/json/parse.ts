/**
 * JSON from bytes, strictly (RFC 8259): what `JSON.parse` lets through and a contract must not is refused here with the
 * path and the offset: invalid UTF-8, duplicate keys, unpaired surrogates, numbers no double can hold, nesting.
 *
 * Objects have no prototype, so that a key named `constructor` is absent unless it is there. `__proto__` gets a
 * stand-in name (`protoKey`), because `ajv` skips that one name wherever it finds it.
 */
import { isUtf8 } from 'node:buffer'
import type { PathSegment } from '../path.ts'
import { bytesLeft, refusal } from '../refusal.ts'
import { firstInvalidUtf8 } from '../utf8.ts'
import type { Inexactness, InexactIntegers } from './inexact.ts'
import { inexactness } from './inexact.ts'

export type Json = null | boolean | number | string | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

/**
 * Takes the place of `__proto__` in parsed objects and prepared schemas; U+10FFFF is no character anybody can assign.
 */
export const protoKey = '__proto__\u{10ffff}'

export interface ParseOptions {
  /** Levels of arrays and objects. */
  readonly nesting: number
  /** `last`: as `JSON.parse`, for schema documents, which their owner's tools have accepted. */
  readonly duplicateKeys: 'refuse' | 'last'
  /** Names that paths may show, because the schema has them; the others are content of the record. */
  readonly names?: ReadonlySet<string>
  /** Gets the integers that are not what the text says. */
  readonly inexact?: InexactIntegers
}

/** Throws `PayloadRefusal`; its offset counts from `start`. */
export function parseJson(bytes: Buffer, start: number, end: number, options: ParseOptions): Json {
  if (!isUtf8(bytes.subarray(start, end))) {
    const byteOffset = firstInvalidUtf8(bytes, start, end) - start
    throw refusal([], { message: 'is not valid UTF-8', expected: 'JSON in UTF-8', found: 'bytes', byteOffset })
  }
  return new JsonReader(bytes, start, end, options).readDocument()
}

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

const numberForm = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/
const loneSurrogate = /\p{Surrogate}/u

class JsonReader {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  readonly #options: ParseOptions
  readonly #path: PathSegment[] = []
  #at: number
  /** What is wrong with the integer that was just read, until its place is known. */
  #mark: Inexactness | null = null

  constructor(bytes: Buffer, start: number, end: number, options: ParseOptions) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#options = options
    this.#at = start
  }

  readDocument(): Json {
    this.#skipSpace()
    if (this.#at >= this.#end) throw this.#refuse('is empty', this.#at, 'JSON', 'nothing')
    const value = this.#readValue(0)
    if (this.#mark !== null) this.#keepMark(undefined, '')
    this.#skipSpace()
    if (this.#at < this.#end) {
      throw this.#refuse('has bytes after the JSON value', this.#at, 'the end', bytesLeft(this.#end - this.#at))
    }
    return value
  }

  #readValue(depth: number): Json {
    if (this.#at >= this.#end) throw this.#cutShort()
    const byte = this.#bytes[this.#at]!
    if (byte === openBrace) return this.#readObject(depth + 1)
    if (byte === openBracket) return this.#readArray(depth + 1)
    if (byte === quote) return this.#readString()
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) return this.#readNumber()
    if (byte === 0x74) return this.#readWord('true', true)
    if (byte === 0x66) return this.#readWord('false', false)
    if (byte === 0x6e) return this.#readWord('null', null)
    throw this.#refuse('is not JSON', this.#at, 'a JSON value')
  }

  #enter(depth: number): void {
    if (depth > this.#options.nesting) {
      throw this.#refuse(`is nested deeper than ${this.#options.nesting} levels`, this.#at)
    }
    this.#at++
    this.#skipSpace()
  }

  #readObject(depth: number): JsonObject {
    this.#enter(depth)
    const object = Object.create(null) as JsonObject
    if (this.#takeIf(closeBrace)) return object
    while (true) {
      const keyAt = this.#at
      if (keyAt >= this.#end) throw this.#cutShort()
      if (this.#bytes[keyAt] !== quote) throw this.#refuse('is not JSON', keyAt, 'a key in double quotes')
      const key = this.#readString()
      this.#path.push(this.#options.names?.has(key) === true ? key : null)
      const name = key === '__proto__' ? protoKey : key
      if (this.#options.duplicateKeys === 'refuse' && name in object) {
        throw this.#refuse('has this key more than once', keyAt, 'each key once', 'a duplicate key')
      }
      this.#skipSpace()
      this.#take(colon, 'a colon')
      this.#skipSpace()
      object[name] = this.#readValue(depth)
      if (this.#mark !== null) this.#keepMark(object, name)
      this.#path.pop()
      this.#skipSpace()
      if (this.#takeIf(closeBrace)) return object
      this.#take(comma, 'a comma or the end of the object')
      this.#skipSpace()
    }
  }

  #readArray(depth: number): Json[] {
    this.#enter(depth)
    const items: Json[] = []
    if (this.#takeIf(closeBracket)) return items
    while (true) {
      this.#path.push(items.length)
      items.push(this.#readValue(depth))
      if (this.#mark !== null) this.#keepMark(items, items.length - 1)
      this.#path.pop()
      this.#skipSpace()
      if (this.#takeIf(closeBracket)) return items
      this.#take(comma, 'a comma or the end of the array')
      this.#skipSpace()
    }
  }

  #readString(): string {
    const opensAt = this.#at++
    let escaped = false
    while (true) {
      if (this.#at >= this.#end) throw this.#cutShort()
      const byte = this.#bytes[this.#at]!
      if (byte === quote) break
      if (byte < 0x20) throw this.#refuse('has a control character in a string', this.#at, 'an escape such as \\n')
      if (byte === backslash) {
        escaped = true
        this.#at++
      }
      this.#at++
    }
    this.#at++
    if (!escaped) return this.#bytes.toString('utf8', opensAt + 1, this.#at - 1)
    const text = this.#unescape(opensAt)
    if (loneSurrogate.test(text)) {
      throw this.#refuse('has an unpaired surrogate in a string', opensAt, 'Unicode characters')
    }
    return text
  }

  #unescape(opensAt: number): string {
    try {
      return JSON.parse(this.#bytes.toString('utf8', opensAt, this.#at)) as string
    } catch {
      throw this.#refuse('has an unknown escape in a string', opensAt)
    }
  }

  #readNumber(): number {
    const opensAt = this.#at
    while (this.#at < this.#end && isNumberByte(this.#bytes[this.#at]!)) this.#at++
    const literal = this.#bytes.toString('latin1', opensAt, this.#at)
    if (!numberForm.test(literal)) throw this.#refuse('has a malformed number', opensAt, 'a number as JSON writes it')
    const value = Number(literal)
    if (!Number.isFinite(value)) {
      throw this.#refuse('has a number beyond the range of a double', opensAt, 'a double', 'number')
    }
    if (this.#options.inexact !== undefined) this.#mark = inexactness(literal, value)
    return value
  }

  /** `holder` is the object or array around the number, undefined for a number alone. */
  #keepMark(holder: object | undefined, place: string | number): void {
    if (this.#mark !== null) this.#options.inexact?.add(holder, place, this.#mark)
    this.#mark = null
  }

  #readWord<T>(word: string, value: T): T {
    const stop = this.#at + word.length
    if (stop > this.#end || this.#bytes.toString('latin1', this.#at, stop) !== word) {
      throw this.#refuse('is not JSON', this.#at, 'a JSON value')
    }
    this.#at = stop
    return value
  }

  #skipSpace(): void {
    while (this.#at < this.#end) {
      const byte = this.#bytes[this.#at]!
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return
      this.#at++
    }
  }

  #takeIf(byte: number): boolean {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== byte) return false
    this.#at++
    return true
  }

  #take(byte: number, what: string): void {
    if (this.#takeIf(byte)) return
    throw this.#at >= this.#end ? this.#cutShort() : this.#refuse('is not JSON', this.#at, what)
  }

  #cutShort(): Error {
    return this.#refuse('is cut short', this.#end, undefined, 'the end')
  }

  #refuse(message: string, at: number, expected?: string, found?: string): Error {
    return refusal(this.#path, {
      message,
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { found }),
      byteOffset: at - this.#start
    })
  }
}

function isNumberByte(byte: number): boolean {
  return (
    (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45
  )
}

/** What a message calls the type of a value. */
export function jsonTypeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value
}

/**
 * Source of generated validators. What is written here are keywords, integers and names made here; texts, symbols,
 * patterns and bytes of a schema or a policy reach the code as constants. So no name in a schema can become code, and
 * `build` refuses to try: it lets no quote, no backslash and no letter outside of ASCII through.
 */
import { compiledLimits } from '../compiled.ts'
import type { NotCompiled } from '../compiled.ts'

const allowed = /^[\w \n(){}[\];,.+\-*/%<>=!&|^~?:]*$/

/** Cast by whoever wrote the source and so knows the signature. */
export type GeneratedFunction = (...parameters: never[]) => unknown

type Make = (constants: readonly unknown[]) => GeneratedFunction

export class GeneratedSource {
  readonly #constants: unknown[] = []
  readonly #constantNames = new Map<unknown, string>()
  readonly #done: string[] = []
  #body: string[] = []
  #bodyChars = 0
  #names = 0
  #chars = 0

  /** What the code calls `value`: `k0`, `k1`. The same value has one name. */
  constant(value: unknown): string {
    let name = this.#constantNames.get(value)
    if (name === undefined) {
      name = `k${this.#constants.length}`
      this.#constants.push(value)
      this.#constantNames.set(value, name)
    }
    return name
  }

  /** A name that nothing else has: `v12`. The prefix is ours, one or few letters other than `k`. */
  fresh(prefix = 'v'): string {
    return `${prefix}${this.#names++}`
  }

  /** Adds to the function being written. What exceeds `compiledLimits.codeChars` is dropped, and `build` says so. */
  line(code: string): void {
    this.#chars += code.length + 1
    this.#bodyChars += code.length + 1
    if (!this.isTooLong) this.#body.push(code)
  }

  /** Generators may stop early when it is: nothing more will be kept. */
  get isTooLong(): boolean {
    return this.#chars > compiledLimits.codeChars
  }

  /** Length of the function being written. V8 leaves functions of more than about 100,000 characters unoptimised. */
  get bodyChars(): number {
    return this.#bodyChars
  }

  /**
   * Adds `function name(parameters) { … }`, its body being what `write` adds. May be called while another function is
   * being written; all functions see each other.
   */
  function(name: string, parameters: string, write: () => void): void {
    const outer = { body: this.#body, chars: this.#bodyChars }
    this.#body = []
    this.#bodyChars = 0
    this.line(`function ${name}(${parameters}){`)
    write()
    this.line('}')
    this.#done.push(...this.#body)
    this.#body = outer.body
    this.#bodyChars = outer.chars
  }

  /** The code as `build` makes it, for tests. */
  get text(): string {
    const constants = this.#constants.map((_, index) => `const k${index}=k[${index}]`)
    return [...constants, ...this.#body, ...this.#done].join('\n')
  }

  /**
   * @param entry name of the function to return. Statements added outside of any function run once before it is
   *   returned: tables, buffers
   */
  build(entry: string): GeneratedFunction | NotCompiled {
    if (this.isTooLong) {
      return { reason: `the validator would have more than ${compiledLimits.codeChars} characters of code` }
    }
    const code = `${this.text}\nreturn ${entry}`
    if (!allowed.test(code)) return { reason: 'the generated code holds a character that it must not' }
    try {
      // The one place where code is made, and the reason for the alphabet above.
      // eslint-disable-next-line @typescript-eslint/no-implied-eval
      const make = new Function('k', `"use strict";${code}`) as Make
      return make(this.#constants)
    } catch {
      // Node run with --disallow-code-generation-from-strings.
      return { reason: 'this process may not generate code' }
    }
  }
}

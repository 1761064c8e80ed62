/** A `.proto` file, loaded: a format for each of its messages, by name or by the indexes of the Confluent framing. */
import type protobuf from 'protobufjs'
import type { Compilable, CompiledPayload, ListVisit, NotCompiled, SlotPath } from '../compiled.ts'
import type { Encoded, Encoding } from '../encode.ts'
import type { Decoded, PayloadFormat, Sensitive } from '../format.ts'
import { InvalidValue } from '../plain.ts'
import { schemaProblem } from '../source.ts'
import type { SchemaProblem, SchemaSourceText } from '../source.ts'
import type { Shape } from '../../value.ts'
import { compileProtobuf } from './compiled/compile.ts'
import { decodeProtobuf } from './decode.ts'
import { encodeMessage } from './encode.ts'
import { nestedMessages, parseProtobuf } from './parse.ts'
import { hasSensitiveField, PlanBook } from './plan.ts'
import type { MessagePlan } from './plan.ts'
import { protobufShape } from './shape.ts'

export function loadProtobufSchema(text: SchemaSourceText): ProtobufFile | SchemaProblem {
  const parsed = parseProtobuf(text)
  if ('problem' in parsed) return parsed
  return parsed.messages.length === 0 ? schemaProblem('declares no message') : new ProtobufFile(parsed.messages)
}

export class ProtobufFile {
  readonly #messages: readonly protobuf.Type[]
  readonly #byName = new Map<string, protobuf.Type>()
  readonly #plans = new PlanBook()
  readonly #formats = new Map<protobuf.Type, PayloadFormat>()

  constructor(messages: readonly protobuf.Type[]) {
    this.#messages = messages
    const open = [...messages]
    for (let type = open.pop(); type !== undefined; type = open.pop()) {
      this.#byName.set(type.fullName.slice(1), type)
      open.push(...nestedMessages(type))
    }
  }

  /** Full names of all messages the file declares, nested ones included. */
  get messageNames(): readonly string[] {
    return [...this.#byName.keys()]
  }

  /** Null asks for the first message of the file. */
  messageNamed(name: string | null): { readonly format: PayloadFormat } | SchemaProblem {
    const type = name === null ? this.#messages[0] : this.#byName.get(name.replace(/^\./, ''))
    if (type !== undefined) return { format: this.#formatOf(type) }
    const names = this.messageNames.slice(0, 20).join(', ')
    return schemaProblem(`declares no message ${name ?? ''}; it declares ${names}`)
  }

  /** `[0]` is the first message, `[1, 0]` the first one inside the second; null when there is none. */
  messageAt(indexes: readonly number[]): PayloadFormat | null {
    let level = this.#messages
    let type: protobuf.Type | undefined
    for (const index of indexes) {
      type = level[index]
      if (type === undefined) return null
      level = nestedMessages(type)
    }
    return type === undefined ? null : this.#formatOf(type)
  }

  #formatOf(type: protobuf.Type): PayloadFormat {
    let format = this.#formats.get(type)
    if (format === undefined) this.#formats.set(type, (format = new ProtobufFormat(this.#plans.planOf(type))))
    return format
  }
}

class ProtobufFormat implements PayloadFormat, Compilable, Encoding {
  readonly name = 'protobuf'
  readonly shape: Shape
  readonly sensitive: Sensitive
  readonly #plan: MessagePlan

  constructor(plan: MessagePlan) {
    this.#plan = plan
    this.shape = protobufShape(plan)
    this.sensitive = hasSensitiveField(plan) ? 'everything' : 'nothing'
  }

  decode(bytes: Buffer, start: number, end: number): Decoded {
    return decodeProtobuf(this.#plan, bytes, start, end)
  }

  compile(
    paths: readonly SlotPath[],
    firstSlot: number,
    visits: readonly ListVisit[] = []
  ): CompiledPayload | NotCompiled {
    return compileProtobuf(this.#plan, paths, firstSlot, visits)
  }

  encode(plain: unknown): Encoded {
    try {
      return encodeMessage(this.#plan, plain)
    } catch (error) {
      if (error instanceof InvalidValue || error instanceof RangeError) return { problem: error.message }
      return { problem: `cannot be encoded: ${error instanceof Error ? error.message : String(error)}` }
    }
  }
}

/** A Protobuf message as the walkers read it: fields by number, with what the language says of each. */
import protobuf from 'protobufjs'

export interface MessagePlan {
  /** Full name without a leading dot. */
  readonly name: string
  readonly wellKnown: WellKnown | null
  /** In the order of the file. Filled after the plan exists, because messages refer to themselves. */
  fields: readonly FieldPlan[]
  byNumber: ReadonlyMap<number, FieldPlan>
  hasRequired: boolean
}

/** Messages of `google.protobuf` that become a value of their own. */
export type WellKnown = 'timestamp' | 'duration' | 'wrapper' | 'struct' | 'value' | 'list'

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes'

export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: ScalarType }
  | { readonly kind: 'enum'; readonly plan: EnumPlan }
  /** `delimited`: a group on the wire. */
  | { readonly kind: 'message'; readonly plan: MessagePlan; readonly delimited: boolean }

export interface EnumPlan {
  readonly name: string
  /** A closed enum (proto2) has no values but its own. */
  readonly closed: boolean
  readonly numbers: ReadonlySet<number>
  readonly byName: ReadonlyMap<string, number>
}

export interface FieldPlan {
  readonly name: string
  readonly number: number
  readonly type: FieldType
  readonly cardinality: 'singular' | 'repeated' | 'map'
  /** Type of the key of a map field. */
  readonly keyType: ScalarType | null
  /** Whether a repeated field is written packed. Both forms are read. */
  readonly packed: boolean
  /** Absent is told apart from the default: messages, `optional`, members of a oneof, proto2. */
  readonly presence: boolean
  readonly required: boolean
  /** Fields of one oneof share this. */
  readonly oneof: object | null
  readonly sensitive: boolean
}

const wellKnownNames: Readonly<Record<string, WellKnown>> = {
  Timestamp: 'timestamp',
  Duration: 'duration',
  Struct: 'struct',
  Value: 'value',
  ListValue: 'list',
  DoubleValue: 'wrapper',
  FloatValue: 'wrapper',
  Int64Value: 'wrapper',
  UInt64Value: 'wrapper',
  Int32Value: 'wrapper',
  UInt32Value: 'wrapper',
  BoolValue: 'wrapper',
  StringValue: 'wrapper',
  BytesValue: 'wrapper'
}

/** What protobufjs knows of the edition's features but does not declare. */
interface Resolved {
  readonly _features?: { readonly enum_type?: string; readonly field_presence?: string }
}

/** Plans of one root, made when first asked for and then shared. The root is resolved. */
export class PlanBook {
  readonly #messages = new Map<protobuf.Type, MessagePlan>()
  readonly #enums = new Map<protobuf.Enum, EnumPlan>()

  planOf(type: protobuf.Type): MessagePlan {
    const known = this.#messages.get(type)
    if (known !== undefined) return known
    const name = type.fullName.replace(/^\./, '')
    const short = name.startsWith('google.protobuf.') ? name.slice('google.protobuf.'.length) : ''
    const wellKnown = Object.hasOwn(wellKnownNames, short) ? wellKnownNames[short]! : null
    const plan: MessagePlan = { name, wellKnown, fields: [], byNumber: new Map(), hasRequired: false }
    this.#messages.set(type, plan)
    // An extension is a field of its extender only; here it is unknown, as to every reader that does not know it.
    plan.fields = type.fieldsArray.filter((field) => !field.name.startsWith('.')).map((field) => this.#fieldPlan(field))
    plan.byNumber = new Map(plan.fields.map((field) => [field.number, field]))
    plan.hasRequired = plan.fields.some((field) => field.required)
    return plan
  }

  #fieldPlan(field: protobuf.Field): FieldPlan {
    const type = this.#typeOf(field)
    const cardinality = field instanceof protobuf.MapField ? 'map' : field.repeated ? 'repeated' : 'singular'
    return {
      // protobufjs carries these files itself, with the names in camel case.
      name: field.parent?.fullName.startsWith('.google.protobuf.') === true ? snakeCase(field.name) : field.name,
      number: field.id,
      type,
      cardinality,
      keyType: field instanceof protobuf.MapField ? (field.keyType as ScalarType) : null,
      packed: field.packed,
      presence: cardinality === 'singular' && (type.kind === 'message' || field.partOf !== null || !isImplicit(field)),
      required: field.required,
      oneof: field.partOf,
      sensitive: hasTags(field)
    }
  }

  #typeOf(field: protobuf.Field): FieldType {
    const resolved = field.resolvedType
    if (resolved instanceof protobuf.Type) {
      return { kind: 'message', plan: this.planOf(resolved), delimited: field.delimited }
    }
    if (resolved instanceof protobuf.Enum) return { kind: 'enum', plan: this.#enumPlan(resolved) }
    return { kind: 'scalar', scalar: field.type as ScalarType }
  }

  #enumPlan(type: protobuf.Enum): EnumPlan {
    let plan = this.#enums.get(type)
    if (plan === undefined) {
      const byName = new Map(Object.entries(type.values))
      const closed = (type as Resolved)._features?.enum_type === 'CLOSED'
      plan = { name: type.fullName.replace(/^\./, ''), closed, numbers: new Set(byName.values()), byName }
      this.#enums.set(type, plan)
    }
    return plan
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function isImplicit(field: protobuf.Field): boolean {
  return (field as Resolved)._features?.field_presence === 'IMPLICIT'
}

/** `[(confluent.field_meta).tags = "PII"]`, in any of the forms the option can be written. */
function hasTags(field: protobuf.Field): boolean {
  const options: unknown = field.parsedOptions
  if (!Array.isArray(options)) return false
  return options.some((option: unknown) => {
    const meta = memberOf(option, '(confluent.field_meta)')
    const tags = memberOf(meta, 'tags')
    return typeof tags === 'string' || (Array.isArray(tags) && tags.length > 0)
  })
}

/** In the message itself or in any that it reaches. */
export function hasSensitiveField(root: MessagePlan): boolean {
  const seen = new Set<MessagePlan>([root])
  // A set hands out what is added while it is walked.
  for (const plan of seen) {
    for (const field of plan.fields) {
      if (field.sensitive) return true
      if (field.type.kind === 'message') seen.add(field.type.plan)
    }
  }
  return false
}

function memberOf(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : null
}

export function typeName(type: FieldType): string {
  return type.kind === 'scalar' ? type.scalar : type.kind === 'enum' ? `enum ${type.plan.name}` : type.plan.name
}

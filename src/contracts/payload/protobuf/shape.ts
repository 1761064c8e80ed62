/** What a Protobuf message promises, as a shape. */
import type { FieldShape, RecordShape, ScalarKind, Shape } from '../../value.ts'
import type { FieldPlan, FieldType, MessagePlan, ScalarType } from './plan.ts'
import { wellKnownShape } from './well-known.ts'

const kinds: Readonly<Record<ScalarType, ScalarKind>> = {
  double: 'double',
  float: 'double',
  int32: 'int',
  sint32: 'int',
  sfixed32: 'int',
  int64: 'int',
  sint64: 'int',
  sfixed64: 'int',
  uint32: 'uint',
  fixed32: 'uint',
  uint64: 'uint',
  fixed64: 'uint',
  bool: 'bool',
  string: 'string',
  bytes: 'bytes'
}

export function protobufShape(root: MessagePlan): Shape {
  const records = new Map<MessagePlan, RecordShape>()
  return messageShape(root)

  function messageShape(plan: MessagePlan): Shape {
    if (plan.wellKnown !== null) return wellKnownShape(plan, plan.wellKnown, () => typeShape(plan.fields[0]!.type))
    let shape = records.get(plan)
    if (shape === undefined) {
      let fields: ReadonlyMap<string, FieldShape> | null = null
      shape = {
        kind: 'record',
        name: plan.name,
        open: false,
        get fields() {
          fields ??= new Map(plan.fields.map((field) => [field.name, fieldShape(field)]))
          return fields
        }
      }
      records.set(plan, shape)
    }
    return shape
  }

  function fieldShape(field: FieldPlan): FieldShape {
    return {
      shape: cardinalityShape(field),
      optional: field.presence && !field.required,
      ...(field.sensitive ? { sensitive: true } : {})
    }
  }

  function cardinalityShape(field: FieldPlan): Shape {
    const shape = typeShape(field.type)
    if (field.cardinality === 'repeated') return { kind: 'list', items: shape }
    return field.cardinality === 'map' ? { kind: 'map', values: shape } : shape
  }

  function typeShape(type: FieldType): Shape {
    if (type.kind === 'message') return messageShape(type.plan)
    // CEL sees the number of an enum, not its name.
    return { kind: type.kind === 'enum' ? 'int' : kinds[type.scalar] }
  }
}

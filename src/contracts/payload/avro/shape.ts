/** What an Avro schema promises, as a shape. */
import type { FieldShape, RecordShape, Shape } from '../../value.ts'
import { durationFields } from './logical.ts'
import type { AvroNode, RecordNode } from './node.ts'

export function avroShape(root: AvroNode): Shape {
  const records = new Map<RecordNode, RecordShape>()
  return shapeOf(root)

  function shapeOf(node: AvroNode): Shape {
    switch (node.kind) {
      case 'null':
        return { kind: 'null' }
      case 'boolean':
        return { kind: 'bool' }
      case 'int':
        return { kind: 'int' }
      case 'long':
        return { kind: node.logical === null ? 'int' : 'timestamp' }
      case 'float':
      case 'double':
        return { kind: 'double' }
      case 'bytes':
        return { kind: node.logical === null ? 'bytes' : 'decimal' }
      case 'string':
      case 'enum':
        return { kind: 'string' }
      case 'fixed':
        if (node.logical === 'uuid') return { kind: 'string' }
        if (node.logical === 'duration') return durationShape(node.name)
        return { kind: node.logical === null ? 'bytes' : 'decimal' }
      case 'array':
        return { kind: 'list', items: shapeOf(node.items) }
      case 'map':
        return { kind: 'map', values: shapeOf(node.values) }
      case 'union':
        return unionShape(node.branches)
      case 'record':
        return recordShape(node)
    }
  }

  function unionShape(branches: readonly AvroNode[]): Shape {
    const real = branches.filter((branch) => branch.kind !== 'null')
    if (real.length === 0) return { kind: 'null' }
    const [first, ...others] = real.map(shapeOf)
    const scalar = first!.kind !== 'list' && first!.kind !== 'map' && first!.kind !== 'record'
    return others.length === 0 || (scalar && others.every((other) => other.kind === first!.kind))
      ? first!
      : { kind: 'dyn' }
  }

  function recordShape(node: RecordNode): RecordShape {
    let shape = records.get(node)
    if (shape === undefined) {
      let fields: ReadonlyMap<string, FieldShape> | null = null
      shape = {
        kind: 'record',
        name: node.name,
        open: false,
        get fields() {
          fields ??= new Map(node.fields.map((field) => [field.name, fieldShape(field.node, field.sensitive)]))
          return fields
        }
      }
      records.set(node, shape)
    }
    return shape
  }

  function fieldShape(node: AvroNode, sensitive: boolean): FieldShape {
    const optional =
      node.kind === 'null' || (node.kind === 'union' && node.branches.some((branch) => branch.kind === 'null'))
    return { shape: shapeOf(node), optional, ...(sensitive ? { sensitive } : {}) }
  }
}

function durationShape(name: string): RecordShape {
  const fields = new Map<string, FieldShape>(
    durationFields.map((field) => [field, { shape: { kind: 'int' }, optional: false }])
  )
  return { kind: 'record', name, open: false, fields }
}

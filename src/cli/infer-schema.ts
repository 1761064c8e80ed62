/**
 * The JSON Schema that fits a sample of JSON values: types, and which fields all of them have. Open to further
 * fields.
 */

export interface InferredShape {
  readonly types: Set<JsonType>
  /** Objects seen. */
  objects: number
  /** Null: more different keys than an object with a schema has; it is a map. */
  fields: Map<string, { readonly shape: InferredShape; seen: number }> | null
  items: InferredShape | null
}

type JsonType = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'object' | 'array'

/** Deeper structure is left open. */
const maxDepth = 10

/** Keys of one object: with more of them it is a map from ids to things, whose keys are data and not names. */
const maxFields = 100

export function inferShape(samples: readonly unknown[]): InferredShape {
  const shape = emptyShape()
  for (const sample of samples) learn(shape, sample, 0)
  return shape
}

function emptyShape(): InferredShape {
  return { types: new Set(), objects: 0, fields: new Map(), items: null }
}

function learn(shape: InferredShape, sample: unknown, depth: number): void {
  shape.types.add(typeOf(sample))
  if (depth === maxDepth || typeof sample !== 'object' || sample === null) return
  if (Array.isArray(sample)) {
    shape.items ??= emptyShape()
    for (const item of sample as readonly unknown[]) learn(shape.items, item, depth + 1)
    return
  }
  shape.objects += 1
  for (const [key, value] of Object.entries(sample)) {
    if (shape.fields === null) return
    const known = shape.fields.get(key)
    if (known === undefined && shape.fields.size === maxFields) {
      shape.fields = null
      return
    }
    const field = known ?? { shape: emptyShape(), seen: 0 }
    field.seen += 1
    shape.fields.set(key, field)
    learn(field.shape, value, depth + 1)
  }
}

function typeOf(sample: unknown): JsonType {
  if (sample === null) return 'null'
  if (Array.isArray(sample)) return 'array'
  if (typeof sample === 'number') return Number.isInteger(sample) ? 'integer' : 'number'
  return typeof sample as JsonType
}

/** As the text of a file. */
export function jsonSchemaOf(shape: InferredShape, title: string): string {
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', title, ...schemaOf(shape) }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function schemaOf(shape: InferredShape): Readonly<Record<string, unknown>> {
  const types = [...shape.types].filter((type) => type !== 'integer' || !shape.types.has('number')).sort()
  if (types.length === 0) return {}
  const schema: Record<string, unknown> = { type: types.length === 1 ? types[0] : types }
  if (shape.objects > 0 && shape.fields !== null && shape.fields.size > 0) {
    const fields = [...shape.fields]
    const required = fields.filter(([, field]) => field.seen === shape.objects).map(([key]) => key)
    if (required.length > 0) schema['required'] = required
    schema['properties'] = Object.fromEntries(fields.map(([key, field]) => [key, schemaOf(field.shape)]))
  }
  if (shape.items !== null) schema['items'] = schemaOf(shape.items)
  return schema
}

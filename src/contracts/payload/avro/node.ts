/** An Avro schema as the walkers read it: names resolved, logical types recognised, sizes known. */

export type AvroNode =
  | { readonly kind: 'null' | 'boolean' | 'float' | 'double' }
  | { readonly kind: 'int' | 'long'; readonly logical: IntegerLogical | null }
  | { readonly kind: 'bytes'; readonly logical: DecimalLogical | null }
  | { readonly kind: 'string'; readonly logical: 'uuid' | null }
  | FixedNode
  | EnumNode
  | { readonly kind: 'array'; readonly items: AvroNode }
  | { readonly kind: 'map'; readonly values: AvroNode }
  | { readonly kind: 'union'; readonly branches: readonly AvroNode[] }
  | RecordNode

export interface FixedNode {
  readonly kind: 'fixed'
  readonly name: string
  readonly size: number
  readonly logical: DecimalLogical | 'uuid' | 'duration' | null
}

export interface EnumNode {
  readonly kind: 'enum'
  readonly name: string
  readonly symbols: readonly string[]
}

export interface RecordNode {
  readonly kind: 'record'
  readonly name: string
  /** Filled after the node exists, because a record may contain itself. */
  fields: readonly AvroField[]
}

export interface AvroField {
  readonly name: string
  readonly node: AvroNode
  readonly sensitive: boolean
}

/** Only those that become another value; `date`, `time-*` and `local-timestamp-*` stay integers. */
export type IntegerLogical = 'timestamp-millis' | 'timestamp-micros' | 'timestamp-nanos'

export interface DecimalLogical {
  readonly precision: number
  readonly scale: number
}

/** The schema's own word for a node, for messages. */
export function nodeName(node: AvroNode): string {
  switch (node.kind) {
    case 'record':
    case 'enum':
    case 'fixed':
      return `${node.kind} ${node.name}`
    case 'int':
    case 'long':
      return node.logical ?? node.kind
    case 'string':
      return node.logical ?? node.kind
    case 'bytes':
      return node.logical === null ? 'bytes' : `decimal(${node.logical.precision},${node.logical.scale})`
    case 'union':
      return node.branches.map(nodeName).join(' or ')
    default:
      return node.kind
  }
}

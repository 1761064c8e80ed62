/** Which wire type a field's values have, its own tag before each. */
import type { FieldType, ScalarType } from './plan.ts'
import { wire } from './reader.ts'

const wireTypes: Readonly<Record<ScalarType, number>> = {
  double: wire.fixed64,
  float: wire.fixed32,
  int32: wire.varint,
  uint32: wire.varint,
  sint32: wire.varint,
  fixed32: wire.fixed32,
  sfixed32: wire.fixed32,
  int64: wire.varint,
  uint64: wire.varint,
  sint64: wire.varint,
  fixed64: wire.fixed64,
  sfixed64: wire.fixed64,
  bool: wire.varint,
  string: wire.bytes,
  bytes: wire.bytes
}

export function wireTypeOf(type: FieldType): number {
  if (type.kind === 'message') return type.delimited ? wire.groupStart : wire.bytes
  return type.kind === 'enum' ? wire.varint : wireTypes[type.scalar]
}

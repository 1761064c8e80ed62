/** Every bound of the payload decoders and of the schemas they load, each with its reason. */

export const limits = {
  /**
   * Levels of records, lists, maps and messages in one payload. Real payloads stay under 20; past some thousand levels
   * the recursive walkers (and `ajv`) would exhaust the stack. Protobuf's own libraries stop at 100.
   */
  payloadNesting: { avro: 64, json: 64, protobuf: 100 },
  /** Failures reported for one payload: enough to mend a record, few enough for a header and an error message. */
  failures: 16,
  /**
   * Values one payload may decode to. A schema may give a value no bytes at all (Avro null, a Protobuf default), so the
   * length alone does not bound the tree: the allowance grows with the length up to the ceiling. An Avro value without
   * bytes is a null that is no branch of a union, which real schemas hardly have; a Protobuf message of two bytes may
   * have as many defaults as fields.
   */
  values: {
    avro: { floor: 2_048, perByte: 4, ceiling: 4_000_000 },
    protobuf: { floor: 8_192, perByte: 64, ceiling: 4_000_000 }
  },
  /**
   * Payloads up to this size get all their JSON Schema failures; larger ones the first, because every failure costs
   * memory.
   */
  allJsonErrorsBytes: 64 * 1024,
  /**
   * Schema references followed for one JSON payload. Schemas can make it exponential; real ones follow a few for every
   * value, and a value takes at least two bytes.
   */
  jsonSchemaSteps: { floor: 2_000, perByte: 20 },
  /** Errors of `ajv` held for one payload, those of alternatives that were tried included. */
  jsonErrors: 1_024,
  /** One schema document, and the sum of its references. Registries refuse more than about a megabyte too. */
  schemaBytes: 1024 * 1024,
  schemaReferences: 200,
  /** Levels of a schema document as JSON. An Avro record costs three per level of its payload. */
  schemaNesting: 200,
  /** Types, fields and subschemas of one schema: compiling is linear in them and happens on the event loop. */
  schemaNodes: 20_000,
  /** Subschemas of one JSON Schema: `ajv` compiles some of them in quadratic time, a second and more at 10,000. */
  jsonSubschemas: 4_000,
  /** Statements of one Protobuf message: protobufjs takes quadratic time over them, half a minute at 20,000. */
  messageStatements: 2_000,
  enumSymbols: 10_000,
  /** Digits of a decimal; arithmetic on it is quadratic. Databases stop at 38 to 1000. */
  decimalPrecision: 1000,
  /** Nesting of Protobuf message declarations, and so the length of the index path in the Confluent framing. */
  messageIndexes: 64
} as const

/** How many values a payload of `byteLength` bytes may decode to. */
export function valueAllowance(format: 'avro' | 'protobuf', byteLength: number): number {
  const { floor, perByte, ceiling } = limits.values[format]
  return Math.max(Math.min(floor + perByte * byteLength, ceiling), 3 * byteLength)
}

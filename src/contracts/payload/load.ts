/** Schema documents in, payload formats out: the one door to the loaders. Nothing behind it throws. */
import { loadAvroSchema } from './avro/load.ts'
import type { PayloadFormat } from './format.ts'
import { loadJsonSchema } from './json/load.ts'
import { loadProtobufSchema } from './protobuf/load.ts'
import { checkSource, schemaProblem } from './source.ts'
import type { NamedSource, SchemaProblem, SchemaSourceText } from './source.ts'

export type SchemaFormat = 'avro' | 'protobuf' | 'json'

export interface SchemaRequest {
  readonly format: SchemaFormat
  readonly source: string
  /** Dependencies stand before those that need them. */
  readonly references?: readonly NamedSource[]
  /** Protobuf: full name of the message; without it the first of the file. */
  readonly message?: string
  /** The document as the user would type its path, for messages. */
  readonly file: string
}

/** A schema of a registry: which Protobuf message it is comes with each record. */
export interface LoadedSchema {
  /** Null when the schema has no message at these indexes. Other formats ignore the argument. */
  formatFor(messageIndexes: readonly number[]): PayloadFormat | null
  /**
   * What Confluent's record name strategies may call it: full names of records or messages, the title of a JSON Schema.
   */
  readonly recordNames: readonly string[]
}

export function loadPayloadFormat(request: SchemaRequest): { readonly format: PayloadFormat } | SchemaProblem {
  return guarded(request, (text) => {
    if (request.format === 'avro') return loadAvroSchema(text)
    if (request.format === 'json') return loadJsonSchema(text)
    const file = loadProtobufSchema(text)
    if ('problem' in file) return file
    return file.messageNamed(request.message ?? null)
  })
}

export function loadSchema(request: SchemaRequest): LoadedSchema | SchemaProblem {
  return guarded(request, (text): LoadedSchema | SchemaProblem => {
    if (request.format === 'protobuf') {
      const file = loadProtobufSchema(text)
      if ('problem' in file) return file
      return { formatFor: (indexes) => file.messageAt(indexes), recordNames: file.messageNames }
    }
    const loaded = request.format === 'avro' ? loadAvroSchema(text) : loadJsonSchema(text)
    if ('problem' in loaded) return loaded
    const name = 'recordName' in loaded ? loaded.recordName : loaded.title
    return { formatFor: () => loaded.format, recordNames: name === null ? [] : [name] }
  })
}

function guarded<T>(request: SchemaRequest, load: (text: SchemaSourceText) => T | SchemaProblem): T | SchemaProblem {
  const { source, references = [], message, file } = request
  const text: SchemaSourceText = { source, references, message, file }
  try {
    return checkSource(text) ?? load(text)
  } catch (error) {
    // What no loader foresaw; a schema must not stop the process.
    return schemaProblem(`cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
}

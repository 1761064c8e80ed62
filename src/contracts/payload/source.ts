/** A schema document as it comes from a file or the registry, and what can be wrong with it. */
import { limits } from './limits.ts'
import { PayloadRefusal } from './refusal.ts'

export interface NamedSource {
  /** What the schema calls it: an import path (Protobuf), a `$ref` (JSON), a full name (Avro). */
  readonly name: string
  readonly source: string
}

export interface SchemaSourceText {
  readonly source: string
  /** Dependencies stand before those that need them. */
  readonly references: readonly NamedSource[]
  /** Protobuf: full name of the message; undefined is the first of the file. */
  readonly message?: string | undefined
  /** For messages of parsers. */
  readonly file: string
}

export interface SchemaProblem {
  readonly problem: string
  /** 1-based line in the schema document, where the parser knows it. */
  readonly line?: number
}

export function schemaProblem(problem: string, line?: number): SchemaProblem {
  return line === undefined ? { problem } : { problem, line }
}

/** What is refused before a parser sees it. */
export function checkSource(text: SchemaSourceText): SchemaProblem | null {
  if (text.references.length > limits.schemaReferences) {
    return schemaProblem(`has more than ${limits.schemaReferences} references`)
  }
  let bytes = Buffer.byteLength(text.source)
  for (const { source } of text.references) bytes += Buffer.byteLength(source)
  return bytes > limits.schemaBytes
    ? schemaProblem(`is larger than ${limits.schemaBytes} bytes with its references`)
    : null
}

/** What the strict JSON reader found in a schema document, with the line. Throws on what is no refusal of it. */
export function syntaxProblem(error: unknown, document: Buffer): SchemaProblem {
  if (!(error instanceof PayloadRefusal)) throw error
  const { message, expected, byteOffset } = error.failure
  const line = document.toString('utf8', 0, byteOffset ?? 0).split('\n').length
  return schemaProblem(`${message}${expected === undefined ? '' : `; expected ${expected}`}`, line)
}

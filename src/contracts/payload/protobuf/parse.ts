/**
 * A `.proto` file and its imports, parsed by protobufjs; what the parser lets through and protoc does not is refused
 * here.
 */
import protobuf from 'protobufjs'
import { limits } from '../limits.ts'
import { schemaProblem } from '../source.ts'
import type { NamedSource, SchemaProblem, SchemaSourceText } from '../source.ts'

export interface ParsedFile {
  /** Top-level messages of the main file, in its order. */
  readonly messages: readonly protobuf.Type[]
}

/** How the main file is called among the others of its root. */
const mainFile = 'main.proto'
const highestFieldNumber = 2 ** 29 - 1

/** Registries know this import without a reference. Confluent's `type/decimal.proto`, declared anew. */
const builtIn: readonly NamedSource[] = [
  {
    name: 'confluent/type/decimal.proto',
    source:
      'syntax = "proto3"; package confluent.type; ' +
      'message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }'
  }
]

export function parseProtobuf(text: SchemaSourceText): ParsedFile | SchemaProblem {
  const root = new protobuf.Root()
  const imported = new Map([...builtIn, ...text.references].map((reference) => [reference.name, reference]))
  const missing: string[] = []
  const open: NamedSource[] = [{ name: mainFile, source: text.source }]
  const seen = new Set<string>()
  let packageName: string | undefined
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const parsed = parseFile(next, root)
    if ('problem' in parsed) {
      return next.name === mainFile ? parsed : schemaProblem(`in the import ${next.name}: ${parsed.problem}`)
    }
    if (next.name === mainFile) packageName = parsed.package
    for (const name of parsed.imports ?? []) {
      if (seen.has(name)) continue
      seen.add(name)
      const reference = imported.get(name)
      const common = protobuf.common.get(name) as { readonly nested: protobuf.INamespace['nested'] } | null
      if (common !== null) root.addJSON(common.nested!)
      else if (reference !== undefined) open.push(reference)
      else missing.push(name)
    }
  }
  try {
    root.resolveAll()
  } catch (error) {
    // Imports that only declare options are not needed, so one that is missing matters only here.
    const hint =
      missing.length > 0
        ? `; not given: ${missing
            .slice(0, 10)
            .map((name) => `import "${name}"`)
            .join(', ')}`
        : ''
    return schemaProblem(`${messageOf(error)}${hint}`)
  }
  const scope = packageName === undefined ? root : root.lookup(packageName)
  const messages = scope instanceof protobuf.Namespace ? scope.nestedArray.filter(isMainMessage) : []
  return checkTypes(root) ?? { messages }
}

/** The messages declared inside another, as the Confluent framing counts them: no groups, no map entries. */
export function nestedMessages(type: protobuf.Type): protobuf.Type[] {
  return type.nestedArray.filter(
    (nested): nested is protobuf.Type => nested instanceof protobuf.Type && !isGroup(nested)
  )
}

function isGroup(type: protobuf.Type): boolean {
  return (type as { readonly group?: boolean }).group === true
}

function isMainMessage(object: protobuf.ReflectionObject): object is protobuf.Type {
  return object instanceof protobuf.Type && object.filename === mainFile
}

/** The file the parser notes on what it declares; a property its types leave out. */
const parser = protobuf.parse as unknown as { filename: string | null }

function parseFile(file: NamedSource, root: protobuf.Root): protobuf.IParserResult | SchemaProblem {
  // protobufjs leaves out what is called like this, and its bytes would go unjudged.
  if (/\b__proto__\b/.test(file.source)) return schemaProblem('uses the name __proto__, which cannot be judged')
  if (mostStatements(file.source) > limits.messageStatements) {
    return schemaProblem(`declares a message of more than ${limits.messageStatements} fields`)
  }
  try {
    parser.filename = file.name
    return protobuf.parse(file.source, root, { keepCase: true })
  } catch (error) {
    const line = /\bline (\d+)\)/.exec(messageOf(error))?.[1]
    return schemaProblem(
      messageOf(error).replace(/ \((?:[^()]*, )?line \d+\)$/, ''),
      line === undefined ? undefined : Number(line)
    )
  } finally {
    parser.filename = null
  }
}

/** Comments and strings, which may hold anything; the head of an enum; what counts. */
const blockTokens = /\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\benum\s+\w+\s*\{|[{};]/g

/** Statements of the largest block that is no enum, counted before the parser sees them. */
function mostStatements(source: string): number {
  const counts = [0]
  let most = 0
  for (const [token] of source.matchAll(blockTokens)) {
    if (token === '{') counts.push(0)
    else if (token.startsWith('enum')) counts.push(-Infinity)
    else if (token === '}' && counts.length > 1) counts.pop()
    else if (token === ';') most = Math.max(most, ++counts[counts.length - 1]!)
  }
  return most
}

function checkTypes(root: protobuf.Root): SchemaProblem | null {
  let nodes = 0
  const open: protobuf.ReflectionObject[] = [root]
  for (let object = open.pop(); object !== undefined; object = open.pop()) {
    if (++nodes > limits.schemaNodes)
      return schemaProblem(`declares more than ${limits.schemaNodes} messages and fields`)
    if (object instanceof protobuf.Enum && Object.keys(object.values).length > limits.enumSymbols) {
      return schemaProblem(`${object.fullName.slice(1)} has more than ${limits.enumSymbols} values`)
    }
    if (object instanceof protobuf.Type) {
      nodes += object.fieldsArray.length
      const bad = object.fieldsArray.find(
        ({ id }) => id < 1 || id > highestFieldNumber || (id >= 19_000 && id <= 19_999)
      )
      if (bad !== undefined)
        return schemaProblem(`${bad.fullName.slice(1)} has the field number ${bad.id}, which Protobuf does not allow`)
    }
    if (object instanceof protobuf.Namespace) open.push(...object.nestedArray)
  }
  return null
}

function messageOf(error: unknown): string {
  return error instanceof RangeError ? 'is nested too deep' : error instanceof Error ? error.message : String(error)
}

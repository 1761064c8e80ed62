/**
 * A `.proto` file and its imports, parsed by protobufjs; what the parser lets through and protoc does not is refused
 * here.
 */
import protobuf from 'protobufjs'
import api from 'protobufjs/google/protobuf/api.json' with { type: 'json' }
import descriptor from 'protobufjs/google/protobuf/descriptor.json' with { type: 'json' }
import sourceContext from 'protobufjs/google/protobuf/source_context.json' with { type: 'json' }
import type from 'protobufjs/google/protobuf/type.json' with { type: 'json' }
import { limits } from '../limits.ts'
import { schemaProblem } from '../source.ts'
import type { NamedSource, SchemaProblem, SchemaSourceText } from '../source.ts'
import { mostStatements } from './tokens.ts'

export interface ParsedFile {
  /** Top-level messages of the main file, in its order. */
  readonly messages: readonly protobuf.Type[]
}

/** How the parser knows the files of one root: no import can be called like the main one. */
const mainFile = 'main'
const importFile = (name: string): string => `import ${name}`

const highestFieldNumber = 2 ** 29 - 1

/** Registries know this import without a reference. Confluent's `type/decimal.proto`, declared anew. */
const carried: readonly NamedSource[] = [
  {
    name: 'confluent/type/decimal.proto',
    source:
      'syntax = "proto3"; package confluent.type; ' +
      'message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }'
  }
]

/** What protobufjs carries but does not know by name; the descriptor is what files that declare options extend. */
const furtherCommon: ReadonlyMap<string, protobuf.INamespace> = new Map<string, protobuf.INamespace>([
  ['google/protobuf/api.proto', api],
  ['google/protobuf/descriptor.proto', descriptor],
  ['google/protobuf/source_context.proto', sourceContext],
  ['google/protobuf/type.proto', type]
])

/** Files that only declare options, which say nothing about the bytes; as imports they may be missing. */
const optionFiles = /^(?:google\/api|buf\/validate|validate|confluent|gogoproto|protoc-gen-openapiv2\/options)\//

/** Whether an import is known without a file of that name. */
export function isBuiltIn(name: string): boolean {
  return commonFile(name) !== null || carried.some((file) => file.name === name)
}

/** Whether an import may be missing: only a message that needs a type of it does not load then. */
export function mayBeMissing(name: string): boolean {
  return optionFiles.test(name)
}

function commonFile(name: string): protobuf.INamespace | null {
  // The look-up of protobufjs finds properties of its own besides.
  if (!name.startsWith('google/protobuf/')) return null
  return furtherCommon.get(name) ?? protobuf.common.get(name)
}

/** These files repeat what they import, so a type can be there already. */
function addCommon(root: protobuf.Root, file: protobuf.INamespace): void {
  const inside = (within: protobuf.AnyNestedObject | undefined, name: string): protobuf.AnyNestedObject | undefined =>
    within !== undefined && 'nested' in within ? within.nested[name] : undefined
  const declared = inside(inside(file, 'google'), 'protobuf')
  const types = declared !== undefined && 'nested' in declared ? declared.nested : undefined
  const target = root.define('google.protobuf')
  for (const [name, declaration] of Object.entries(types ?? {})) {
    if (target.get(name) === null) target.addJSON({ [name]: declaration })
  }
}

export function parseProtobuf(text: SchemaSourceText): ParsedFile | SchemaProblem {
  const root = new protobuf.Root()
  const imported = new Map([...carried, ...text.references].map((reference) => [reference.name, reference]))
  const missing: string[] = []
  const main: NamedSource = { name: '', source: text.source }
  const open = [main]
  const seen = new Set<string>()
  let packageName: string | undefined
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const isMain = next === main
    const parsed = parseFile(next.source, isMain ? mainFile : importFile(next.name), root)
    if ('problem' in parsed) {
      return isMain ? parsed : schemaProblem(`in the import ${next.name}: ${parsed.problem}`)
    }
    if (isMain) packageName = parsed.package
    for (const name of [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])]) {
      if (seen.has(name)) continue
      seen.add(name)
      const reference = imported.get(name)
      const common = commonFile(name)
      if (common !== null) addCommon(root, common)
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

function parseFile(source: string, name: string, root: protobuf.Root): protobuf.IParserResult | SchemaProblem {
  // protobufjs leaves out what is called like this, and its bytes would go unjudged.
  if (/\b__proto__\b/.test(source)) return schemaProblem('uses the name __proto__, which cannot be judged')
  if (mostStatements(source) > limits.messageStatements) {
    return schemaProblem(`declares a message of more than ${limits.messageStatements} fields`)
  }
  try {
    parser.filename = name
    return protobuf.parse(source, root, { keepCase: true })
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

/**
 * What `ajv` reports, as failures for people: the path, what the schema asks for, the type that was found, no values.
 */
import type { ErrorObject } from 'ajv'
import type { PayloadFailure } from '../format.ts'
import { limits } from '../limits.ts'
import { formatPath } from '../path.ts'
import type { PathSegment } from '../path.ts'
import { jsonTypeName, protoKey } from './parse.ts'
import { integerKeyword, stepKeyword } from './prepare.ts'

/** At most `limits.failures`, in the order of `ajv`, one per path and message. Paths show the names the schema has. */
export function toFailures(
  errors: readonly ErrorObject[],
  data: unknown,
  names: ReadonlySet<string>
): PayloadFailure[] {
  const failures = new Map<string, PayloadFailure>()
  for (const error of withoutBranches(errors)) {
    if (failures.size >= limits.failures) break
    const failure = toFailure(error, data, names)
    failures.set(`${failure.path}\n${failure.message}`, failure)
  }
  return [...failures.values()]
}

/**
 * The errors of the branches of an `anyOf` or `oneOf` stand before its own. They are only a help when there was one
 * real choice (`null` or this); else the author would be told to satisfy branches that were never meant.
 */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const kept: ErrorObject[] = []
  for (const error of errors) {
    if (error.keyword === 'anyOf' || error.keyword === 'oneOf') {
      const at = error.instancePath
      const inside = (other: ErrorObject): boolean =>
        other.instancePath === at || other.instancePath.startsWith(`${at}/`)
      let first = kept.length
      while (first > 0 && inside(kept[first - 1]!)) first--
      const branches = kept.splice(first)
      const useful = branches.filter((branch) => branch.keyword !== 'type' || branch.params['type'] !== 'null')
      // Says more than that no alternative fits.
      const unsafe = branches.find((branch) => branch.params['mark'] === 'beyond')
      if (unsafe !== undefined) {
        kept.push(unsafe)
        continue
      }
      const oneChoice = Array.isArray(error.schema) && error.schema.length === 2 && useful.length < branches.length
      kept.push(...(oneChoice && error.data !== null && useful.length > 0 ? useful : [error]))
    } else if (error.keyword !== 'if' && error.keyword !== stepKeyword && error.propertyName === undefined) {
      kept.push(error)
    }
  }
  return kept
}

function toFailure(error: ErrorObject, data: unknown, names: ReadonlySet<string>): PayloadFailure {
  const path = segments(error.instancePath, data, names)
  const found = jsonTypeName(error.data)
  const params = error.params as Record<string, unknown>
  const at = (message: string, expected?: string): PayloadFailure => ({
    path: formatPath(path),
    message,
    ...(expected === undefined ? {} : { expected }),
    found
  })
  const member = (name: string | null, message: string, expected: string, foundHere: string): PayloadFailure => ({
    path: formatPath([...path, name]),
    message,
    expected,
    found: foundHere
  })
  switch (error.keyword) {
    case 'type':
      return at('has the wrong type', typeList(error.schema))
    case integerKeyword:
      return params['mark'] === 'beyond'
        ? at('is an integer beyond 2^53 - 1, which JSON readers round', exactIntegers)
        : { ...at('has the wrong type', 'integer'), found: 'number' }
    case 'required':
      return member(nameIn(params['missingProperty']), 'is missing', 'a value', 'nothing')
    case 'dependentRequired':
    case 'dependencies':
      return member(
        nameIn(params['missingProperty']),
        `is missing beside ${quoted(params['property'])}`,
        'a value',
        'nothing'
      )
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return member(null, 'is not a field of the schema', 'no such field', 'a field')
    case 'false schema':
      return at('must not be there', 'nothing')
    case 'const':
      return at('is not the one value allowed', shown(error.schema))
    case 'enum':
      return at('is not one of the values allowed', oneOf(error.schema))
    case 'pattern':
      return at('does not match the pattern', `string matching ${clipped(String(error.schema))}`)
    case 'format':
      return at('does not have the format', `string in format ${clipped(String(error.schema))}`)
    case 'anyOf':
      return at('matches none of the alternatives')
    case 'oneOf':
      return at(
        params['passingSchemas'] === null ? 'matches none of the alternatives' : 'matches more than one alternative'
      )
    case 'not':
      return at('matches what it must not')
    case 'contains':
      return at('does not contain the items it must', containsBounds(params))
    case 'uniqueItems':
      return at('has equal items', 'each item once')
    case 'propertyNames':
      return at('has a field whose name is not allowed')
    default:
      return at('is out of bounds', bound(error.keyword, error.schema))
  }
}

const exactIntegers = 'integer from -9007199254740991 to 9007199254740991'

/** `string`, `string or null`. */
function typeList(schema: unknown): string {
  return Array.isArray(schema) ? schema.join(' or ') : String(schema)
}

function containsBounds(params: Record<string, unknown>): string {
  const { minContains = 1, maxContains } = params as { minContains?: number; maxContains?: number }
  return `at least ${minContains}${maxContains === undefined ? '' : ` and at most ${maxContains}`} that match`
}

const boundWords: Readonly<Record<string, string>> = {
  minimum: 'at least #',
  maximum: 'at most #',
  exclusiveMinimum: 'more than #',
  exclusiveMaximum: 'less than #',
  multipleOf: 'a multiple of #',
  minLength: 'at least # characters',
  maxLength: 'at most # characters',
  minItems: 'at least # items',
  maxItems: 'at most # items',
  minProperties: 'at least # fields',
  maxProperties: 'at most # fields',
  unevaluatedItems: 'no further items',
  additionalItems: 'no further items',
  items: 'no further items'
}

function bound(keyword: string, schema: unknown): string {
  return (boundWords[keyword] ?? keyword).replace('#', clipped(String(schema)))
}

function oneOf(values: unknown): string {
  if (!Array.isArray(values)) return 'a listed value'
  const listed = values.slice(0, 10).map(shown).join(', ')
  return `one of ${clipped(listed)}${values.length > 10 ? ', ...' : ''}`
}

/** A value of the schema, which is no secret of the record. */
function shown(value: unknown): string {
  return clipped(JSON.stringify(value))
}

function clipped(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}

function quoted(name: unknown): string {
  return formatPath([nameIn(name)])
}

/** A property name as the schema's author knows it. */
function nameIn(name: unknown): string {
  return unescapeProto(String(name))
}

function unescapeProto(name: string): string {
  return name === protoKey ? '__proto__' : name
}

/** A JSON pointer as path segments; the data tells indexes of arrays from keys that look like numbers. */
function segments(pointer: string, data: unknown, names: ReadonlySet<string>): PathSegment[] {
  if (pointer === '') return []
  const path: PathSegment[] = []
  let here: unknown = data
  for (const escaped of pointer.slice(1).split('/')) {
    const key = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    const name = unescapeProto(key)
    path.push(Array.isArray(here) ? Number(key) : names.has(name) ? name : null)
    here = here !== null && typeof here === 'object' ? (here as Record<string, unknown>)[key] : undefined
  }
  return path
}

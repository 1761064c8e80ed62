/**
 * Validates a YAML file against one of our JSON Schemas and says what is wrong in a person's words, at the line where
 * it stands. Keys and values of the design that are not built yet get their own code.
 */
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject, ValidateFunction } from 'ajv'
import type { Diagnostic } from '../diagnostic.ts'
import { didYouMean } from '../suggest.ts'
import type { PathStep, Plain, YamlFile } from './yaml.ts'
import { yamlLimits } from './yaml.ts'

export type Validator = (yaml: YamlFile) => Diagnostic[]

export function makeValidator(schema: object): Validator {
  const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: true, allowUnionTypes: true })
  for (const keyword of ['x-not-yet', 'x-not-yet-keys', 'x-expected']) ajv.addKeyword(keyword)
  let validate: ValidateFunction | null = null
  return (yaml) => {
    // Compiling takes some 20 ms, which a program that never loads a policy need not spend.
    validate ??= ajv.compile(schema)
    if (validate(yaml.root)) return []
    const found: Diagnostic[] = []
    const seen = new Set<string>()
    for (const error of withoutBranches(validate.errors ?? [])) {
      const diagnostic = explain(yaml, error)
      const identity = `${diagnostic.line}:${diagnostic.column}:${diagnostic.message}`
      if (seen.has(identity)) continue
      seen.add(identity)
      found.push(diagnostic)
      if (found.length === yamlLimits.diagnostics) break
    }
    return found
  }
}

/** Of an `anyOf` only the whole is reported: which branch was meant is not ours to guess. */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const choices = errors.filter((error) => error.keyword === 'anyOf')
  return errors.filter(
    (error) =>
      !choices.some(
        (choice) =>
          choice !== error &&
          error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
          error.instancePath.startsWith(choice.instancePath)
      )
  )
}

interface Annotations {
  readonly 'x-not-yet'?: readonly string[]
  readonly 'x-not-yet-keys'?: readonly string[]
  readonly 'x-expected'?: string
  readonly properties?: Readonly<Record<string, unknown>>
}

function explain(yaml: YamlFile, error: ErrorObject): Diagnostic {
  const path = stepsOf(error.instancePath)
  const parent = (error.parentSchema ?? {}) as Annotations
  const name = path.length === 0 ? 'the file' : describePath(path)
  const expected = parent['x-expected']
  const found = error.data as Plain | undefined
  switch (error.keyword) {
    case 'additionalProperties':
      return explainKey(yaml, path, String(error.params['additionalProperty']), parent)
    case 'required': {
      const key = String(error.params['missingProperty'])
      return yaml.diagnostic(path, 'missing-key', `${key} is missing in ${name}`, `add ${key}:`, 'key')
    }
    case 'enum': {
      const allowed = (error.params['allowedValues'] as unknown[]).map(String)
      if (typeof found === 'string' && parent['x-not-yet']?.includes(found) === true) {
        return yaml.diagnostic(
          path,
          'not-yet',
          `${name}: ${found} is not implemented in this version`,
          `use one of ${allowed.join(', ')}`
        )
      }
      const remedy = typeof found === 'string' ? didYouMean(found, allowed) : `use one of ${allowed.join(', ')}`
      return yaml.diagnostic(path, 'wrong-value', `${name} must be one of ${allowed.join(', ')}`, remedy)
    }
    case 'const':
      return yaml.diagnostic(path, 'wrong-value', `${name} must be ${String(error.params['allowedValue'])}`)
    case 'type':
      return yaml.diagnostic(
        path,
        'wrong-type',
        `${name} must be ${expected ?? typeNames(error.params['type'])}, this is ${typeOf(found)}`
      )
    case 'anyOf': {
      const twice = Array.isArray(found) ? found.find((item, index) => found.indexOf(item) !== index) : undefined
      if (typeof twice === 'string' || typeof twice === 'number') {
        return yaml.diagnostic(path, 'wrong-value', `${name} names ${String(twice)} twice`, 'remove one of them')
      }
      if (found === '' || (Array.isArray(found) && found.length === 0)) {
        return yaml.diagnostic(path, 'wrong-value', `${name} is empty`, `write ${expected ?? 'something'}`)
      }
      return yaml.diagnostic(path, 'wrong-value', `${name} must be ${expected ?? 'something else'}`)
    }
    case 'minProperties':
      return yaml.diagnostic(
        path,
        'missing-key',
        `${name} is empty`,
        `possible here: ${Object.keys(parent.properties ?? {}).join(', ')}`,
        'key'
      )
    case 'minItems':
      return yaml.diagnostic(path, 'wrong-value', `${name} must not be empty`)
    case 'minLength':
      return yaml.diagnostic(path, 'wrong-value', `${name} must not be empty`)
    default: {
      const sentence = expected === undefined ? (error.message ?? 'is wrong') : `must be ${expected}`
      return yaml.diagnostic(path, 'wrong-value', `${name} ${sentence}`)
    }
  }
}

function explainKey(yaml: YamlFile, path: readonly PathStep[], key: string, parent: Annotations): Diagnostic {
  const place = [...path, key]
  if (parent['x-not-yet-keys']?.includes(key) === true) {
    return yaml.diagnostic(
      place,
      'not-yet',
      `${describePath(place)} is not implemented in this version`,
      'remove it; nothing in a policy is ignored',
      'key'
    )
  }
  const known = Object.keys(parent.properties ?? {})
  return yaml.diagnostic(place, 'unknown-key', `there is no key ${describePath(place)}`, didYouMean(key, known), 'key')
}

/** JSON pointer to steps. */
function stepsOf(pointer: string): PathStep[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** `rules[2].expr`, as a person would say where. */
export function describePath(path: readonly PathStep[]): string {
  let text = ''
  for (const step of path) {
    const name = String(step)
    if (/^\d+$/.test(name)) text += `[${name}]`
    else if (/^[A-Za-z_][\w-]*$/.test(name)) text += text === '' ? name : `.${name}`
    else text += `["${name}"]`
  }
  return text
}

function typeNames(type: unknown): string {
  const names: Readonly<Record<string, string>> = {
    object: 'a map',
    array: 'a list',
    string: 'text',
    integer: 'a whole number',
    number: 'a number',
    boolean: 'true or false'
  }
  const list = Array.isArray(type) ? (type as string[]) : [String(type)]
  return list.map((name) => names[name] ?? name).join(' or ')
}

function typeOf(value: Plain | undefined): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'object':
      return 'a map'
    case 'string':
      return 'text'
    case 'boolean':
      return String(value)
    default:
      return 'a number'
  }
}

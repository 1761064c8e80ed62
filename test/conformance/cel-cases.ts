/**
 * The official conformance cases of CEL (cel-spec, as packaged in @bufbuild/cel-spec), in terms of our values. Cases
 * about Protobuf messages, enums, types as the only result and partial knowledge are left out: rules have none of them.
 */
import { getConformanceSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import type { IncrementalTest, IncrementalTestSuite } from '@bufbuild/cel-spec/testdata/tests.js'
import { DurationSchema, TimestampSchema, anyUnpack } from '@bufbuild/protobuf/wkt'
import type { Any } from '@bufbuild/protobuf/wkt'
import { createRegistry } from '@bufbuild/protobuf'
import { CelMap, asList, keyOf, typeNamed } from '../../src/contracts/expressions/cel.ts'
import type { Cel } from '../../src/contracts/expressions/cel.ts'
import { Duration, Timestamp, Uint } from '../../src/contracts/value.ts'
import type { Value } from '../../src/contracts/value.ts'

export interface CelCase {
  /** `file/section/name`, with the position in the section appended where names repeat. */
  readonly id: string
  readonly expression: string
  readonly bindings: ReadonlyMap<string, Cel>
  /** The case is only about evaluation: a type checker refuses the expression. */
  readonly unchecked: boolean
  readonly expected: { readonly kind: 'value'; readonly value: Cel } | { readonly kind: 'error' }
}

const files = new Set([
  'basic',
  'comparisons',
  'conversions',
  'fields',
  'fp_math',
  'integer_math',
  'lists',
  'logic',
  'macros',
  'namespace',
  'parse',
  'plumbing',
  'string',
  'string_ext',
  'timestamps'
])

type Expected = IncrementalTest['original']['resultMatcher']
type SpecValue = Extract<Expected, { case: 'value' }>['value']

/** Thrown for values that are Protobuf messages or enums. */
class Inexpressible extends Error {}

const registry = createRegistry(TimestampSchema, DurationSchema)

export function celCases(): { readonly cases: readonly CelCase[]; readonly skipped: number } {
  const cases: CelCase[] = []
  let skipped = 0
  const ids = new Set<string>()
  for (const suite of getConformanceSuite().suites) {
    if (!files.has(suite.name)) continue
    for (const { path, test } of testsOf(suite, '')) {
      let id = `${path}${test.name}`
      for (let n = 2; ids.has(id); n++) id = `${path}${test.name}#${n}`
      ids.add(id)
      const celCase = convert(id, test)
      if (celCase === null) skipped += 1
      else cases.push(celCase)
    }
  }
  return { cases, skipped }
}

function* testsOf(suite: IncrementalTestSuite, parent: string): Iterable<{ path: string; test: IncrementalTest }> {
  const path = `${parent}${suite.name}/`
  for (const test of suite.tests) yield { path, test }
  for (const child of suite.suites) yield* testsOf(child, path)
}

/** Messages, enums and their types are named through their package. */
const protobufNames = /TestAllTypes|google\.protobuf\.(?!Timestamp\b|Duration\b)|cel\.expr\./

function convert(id: string, { original }: IncrementalTest): CelCase | null {
  if (original.checkOnly || protobufNames.test(original.expr)) return null
  try {
    const expected = expectedOf(original.resultMatcher)
    if (expected === null) return null
    const bindings = new Map<string, Cel>()
    for (const [name, bound] of Object.entries(original.bindings)) {
      if (bound.kind.case !== 'value') return null
      bindings.set(name, valueOf(bound.kind.value))
    }
    return { id, expression: original.expr, bindings, unchecked: original.disableCheck, expected }
  } catch (error) {
    if (error instanceof Inexpressible) return null
    throw error
  }
}

function expectedOf(matcher: Expected): CelCase['expected'] | null {
  switch (matcher.case) {
    case undefined:
      return { kind: 'value', value: true }
    case 'value':
      return { kind: 'value', value: valueOf(matcher.value) }
    case 'typedResult':
      return matcher.value.result === undefined ? null : { kind: 'value', value: valueOf(matcher.value.result) }
    case 'evalError':
    case 'anyEvalErrors':
      return { kind: 'error' }
    default:
      return null
  }
}

function valueOf({ kind }: SpecValue): Cel {
  switch (kind.case) {
    case 'nullValue':
      return null
    case 'uint64Value':
      return new Uint(kind.value)
    case 'boolValue':
    case 'int64Value':
    case 'doubleValue':
    case 'stringValue':
    case 'bytesValue':
      return kind.value
    case 'listValue':
      return asList(kind.value.values.map((item) => valueOf(item)))
    case 'mapValue':
      return mapOf(kind.value.entries.map(({ key, value }) => [valueOf(key!), valueOf(value!)]))
    case 'typeValue': {
      const type = typeNamed(kind.value)
      if (type === undefined) throw new Inexpressible()
      return type
    }
    case 'objectValue':
      return messageOf(kind.value)
    default:
      throw new Inexpressible()
  }
}

/** With text keys as a record has it, otherwise as an expression makes it. */
function mapOf(entries: readonly (readonly [Cel, Cel])[]): Cel {
  if (entries.every(([key]) => typeof key === 'string')) {
    return new Map(entries.map(([key, value]) => [key as string, value as Value]))
  }
  const map = new CelMap()
  for (const [key, value] of entries) map.add(keyOf(key)!, key, value)
  return map
}

function messageOf(any: Any): Cel {
  const message = anyUnpack(any, registry)
  if (message?.$typeName === 'google.protobuf.Timestamp') {
    const { seconds, nanos } = message as unknown as { seconds: bigint; nanos: number }
    return new Timestamp(seconds, nanos)
  }
  if (message?.$typeName === 'google.protobuf.Duration') {
    const { seconds, nanos } = message as unknown as { seconds: bigint; nanos: number }
    return new Duration(seconds, nanos)
  }
  throw new Inexpressible()
}

/**
 * Our message declarations against Kafka's own definitions, as the kafka-clients jar carries them. Versions that 4.3.1
 * has dropped are compared with 3.9.2; versions above those we declare are left aside.
 */
import { describe, expect, it } from 'vitest'
import { apiByKey, apiKeys, apis } from '../../protocol/messages/api-table.ts'
import { defaultOf } from '../../protocol/schema/defaults.ts'
import type { Field, Fields, FieldType } from '../../protocol/schema/fields.ts'
import type { VersionRange } from '../../protocol/schema/versions.ts'
import { kafkaClients, messageDefinitions, type Definition, type FieldDefinition } from '../support/kafka-clients.ts'
import { allMessages, type AnyMessage } from '../support/messages.ts'

const messages = await allMessages()
const current = await kafkaClients('4.3.1')
const previous = await kafkaClients('3.9.2')

/** A field in a form that both sides can be brought into, with every range cut to the versions compared. */
interface Comparable {
  name: string
  type: string
  versions: string
  nullable: string
  tag: number | null
  tagged: string
  default: string
  /** Undefined where it makes no difference: the field is in every version that both declare. */
  ignorable: boolean | undefined
  fields: Comparable[]
}

const missing = [current, previous].flatMap((found) => ('missing' in found ? [found.missing] : []))

describe.skipIf(missing.length > 0)(`Kafka's message definitions ${missing.join('; ')}`, () => {
  if (missing.length > 0) {
    it('are compared with ours', () => expect.unreachable())
    return
  }
  const newest = definitionsIn(current)
  const older = definitionsIn(previous)

  it('exist for every declaration, one request and one response per key', () => {
    const names = messages.map((message) => message.name)
    expect(names.filter((name) => !newest.has(name))).toEqual([])
    for (const key of Object.values(apiKeys)) {
      const types = messages.filter((message) => message.apiKey === key).map((message) => message.type)
      expect(types.toSorted(), `key ${key}`).toEqual(['request', 'response'])
    }
    expect(messages).toHaveLength(2 * Object.keys(apiKeys).length)
  })

  describe.each(messages.map((message) => ({ name: message.name, message })))('$name', ({ name, message }) => {
    const definition = newest.get(name)!
    const valid = rangeOf(definition.validVersions)!
    const declared = { first: message.versions[0], last: message.versions[1] }

    it('has the key, type and flexible versions of 4.3.1, and no version beyond it', () => {
      expect({ key: message.apiKey, type: message.type }).toEqual({ key: definition.apiKey, type: definition.type })
      expect(message.flexible).toBe(rangeOf(definition.flexibleVersions)?.first ?? null)
      expect(declared.last).toBeLessThanOrEqual(valid.last)
    })

    it('has the fields of 4.3.1', () => {
      expectSameFields(message, definition, intersect(declared, valid)!)
    })

    if (declared.first >= valid.first) return
    it('has the fields of 3.9.2 in the versions that 4.3.1 dropped', () => {
      const old = older.get(name)!
      const window = { first: declared.first, last: valid.first - 1 }
      expect(intersect(window, rangeOf(old.validVersions))).toEqual(window)
      expect(message.flexible).toBe(rangeOf(old.flexibleVersions)?.first ?? null)
      expectSameFields(message, old, window)
    })
  })

  describe('the API table', () => {
    /** Held back on purpose, see api-table.ts. */
    const capped = new Map([
      [0, 12],
      [1, 15],
      [22, 5]
    ])
    /** What Kafka 4.4 adds; its jar is not the one compared with. */
    const newer = new Map([
      [28, 6],
      [42, 3],
      [88, 1],
      [89, 1]
    ])
    const newKeys = [93, 94]
    const requests = [...newest.values()].filter(
      ({ type, validVersions }) => type === 'request' && validVersions !== 'none'
    )

    it('has every API of 4.3.1 and none besides but those of 4.4', () => {
      const keys = [...requests.map((request) => request.apiKey), ...newKeys]
      expect(apis.map((api) => api.key)).toEqual(keys.toSorted((a, b) => a - b))
    })

    const named = requests.map((request) => ({ name: request.name, request }))

    it.each(named)('is right about $name', ({ name, request }) => {
      const newestVersion = rangeOf(request.validVersions)!.last
      expect(apiByKey(request.apiKey)).toEqual({
        key: request.apiKey,
        name: name.replace(/Request$/, ''),
        maxVersion: capped.get(request.apiKey) ?? newer.get(request.apiKey) ?? newestVersion,
        flexibleFrom: rangeOf(request.flexibleVersions)?.first ?? null
      })
    })

    it('allows no version that is not declared where a message is opened', () => {
      for (const message of messages) {
        const relayedOnly = newer.has(message.apiKey)
        if (!relayedOnly) expect(apiByKey(message.apiKey)!.maxVersion, message.name).toBe(message.versions[1])
      }
    })
  })
})

/** Compares the versions of `window`. */
function expectSameFields(message: AnyMessage, definition: Definition, window: VersionRange): void {
  const declared = { first: message.versions[0], last: message.versions[1] }
  const shared = intersect(declared, rangeOf(definition.validVersions))!
  expect(ours(message.fields, window, shared)).toEqual(theirs(definition.fields, definition, window, shared))
}

function definitionsIn(found: typeof current): Map<string, Definition> {
  return 'folder' in found ? messageDefinitions(found.folder) : new Map<string, Definition>()
}

function ours(fields: Fields, window: VersionRange, shared: VersionRange): Comparable[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const versions = intersect(field.versions, window)
    if (versions === null) return []
    return [
      {
        name,
        type: typeName(field.type),
        versions: text(versions),
        nullable: text(intersect(field.nullable, versions)),
        tag: field.tag,
        tagged: text(field.tag === null ? null : versions),
        default: ourDefault(field),
        ignorable: covers(field.versions, shared) ? undefined : field.ignorable,
        fields: ours(structOf(field.type), window, shared)
      }
    ]
  })
}

function theirs(
  fields: readonly FieldDefinition[],
  definition: Definition,
  window: VersionRange,
  shared: VersionRange
): Comparable[] {
  return fields.flatMap((field) => {
    if (field.flexibleVersions !== undefined) throw new Error(`${field.name} has flexible versions of its own`)
    const all = rangeOf(field.versions)!
    const versions = intersect(all, window)
    if (versions === null) return []
    const element = field.type.replace('[]', '')
    const isStruct = /^[A-Z]/.test(element)
    const members = field.fields ?? definition.commonStructs?.find((struct) => struct.name === element)?.fields ?? []
    return [
      {
        name: field.name[0]!.toLowerCase() + field.name.slice(1),
        type: field.type.replace(element, isStruct ? 'struct' : element),
        versions: text(versions),
        nullable: text(intersect(rangeOf(field.nullableVersions), versions)),
        tag: field.tag ?? null,
        tagged: text(intersect(rangeOf(field.taggedVersions), versions)),
        default: theirDefault(field, isStruct),
        ignorable: covers(all, shared) ? undefined : (field.ignorable ?? false),
        fields: theirs(isStruct ? members : [], definition, window, shared)
      }
    ]
  })
}

function typeName(type: FieldType): string {
  if (type.kind === 'array') return `[]${typeName(type.of)}`
  return type.kind === 'struct' ? 'struct' : type.name
}

function structOf(type: FieldType): Fields {
  if (type.kind === 'array') return structOf(type.of)
  return type.kind === 'struct' ? type.fields : {}
}

function ourDefault(field: Field): string {
  const value = defaultOf(field)
  if (Buffer.isBuffer(value)) return value.length === 0 ? 'empty' : 'not empty'
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'not empty'
  return typeof value === 'object' && value !== null ? '{}' : String(value)
}

/** Implicit defaults as Kafka's generator has them (`FieldSpec.fieldDefault`). */
function theirDefault(field: FieldDefinition, isStruct: boolean): string {
  if (field.default !== undefined) {
    return /^int/.test(field.type) ? BigInt(field.default).toString() : String(field.default)
  }
  if (field.type.startsWith('[]')) return '[]'
  if (isStruct) return '{}'
  const none = '0'.repeat(32)
  const implicit = new Map([
    ['bool', 'false'],
    ['uuid', none],
    ['string', ''],
    ['bytes', 'empty'],
    ['records', 'null']
  ])
  return implicit.get(field.type) ?? '0'
}

function rangeOf(versions: string | undefined): VersionRange | null {
  if (versions === undefined || versions === 'none') return null
  const [first, last] = versions.replace('+', '-Infinity').split('-')
  return { first: Number(first), last: Number(last ?? first) }
}

function intersect(a: VersionRange | null, b: VersionRange | null): VersionRange | null {
  if (a === null || b === null) return null
  const range = { first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) }
  return range.first <= range.last ? range : null
}

function covers(outer: VersionRange, inner: VersionRange): boolean {
  return outer.first <= inner.first && outer.last >= inner.last
}

function text(range: VersionRange | null): string {
  return range === null ? 'none' : `${range.first}-${range.last}`
}

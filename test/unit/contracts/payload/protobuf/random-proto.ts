/** Random `.proto` files, and what may be read of their messages; payloads of them are in `random-proto-payload.ts`. */
import type { SlotPath } from '../../../../../src/contracts/payload/compiled.ts'
import type { SeededRandom } from '../../../../support/compiled-payload.ts'
import type { ListItems } from '../../../../support/compiled-visits.ts'

const scalars = [
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes'
] as const
export type Scalar = (typeof scalars)[number]

const keyTypes = ['string', 'string', 'int32', 'sint64', 'uint64', 'bool', 'fixed32'] as const

/** Name in `google.protobuf`, and the file that declares it. */
const wellKnown: readonly (readonly [name: string, file: string])[] = [
  ['Timestamp', 'timestamp'],
  ['Timestamp', 'timestamp'],
  ['Duration', 'duration'],
  ['StringValue', 'wrappers'],
  ['Int64Value', 'wrappers'],
  ['BoolValue', 'wrappers'],
  ['DoubleValue', 'wrappers'],
  ['BytesValue', 'wrappers'],
  ['UInt32Value', 'wrappers'],
  ['Struct', 'struct'],
  ['Value', 'struct'],
  ['ListValue', 'struct'],
  ['Any', 'any'],
  ['Empty', 'empty']
]

export type Type =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'message'; readonly index: number }
  | { readonly kind: 'group'; readonly index: number }
  | { readonly kind: 'known'; readonly name: string }

export interface Field {
  readonly name: string
  readonly number: number
  readonly type: Type
  readonly label: 'implicit' | 'optional' | 'required' | 'repeated' | 'map' | 'oneof'
  readonly key: Scalar
  readonly packed: boolean | null
}

interface Message {
  readonly name: string
  readonly fields: readonly Field[]
}

type Syntax = 'proto2' | 'proto3' | 'edition'

export interface RandomProto {
  readonly source: string
  readonly syntax: Syntax
  readonly messages: readonly Message[]
}

const numbersToTry = [1, 2, 3, 4, 5, 6, 7, 8, 9, 14, 15, 16, 17, 100, 2047, 2048, 18_999, 20_000, 2 ** 28, 2 ** 29 - 1]
const names = ['id', 'amount', 'constructor', 'toString', 'k', 'b', 'p', 'function', 'return', 'hasOwnProperty', 'q1']
const enums = ['Even', 'Gap']

/** @param listShare of the fields that are lists whatever they would have been */
export function randomProto(random: SeededRandom, listShare = 0): RandomProto {
  const syntax = random.pick(['proto3', 'proto3', 'proto2', 'edition'] as const)
  const messages: Message[] = []
  const count = 1 + random.below(4)
  for (let index = 0; index < count; index++) {
    messages.push({ name: `M${index}`, fields: randomFields(random, syntax, index, count, listShare) })
  }
  return { source: sourceOf(syntax, messages), syntax, messages }
}

function randomFields(
  random: SeededRandom,
  syntax: Syntax,
  own: number,
  messageCount: number,
  listShare: number
): Field[] {
  const numbers = [...numbersToTry]
  const used = [...names]
  const fields: Field[] = []
  for (let left = random.below(9); left > 0; left--) {
    const [number] = numbers.splice(random.below(numbers.length), 1)
    const [name] = used.splice(random.below(used.length), 1)
    const type = randomType(random, messageCount)
    let label = random.pick([
      'implicit',
      'implicit',
      'optional',
      'repeated',
      'map',
      'oneof',
      'oneof',
      'required'
    ] as const)
    if (listShare > 0 && random.chance(listShare)) label = 'repeated'
    if (syntax === 'proto2' && label === 'implicit') label = 'optional'
    if (syntax !== 'proto2' && label === 'required') label = 'implicit'
    // A message that needs itself has no end.
    if (label === 'required' && type.kind === 'message' && type.index <= own) label = 'optional'
    const isGroup =
      syntax === 'proto2' && type.kind === 'message' && label !== 'map' && label !== 'oneof' && random.chance(0.3)
    fields.push({
      name: isGroup ? `g${number!}` : name!,
      number: number!,
      type: isGroup ? { kind: 'group', index: type.index } : type,
      label,
      key: random.pick(keyTypes),
      packed: random.pick([null, true, false])
    })
  }
  return fields
}

function randomType(random: SeededRandom, messageCount: number): Type {
  switch (random.below(8)) {
    case 0:
      return { kind: 'enum', name: random.pick(enums) }
    case 1:
    case 2:
      return { kind: 'message', index: random.below(messageCount) }
    case 3:
      return { kind: 'known', name: random.pick(wellKnown)[0] }
    default:
      return { kind: 'scalar', scalar: random.pick(scalars) }
  }
}

function sourceOf(syntax: Syntax, messages: readonly Message[]): string {
  const head = syntax === 'edition' ? 'edition = "2023";' : `syntax = "${syntax}";`
  const imports = [...new Set(wellKnown.map(([, file]) => file))]
  return [
    head,
    ...imports.map((file) => `import "google/protobuf/${file}.proto";`),
    'enum Even { ZERO = 0; ONE = 1; TWO = 2; }',
    'enum Gap { NONE = 0; SEVEN = 7; BELOW = -3; }',
    ...messages.map(({ name, fields }) => `message ${name} {\n${membersOf(syntax, messages, fields)}\n}`)
  ].join('\n')
}

function membersOf(syntax: Syntax, messages: readonly Message[], fields: readonly Field[]): string {
  const members = fields.map((field) => memberOf(syntax, messages, field))
  const alternatives = fields.map((field, index) => ({ field, member: members[index]! }))
  const inOneof = alternatives.filter(({ field }) => field.label === 'oneof').map(({ member }) => member)
  const others = alternatives.filter(({ field }) => field.label !== 'oneof').map(({ member }) => member)
  return [...others, ...(inOneof.length > 0 ? [`oneof choice { ${inOneof.join(' ')} }`] : [])].join('\n')
}

function memberOf(syntax: Syntax, messages: readonly Message[], field: Field): string {
  const { name, number, type, label, packed } = field
  if (type.kind === 'group') {
    const body = groupFields(messages[type.index]!)
    const prefix = label === 'oneof' ? '' : `${label} `
    return `${prefix}group G${number} = ${number} { ${membersOf(syntax, messages, body)} }`
  }
  const typed = typeText(type)
  if (label === 'map') return `map<${field.key}, ${typed}> ${name} = ${number};`
  const isPackable =
    label === 'repeated' &&
    (type.kind === 'enum' || (type.kind === 'scalar' && !['string', 'bytes'].includes(type.scalar)))
  const hasDefault = type.kind === 'scalar' || (type.kind === 'enum' && type.name === 'Even')
  const packing = isPackable && packed !== null ? ` [packed = ${String(packed)}]` : ''
  const presence = label === 'implicit' && hasDefault ? ' [features.field_presence = IMPLICIT]' : ''
  const option = syntax === 'edition' ? presence : packing
  const prefix =
    label === 'oneof' || label === 'implicit' || (syntax === 'edition' && label === 'optional') ? '' : `${label} `
  return `${prefix}${typed} ${name} = ${number}${option};`
}

/** What protobufjs can parse inside of a group. */
export function groupFields(message: Message): readonly Field[] {
  return message.fields.filter(({ type, label }) => type.kind !== 'group' && label !== 'oneof')
}

function typeText(type: Type): string {
  if (type.kind === 'scalar') return type.scalar
  if (type.kind === 'known') return `google.protobuf.${type.name}`
  return type.kind === 'enum' ? type.name : `M${type.index}`
}

/** Up to six paths that can be followed; one may be asked for twice. */
export function randomPaths(random: SeededRandom, proto: RandomProto): SlotPath[] {
  const paths: SlotPath[] = []
  if (random.chance(0.1)) paths.push([])
  for (let left = random.below(6); left > 0; left--) {
    const path = randomPath(random, proto, proto.messages[0]!.fields)
    if (path.length > 0) paths.push(path)
  }
  if (paths.length > 0 && random.chance(0.2)) paths.push(random.pick(paths))
  return paths
}

function randomPath(random: SeededRandom, proto: RandomProto, from: readonly Field[]): SlotPath {
  const path: string[] = []
  let fields = from
  while (fields.length > 0) {
    const field = random.pick(fields)
    if (isSingle(field) && field.type.kind === 'known' && field.type.name === 'Value') break
    path.push(field.name)
    const inner = isSingle(field) ? fieldsOf(proto, field.type) : []
    if (inner.length === 0 || random.chance(0.3)) break
    fields = inner
  }
  return path
}

function isSingle({ label }: Field): boolean {
  return label !== 'map' && label !== 'repeated'
}

function fieldsOf(proto: RandomProto, type: Type): readonly Field[] {
  if (type.kind === 'message') return proto.messages[type.index]!.fields
  return type.kind === 'group' ? groupFields(proto.messages[type.index]!) : []
}

/** Up to three lists that can be looked into, some of them twice, with what is to be read of their items. */
export function randomLists(random: SeededRandom, proto: RandomProto): ListItems[] {
  const found: { readonly path: SlotPath; readonly type: Type }[] = []
  const open: { readonly path: SlotPath; readonly fields: readonly Field[] }[] = [
    { path: [], fields: proto.messages[0]!.fields }
  ]
  for (const { path, fields } of open) {
    for (const field of fields) {
      const own = [...path, field.name]
      if (field.label === 'repeated') found.push({ path: own, type: field.type })
      else if (isSingle(field) && path.length < 3) open.push({ path: own, fields: fieldsOf(proto, field.type) })
    }
  }
  const lists: ListItems[] = []
  for (let left = Math.min(1 + random.below(3), found.length); left > 0; left--) {
    const { path, type } = random.pick(found)
    const isAnything = type.kind === 'known' && type.name === 'Value'
    const items = Array.from({ length: random.below(5) }, () => randomPath(random, proto, fieldsOf(proto, type)))
    lists.push({ list: path, items: isAnything ? [] : items })
  }
  return lists
}

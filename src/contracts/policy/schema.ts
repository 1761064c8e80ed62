/**
 * The JSON Schema of a policy file: what the loader validates with, and what `docs/schemas/policy.schema.json`
 * publishes for editors (a test keeps the two identical).
 *
 * `x-not-yet` lists values, and `x-not-yet-keys` keys, that the design has and this version refuses by name;
 * `x-expected` is how a person would say what belongs there.
 */
import { modes } from '../mode.ts'
import type { Mode } from '../mode.ts'
import type { Plain } from './yaml.ts'

const mode = {
  description:
    'off: not judged. observe: counted. mark: gets the header kontrakt.violations. quarantine: goes to the quarantine topic, the rest of its batch to the topic. reject: its batch is refused.',
  enum: modes
}

/** What a policy says that has no `quarantine` section. */
export const quarantineDefaults = {
  topic: '{topic}.quarantine',
  create: { partitions: 'same', replicationFactor: -1, retention: '14d', minInsyncReplicas: 2 },
  values: 'keep',
  transactions: 'reject'
} as const

const text = { type: 'string', minLength: 1 }
const count = { type: 'integer', minimum: 0, 'x-expected': 'a whole number that is not negative' }
const scalar = { type: ['string', 'number', 'boolean'], 'x-expected': 'text, a number, true or false' }
const scalars = { type: 'array', items: { $ref: '#/$defs/scalar' }, minItems: 1 }
const globs = {
  anyOf: [text, { type: 'array', items: text, minItems: 1, uniqueItems: true }],
  'x-expected': 'a glob, or a list of them'
}

const sideProperties = {
  format: {
    description: 'How the bytes are written. Without a schema: json, string or bytes.',
    enum: ['avro', 'protobuf', 'json', 'string', 'bytes'],
    default: 'bytes'
  },
  framing: {
    description:
      'confluent: magic byte 0 and the schema id stand before the payload. Required with a registry, none with a file.',
    enum: ['confluent', 'none'],
    'x-not-yet': ['confluent-header', 'glue', 'apicurio']
  },
  schema: { $ref: '#/$defs/schema' }
}

const $defs = {
  mode,
  scalar,
  schema: {
    description: 'Where the schema comes from: a file, or a registry.',
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    properties: {
      file: { ...text, description: 'Path relative to the policy file; it stays inside the policies folder.' },
      message: { ...text, description: 'Protobuf file: full name of the message. Default: the first one in the file.' },
      registry: {
        type: 'object',
        additionalProperties: false,
        required: ['subject'],
        properties: {
          subject: {
            type: 'object',
            additionalProperties: false,
            minProperties: 1,
            properties: {
              strategy: { enum: ['topic-name', 'record-name', 'topic-record-name'] },
              name: { ...text, description: 'The literal subject, instead of a strategy.' },
              context: { type: 'string', pattern: '^\\.[^:]*$', 'x-expected': 'a registry context such as ".eu"' }
            }
          },
          versions: {
            default: 'any',
            anyOf: [
              { enum: ['any', 'latest'] },
              {
                type: 'object',
                additionalProperties: false,
                required: ['last'],
                properties: { last: { type: 'integer', minimum: 1 } }
              },
              {
                type: 'object',
                additionalProperties: false,
                required: ['from'],
                properties: { from: { type: 'integer', minimum: 1 } }
              },
              { type: 'array', items: { type: 'integer', minimum: 1 }, minItems: 1, uniqueItems: true }
            ],
            'x-expected': 'any, latest, { last: 3 }, { from: 4 } or a list of versions such as [3, 4]'
          }
        },
        'x-not-yet-keys': ['rules']
      }
    }
  },
  header: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    properties: {
      required: { type: 'boolean', default: false },
      equals: { type: 'string' },
      in: { type: 'array', items: { type: 'string' }, minItems: 1 },
      matches: { ...text, description: 'RE2, unanchored.' },
      minLength: count,
      maxLength: count
    }
  },
  field: {
    type: 'object',
    additionalProperties: false,
    minProperties: 1,
    properties: {
      required: { type: 'boolean', default: false, description: 'The field must be there and not null.' },
      equals: { $ref: '#/$defs/scalar' },
      in: scalars,
      min: { type: 'number', description: 'Inclusive.' },
      max: { type: 'number', description: 'Inclusive.' },
      minLength: { ...count, description: 'In characters; of bytes, in bytes.' },
      maxLength: { ...count, description: 'In characters; of bytes, in bytes.' },
      minItems: count,
      maxItems: count,
      matches: { ...text, description: 'RE2, unanchored.' }
    }
  },
  rule: {
    type: 'object',
    additionalProperties: false,
    required: ['id', 'expr'],
    properties: {
      id: {
        type: 'string',
        pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$',
        'x-expected': 'letters, digits, dots, dashes and underscores, at most 100'
      },
      expr: { ...text, description: 'CEL; true when the record keeps the rule.' },
      when: { ...text, description: 'CEL; the rule holds for records where this is true.' },
      message: { ...text, maxLength: 200, description: 'What the producer is told.' },
      docs: { ...text, maxLength: 500, description: 'Where the rule is explained.' },
      mode: { $ref: '#/$defs/mode' }
    }
  }
}

export const policySchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://kontrakt.dev/schemas/policy.schema.json',
  title: 'kontrakt policy file',
  type: 'object',
  additionalProperties: false,
  required: ['apiVersion', 'topics'],
  properties: {
    apiVersion: { const: 'kontrakt/v1' },
    topics: {
      ...globs,
      description: 'A name, a glob, or a list of them: * any characters but a dot, ** any characters.',
      'x-expected': 'a topic name, a glob, or a list of them'
    },
    owner: text,
    mode: { $ref: '#/$defs/mode', default: 'observe' },
    onUndecidable: {
      description: 'What happens to a record that could not be judged. Default: the mode of the file.',
      enum: ['accept', 'quarantine', 'reject']
    },
    key: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ...sideProperties,
        required: { type: 'boolean', default: false },
        equals: { ...text, description: 'Path of the field of the value that the key must be.' }
      }
    },
    value: {
      type: 'object',
      additionalProperties: false,
      properties: {
        ...sideProperties,
        nulls: { description: 'Tombstones.', enum: ['refuse', 'allow'], default: 'refuse' }
      }
    },
    headers: { type: 'object', additionalProperties: { $ref: '#/$defs/header' } },
    fields: { type: 'object', additionalProperties: { $ref: '#/$defs/field' } },
    rules: { type: 'array', items: { $ref: '#/$defs/rule' } },
    checks: {
      description: 'The mode of a built-in check, by its id: schema, schema-id, key, header:<name>, field:<path>, ...',
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: false,
        required: ['mode'],
        properties: { mode: { $ref: '#/$defs/mode' } }
      }
    },
    producers: {
      description: 'The first entry whose fields all match caps the mode of every check; override: true replaces it.',
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['match', 'mode'],
        properties: {
          match: {
            type: 'object',
            additionalProperties: false,
            minProperties: 1,
            properties: { clientId: globs },
            'x-not-yet-keys': ['principal']
          },
          mode: { $ref: '#/$defs/mode' },
          override: { type: 'boolean', default: false }
        }
      }
    },
    quarantine: {
      description: 'Where bad records go in mode quarantine.',
      type: 'object',
      additionalProperties: false,
      minProperties: 1,
      properties: {
        topic: {
          ...text,
          default: quarantineDefaults.topic,
          description: 'Only {topic} is expanded, to the name of the topic; without it all topics share this one.'
        },
        create: {
          description: 'How a quarantine topic that is missing is created; false: it is not.',
          type: ['boolean', 'object'],
          not: { const: true },
          additionalProperties: false,
          minProperties: 1,
          properties: {
            partitions: {
              anyOf: [{ const: 'same' }, { type: 'integer', minimum: 1, maximum: 10_000 }],
              default: quarantineDefaults.create.partitions,
              description: 'same: as many as the topic has.',
              'x-expected': 'same, or a number of partitions'
            },
            replicationFactor: {
              anyOf: [{ const: -1 }, { type: 'integer', minimum: 1, maximum: 32_767 }],
              default: quarantineDefaults.create.replicationFactor,
              description: "-1: the brokers' default.",
              'x-expected': 'a number of replicas, or -1'
            },
            retention: {
              type: ['string', 'number'],
              default: quarantineDefaults.create.retention,
              description: 'A duration with its unit.'
            },
            minInsyncReplicas: {
              type: 'integer',
              minimum: 1,
              maximum: 32_767,
              default: quarantineDefaults.create.minInsyncReplicas,
              description: 'Lowered to one less than there are replicas, and to no less than 1.',
              'x-expected': 'a number of replicas'
            }
          },
          'x-expected': 'false, or a map with some of partitions, replicationFactor, retention and minInsyncReplicas'
        },
        values: {
          description:
            'drop-tagged: what the schema tags as sensitive is not kept, and such a record cannot be redriven.',
          enum: ['keep', 'drop-tagged'],
          default: quarantineDefaults.values
        },
        transactions: {
          description: 'What happens to a batch of a transaction that holds bad records.',
          enum: ['reject', 'quarantine'],
          default: quarantineDefaults.transactions
        }
      }
    }
  },
  'x-not-yet-keys': ['contract', 'time', 'quality', 'notify'],
  $defs
}

/** What a policy file holds once it is valid: the shape that `policySchema` describes. */
export interface PolicyDocument {
  readonly apiVersion: string
  readonly topics: string | string[]
  readonly owner?: string
  readonly mode?: Mode
  readonly onUndecidable?: 'accept' | 'quarantine' | 'reject'
  readonly key?: SideDocument & { readonly required?: boolean; readonly equals?: string }
  readonly value?: SideDocument & { readonly nulls?: 'refuse' | 'allow' }
  readonly headers?: Readonly<Record<string, ConstraintDocument>>
  readonly fields?: Readonly<Record<string, ConstraintDocument>>
  readonly rules?: readonly RuleDocument[]
  readonly checks?: Readonly<Record<string, { readonly mode: Mode }>>
  readonly producers?: readonly {
    readonly match: { readonly clientId?: string | string[] }
    readonly mode: Mode
    readonly override?: boolean
  }[]
  readonly quarantine?: QuarantineDocument
}

export interface QuarantineDocument {
  readonly topic?: string
  readonly create?:
    | false
    | {
        readonly partitions?: 'same' | number
        readonly replicationFactor?: number
        readonly retention?: string | number
        readonly minInsyncReplicas?: number
      }
  readonly values?: 'keep' | 'drop-tagged'
  readonly transactions?: 'reject' | 'quarantine'
}

export interface SideDocument {
  readonly format?: 'avro' | 'protobuf' | 'json' | 'string' | 'bytes'
  readonly framing?: 'confluent' | 'none'
  readonly schema?: {
    readonly file?: string
    readonly message?: string
    readonly registry?: {
      readonly subject: {
        readonly strategy?: 'topic-name' | 'record-name' | 'topic-record-name'
        readonly name?: string
        readonly context?: string
      }
      readonly versions?: 'any' | 'latest' | { readonly last: number } | { readonly from: number } | readonly number[]
    }
  }
}

export interface ConstraintDocument {
  readonly required?: boolean
  readonly equals?: string | number | boolean
  readonly in?: readonly (string | number | boolean)[]
  readonly min?: number
  readonly max?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly matches?: string
}

export interface RuleDocument {
  readonly id: string
  readonly expr: string
  readonly when?: string
  readonly message?: string
  readonly docs?: string
  readonly mode?: Mode
}

/** The data of a file after `validateAgainst(policySchema, ...)` found nothing wrong with it. */
export function asPolicyDocument(root: Plain): PolicyDocument {
  return root as unknown as PolicyDocument
}

/**
 * The JSON Schema of a cases file, published as `docs/schemas/cases.schema.json` (a test keeps the two identical), and
 * the shape of a file that is valid by it.
 */
import type { Plain } from '../policy/yaml.ts'

const text = { type: 'string', minLength: 1 }
const violation = {
  type: 'object',
  additionalProperties: false,
  required: ['rule'],
  properties: { rule: text, path: { type: 'string' } }
}
const hex = { type: 'string', pattern: '^([0-9a-fA-F]{2})*$', 'x-expected': 'bytes in hexadecimal, two digits each' }
const headerValue = { type: ['string', 'null'] }

export const casesSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://kontrakt.dev/schemas/cases.schema.json',
  title: 'kontrakt cases of a policy',
  type: 'object',
  additionalProperties: false,
  required: ['policy', 'cases'],
  properties: {
    policy: { ...text, description: 'The policy file, relative to this one.' },
    cases: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'record', 'expect'],
        properties: {
          name: text,
          record: {
            type: 'object',
            additionalProperties: false,
            properties: {
              key: { description: 'Written by the format of the key; absent or null is a null key.' },
              keyHex: { ...hex, description: 'The bytes of the key as they are, framing included.' },
              value: { description: 'Encoded by the schema of the value; null is a tombstone.' },
              valueHex: { ...hex, description: 'The bytes of the value as they are, framing included.' },
              headers: {
                anyOf: [
                  { type: 'object', additionalProperties: headerValue },
                  {
                    type: 'array',
                    items: { type: 'array', prefixItems: [{ type: 'string' }, headerValue], minItems: 2, maxItems: 2 }
                  }
                ],
                'x-expected': 'a map of names to text, or a list of [name, text] pairs'
              },
              timestamp: { type: ['string', 'integer'], description: 'RFC 3339, or epoch milliseconds.' },
              topic: {
                ...text,
                description: 'Default: the first topic of the policy; of a glob, with x for each star.'
              },
              partition: { type: 'integer', minimum: 0, default: 0 },
              clientId: { type: 'string' },
              schemaVersion: {
                type: 'integer',
                minimum: 1,
                description: 'Registry version the value is written with. Default: the newest admitted.'
              }
            },
            'x-not-yet-keys': ['principal']
          },
          expect: { enum: ['accept', 'observe', 'mark', 'quarantine', 'reject', 'undecidable'] },
          violations: { type: 'array', items: violation, description: 'Exactly these, in any order.' },
          violationsInclude: { type: 'array', items: violation, description: 'At least these.' }
        },
        'x-not-yet-keys': ['stream', 'findings']
      }
    }
  }
}

export interface CasesDocument {
  readonly policy: string
  readonly cases: readonly CaseDocument[]
}

export interface CaseDocument {
  readonly name: string
  readonly record: RecordDocument
  readonly expect: Expectation
  readonly violations?: readonly ExpectedViolation[]
  readonly violationsInclude?: readonly ExpectedViolation[]
}

export type Expectation = 'accept' | 'observe' | 'mark' | 'quarantine' | 'reject' | 'undecidable'

export interface ExpectedViolation {
  readonly rule: string
  /** Compared only where it is written. */
  readonly path?: string
}

export interface RecordDocument {
  readonly key?: Plain
  readonly keyHex?: string
  readonly value?: Plain
  readonly valueHex?: string
  readonly headers?: Readonly<Record<string, string | null>> | readonly (readonly [string, string | null])[]
  readonly timestamp?: string | number
  readonly topic?: string
  readonly partition?: number
  readonly clientId?: string
  readonly schemaVersion?: number
}

/** The data of a file after it was validated against `casesSchema`. */
export function asCasesDocument(root: Plain): CasesDocument {
  return root as unknown as CasesDocument
}

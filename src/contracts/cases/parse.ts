/** A `*.cases.yaml` file: the records that must pass and fail, each with the verdict it must get. */
import { posix } from 'node:path'
import type { Diagnostic } from '../diagnostic.ts'
import { insideFolder } from '../policy/side.ts'
import { makeValidator } from '../policy/validate.ts'
import { readYaml } from '../policy/yaml.ts'
import type { YamlFile } from '../policy/yaml.ts'
import { asCasesDocument, casesSchema } from './schema.ts'
import type { CaseDocument } from './schema.ts'

export interface CasesFile {
  readonly yaml: YamlFile
  /** Path of the policy relative to the policies folder. */
  readonly policy: string
  readonly cases: readonly CaseDocument[]
}

export type ParsedCases =
  { readonly ok: true; readonly cases: CasesFile } | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] }

const validate = makeValidator(casesSchema)

/**
 * @param path of the cases file relative to the policies folder
 * @param file the path as the user would type it, for messages
 */
export function parseCases(bytes: Uint8Array, path: string, file: string): ParsedCases {
  const read = readYaml(bytes, file, { bigIntegers: true })
  if (!read.ok) return read
  const { yaml } = read
  // A `stream` case has no record; its other keys are told apart by what they are, not by what is missing.
  const faults = validate(yaml)
  const notYet = faults.filter((fault) => fault.code === 'not-yet')
  if (notYet.length > 0) return { ok: false, diagnostics: notYet }
  if (faults.length > 0) return { ok: false, diagnostics: faults }
  const document = asCasesDocument(yaml.root)
  const diagnostics = document.cases.flatMap((entry, index) => contradictions(yaml, entry, index))
  const policy = insideFolder(posix.dirname(path), document.policy)
  if (policy === null)
    diagnostics.push(yaml.diagnostic(['policy'], 'file-outside', 'the path leads out of the policies folder'))
  if (policy === null || diagnostics.length > 0) return { ok: false, diagnostics }
  return { ok: true, cases: { yaml, policy, cases: document.cases } }
}

function contradictions(yaml: YamlFile, entry: CaseDocument, index: number): Diagnostic[] {
  const found: Diagnostic[] = []
  const at = ['cases', index]
  const { record } = entry
  const both = (one: keyof typeof record, other: keyof typeof record): void => {
    if (record[one] === undefined || record[other] === undefined) return
    found.push(
      yaml.diagnostic(
        [...at, 'record', other],
        'bad-case',
        `a record has ${one} or ${other}, not both`,
        'remove one',
        'key'
      )
    )
  }
  both('key', 'keyHex')
  both('value', 'valueHex')
  if (record.value === undefined && record.valueHex === undefined) {
    found.push(
      yaml.diagnostic(
        [...at, 'record'],
        'bad-case',
        'the record has no value',
        'write value: null for a tombstone',
        'key'
      )
    )
  }
  if (typeof record.timestamp === 'string' && Number.isNaN(Date.parse(record.timestamp))) {
    found.push(
      yaml.diagnostic(
        [...at, 'record', 'timestamp'],
        'bad-case',
        'this is not a timestamp',
        'write 2026-01-31T12:00:00.000Z, or epoch milliseconds'
      )
    )
  }
  if (entry.violations !== undefined && entry.violationsInclude !== undefined) {
    const message = 'a case has violations (exactly these) or violationsInclude (at least these)'
    found.push(yaml.diagnostic([...at, 'violationsInclude'], 'bad-case', message, 'remove one', 'key'))
  }
  if (entry.expect === 'accept' && (entry.violations ?? entry.violationsInclude ?? []).length > 0) {
    found.push(
      yaml.diagnostic(
        [...at, 'expect'],
        'bad-case',
        'a record that breaks a rule is not simply accepted',
        'expect observe'
      )
    )
  }
  return found
}

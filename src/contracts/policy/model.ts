/** A policy after it was read and found consistent, before its schemas and expressions are compiled. */
import type { Constraints } from '../checks/constraints.ts'
import type { FieldPath } from '../checks/field-path.ts'
import type { Glob } from '../glob.ts'
import type { QuarantineTarget } from '../judgement.ts'
import type { Mode } from '../mode.ts'
import type { FormatName } from '../payload/format.ts'
import type { AdmittedVersions, SubjectRule } from '../schema-source.ts'
import type { PathStep, YamlFile } from './yaml.ts'

export interface PolicyModel {
  /** File name without its extension, relative to the policies folder. */
  readonly name: string
  readonly yaml: YamlFile
  readonly topics: readonly Glob[]
  readonly owner: string | null
  readonly mode: Mode
  readonly onUndecidable: 'accept' | 'mark' | 'quarantine' | 'reject'
  readonly key: SideModel & { readonly required: boolean; readonly equals: FieldPath | null }
  readonly value: SideModel & { readonly nulls: 'refuse' | 'allow' }
  readonly headers: readonly HeaderModel[]
  readonly fields: readonly FieldModel[]
  readonly rules: readonly RuleModel[]
  /** Modes under `checks`, by id. */
  readonly checkModes: ReadonlyMap<string, Mode>
  readonly producers: readonly ProducerEntry[]
  readonly quarantine: QuarantineModel
}

export interface QuarantineModel {
  /** With `{topic}` where the name of the topic stands. */
  readonly topic: string
  readonly create: QuarantineTarget['create']
  readonly values: QuarantineTarget['values']
  readonly transactions: QuarantineTarget['transactions']
  /** The file has the section, whatever it says. */
  readonly isWritten: boolean
}

export interface SideModel {
  readonly side: 'key' | 'value'
  readonly format: FormatName
  readonly schema: SchemaPlace
}

export type SchemaPlace =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'file'
      /** Relative to the policies folder, with `/`. */
      readonly path: string
      /** Protobuf full name; null for the first message of the file, and for the other formats. */
      readonly message: string | null
    }
  | {
      readonly kind: 'registry'
      readonly format: 'avro' | 'protobuf' | 'json'
      readonly subject: SubjectRule
      readonly context: string | null
      readonly versions: AdmittedVersions
    }

export interface HeaderModel {
  /** `header:<name>`. */
  readonly id: string
  readonly name: string
  readonly constraints: Constraints
}

export interface FieldModel {
  /** `field:<path>`. */
  readonly id: string
  readonly path: FieldPath
  readonly constraints: Constraints
  /** Where it stands in the file. */
  readonly at: readonly PathStep[]
}

export interface RuleModel {
  readonly id: string
  readonly expr: string
  readonly when: string | null
  readonly message: string | null
  readonly docs: string | null
  /** Its own mode, null when it has the file's. */
  readonly mode: Mode | null
  readonly at: readonly PathStep[]
}

export interface ProducerEntry {
  /** Any of them must match the client id; null when the entry does not look at it. */
  readonly clientIds: readonly Glob[] | null
  readonly mode: Mode
  /** True: the mode replaces that of each check; false: it caps it. */
  readonly override: boolean
}

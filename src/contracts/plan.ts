/**
 * What has to be done for the records of one kind of producer: the checks that are not off, and what they need opened.
 * A topic without header rules never walks headers; without rules on the value, and with no format to check, the value
 * is never decoded.
 */
import { HeaderCheck } from './checks/headers.ts'
import type { CompiledPolicy } from './compile.ts'
import type { ActiveMode } from './findings.ts'
import type { Mode } from './mode.ts'
import type { ModeProfile } from './producer-modes.ts'

export interface Plan {
  readonly profile: ModeProfile
  /** Nothing can be found: the records need not be looked at. */
  readonly idle: boolean
  readonly nulls: Mode
  readonly key: Mode
  readonly keyRequired: boolean
  readonly schema: Mode
  readonly schemaId: Mode
  readonly keyEquals: Mode
  readonly headers: readonly HeaderCheck[]
  readonly fields: readonly PlannedField[]
  readonly rules: readonly PlannedRule[]
  readonly readsKey: boolean
  readonly readsValue: boolean
}

export interface PlannedField {
  /** Place in the policy's list, and in that of the bound checks. */
  readonly index: number
  readonly id: string
  readonly mode: ActiveMode
  readonly side: 'key' | 'value'
}

export interface PlannedRule {
  readonly index: number
  readonly id: string
  readonly mode: ActiveMode
  readonly readsKey: boolean
  readonly readsValue: boolean
  /** Where the violation is: the field the expression is about. */
  readonly path: string
  readonly message: string
  readonly docs: string | undefined
}

export function planFor(policy: CompiledPolicy, profile: ModeProfile): Plan {
  const { model } = policy
  const headers = active(model.headers, profile).map(({ item, mode }) => new HeaderCheck(item, mode))
  const fields = active(model.fields, profile).map(({ item, mode, index }) => ({
    index,
    id: item.id,
    mode,
    side: item.path.side
  }))
  const rules = active(model.rules, profile).map(({ item, mode, index }) => {
    const mentions = policy.mentions[index]!
    return {
      index,
      id: item.id,
      mode,
      readsKey: mentions.key,
      readsValue: mentions.value,
      path: policy.rulePaths[index]!,
      message: item.message ?? `does not hold: ${item.expr}`,
      docs: item.docs ?? undefined
    }
  })
  const key = profile.modeOf('key')
  const schema = profile.modeOf('schema')
  const schemaId = profile.modeOf('schema-id')
  const keyEquals = profile.modeOf('key-equals')
  const nulls = profile.modeOf('nulls')
  const fromRegistry = (side: 'key' | 'value'): boolean => policy.fixed[side] === null && schemaId !== 'off'
  const readsKey =
    fromRegistry('key') ||
    (key !== 'off' && model.key.format !== 'bytes') ||
    keyEquals !== 'off' ||
    fields.some((field) => field.side === 'key') ||
    rules.some((rule) => rule.readsKey)
  const readsValue =
    fromRegistry('value') ||
    schema !== 'off' ||
    keyEquals !== 'off' ||
    fields.some((field) => field.side === 'value') ||
    rules.some((rule) => rule.readsValue)
  const keyRequired = model.key.required && key !== 'off'
  return {
    profile,
    idle: !readsKey && !readsValue && !keyRequired && nulls === 'off' && headers.length === 0 && rules.length === 0,
    nulls,
    key,
    keyRequired,
    schema,
    schemaId,
    keyEquals,
    headers,
    fields,
    rules,
    readsKey,
    readsValue
  }
}

function active<T extends { readonly id: string }>(
  items: readonly T[],
  profile: ModeProfile
): { readonly item: T; readonly mode: ActiveMode; readonly index: number }[] {
  return items.flatMap((item, index) => {
    const mode = profile.modeOf(item.id)
    return mode === 'off' ? [] : [{ item, mode, index }]
  })
}

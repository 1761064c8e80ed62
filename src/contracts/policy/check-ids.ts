/** The ids of the built-in checks, and which of them a policy has. */
import type { PolicyModel } from './model.ts'

/** Ids of built-in checks; no rule may take one. `header:` and `field:` ids cannot be written as rule ids. */
export const builtInCheckIds = [
  'schema-id',
  'schema',
  'key',
  'key-equals',
  'nulls',
  'future-timestamp',
  'envelope',
  'tripped'
] as const

/** Of the built-in checks, those that belong to parts of the design which this version does not have. */
export const checksNotYet: readonly string[] = ['future-timestamp', 'tripped']

/** Every check of a policy, built-in ones and rules. */
export function checkIdsOf(model: Omit<PolicyModel, 'checkModes' | 'yaml' | 'name'>): Set<string> {
  const ids = new Set<string>(['envelope'])
  if (model.key.schema.kind === 'registry' || model.value.schema.kind === 'registry') ids.add('schema-id')
  if (model.value.format !== 'bytes') ids.add('schema')
  if (model.key.format !== 'bytes' || model.key.required) ids.add('key')
  if (model.key.equals !== null) ids.add('key-equals')
  if (model.value.nulls === 'refuse') ids.add('nulls')
  for (const header of model.headers) ids.add(header.id)
  for (const field of model.fields) ids.add(field.id)
  for (const rule of model.rules) ids.add(rule.id)
  return ids
}

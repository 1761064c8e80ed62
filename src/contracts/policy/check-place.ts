/** Where in its policy file a check stands: what a producer is shown by name, its owner wants to see by line. */
import type { CompiledPolicy } from '../compile.ts'
import type { PathStep } from './yaml.ts'

export interface CheckPlace {
  /** As the user would type it. */
  readonly file: string
  /** 1-based. */
  readonly line: number
  /** 1-based. */
  readonly column: number
}

/** Null when the policy has no such check. A check that is there without being written stands where its side does. */
export function placeOfCheck({ model, reference }: CompiledPolicy, check: string, path = ''): CheckPlace | null {
  const at = stepsOf(model, check, path)
  return at === null ? null : { file: reference.file, ...model.yaml.position(at, 'key') }
}

function stepsOf(model: CompiledPolicy['model'], check: string, path: string): readonly PathStep[] | null {
  const rule = model.rules.find(({ id }) => id === check)
  if (rule !== undefined) return rule.at
  const field = model.fields.find(({ id }) => id === check)
  if (field !== undefined) return field.at
  const header = model.headers.find(({ id }) => id === check)
  if (header !== undefined) return ['headers', header.name]
  switch (check) {
    case 'key':
      return ['key']
    case 'key-equals':
      return ['key', 'equals']
    case 'nulls':
      return ['value', 'nulls']
    case 'schema':
    case 'schema-id':
      return path === 'key' || path.startsWith('key.') ? ['key', 'schema'] : ['value', 'schema']
    case 'envelope':
      return ['mode']
    default:
      return null
  }
}

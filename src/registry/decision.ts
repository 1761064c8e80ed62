/**
 * From what is known of an id to the answer for one policy. Pure; the same for the registry and for copies in files.
 */
import { clip } from '../contracts/clip.ts'
import type { LoadedSchema } from '../contracts/payload/load.ts'
import type { RegisteredSchema, SchemaQuery } from '../contracts/schema-source.ts'
import { admittedOf, allowedSubjects, needsNewest, usagesUnder, versionsText } from './subjects.ts'
import type { SchemaCopy } from './types.ts'

export type Decision =
  | { readonly kind: 'admitted'; readonly schema: RegisteredSchema }
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * `newestOf` gives the versions of a subject, ascending, and is only asked where the query depends on which is the
 * newest.
 */
export function decide(
  query: SchemaQuery,
  copy: SchemaCopy,
  loaded: LoadedSchema,
  newestOf: (subject: string) => readonly number[]
): Decision {
  if (copy.format !== query.format) {
    return refused(`schema ${copy.id} is ${copy.format}; the policy says ${query.format}`)
  }
  const subjects = allowedSubjects(query, loaded.recordNames)
  const usages = usagesUnder(copy.usages, subjects)
  if (usages.length === 0) {
    const wanted = subjects.slice(0, 3).join(', ')
    return refused(`schema ${copy.id} is not registered under ${wanted === '' ? 'a subject of its own name' : wanted}`)
  }
  for (const { subject, version } of usages) {
    const existing = needsNewest(query.versions) ? newestOf(subject) : [version]
    if (admittedOf(query.versions, existing).includes(version)) {
      const formatFor = loaded.formatFor.bind(loaded)
      return { kind: 'admitted', schema: { id: copy.id, subject, version, formatFor } }
    }
  }
  const { subject, version } = usages[0]!
  return refused(`schema ${copy.id} is version ${version} of ${subject}; admitted: ${versionsText(query.versions)}`)
}

function refused(reason: string): Decision {
  return { kind: 'refused', reason: clip(reason) }
}

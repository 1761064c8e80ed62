/** Which subject a schema must be registered under, and which of its versions are admitted. Pure. */
import type { AdmittedVersions, SchemaQuery } from '../contracts/schema-source.ts'
import type { SubjectVersion } from './types.ts'

/** `orders-value` in the context `.eu` is `:.eu:orders-value`; the default context has no prefix. */
export function qualifiedSubject(context: string | null, subject: string): string {
  return context === null ? subject : `:${context}:${subject}`
}

/** The subject, where it does not depend on the schema. Not qualified. */
export function fixedSubject(query: SchemaQuery): string | null {
  if ('name' in query.subject) return query.subject.name
  return query.subject.strategy === 'topic-name' ? `${query.topic}-${query.side}` : null
}

/** The subjects, qualified, a schema with these record names may be registered under. */
export function allowedSubjects(query: SchemaQuery, recordNames: readonly string[]): readonly string[] {
  const fixed = fixedSubject(query)
  if (fixed !== null) return [qualifiedSubject(query.context, fixed)]
  const prefix = 'strategy' in query.subject && query.subject.strategy === 'topic-record-name' ? `${query.topic}-` : ''
  return recordNames.map((name) => qualifiedSubject(query.context, prefix + name))
}

/** The usages of an id under one of `subjects`, newest first. */
export function usagesUnder(usages: readonly SubjectVersion[], subjects: readonly string[]): readonly SubjectVersion[] {
  return usages.filter((usage) => subjects.includes(usage.subject)).toSorted((a, b) => b.version - a.version)
}

/** Whether the answer depends on which versions the subject has. */
export function needsNewest(versions: AdmittedVersions): boolean {
  return versions.kind === 'latest' || versions.kind === 'last'
}

/** Of `existing` (ascending) the admitted ones, ascending. */
export function admittedOf(versions: AdmittedVersions, existing: readonly number[]): readonly number[] {
  switch (versions.kind) {
    case 'any':
      return existing
    case 'latest':
      return existing.slice(-1)
    case 'last':
      return existing.slice(-versions.count)
    case 'from':
      return existing.filter((version) => version >= versions.version)
    case 'listed':
      return existing.filter((version) => versions.versions.includes(version))
  }
}

/** As a policy writes it, for messages. */
export function versionsText(versions: AdmittedVersions): string {
  switch (versions.kind) {
    case 'any':
      return 'any'
    case 'latest':
      return 'latest'
    case 'last':
      return `the last ${versions.count}`
    case 'from':
      return `from ${versions.version}`
    case 'listed':
      return `[${versions.versions.join(', ')}]`
  }
}

/** Quarantined records for programs: of the record's contents nothing unless it was asked for. */
import type { ListedRecord } from '../../quarantine/listing.ts'
import type { CheckPlace } from '../../contracts/policy/check-place.ts'
import { recordView } from '../../quarantine/record-view.ts'

export function jsonOf(
  record: ListedRecord,
  placeOf: (rule: string, path: string) => CheckPlace | null = () => null
): Record<string, unknown> {
  const view = recordView(record, placeOf)
  const { contents } = record
  if (contents === null) return { ...view }
  const hex = (bytes: Buffer | null): string | null => bytes?.toString('hex') ?? null
  const headers = contents.headers.map(({ name, value }) => ({ name, valueHex: hex(value) }))
  return { ...view, keyHex: hex(contents.key), valueHex: hex(contents.value), headers }
}

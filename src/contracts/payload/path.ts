/**
 * Paths of fields for people: `items[2].sku`.
 *
 * Only names that the schema declares are shown. The keys of maps, and the names of properties that no schema declares,
 * come from the record: a customer number, an e-mail address. They are shown as `[*]`.
 */

/** A declared name, the index of an item, or null for a key that only the record knows. */
export type PathSegment = string | number | null

const plainName = /^[A-Za-z_$][\w$]{0,63}$/
const harmlessName = /^[\w$ :./-]{1,64}$/

export function formatPath(segments: readonly PathSegment[]): string {
  let path = ''
  for (const segment of segments) {
    if (segment === null) path += '[*]'
    else if (typeof segment === 'number') path += `[${segment}]`
    else if (plainName.test(segment)) path += path === '' ? segment : `.${segment}`
    else if (harmlessName.test(segment)) path += `["${segment}"]`
    else path += '["…"]'
  }
  return path
}

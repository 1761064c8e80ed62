/**
 * Paths of fields for people: `items[2].sku`.
 *
 * Names that a schema declares are shown. Keys of maps come from the record, so one that does not look like a name
 * (an e-mail address, a sentence) is record content and is shown as `["…"]`.
 */

export type PathSegment = string | number

const plainName = /^[A-Za-z_$][\w$]{0,63}$/
const harmlessName = /^[\w$ :./-]{1,64}$/

export function formatPath(segments: readonly PathSegment[]): string {
  let path = ''
  for (const segment of segments) {
    if (typeof segment === 'number') path += `[${segment}]`
    else if (plainName.test(segment)) path += path === '' ? segment : `.${segment}`
    else if (harmlessName.test(segment)) path += `["${segment}"]`
    else path += '["…"]'
  }
  return path
}

/** JSON for programs, that does no harm when a person looks at it: what is in records may have been made to. */

/** Indented, with a line end. What a terminal takes for a command is escaped; JSON itself leaves U+007F to U+009F. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2)
  const escaped = text.replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  )
  return `${escaped}\n`
}

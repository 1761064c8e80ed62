/** Texts that others wrote, made short enough to be quoted: a schema of a megabyte must not become a message of one. */

/** Characters of a message or a reason, some three lines of a terminal. */
export const clippedLength = 300

export function clip(text: string, length = clippedLength): string {
  if (text.length <= length) return text
  // Not in the middle of a character.
  const end = /[\uD800-\uDBFF]/.test(text.charAt(length - 2)) ? length - 2 : length - 1
  return `${text.slice(0, end)}…`
}

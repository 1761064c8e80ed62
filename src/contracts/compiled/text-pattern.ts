/** A pattern against a text where it lies: in place where that is certain, otherwise by the reference's engine. */
import { inPlacePattern } from '../payload/json/compiled/pattern.ts'
import { TextSet } from './text-bytes.ts'

/** What `compilePattern` of expressions and the constraint `matches` have in common. */
interface Engine {
  /** UTF-16 units; longer texts are not searched. */
  readonly textLimit: number
  test(text: string): boolean
}

/** `^(EUR|USD)$`: words in full, with nothing in them that means more than itself. */
const wordsForm = /^\^\((?:\?:)?([\w -]+(?:\|[\w -]+)*)\)\$$/

/** Null where a pattern is left to the engine. What comes back is certain when it says yes. */
function inPlaceOf(source: string): ((bytes: Uint8Array, start: number, end: number) => boolean) | null {
  const words = wordsForm.exec(source)?.[1]
  if (words === undefined) return inPlacePattern(source)
  const set = new TextSet(words.split('|').map((word) => Buffer.from(word)))
  return (bytes, start, end) => set.has(bytes, start, end)
}

/** The same answer as `engine.test` of the text. Allocates only where the pattern is not found in place. */
export function textMatcher(engine: Engine, source: string): (bytes: Buffer, start: number, end: number) => boolean {
  const inPlace = inPlaceOf(source)
  const search = (bytes: Buffer, start: number, end: number): boolean => engine.test(bytes.toString('utf8', start, end))
  if (inPlace === null) return search
  return (bytes, start, end) =>
    // A text has at most as many units as bytes.
    (end - start <= engine.textLimit && inPlace(bytes, start, end)) || search(bytes, start, end)
}

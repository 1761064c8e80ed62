/**
 * Which policy speaks for a topic: the exact name first, then the glob with the most literal characters. Two that are
 * equally specific and can meet in one topic are a tie, found when the files load and not when a record arrives.
 */
import { globsOverlap, parseGlob } from '../glob.ts'
import type { Glob } from '../glob.ts'

/** Kafka's own limit for a topic name. */
export const longestTopicName = 249

/** Topics of Kafka and of ours. A glob never reaches them, whatever it says. */
export function isReserved(topic: string): boolean {
  return topic.startsWith('__') || topic.startsWith('kontrakt.')
}

export type TopicPatternResult =
  { readonly ok: true; readonly glob: Glob } | { readonly ok: false; readonly message: string }

export function parseTopicPattern(text: string): TopicPatternResult {
  if (text.length > longestTopicName)
    return { ok: false, message: `a topic name has at most ${longestTopicName} characters` }
  if (!/^[A-Za-z0-9._*-]+$/.test(text)) {
    return {
      ok: false,
      message: 'a topic name has only letters, digits, dots, dashes and underscores; * and ** are the wildcards'
    }
  }
  if (text === '.' || text === '..') return { ok: false, message: `Kafka allows no topic named ${text}` }
  if (text.includes('***')) return { ok: false, message: 'write * for any characters but a dot, ** for any characters' }
  const glob = parseGlob(text)
  if (!glob.literal && isReserved(text)) {
    return {
      ok: false,
      message: 'a glob never matches topics that start with __ or kontrakt., so this one matches nothing'
    }
  }
  return { ok: true, glob }
}

/** Does the pattern name this topic? Unlike a bare glob it leaves reserved topics alone. */
export function namesTopic(pattern: Glob, topic: string): boolean {
  return pattern.literal ? pattern.source === topic : !isReserved(topic) && pattern.matches(topic)
}

/** How specific a pattern is: an exact name outweighs every glob. */
function weight(pattern: Glob): number {
  return pattern.literal ? longestTopicName + 1 : pattern.literalCharacters
}

/** The most literal pattern of `candidates` that names the topic. Ties were refused before. */
export function mostLiteral<T>(candidates: Iterable<readonly [Glob, T]>, topic: string): T | null {
  let best: T | null = null
  let bestWeight = -1
  for (const [pattern, owner] of candidates) {
    if (weight(pattern) <= bestWeight || !namesTopic(pattern, topic)) continue
    best = owner
    bestWeight = weight(pattern)
  }
  return best
}

/** True when some topic is named by both and neither is more specific. */
export function isTie(a: Glob, b: Glob): boolean {
  return weight(a) === weight(b) && globsOverlap(a, b)
}

/** A topic name that the pattern names, to run cases of a policy that has only globs: `shop.*.v1` gives `shop.x.v1`. */
export function exampleTopic(pattern: Glob): string {
  return pattern.source.replaceAll(/\*+/g, 'x')
}

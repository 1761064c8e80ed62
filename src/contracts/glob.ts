/**
 * The one glob language of policy files, for topics and client ids: `*` stands for any characters but `.`, `**` for any
 * characters at all, both also for none. Everything else is literal.
 *
 * Matching takes time in proportion to pattern × text, whatever the pattern: client ids come from outside.
 */

const anyButDot = Symbol('*')
const anything = Symbol('**')

type Token = string | typeof anyButDot | typeof anything

export interface Glob {
  readonly source: string
  /** True when there is no star in it: the glob is a plain name. */
  readonly literal: boolean
  /** Characters that are not stars; the more, the more specific. */
  readonly literalCharacters: number
  matches(text: string): boolean
}

/** Tokens by glob, so that `Glob` shows nothing of them. */
const tokensOf = new WeakMap<Glob, readonly Token[]>()

export function parseGlob(source: string): Glob {
  const tokens = tokenize(source)
  const literalCharacters = tokens.filter((token) => typeof token === 'string').length
  const literal = literalCharacters === tokens.length
  const glob: Glob = {
    source,
    literal,
    literalCharacters,
    matches: literal ? (text) => text === source : (text) => matchTokens(tokens, text)
  }
  tokensOf.set(glob, tokens)
  return glob
}

function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  for (let i = 0; i < source.length; i++) {
    const character = source[i]!
    if (character !== '*') {
      tokens.push(character)
    } else if (source[i + 1] === '*') {
      tokens.push(anything)
      i++
    } else {
      tokens.push(anyButDot)
    }
  }
  return tokens
}

/** Runs all ways to match side by side: `reached[t]` says that the tokens before `t` can match what was read so far. */
function matchTokens(tokens: readonly Token[], text: string): boolean {
  let reached = new Uint8Array(tokens.length + 1)
  reached[0] = 1
  passStars(tokens, reached)
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    const next = new Uint8Array(tokens.length + 1)
    let alive = false
    for (let t = 0; t < tokens.length; t++) {
      if (reached[t] === 0) continue
      const token = tokens[t]!
      if (token === anything || (token === anyButDot && character !== '.')) {
        next[t] = 1
        alive = true
      } else if (token === character) {
        next[t + 1] = 1
        alive = true
      }
    }
    if (!alive) return false
    passStars(tokens, next)
    reached = next
  }
  return reached[tokens.length] === 1
}

/** A star may stand for nothing. */
function passStars(tokens: readonly Token[], reached: Uint8Array): void {
  for (let t = 0; t < tokens.length; t++) {
    if (reached[t] === 1 && typeof tokens[t] !== 'string') reached[t + 1] = 1
  }
}

/** Is there any text that both match? Decides whether two globs of the same weight are a tie. */
export function globsOverlap(a: Glob, b: Glob): boolean {
  if (a.literal) return b.matches(a.source)
  if (b.literal) return a.matches(b.source)
  const left = tokensOf.get(a) ?? tokenize(a.source)
  const right = tokensOf.get(b) ?? tokenize(b.source)
  const columns = right.length + 1
  const seen = new Uint8Array((left.length + 1) * columns)
  const open: [number, number][] = [[0, 0]]
  while (open.length > 0) {
    const [i, j] = open.pop()!
    if (i > left.length || j > right.length || seen[i * columns + j] === 1) continue
    seen[i * columns + j] = 1
    if (i === left.length && j === right.length) return true
    const one = left[i]
    const other = right[j]
    // A star stands for nothing (it is passed), or takes in one token of the other side. In the shortest text that
    // both match no character is taken in by a star on both sides, so that case need not be followed.
    if (isStar(one)) {
      open.push([i + 1, j])
      if (typeof other === 'string' && takes(one, other)) open.push([i, j + 1])
    }
    if (isStar(other)) {
      open.push([i, j + 1])
      if (typeof one === 'string' && takes(other, one)) open.push([i + 1, j])
    }
    if (typeof one === 'string' && one === other) open.push([i + 1, j + 1])
  }
  return false
}

function isStar(token: Token | undefined): token is typeof anyButDot | typeof anything {
  return token === anyButDot || token === anything
}

function takes(star: typeof anyButDot | typeof anything, character: string): boolean {
  return star === anything || character !== '.'
}

/**
 * A first look at a `.proto` file, in one pass and before any parser: its imports, and how large its messages are.
 * Malformed files are looked at as far as they make sense; the parser says what is wrong with them.
 */

/** Names, strings with their quotes, single characters of punctuation. Comments and space are left out. */
function* tokensOf(source: string): Generator<string> {
  let at = 0
  while (at < source.length) {
    const unit = source.charCodeAt(at)
    if (isNameUnit(unit)) {
      const start = at
      while (at < source.length && isNameUnit(source.charCodeAt(at))) at++
      yield source.slice(start, at)
    } else if (unit === 0x22 || unit === 0x27) {
      const stop = endOfString(source, at)
      yield source.slice(at, stop)
      at = stop
    } else if (source.startsWith('//', at)) {
      at = endOf(source, '\n', at)
    } else if (source.startsWith('/*', at)) {
      at = endOf(source, '*/', at + 2)
    } else {
      if (unit > 0x20) yield source[at]!
      at++
    }
  }
}

function isNameUnit(unit: number): boolean {
  const letter = unit | 0x20
  return (letter >= 0x61 && letter <= 0x7a) || (unit >= 0x30 && unit <= 0x39) || unit === 0x5f || unit === 0x2e
}

function endOf(source: string, mark: string, from: number): number {
  const found = source.indexOf(mark, from)
  return found < 0 ? source.length : found + mark.length
}

/** Behind the closing quote; a string ends with its line at the latest. */
function endOfString(source: string, opensAt: number): number {
  const mark = source[opensAt]
  let at = opensAt + 1
  while (at < source.length && source[at] !== '\n') {
    if (source[at] === mark) return at + 1
    at += source[at] === '\\' ? 2 : 1
  }
  return Math.min(at, source.length)
}

/** Names that the file imports, in its order, wherever on a line the statement stands. */
export function protobufImports(source: string): string[] {
  const names: string[] = []
  let depth = 0
  let statement: string[] = []
  for (const token of tokensOf(source)) {
    if (token === '{') depth++
    else if (token === '}') depth = Math.max(0, depth - 1)
    else if (token === ';') {
      const name = depth === 0 ? importedName(statement) : null
      if (name !== null) names.push(name)
    } else if (depth === 0) {
      // The statement of an import has three parts at most.
      if (statement.length < 4) statement.push(token)
      continue
    }
    if (depth === 0) statement = []
  }
  return names
}

function importedName(statement: readonly string[]): string | null {
  if (statement[0] !== 'import') return null
  const modified = ['public', 'weak', 'option'].includes(statement[1] ?? '')
  const name = statement[modified ? 2 : 1] ?? ''
  return statement.length === (modified ? 3 : 2) && /^(["']).*\1$/.test(name) ? name.slice(1, -1) : null
}

/** Statements of the largest block that is no enum. */
export function mostStatements(source: string): number {
  const counts = [0]
  let most = 0
  let enumAt = -1
  let position = 0
  for (const token of tokensOf(source)) {
    position++
    if (token === 'enum') enumAt = position
    else if (token === '{') counts.push(position === enumAt + 2 ? -Infinity : 0)
    else if (token === '}' && counts.length > 1) counts.pop()
    else if (token === ';') most = Math.max(most, ++counts[counts.length - 1]!)
  }
  return most
}

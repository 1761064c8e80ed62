/**
 * A look at the source before it is parsed. It bounds what the parser will recurse over, names the mistakes for which a
 * grammar only has "expected one of twenty things", and spells back-quoted field names in a way the parser knows.
 */
import { limits } from './limits.ts'
import type { Problem } from './problem.ts'

export interface Scan {
  /** The source, unchanged in length, with each back-quoted name replaced by an identifier. */
  readonly source: string
  /** What those identifiers stand for. */
  readonly quotedNames: ReadonlyMap<string, string>
}

/** Strings with their prefix, comments, back-quoted names, brackets, and everything else one unit at a time. */
const tokens = new RegExp(
  [
    String.raw`(?<text>(?:[rR][bB]?|[bB][rR]?)?(?:"""[\s\S]*?"""|'''[\s\S]*?''')`,
    String.raw`[rR][bB]?(?:"[^"\n\r]*"|'[^'\n\r]*')|[bB][rR](?:"[^"\n\r]*"|'[^'\n\r]*')`,
    String.raw`[bB]?(?:"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*'))`,
    String.raw`(?<comment>\/\/[^\n]*)`,
    String.raw`(?<quoted>\x60[^\x60\n\r]*\x60)`,
    String.raw`(?<name>[_a-zA-Z][_a-zA-Z0-9]*)`,
    String.raw`(?<other>[\s\S])`
  ].join('|'),
  'gu'
)

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' }

export function scan(source: string): Scan | Problem {
  if (source.length > limits.sourceLength) {
    return {
      offset: 0,
      message: `the expression is longer than ${limits.sourceLength} characters`,
      remedy: 'split it into several rules'
    }
  }
  if (source.trim() === '') return { offset: 0, message: 'the expression is empty', remedy: 'write a condition' }
  const open: { readonly bracket: string; readonly offset: number }[] = []
  const quotedNames = new Map<string, string>()
  let result = ''
  for (const match of source.matchAll(tokens)) {
    const [token] = match
    const offset = match.index
    if (match.groups!.quoted !== undefined) {
      const name = replaceQuoted(token, source, quotedNames)
      if (name === null) return { offset, message: 'a back-quoted name cannot be empty' }
      result += name
      continue
    }
    result += token
    if (match.groups!.other === undefined) continue
    const problem = checkUnit(token, offset, open)
    if (problem !== null) return problem
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined) {
    return {
      offset: unclosed.offset,
      message: `"${unclosed.bracket}" is never closed`,
      remedy: `add the missing "${closing[unclosed.bracket]!}"`
    }
  }
  return { source: result, quotedNames }
}

function checkUnit(unit: string, offset: number, open: { bracket: string; offset: number }[]): Problem | null {
  if (unit === '"' || unit === "'") {
    return { offset, message: 'this text is never closed', remedy: `add the missing ${unit} on the same line` }
  }
  if (/[“”‘’«»]/.test(unit)) {
    return { offset, message: `${unit} does not quote a text`, remedy: 'write straight quotes, " or \'' }
  }
  if (unit > '\x7f' && unit.trim() !== '') {
    const remedy = 'quote it, or back-quote a field name'
    return { offset, message: `"${unit}" cannot stand outside of a text`, remedy }
  }
  if (unit === '`') return { offset, message: 'this back-quoted name is never closed', remedy: 'add the missing `' }
  if (Object.hasOwn(closing, unit)) {
    open.push({ bracket: unit, offset })
    return open.length <= limits.bracketNesting
      ? null
      : { offset, message: `more than ${limits.bracketNesting} brackets are open here`, remedy: 'split the rule' }
  }
  if (unit !== ')' && unit !== ']' && unit !== '}') return null
  const last = open.pop()
  if (last === undefined) return { offset, message: `"${unit}" closes nothing`, remedy: 'remove it' }
  const expected = closing[last.bracket]!
  return expected === unit
    ? null
    : { offset, message: `"${unit}" cannot close "${last.bracket}"`, remedy: `write "${expected}"` }
}

/** An identifier of the same length that occurs nowhere in the source, so that offsets stay true. */
function replaceQuoted(token: string, source: string, quotedNames: Map<string, string>): string | null {
  const name = token.slice(1, -1)
  if (name === '') return null
  const letters = 'qwxyzjkvQWXYZJKV'
  for (let attempt = 0; ; attempt++) {
    const stem = `${letters[attempt % letters.length]!}${String(Math.floor(attempt / letters.length))}`
    const identifier = stem.padEnd(token.length, '_')
    if (identifier.length > token.length) return identifier
    if (source.includes(identifier) || quotedNames.has(identifier)) continue
    quotedNames.set(identifier, name)
    return identifier
  }
}

/** For a source that scans but does not parse: the likely slip, found near where the parser gave up. */
export function explainSyntax(source: string, offset: number): Problem {
  const blanked = blankTexts(source)
  for (const { pattern, message, remedy } of slips) {
    pattern.lastIndex = Math.max(0, offset - 8)
    const match = pattern.exec(blanked)
    const near = match !== null && match.index <= offset + 2 && match.index + match[0].length >= offset - 1
    if (near) return { offset: match.index, message, remedy }
  }
  const rest = source.slice(offset).trimStart()
  if (rest === '') return { offset, message: 'the expression ends too early', remedy: 'complete it' }
  const operator = /^(?:&&|\|\||[=!<>]=|[-+*/%<>?:.,]|in\b)/.exec(rest)
  if (operator !== null) {
    return {
      offset: offset + (source.slice(offset).length - rest.length),
      message: `"${operator[0]}" is not followed by something it can take, or does not fit here`,
      remedy: 'see what stands on its right'
    }
  }
  const word = /^(?:[_a-zA-Z][_a-zA-Z0-9]*|\d[\w.]*|.)/u.exec(rest)![0]
  return {
    offset: offset + (source.slice(offset).length - rest.length),
    message: `"${word}" does not fit here`,
    remedy: 'an operator such as &&, ==, < or in may be missing before it'
  }
}

const slips: readonly { readonly pattern: RegExp; readonly message: string; readonly remedy: string }[] = [
  { pattern: /={3}/g, message: '"===" is not an operator', remedy: 'write "=="' },
  { pattern: /!==/g, message: '"!==" is not an operator', remedy: 'write "!="' },
  { pattern: /(?<![=!<>])=(?!=)/g, message: '"=" is not an operator', remedy: 'write "==" to compare' },
  { pattern: /<>/g, message: '"<>" is not an operator', remedy: 'write "!="' },
  { pattern: /(?<!&)&(?!&)/g, message: '"&" is not an operator', remedy: 'write "&&"' },
  { pattern: /(?<!\|)\|(?!\|)/g, message: '"|" is not an operator', remedy: 'write "||"' },
  { pattern: /\band\b/gi, message: '"and" is not an operator', remedy: 'write "&&"' },
  { pattern: /\bor\b/gi, message: '"or" is not an operator', remedy: 'write "||"' },
  { pattern: /\bnot\s+in\b/gi, message: '"not in" is not an operator', remedy: 'write "!(x in list)"' },
  { pattern: /\bnot\b/gi, message: '"not" is not an operator', remedy: 'write "!"' },
  {
    pattern: /\b(?:is|like|matches)\b(?!\()/gi,
    message: 'this is not an operator',
    remedy: 'write "==" or x.matches("...")'
  },
  { pattern: /;/g, message: '";" does not belong here', remedy: 'join conditions with "&&"' },
  { pattern: /\.\?|\[\?/g, message: 'optional access is not supported', remedy: 'ask has(x.y), or compare with null' }
]

/** The source with the inside of texts and comments blanked, same length. */
function blankTexts(source: string): string {
  return source.replace(tokens, (token, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>
    return groups.text === undefined && groups.comment === undefined ? token : ' '.repeat(token.length)
  })
}

/** Reads the README and the pages of `docs/`: their fenced blocks, links, and the command lines in them. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')

export interface Page {
  /** Relative to the root. */
  readonly path: string
  readonly text: string
}

export interface Fence {
  readonly page: string
  /** 1-based line of the opening fence. */
  readonly line: number
  readonly language: string
  readonly text: string
}

export const pages: readonly Page[] = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

export function pageOf(path: string): Page {
  const page = pages.find((candidate) => candidate.path === path)
  if (page === undefined) throw new Error(`there is no page ${path}`)
  return page
}

export function fencesOf(page: Page): Fence[] {
  const fences: Fence[] = []
  const lines = page.text.split('\n')
  for (let i = 0; i < lines.length; i += 1) {
    const language = /^```(.*)$/.exec(lines[i]!)?.[1]
    if (language === undefined) continue
    const end = lines.indexOf('```', i + 1)
    if (end < 0) throw new Error(`${page.path}:${i + 1}: the fence is not closed`)
    fences.push({ page: page.path, line: i + 1, language, text: `${lines.slice(i + 1, end).join('\n')}\n` })
    i = end
  }
  return fences
}

/** Without fenced blocks. */
export function proseOf(page: Page): string {
  return page.text.replaceAll(/^```[^]*?^```$/gm, '')
}

/** The anchor that GitHub gives a heading. */
export function anchorsOf(page: Page): string[] {
  return [...proseOf(page).matchAll(/^#+ (.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  )
}

/** What a reader would type: lines of `sh`, lines after `$ ` of `console`, and `- run:` of a CI file. */
export function commandLinesOf(fence: Fence): string[] {
  const text = fence.text.replaceAll(/\\\n\s*/g, ' ')
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  if (fence.language === 'sh') return lines
  if (fence.language === 'console') return lines.flatMap((line) => (line.startsWith('$ ') ? [line.slice(2)] : []))
  if (fence.language === 'yaml') return lines.flatMap((line) => /^- run: (.*)$/.exec(line)?.[1] ?? [])
  return []
}

/** The words of one command line; quotes are taken off, what follows a pipe, `&&`, `>` or `#` are lines of their own or left out. */
export function simpleCommands(line: string): string[][] {
  const commands: string[][] = [[]]
  for (const [, double, single, bare] of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    const word = double ?? single ?? bare!
    if (bare?.startsWith('#') === true) break
    if (bare === '|' || bare === '&&' || bare === ';') commands.push([])
    else commands.at(-1)!.push(word)
  }
  return commands.map((words) => {
    const redirect = words.indexOf('>')
    return redirect < 0 ? words : words.slice(0, redirect)
  })
}

/** Arguments of every `kontrakt` call in a command line, whichever way it is called. */
export function kontraktCalls(line: string): string[][] {
  return simpleCommands(line).flatMap((words) => {
    const starts = [['kontrakt'], ['npx', 'kontrakt'], ['npm', 'run', 'kontrakt', '--']]
    const start = starts.find((prefix) => prefix.every((word, i) => words[i] === word))
    if (start !== undefined) return [words.slice(start.length)]
    // An image runs the same program.
    const image = words[0] === 'docker' && words[1] === 'run' ? words.indexOf('kontrakt') : -1
    return image < 0 ? [] : [words.slice(image + 1)]
  })
}

/** From a heading of the second level to the next. */
export function sectionOf(page: Page, heading: string): string {
  const from = page.text.indexOf(`\n## ${heading}\n`)
  if (from < 0) throw new Error(`${page.path} has no section '${heading}'`)
  const to = page.text.indexOf('\n## ', from + 1)
  return page.text.slice(from, to < 0 ? undefined : to)
}

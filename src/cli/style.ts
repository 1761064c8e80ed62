/** Colour and columns for output on a terminal. Without colour, nothing but the text. */

export type Paint = 'red' | 'green' | 'yellow' | 'dim' | 'bold'

const codes: Readonly<Record<Paint, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  dim: [2, 22],
  bold: [1, 22]
}

export type Painter = (paint: Paint, text: string) => string

export function painter(colour: boolean): Painter {
  return (paint, text) => {
    const [on, off] = codes[paint]
    return colour ? `\u001b[${on}m${text}\u001b[${off}m` : text
  }
}

/**
 * Text that came from outside, safe to print: no control characters, so no escape sequence of a client id reaches a
 * terminal.
 */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '\ufffd')
}

/** Left-aligned columns, two spaces apart; the last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}

/** `1 record`, `2 records`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

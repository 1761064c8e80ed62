/** Whether colour is wanted on a stream: only on a terminal, and never against NO_COLOR (https://no-color.org). */
export function hasTerminalColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env
): boolean {
  const { NO_COLOR: no, TERM: term } = env
  return stream.isTTY === true && (no === undefined || no === '') && term !== 'dumb'
}

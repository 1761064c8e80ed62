/**
 * How large an expression may be and how much work one evaluation may do. Expressions are written by operators, the
 * values they look at by anybody who can produce: the first group keeps a file from stalling a load, the second keeps a
 * record from stalling the event loop.
 */
export const limits = {
  /** UTF-16 units of source. The longest rules in the wild are a few hundred; the parser's time grows with it. */
  sourceLength: 4096,
  /** Brackets open at once. The parser recurses about twenty frames for each. */
  bracketNesting: 40,
  /** Nodes of the parsed expression, the expansion of a macro counted as one. Bounds one pass without loops. */
  nodes: 1000,
  /** Levels of the parsed expression; every pass over it recurses once per level. */
  depth: 100,
  /** Macros that loop inside the body of another. Three levels over one list of 1,000 are a billion steps. */
  loopNesting: 2,
  /**
   * Work of one evaluation. A tick is about ten nanoseconds: a node evaluated in a loop, an element compared, a few
   * dozen bytes of text scanned. A million is about ten milliseconds, and enough for 100,000 items with a usual body.
   */
  ticks: 1_000_000,
  /** Levels of lists and maps inside each other that `==` and `format` follow. */
  valueNesting: 200,
  /** UTF-16 units of a regular expression. */
  patternLength: 1000,
  /** Instructions of a compiled regular expression: its worst cost is text length times this. */
  patternSize: 4000,
  /** Compiled patterns kept for reuse. Each can grow a table of 8 MiB while it is used. */
  cachedPatterns: 256,
  /** The same for patterns that come out of records. */
  cachedDynamicPatterns: 16,
  /** Bits of the unscaled value of a decimal (1,233 digits): beyond, arithmetic on it stops being cheap. */
  decimalBits: 4096,
  /** Largest scale of a decimal, either sign: aligning two scales multiplies by ten to the difference. */
  decimalScale: 10_000,
  /** Time zones whose calendar is kept. There are about 600, each a few kilobytes. */
  cachedTimeZones: 64
} as const

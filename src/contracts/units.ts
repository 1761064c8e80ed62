/**
 * Durations and sizes as policy files and settings write them: `<integer><ms|s|m|h|d>` and
 * `<integer><B|KB|MB|GB|KiB|MiB|GiB>`. A bare number is refused, because nobody can tell its unit from the file.
 */

export type Quantity =
  | { readonly ok: true; readonly value: number }
  | { readonly ok: false; readonly message: string; readonly remedy: string }

const millisecondsPer: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const bytesPer: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3
}

/** Milliseconds of `10s`, `500ms`, `1d`. Takes what a YAML reader returns, so that `10` is told apart from `"10"`. */
export function parseDurationMs(written: unknown): Quantity {
  return parseQuantity(written, millisecondsPer, 'duration', 's')
}

/** Bytes of `64KiB`, `100MB`. KB, MB and GB are powers of 1000; KiB, MiB and GiB powers of 1024. */
export function parseSizeBytes(written: unknown): Quantity {
  return parseQuantity(written, bytesPer, 'size', 'MiB')
}

function parseQuantity(
  written: unknown,
  factors: Readonly<Record<string, number>>,
  what: 'duration' | 'size',
  example: string
): Quantity {
  const units = Object.keys(factors).join(', ')
  if (typeof written === 'number' || (typeof written === 'string' && /^\d+$/.test(written))) {
    return {
      ok: false,
      message: `a ${what} needs its unit, ${String(written)} alone is ambiguous`,
      remedy: `write ${String(written)}${example}, for instance; units are ${units}`
    }
  }
  const match = typeof written === 'string' ? /^(\d+)([A-Za-z]+)$/.exec(written) : null
  const factor = match === null || !Object.hasOwn(factors, match[2]!) ? undefined : factors[match[2]!]
  if (match === null || factor === undefined) {
    return {
      ok: false,
      message: `this is not a ${what}`,
      remedy: `write a whole number and a unit without a space, such as 10${example}; units are ${units}`
    }
  }
  const value = Number(match[1]) * factor
  if (!Number.isSafeInteger(value)) {
    return {
      ok: false,
      message: `this ${what} is too large`,
      remedy: `the largest is ${String(Number.MAX_SAFE_INTEGER)} of the smallest unit`
    }
  }
  return { ok: true, value }
}

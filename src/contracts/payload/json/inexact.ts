/**
 * Integers that a double does not hold as they are written: beyond 2^53 - 1, or with a fraction that is rounded away.
 * The parser notes where they stand, and the keyword behind `type: integer` looks them up.
 */

export type Inexactness = 'beyond' | 'fraction'

/** By the object or array a number stands in, and its name or index there. */
export class InexactIntegers {
  readonly #byHolder = new Map<object | undefined, Map<string | number, Inexactness>>()

  /** `holder` is undefined for the payload as a whole, whatever the place. */
  add(holder: object | undefined, place: string | number, mark: Inexactness): void {
    let places = this.#byHolder.get(holder)
    if (places === undefined) this.#byHolder.set(holder, (places = new Map<string | number, Inexactness>()))
    places.set(holder === undefined ? '' : place, mark)
  }

  get isEmpty(): boolean {
    return this.#byHolder.size === 0
  }

  at(holder: object | undefined, place: string | number): Inexactness | undefined {
    return this.#byHolder.get(holder)?.get(holder === undefined ? '' : place)
  }
}

/** What is wrong with an integer; null for one that is exact, and for a number that is no integer as a double either. */
export function inexactness(literal: string, value: number): Inexactness | null {
  if (!Number.isInteger(value)) return null
  if (/[.eE]/.test(literal) && !isWhole(literal)) return 'fraction'
  return Number.isSafeInteger(value) ? null : 'beyond'
}

/** Whether a JSON number has no fraction: `1.0`, `1.5e1` and `10e-1` have none. */
function isWhole(literal: string): boolean {
  const exponentAt = literal.search(/[eE]/)
  const mantissa = exponentAt < 0 ? literal : literal.slice(0, exponentAt)
  const exponent = exponentAt < 0 ? 0 : Number(literal.slice(exponentAt + 1))
  const point = mantissa.indexOf('.')
  let last = mantissa.length - 1
  while (last >= 0 && (mantissa[last] === '0' || mantissa[last] === '.')) last--
  if (last < 0 || mantissa[last] === '-') return true
  // Places behind the point that the last digit other than zero has; negative in front of it.
  const places = last - (point < 0 ? mantissa.length - 1 : point > last ? point - 1 : point)
  return places <= exponent
}

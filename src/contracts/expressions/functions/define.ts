/** How a function is declared: once, for the check at load and for the call at run time. */
import type { Decimal, Duration, Timestamp, Uint, Value } from '../../value.ts'
import type { Cel, CelMap, CelType, Result } from '../cel.ts'
import type { Frame } from '../frame.ts'
import type { Param, Type } from '../types.ts'

interface ParamValues {
  null: null
  bool: boolean
  int: bigint
  uint: Uint
  double: number
  decimal: Decimal
  string: string
  bytes: Uint8Array
  timestamp: Timestamp
  duration: Duration
  list: readonly Value[]
  map: CelMap | ReadonlyMap<string, Value>
  type: CelType
  dyn: Cel
}

type Args<P extends readonly Param[]> = { [I in keyof P]: ParamValues[P[I]] }

export interface Overload {
  readonly name: string
  /** `global`: `size(x)`. `member`: `x.size()`; the receiver is the first parameter. `operator`: `_+_`. */
  readonly form: 'global' | 'member' | 'operator'
  readonly params: readonly Param[]
  readonly result: Type
  /** The arguments have the kinds of `params`. */
  readonly run: (args: readonly Cel[], frame: Frame) => Result
}

export function define<const P extends readonly Param[]>(
  form: Overload['form'],
  name: string,
  params: P,
  result: Type,
  run: (args: Args<P>, frame: Frame) => Result
): Overload {
  return { form, name, params, result, run: run as unknown as Overload['run'] }
}

/** What one evaluation carries along: the bindings, the variables read so far, and the work it may still do. */
import { Fault, Stop } from './cel.ts'
import type { Result } from './cel.ts'

export interface Frame {
  readonly bindings: unknown
  /** Variables of the record first (undefined until read), then one slot per level of loops. */
  readonly slots: (Result | undefined)[]
  /** Work left, see `limits.ticks`. */
  ticks: number
}

export type Eval = (frame: Frame) => Result

/** Ends the evaluation when the work left does not suffice. `ticks` may be fractional. */
export function spend(frame: Frame, ticks: number): void {
  frame.ticks -= ticks
  if (frame.ticks < 0) throw new Stop('the expression needs more steps on this record than one evaluation may take')
}

/** Ticks for passing over that many bytes or characters at memory speed. */
export function spendScan(frame: Frame, length: number): void {
  if (length > 64) spend(frame, length / 64)
}

/** Ticks for making that many bytes or characters, or looking at each of them. */
export function spendCopy(frame: Frame, length: number): void {
  spend(frame, length / 8)
}

/**
 * What a getter of the bindings throws when the record cannot give that variable (a header that is not UTF-8). Its
 * message is shown, so it must not hold values; the message of anything else that is thrown is not shown.
 */
export class BindingError extends Error {}

export function bindingFault(error: unknown, name: string): Fault {
  if (error instanceof Stop) throw error
  return new Fault(error instanceof BindingError ? error.message : `"${name}" of this record cannot be read`)
}

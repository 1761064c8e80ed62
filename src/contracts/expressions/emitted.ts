/** What the emitters of closures hand to each other. */
import type { Cel } from './cel.ts'
import type { Eval, Frame } from './frame.ts'

export interface Emitted {
  readonly run: Eval
  /** Present when the node has one value for all records. */
  readonly constant?: Cel
}

/** Where variables live in the frame, and how they get there. */
export interface Scope {
  slotOf(variable: string): number
  read(variable: string, frame: Frame): Cel
  /** Slot of the loop at that level. */
  loopSlot(level: number): number
}

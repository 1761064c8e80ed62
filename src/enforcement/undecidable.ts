/**
 * The one place where "could not be decided" becomes an action.
 *
 * The rules: what watches never waits; what enforces waits for a schema that may still come, up to the request's
 * deadline and for as long as the outage is young; then the policy's `onUndecidable` decides, weakened by the mode of
 * the check that could not run.
 */
import type { TopicContract, Undecided } from '../contracts/judgement.ts'
import { enforces, weaker } from '../contracts/mode.ts'
import type { Mode } from '../contracts/mode.ts'

export type UndecidedAction =
  /** Another answer may come: hold the request. */
  | { readonly kind: 'wait'; readonly changed: Promise<void> }
  /** The deadline of the request has passed: tell the producer to try again. */
  | { readonly kind: 'retry-later' }
  | { readonly kind: 'accept' }
  | { readonly kind: 'mark' }
  | { readonly kind: 'quarantine' }
  | { readonly kind: 'reject' }

export interface UndecidedMoment {
  readonly nowMs: number
  /** How long a schema may be unavailable before `onUndecidable` applies, counted from the first failure. */
  readonly undecidableAfterMs: number
  /** True when this request was held as long as it may be. */
  readonly deadlinePassed: boolean
  /** acks=0: nobody can be told to try again. */
  readonly unanswered: boolean
}

export function actionForUndecided(
  undecided: Undecided,
  onUndecidable: TopicContract['onUndecidable'],
  moment: UndecidedMoment
): UndecidedAction {
  if (undecided.cause.kind === 'schema-unavailable' && enforces(undecided.mode)) {
    const { failingSinceMs, changed } = undecided.cause
    const young = failingSinceMs === null || moment.nowMs - failingSinceMs < moment.undecidableAfterMs
    if (young && !moment.deadlinePassed) return { kind: 'wait', changed }
    if (young && !moment.unanswered) return { kind: 'retry-later' }
  }
  const wanted: Mode = onUndecidable === 'accept' ? 'observe' : onUndecidable
  switch (weaker(wanted, undecided.mode)) {
    case 'off':
    case 'observe':
      return { kind: 'accept' }
    case 'mark':
      return { kind: 'mark' }
    case 'quarantine':
      return { kind: 'quarantine' }
    case 'reject':
      return { kind: 'reject' }
  }
}

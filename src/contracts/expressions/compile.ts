/**
 * Expressions of policies: CEL, parsed by @bufbuild/cel, checked against the shapes of a schema, compiled to closures
 * over the decoded record. What the language is to users stands in docs/expressions.md.
 */
import type { Shape, Value } from '../value.ts'
import { readers } from './bindings.ts'
import type { Bindings } from './bindings.ts'
import { Fault, Stop, toValue } from './cel.ts'
import type { Cel, Result } from './cel.ts'
import { check } from './check.ts'
import { emit } from './emit.ts'
import type { Scope } from './emitted.ts'
import { BindingError } from './frame.ts'
import type { Eval, Frame } from './frame.ts'
import { limits } from './limits.ts'
import { parseExpression } from './parse.ts'
import { Refusal } from './problem.ts'
import type { Problem } from './problem.ts'
import type { Node } from './tree.ts'
import { describe, typeOfShape } from './types.ts'

export { BindingError } from './frame.ts'
export type { Bindings } from './bindings.ts'
export type { Problem } from './problem.ts'

export interface CompileOptions {
  /** `bool` (default): a rule; an expression of another type is refused. `any`: a value. */
  readonly result?: 'bool' | 'any'
  /** Work of one evaluation, at most `limits.ticks` (also the default). */
  readonly ticks?: number
}

export type Evaluation =
  | { readonly kind: 'value'; readonly value: Value }
  /** The message names fields and types, never values. */
  | { readonly kind: 'error'; readonly message: string }

export interface Program {
  /**
   * Never throws, and ends after `ticks` of work. With the result `bool` the value is true, false, or, where the type
   * was not known at load, anything: what is not true has not held.
   */
  evaluate(bindings: Bindings): Evaluation
}

export interface Mentions {
  readonly value: boolean
  readonly key: boolean
  readonly headers: boolean
}

export type CompiledExpression =
  | { readonly ok: true; readonly program: Program; readonly mentions: Mentions }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/**
 * Compiles a rule. `variables` says which of `key`, `value`, `headers`, `timestamp`, `topic` and `partition` it may
 * name and what is known of them; any other name in it is ignored. Never throws on any source.
 */
export function compileExpression(
  source: string,
  variables: ReadonlyMap<string, Shape>,
  options: CompileOptions = {}
): CompiledExpression {
  const known = [...variables].filter(([name]) => readers.has(name))
  const types = new Map(known.map(([name, shape]) => [name, typeOfShape(shape)]))
  try {
    const tree = parseExpression(source, (name) => types.has(name))
    const { type, problems, reads } = check(tree, types)
    if (problems.length > 0) return { ok: false, problems }
    if (options.result !== 'any' && type.kind !== 'bool' && type.kind !== 'dyn') {
      return { ok: false, problems: [notACondition(describe(type))] }
    }
    const read = (name: string, frame: Frame): Cel => readers.get(name)!(frame.bindings as Bindings)
    const run = compileTree(tree, [...types.keys()], read, Math.min(options.ticks ?? limits.ticks, limits.ticks))
    const mentions = { value: reads.has('value'), key: reads.has('key'), headers: reads.has('headers') }
    return { ok: true, program: { evaluate: (bindings) => evaluationOf(run(bindings)) }, mentions }
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problems: [error.problem] }
    throw error
  }
}

function notACondition(found: string): Problem {
  return {
    offset: 0,
    message: `the expression must be true or false, but it is ${found}`,
    remedy: 'end it in a comparison, such as == or >'
  }
}

/** The compiled tree as a function of whatever `read` reads from. Does not throw. */
export function compileTree(
  tree: Node,
  variables: readonly string[],
  read: (variable: string, frame: Frame) => Cel,
  ticks: number = limits.ticks
): (bindings: unknown) => Result {
  const scope: Scope = {
    slotOf: (variable) => variables.indexOf(variable),
    read,
    loopSlot: (level) => variables.length + level
  }
  const { run } = emit(tree, scope)
  const slotCount = variables.length + limits.loopNesting
  return (bindings) => guarded(run, { bindings, slots: new Array<Result | undefined>(slotCount), ticks })
}

function guarded(run: Eval, frame: Frame): Result {
  try {
    return run(frame)
  } catch (error) {
    if (error instanceof Stop || error instanceof BindingError) return new Fault(error.message)
    // V8's own limits: the stack, or the length of a text.
    if (error instanceof RangeError) return new Fault('the values of this record are too large or too deep')
    return new Fault('the expression failed unexpectedly')
  }
}

const yes: Evaluation = { kind: 'value', value: true }
const no: Evaluation = { kind: 'value', value: false }
const tooDeep: Evaluation = { kind: 'error', message: 'the value is nested too deeply' }

function evaluationOf(result: Result): Evaluation {
  if (result === true) return yes
  if (result === false) return no
  if (result instanceof Fault) return { kind: 'error', message: result.message }
  try {
    return { kind: 'value', value: toValue(result) }
  } catch {
    return tooDeep
  }
}

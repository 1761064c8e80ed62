/**
 * Expressions of policies, compiled to code over the slots of a record: the same answers as `compileExpression` gives
 * over the decoded record, or none.
 *
 * The reference's parser and type check read the expression; of what passes them, comparisons, arithmetic, `in`,
 * `has()`, tests of text, the functions of texts and times, and `all` and `exists` over the items of a list are
 * compiled. Loops inside of loops, lists and maps as values, computing with decimals, and headers are not.
 */
import { readers } from '../expressions/bindings.ts'
import { check } from '../expressions/check.ts'
import { parseExpression } from '../expressions/parse.ts'
import { Refusal } from '../expressions/problem.ts'
import type { Node } from '../expressions/tree.ts'
import { typeOfShape } from '../expressions/types.ts'
import type { NotCompiled, Slots } from '../payload/compiled.ts'
import type { Shape } from '../value.ts'
import { writeCondition } from './code/condition.ts'
import type { RecordFacts, SlotTable } from './slot-table.ts'
import { kindOfNumber, writeNumber } from './code/numbers.ts'
import { writeText } from './code/texts.ts'
import { writeSpan, writeTime } from './code/times.ts'
import { workOf } from './code/work.ts'
import { NotCovered, Writer } from './code/writer.ts'
import type { Parts } from './code/writer.ts'

export type { RecordFacts, SlotTable } from './slot-table.ts'

/**
 * 1: the expression is certainly true; 0: it is certainly false; 2: look closer. Never throws. Comparisons, arithmetic,
 * `in`, `has()` and tests of text allocate nothing; patterns that are not matched in place, and functions that make
 * texts, do. The payloads that it reads must have been accepted into `slots`, from `bytes`: a null key or a tombstone
 * has no slots, and is the caller's.
 */
export type Condition = (slots: Slots, bytes: Buffer, record: RecordFacts) => 0 | 1 | 2

export const parts: Parts = {
  condition: writeCondition,
  number: writeNumber,
  kindOfNumber,
  text: writeText,
  time: writeTime,
  span: writeSpan
}

/** Never throws; where it is not compiled the reason is a sentence about the expression: "it reads headers". */
export function compileCondition(
  source: string,
  variables: ReadonlyMap<string, Shape>,
  slots: SlotTable
): Condition | NotCompiled {
  const written = writeExpression(source, variables, slots)
  if ('reason' in written) return written
  const built = written.code.build('condition')
  return 'reason' in built ? built : (built as unknown as Condition)
}

/** The code before it is built, for `readsOfExpression` and for tests. */
export function writeExpression(
  source: string,
  variables: ReadonlyMap<string, Shape>,
  slots: SlotTable
): Writer | NotCompiled {
  try {
    const tree = parsed(source, variables)
    const writer = new Writer(variables, slots, parts, workOf(tree))
    writer.condition(tree, 2)
    return writer
  } catch (error) {
    if (error instanceof NotCovered) return { reason: error.message }
    if (error instanceof Refusal) return { reason: `it does not compile: ${error.problem.message}` }
    throw error
  }
}

function parsed(source: string, variables: ReadonlyMap<string, Shape>): Node {
  const types = new Map([...variables].map(([name, shape]) => [name, typeOfShape(shape)]))
  for (const name of types.keys()) if (!readers.has(name)) types.delete(name)
  const tree = parseExpression(source, (name) => types.has(name))
  const { type, problems } = check(tree, types)
  if (problems.length > 0) throw new Refusal(problems[0]!)
  if (type.kind !== 'bool' && type.kind !== 'dyn') throw new NotCovered('it is not a condition')
  return tree
}

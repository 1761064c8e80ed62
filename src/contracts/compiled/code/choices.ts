/** `condition ? a : b` of values, as code. */
import type { Node } from '../../expressions/tree.ts'
import type { OnError, Writer } from './writer.ts'

export type ChoiceNode = Extract<Node, { op: 'choice' }>

/** @param write writes what computes a branch, and leaves its value where both do */
export function writeBranches(
  writer: Writer,
  { condition, yes, no }: ChoiceNode,
  onError: OnError,
  write: (branch: Node) => void
): void {
  const decided = writer.parts.condition(writer, condition)
  writer.line(`if(${decided}===1){`)
  write(yes)
  writer.line(`}else if(${decided}===0){`)
  write(no)
  writer.line(`}else ${onError}`)
}

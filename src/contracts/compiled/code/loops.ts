/**
 * `all`, `exists` and `exists_one` over a list of the payload. The body becomes a function of its own, which judges
 * each item while the validator has it in the slots; here stands what reads the verdict about all of them.
 */
import type { LoopNode, Node } from '../../expressions/tree.ts'
import { slotKind } from '../../payload/compiled.ts'
import { folded } from '../item-folds.ts'
import type { Fold, FoldKind } from '../item-folds.ts'
import type { Field } from './fields.ts'
import { partsOf, workPerItem } from './work.ts'
import { NotCovered, unknown } from './writer.ts'
import type { Writer } from './writer.ts'

/** Throws for a loop that does not result in a bool. */
export function foldKindOf({ macro }: LoopNode): FoldKind {
  if (macro === 'map' || macro === 'filter') throw new NotCovered(`it makes a list with ${macro}()`)
  return macro
}

/** Returns the variable that holds 1, 0 or 2, as `writeCondition` has it. */
export function writeLoop(writer: Writer, node: LoopNode): string {
  const kind = foldKindOf(node)
  const list = listOf(writer, node)
  const body = node.body!
  refuseOthers(body)
  const { work, maxItems } = workPerItem(node, writer.work)
  const items = writer.forItems(list, work)
  items.condition(body, folded.error)
  if (!items.readsFields) throw new NotCovered('it loops without a look at the items')
  const judge = items.code.build('condition')
  if ('reason' in judge) throw new NotCovered(judge.reason)
  const slot = writer.addFold(list, { kind, judge: judge as Fold['judge'] })
  const found = writer.keep(writer.kind(list))
  const state = writer.code.fresh()
  writer.line(`let ${state}=2`)
  writer.line(`if(${found}===${slotKind.list}){`)
  writer.line(`if(N[${slot}]!==${writer.number(list)}||N[${slot}]>${maxItems})${unknown}`)
  writer.line(`${state}=K[${slot}]`)
  writer.line(`if(${state}===${folded.unknown})${unknown}`)
  writer.line(`if(${state}===${folded.error})${state}=2`)
  writer.line(`else if(${state}===${folded.several})${state}=0`)
  // Nothing is looped over but lists: what is absent or null is an error.
  writer.line(`}else if(${found}>${slotKind.null})${unknown}`)
  return state
}

function listOf(writer: Writer, { range }: LoopNode): Field {
  if (writer.item !== null) throw new NotCovered('it loops inside of a loop')
  const list = writer.field(range)
  if (list === null) throw new NotCovered('it loops over something that is not simply a field')
  const { kind } = list.shape
  if (kind !== 'list' && kind !== 'dyn') throw new NotCovered(`it loops over a ${kind}`)
  return list
}

/** While a list is read the rest of the record is not there. */
function refuseOthers(node: Node): void {
  if (node.op === 'loop') throw new NotCovered('it loops inside of a loop')
  if (node.op === 'variable') throw new NotCovered(`in a loop, it reads ${node.name} beside the items`)
  for (const part of partsOf(node)) refuseOthers(part)
}

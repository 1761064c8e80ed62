/**
 * The official cases of CEL over slots: each as it is written, with its variables as fields, and with its literals as
 * fields as well, so that what is constant in a case is read from a record. A compiled condition may leave a case to
 * the reference; what it answers has to be what the specification says.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { writeCondition } from '../../src/contracts/compiled/code/condition.ts'
import { workOf } from '../../src/contracts/compiled/code/work.ts'
import { NotCovered, Writer } from '../../src/contracts/compiled/code/writer.ts'
import { parts } from '../../src/contracts/compiled/conditions.ts'
import type { Condition } from '../../src/contracts/compiled/conditions.ts'
import type { FieldRead } from '../../src/contracts/compiled/paths.ts'
import { kindOf } from '../../src/contracts/expressions/cel.ts'
import type { Cel } from '../../src/contracts/expressions/cel.ts'
import { parseExpression } from '../../src/contracts/expressions/parse.ts'
import { Refusal } from '../../src/contracts/expressions/problem.ts'
import type { Node } from '../../src/contracts/expressions/tree.ts'
import type { FieldShape, ScalarKind, Shape, Value } from '../../src/contracts/value.ts'
import { facts, nameOf, TestTable } from '../unit/contracts/compiled/support.ts'
import { celCases } from './cel-cases.ts'
import type { CelCase } from './cel-cases.ts'

const known = JSON.parse(readFileSync(new URL('cel-known-failures.json', import.meta.url), 'utf8')) as {
  readonly evaluation: Readonly<Record<string, string>>
}

/** Where our expressions differ from the specification, the compiled ones follow ours. */
const cases = celCases().cases.filter(({ id }) => !Object.hasOwn(known.evaluation, id))

/** A record that holds the variables and literals of one case. */
class Fields {
  readonly value = new Map<string, Value>()
  readonly shapes = new Map<string, FieldShape>()
  readonly #typed: boolean

  constructor(typed: boolean) {
    this.#typed = typed
  }

  add(name: string, value: Cel): Node {
    this.value.set(name, value as Value)
    const kind = this.#typed ? scalarKind(value) : 'dyn'
    this.shapes.set(name, { shape: { kind }, optional: true })
    const operand: Node = { op: 'variable', at: 0, name: 'value' }
    return { op: 'select', at: 0, operand, field: name, test: false }
  }

  get variables(): ReadonlyMap<string, Shape> {
    return new Map([['value', { kind: 'record', name: 'case', open: false, fields: this.shapes }]])
  }
}

function scalarKind(value: Cel): ScalarKind {
  const kind = kindOf(value)
  return kind === 'list' || kind === 'map' || kind === 'type' ? 'dyn' : kind
}

/** With variables, and literals unless they stand in a list or name a pattern, replaced by fields. */
function overFields(node: Node, celCase: CelCase, fields: Fields, literals: boolean): Node {
  const again = (part: Node): Node => overFields(part, celCase, fields, literals)
  switch (node.op) {
    case 'constant':
      return literals && kindOf(node.value) !== 'type' ? fields.add(`f${fields.value.size}`, node.value) : node
    case 'variable':
      return fields.add(node.name, celCase.bindings.get(node.name)!)
    case 'select':
    case 'not':
      return { ...node, operand: again(node.operand) }
    case 'and':
    case 'or':
    case 'equal':
    case 'order':
      return { ...node, left: again(node.left), right: again(node.right) }
    case 'choice':
      return { ...node, condition: again(node.condition), yes: again(node.yes), no: again(node.no) }
    case 'in':
      return { ...node, item: again(node.item) }
    case 'call': {
      const kept = node.name === 'matches' || node.name === 'duration' ? node.args.length - 1 : node.args.length
      return { ...node, args: node.args.map((arg, index) => (index < kept ? again(arg) : arg)) }
    }
    default:
      return node
  }
}

type Outcome = 'refused' | 'left' | 'answered'

function run(celCase: CelCase, literals: boolean, typed: boolean): Outcome {
  const { expression, bindings, expected } = celCase
  const fields = new Fields(typed)
  const reads: FieldRead[] = []
  try {
    const names = new Set(bindings.keys())
    const parsed = parseExpression(expression, (name) => names.has(name))
    let tree = overFields(parsed, celCase, fields, literals)
    if (expected.kind === 'value' && typeof expected.value !== 'boolean') {
      // No number equals NaN, and the compiled equality does not tell 0 from -0.
      if (Number.isNaN(expected.value)) return 'refused'
      tree = { op: 'equal', at: 0, left: tree, right: { op: 'constant', at: 0, value: expected.value }, negated: false }
    }
    write(tree, fields.variables, {
      slotOf: (read) => (reads.some((known) => nameOf(known) === nameOf(read)) ? 0 : reads.push(read)),
      symbolsOf: () => null,
      scaleOf: () => null,
      addFold: () => {
        throw new NotCovered('loops are over lists of payloads, of which the cases have none')
      }
    })
    const table = new TestTable(reads)
    const condition = write(tree, fields.variables, table).code.build('condition') as unknown as Condition
    const bytes = table.fill(null, fields.value)
    if (bytes === null) return 'left'
    const answer = condition(table.slots, bytes, facts)
    if (answer === 2) return 'left'
    const wanted = expected.kind === 'error' ? 2 : expected.value === false ? 0 : 1
    if (answer !== wanted)
      expect.fail(`${celCase.id}: ${expression} (${literals}, ${typed}) gives ${answer}, expected ${wanted}`)
    return 'answered'
  } catch (error) {
    if (error instanceof NotCovered || error instanceof Refusal) return 'refused'
    throw error
  }
}

function write(
  tree: Node,
  variables: ReadonlyMap<string, Shape>,
  table: ConstructorParameters<typeof Writer>[1]
): Writer {
  const writer = new Writer(variables, table, parts, workOf(tree))
  writer.code.function('condition', 's,b,r', () => {
    writer.line('const K=s.kinds,N=s.numbers,S=s.starts,E=s.ends')
    writer.line(`return ${writeCondition(writer, tree)}`)
  })
  return writer
}

describe('CEL conformance of compiled conditions', () => {
  it.each([
    ['as written', false, true, 600],
    ['with literals as fields', true, true, 300],
    ['with literals as fields of unknown type', true, false, 300]
  ] as const)('answers as the specification says, %s', (how, literals, typed, least) => {
    const outcomes = cases.map((celCase) => run(celCase, literals, typed))
    const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length
    const [answered, left] = [count('answered'), count('left')]
    console.log(`CEL compiled, ${how}: ${cases.length} cases, ${answered} answered, ${left} left to the reference`)
    expect(answered).toBeGreaterThan(least)
  })
})

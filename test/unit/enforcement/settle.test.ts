import { describe, expect, it } from 'vitest'
import type { Fate, PartitionDecision } from '../../../src/enforcement/decision.ts'
import { SequenceGates } from '../../../src/enforcement/sequence-gate.ts'
import type { ChainPosition } from '../../../src/enforcement/sequence-gate.ts'
import { gateOrOwnRefusal, resolve as resolveBy } from '../../../src/enforcement/settle.ts'
import type { LocalRefusal, Resolution } from '../../../src/enforcement/settle.ts'
import type { WriteProofs } from '../../../src/proxy/produce-path.ts'

const resolve = (
  apiVersion: number,
  decisions: readonly PartitionDecision[],
  gates: SequenceGates,
  proofs: WriteProofs
): Resolution =>
  resolveBy(
    apiVersion,
    decisions,
    (d) => gateOrOwnRefusal(d, gates),
    (d) => d.quarantined !== null,
    proofs
  )

const refuse = (code = 87): Fate => ({
  kind: 'refuse',
  code,
  cause: code === 87 ? 'contract' : 'undecidable',
  message: `message ${code}`,
  recordErrors: [{ index: 3, message: 'record is bad' }]
})

const rebuilt: Fate = { kind: 'rebuilt', batch: Buffer.from('batch') }

function decision(
  partition: number,
  fate: Fate = { kind: 'forward' },
  sequence: number | null = null
): PartitionDecision {
  return {
    topic: 't',
    partition,
    contract: null,
    position: sequence === null ? null : positionOf(partition, sequence),
    recordCount: 1,
    records: [],
    unlisted: 0,
    fate,
    link: null,
    quarantined: null,
    effort: { seconds: 0, examined: 0 }
  }
}

const positionOf = (partition: number, baseSequence: number): ChainPosition => ({
  topic: 't',
  partition,
  producerId: 9n,
  producerEpoch: 0,
  baseSequence
})

/** Gates that stand at these sequences of partitions. */
function gatesAt(...places: readonly (readonly [partition: number, sequence: number])[]): SequenceGates {
  const gates = new SequenceGates(() => 0)
  for (const [partition, sequence] of places) gates.close(positionOf(partition, sequence))
  return gates
}

const says = (...statuses: readonly (0 | 3 | 6 | 29 | 'unknown')[]): WriteProofs => ({
  status: (_, partition) => statuses[partition] ?? 0
})

type Resolved = Extract<Resolution, { kind: 'resolved' }>

function resolved(resolution: Resolution): Resolved {
  if (resolution.kind !== 'resolved') throw new Error('a proof was asked for')
  return resolution
}

const told = ({ refused }: Resolved): [number, number, string, boolean][] =>
  refused.map((r: LocalRefusal) => [r.decision.partition, r.code, r.cause, r.closesGate])

const goesOn = ({ forwarded }: Resolved): number[] => forwarded.map(({ partition }) => partition)

describe('what passes', () => {
  it('goes on in the order of the request, as it is or rebuilt, and needs no proof', () => {
    const decisions = [decision(2, rebuilt), decision(0), decision(1)]
    const resolution = resolved(resolve(9, decisions, gatesAt(), says('unknown', 'unknown', 'unknown')))
    expect(goesOn(resolution)).toEqual([2, 0, 1])
    expect(resolution.forwarded[0]!.fate).toBe(rebuilt)
    expect(resolution.refused).toEqual([])
  })
})

describe('what is refused', () => {
  it('keeps its code, message and record errors, and closes its gate', () => {
    const resolution = resolved(resolve(9, [decision(0, refuse()), decision(1)], gatesAt(), says()))
    expect(resolution.refused).toEqual([
      {
        decision: decision(0, refuse()),
        code: 87,
        cause: 'contract',
        message: 'message 87',
        recordErrors: [{ index: 3, message: 'record is bad' }],
        closesGate: true
      }
    ])
    expect(goesOn(resolution)).toEqual([1])
  })

  it('changes no gate itself', () => {
    const gates = gatesAt()
    resolve(9, [decision(0, refuse(), 5)], gates, says())
    expect(gates.size).toBe(0)
  })
})

describe('the gate', () => {
  it('comes before what passes and before what is refused, with 45 and nothing about records', () => {
    const decisions = [decision(0, { kind: 'forward' }, 7), decision(1, refuse(), 7), decision(2, rebuilt, 7)]
    const resolution = resolved(resolve(9, decisions, gatesAt([0, 5], [1, 5], [2, 5]), says()))
    expect(told(resolution)).toEqual([
      [0, 45, 'gate', true],
      [1, 45, 'gate', true],
      [2, 45, 'gate', true]
    ])
    expect(resolution.refused.flatMap(({ recordErrors }) => recordErrors)).toEqual([])
    expect(resolution.forwarded).toEqual([])
  })

  it('lets its own batch be judged, and other chains pass', () => {
    const decisions = [decision(0, refuse(19), 5), decision(1, { kind: 'forward' }, 7), decision(2)]
    const resolution = resolved(resolve(9, decisions, gatesAt([0, 5]), says()))
    expect(told(resolution)).toEqual([[0, 19, 'undecidable', true]])
    expect(goesOn(resolution)).toEqual([1, 2])
  })
})

describe('the right to write', () => {
  it('is asked for by topic, for what is answered here only', () => {
    const other = { ...decision(1, refuse()), topic: 'u' }
    const decisions = [decision(0, refuse()), decision(0), other, { ...decision(1), topic: 'free' }]
    const proofs: WriteProofs = { status: (topic) => (topic === 'free' ? 0 : 'unknown') }
    expect(resolve(9, decisions, gatesAt(), proofs)).toEqual({ kind: 'needs-proof', topics: ['t', 'u'] })
  })

  it('is asked for before 45 as well, and before the refusal of a neighbour', () => {
    expect(resolve(9, [decision(0, { kind: 'forward' }, 7)], gatesAt([0, 5]), says('unknown')).kind).toBe('needs-proof')
    const decisions = [decision(0, refuse(), 1), { ...decision(1, undefined, 1), topic: 'neighbour' }]
    const proofs: WriteProofs = { status: (topic) => (topic === 'neighbour' ? 'unknown' : 0) }
    expect(resolve(7, decisions, gatesAt(), proofs)).toEqual({ kind: 'needs-proof', topics: ['neighbour'] })
  })

  it('is asked for as soon as one partition of a topic has not shown it', () => {
    const decisions = [decision(0, refuse()), decision(1, refuse())]
    expect(resolve(9, decisions, gatesAt(), says(0, 'unknown'))).toEqual({ kind: 'needs-proof', topics: ['t'] })
  })

  it.each([3, 6, 29] as const)('when missing gives the code of the broker, %i, and nothing of ours', (status) => {
    const resolution = resolved(resolve(9, [decision(0, refuse(), 1)], gatesAt(), says(status)))
    // Only with 6 the client may write there, so only then its chain is touched.
    expect(told(resolution)).toEqual([[0, status, 'broker-would-refuse', status === 6]])
    expect(resolution.refused[0]!.recordErrors).toEqual([])
    expect(resolution.refused[0]!.message).not.toContain('message')
  })

  it('when missing comes before the gate and before the neighbour, per partition', () => {
    const decisions = [decision(0, { kind: 'forward' }, 9), decision(1, refuse(), 9), decision(2, undefined, 9)]
    const resolution = resolved(resolve(7, decisions, gatesAt([0, 5]), says(29, 6, 0)))
    expect(told(resolution)).toEqual([
      [0, 29, 'broker-would-refuse', false],
      [1, 6, 'broker-would-refuse', true],
      [2, 45, 'neighbour', true]
    ])
  })

  it('does not matter for what passes', () => {
    expect(goesOn(resolved(resolve(9, [decision(0), decision(1, refuse())], gatesAt(), says(29, 0))))).toEqual([0])
  })
})

describe('a request whose client rewinds all of it', () => {
  it.each([3, 7])('(v%i with a producer id) is refused as a whole, with the code of the first', (version) => {
    const decisions = [decision(0, undefined, 4), decision(1, refuse(19), 4), decision(2, refuse(87), 4)]
    const resolution = resolved(resolve(version, decisions, gatesAt(), says()))
    expect(told(resolution)).toEqual([
      [0, 19, 'neighbour', true],
      [1, 19, 'undecidable', true],
      [2, 87, 'contract', true]
    ])
    expect(resolution.forwarded).toEqual([])
    expect(resolution.refused[0]).toMatchObject({
      message: 'refused with t-1 of the same request: message 19',
      recordErrors: []
    })
  })

  it('is refused as a whole for a gate, too', () => {
    const decisions = [decision(0, undefined, 4), decision(1, undefined, 7)]
    const resolution = resolved(resolve(7, decisions, gatesAt([1, 5]), says()))
    expect(told(resolution)).toEqual([
      [0, 45, 'neighbour', true],
      [1, 45, 'gate', true]
    ])
  })

  it('counts partitions without a producer id in as soon as one has one', () => {
    const decisions = [decision(0), decision(1, refuse(), 4)]
    expect(told(resolved(resolve(7, decisions, gatesAt(), says()))).map(([partition]) => partition)).toEqual([0, 1])
  })

  it.each([
    ['a newer version', 8, [decision(0, undefined, 4), decision(1, refuse(), 4)]],
    ['no producer id', 7, [decision(0), decision(1, refuse())]]
  ])('is not one with %s', (_, version, decisions) => {
    const resolution = resolved(resolve(version, decisions, gatesAt(), says()))
    expect(told(resolution).map(([partition]) => partition)).toEqual([1])
    expect(goesOn(resolution)).toEqual([0])
  })

  it('goes on as a whole when nothing of it is refused', () => {
    const decisions = [decision(0, undefined, 4), decision(1, rebuilt, 4)]
    expect(goesOn(resolved(resolve(7, decisions, gatesAt(), says())))).toEqual([0, 1])
  })
})

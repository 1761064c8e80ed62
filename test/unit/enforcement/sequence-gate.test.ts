import { describe, expect, it } from 'vitest'
import { epochStartMs, gateIdleMs, SequenceGates } from '../../../src/enforcement/sequence-gate.ts'
import type { ChainPosition } from '../../../src/enforcement/sequence-gate.ts'

let nowMs = 0
const gatesOf = (capacity?: number): SequenceGates => {
  nowMs = 1_000_000
  return new SequenceGates(() => nowMs, capacity)
}
const at = (baseSequence: number, more: Partial<ChainPosition> = {}): ChainPosition => ({
  topic: 't',
  partition: 0,
  producerId: 7n,
  producerEpoch: 0,
  baseSequence,
  ...more
})

describe('SequenceGates', () => {
  it('refuses what comes after the batch that was answered here, and nothing else', () => {
    const gates = gatesOf()
    gates.close(at(10))
    expect(gates.refusal(at(11))).toBe(45)
    expect(gates.refusal(at(10))).toBe(null)
    expect(gates.refusal(at(5))).toBe(null)
    expect(gates.refusal(at(11, { partition: 1 }))).toBe(null)
    expect(gates.refusal(at(11, { topic: 'u' }))).toBe(null)
    expect(gates.refusal(at(11, { producerId: 8n }))).toBe(null)
  })

  it('opens when the refused sequence itself is forwarded', () => {
    const gates = gatesOf()
    gates.close(at(10))
    gates.forwarded(at(5))
    expect(gates.refusal(at(11))).toBe(45)
    gates.forwarded(at(10))
    expect(gates.refusal(at(11))).toBe(null)
    expect(gates.size).toBe(0)
    expect(gates.coversTopic('t')).toBe(false)
  })

  it('falls with the next epoch and leaves an older one to the broker', () => {
    const gates = gatesOf()
    gates.close(at(10, { producerEpoch: 3 }))
    expect(gates.refusal(at(11, { producerEpoch: 2 }))).toBe(null)
    expect(gates.refusal(at(0, { producerEpoch: 4 }))).toBe(null)
    gates.forwarded(at(11, { producerEpoch: 2 }))
    expect(gates.refusal(at(11, { producerEpoch: 3 }))).toBe(45)
    gates.forwarded(at(0, { producerEpoch: 4 }))
    expect(gates.size).toBe(0)
  })

  it('lets the next epoch start at sequence 0 only, for as long as what was in flight may still come', () => {
    const gates = gatesOf()
    gates.close(at(0))
    const next = { producerEpoch: 1 }
    expect(gates.refusal(at(4, next))).toBe(45)
    gates.close(at(4, next))
    expect(gates.refusal(at(3, next))).toBe(45)
    expect(gates.refusal(at(0, next))).toBe(null)
    gates.forwarded(at(0, next))
    expect(gates.refusal(at(1, next))).toBe(null)
    expect(gates.size).toBe(0)
  })

  it('takes any sequence of a new epoch when the refusal is long past: another instance may have seen its start', () => {
    const gates = gatesOf()
    gates.close(at(0))
    nowMs += epochStartMs
    expect(gates.refusal(at(50, { producerEpoch: 1 }))).toBe(null)
    gates.forwarded(at(50, { producerEpoch: 1 }))
    expect(gates.size).toBe(0)
  })

  it('stands at the first refused batch when later ones are refused too, and moves back for an earlier one', () => {
    const gates = gatesOf()
    gates.close(at(10))
    gates.close(at(20))
    expect(gates.refusal(at(15))).toBe(45)
    gates.close(at(4))
    expect(gates.refusal(at(10))).toBe(45)
    gates.forwarded(at(4))
    expect(gates.size).toBe(0)
  })

  it('knows that 0 follows 2147483647', () => {
    const gates = gatesOf()
    gates.close(at(2 ** 31 - 2))
    expect(gates.refusal(at(2 ** 31 - 1))).toBe(45)
    expect(gates.refusal(at(0))).toBe(45)
    expect(gates.refusal(at(2 ** 31 - 3))).toBe(null)
  })

  it('covers its topic until the last gate of the topic is gone', () => {
    const gates = gatesOf()
    gates.close(at(1))
    gates.close(at(1, { partition: 1 }))
    gates.forwarded(at(1))
    expect(gates.coversTopic('t')).toBe(true)
    gates.forwarded(at(1, { partition: 1 }))
    expect(gates.coversTopic('t')).toBe(false)
  })

  it('says so when there is no room, and makes room from gates that have been idle long enough', () => {
    const gates = gatesOf(2)
    expect(gates.close(at(1))).toBe(true)
    expect(gates.close(at(1, { topic: 'u' }))).toBe(true)
    expect(gates.close(at(1, { topic: 'v' }))).toBe(false)
    expect(gates.close(at(0))).toBe(true)
    nowMs += gateIdleMs + 1
    expect(gates.close(at(1, { topic: 'v' }))).toBe(true)
    expect(gates.size).toBe(1)
  })

  it('gives one topic no more than its share, so that the others keep theirs', () => {
    const gates = gatesOf(20)
    expect(gates.close(at(1))).toBe(true)
    expect(gates.close(at(1, { producerId: 8n }))).toBe(true)
    expect(gates.close(at(1, { producerId: 9n }))).toBe(false)
    expect(gates.close(at(1, { topic: 'u' }))).toBe(true)
  })

  it('forgets a gate that nobody has touched for long, and the topic with it', () => {
    const gates = gatesOf()
    gates.close(at(1))
    nowMs += gateIdleMs + 1
    expect(gates.coversTopic('t')).toBe(false)
  })

  it('tells those behind a batch that comes again as it is to come again, too', () => {
    const gates = gatesOf()
    gates.close(at(10), null, 19)
    expect(gates.refusal(at(11))).toBe(19)
    gates.close(at(10), null, 87)
    expect(gates.refusal(at(11))).toBe(45)
  })

  it('outlives the connection of the refusal, and not the return of its client on another', () => {
    const gates = gatesOf()
    const [gone, back] = [new AbortController(), new AbortController()]
    gates.close(at(10), gone.signal, 19)
    expect(gates.refusal(at(11), back.signal)).toBe(19)
    gone.abort()
    expect(gates.refusal(at(11), back.signal)).toBe(null)
    expect(gates.refusal(at(11), gone.signal)).toBe(19)
    gates.forwarded(at(11), back.signal)
    expect(gates.size).toBe(0)
  })

  it('stands while one of several connections is there on which the batch was refused', () => {
    const gates = gatesOf()
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()]
    gates.close(at(10), first.signal, 19)
    gates.close(at(10), second.signal, 19)
    second.abort()
    expect(gates.refusal(at(11), third.signal)).toBe(19)
    first.abort()
    expect(gates.refusal(at(11), third.signal)).toBe(null)
  })

  it('stands anew when the batch is refused on the connection that came after', () => {
    const gates = gatesOf()
    const [gone, back] = [new AbortController(), new AbortController()]
    gates.close(at(10), gone.signal, 19)
    gone.abort()
    gates.close(at(12), back.signal, 19)
    expect(gates.refusal(at(11), back.signal)).toBe(null)
    expect(gates.refusal(at(13), back.signal)).toBe(19)
  })

  it('lets pass what follows when the broker is past the last batch refused before it', () => {
    const gates = gatesOf()
    gates.close(at(10))
    gates.close(at(12))
    const pastTo = (end: number) => (sequence: number) => sequence < end
    expect(gates.refusal(at(11), null, pastTo(11))).toBe(null)
    expect(gates.refusal(at(12), null, pastTo(11))).toBe(null)
    expect(gates.refusal(at(13), null, pastTo(11))).toBe(45)
    expect(gates.refusal(at(13), null, pastTo(13))).toBe(null)
  })

  it('remembers a bounded number of batches refused behind the first, and the last of them', () => {
    const gates = gatesOf()
    gates.close(at(0))
    for (let sequence = 1; sequence <= 1_000; sequence += 1) gates.close(at(sequence))
    expect(gates.refusal(at(1_001), null, (sequence) => sequence < 1_000)).toBe(45)
    expect(gates.refusal(at(1_001), null, (sequence) => sequence <= 1_000)).toBe(null)
  })

  it('binds the next epoch on the connection of the refusal alone', () => {
    const gates = gatesOf()
    const [refused, other] = [new AbortController(), new AbortController()]
    gates.close(at(5), refused.signal, 87)
    expect(gates.refusal(at(3, { producerEpoch: 1 }), refused.signal)).toBe(45)
    expect(gates.refusal(at(3, { producerEpoch: 1 }), other.signal)).toBe(null)
  })
})

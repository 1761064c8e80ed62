import { describe, expect, it } from 'vitest'
import { metadataResponse } from '../../../protocol/messages/metadata.ts'
import type { MetadataResponse, MetadataResponseInput } from '../../../protocol/messages/metadata.ts'
import { produceResponse } from '../../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../../protocol/messages/produce.ts'
import { responseFrame } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import { ConnectionWriteProofs } from '../../../src/proxy/write-proofs.ts'
import { partitionAnswer } from '../../../src/proxy/produce-answers.ts'
import { Bench, departed, framesOf, produceFrame } from './session/harness.ts'

const write = 1 << 4
const everything = 0b1111_1111_1000

const metadata = (input: MetadataResponseInput): MetadataResponse =>
  metadataResponse.decode(metadataResponse.encode(input, 8), 8, { maxElements: 10_000_000 })

const topic = (name: string, leaders: readonly number[], more: { errorCode?: number; operations?: number } = {}) => ({
  name,
  errorCode: more.errorCode ?? 0,
  topicAuthorizedOperations: more.operations ?? write,
  partitions: leaders.map((leaderId, partitionIndex) => ({ partitionIndex, leaderId }))
})

const produced = (name: string, codes: readonly number[]): ProduceResponse => {
  const partitionResponses = codes.map((errorCode, index) => ({ index, errorCode }))
  return produceResponse.decode(produceResponse.encode({ responses: [{ name, partitionResponses }] }, 8), 8)
}

function proofsAt(nodeId: number | null = 1): { proofs: ConnectionWriteProofs; clock: { nowMs: number } } {
  const clock = { nowMs: 5_000 }
  return {
    clock,
    proofs: new ConnectionWriteProofs(
      () => nodeId,
      () => clock.nowMs
    )
  }
}

describe('a Produce that succeeded', () => {
  it('is proof for a minute, for its partition only', () => {
    const { proofs, clock } = proofsAt()
    expect(proofs.status('t', 0)).toBe('unknown')
    proofs.learnFromProduce(produced('t', [0]))
    clock.nowMs += 59_999
    expect([proofs.status('t', 0), proofs.status('t', 1), proofs.status('u', 0)]).toEqual([0, 'unknown', 'unknown'])
    clock.nowMs += 1
    expect(proofs.status('t', 0)).toBe('unknown')
  })

  it('renews the proof', () => {
    const { proofs, clock } = proofsAt()
    proofs.learnFromProduce(produced('t', [0]))
    clock.nowMs += 40_000
    proofs.learnFromProduce(produced('t', [0]))
    clock.nowMs += 40_000
    expect(proofs.status('t', 0)).toBe(0)
  })

  it('and one that failed takes it back, whatever the error', () => {
    for (const code of [-1, 3, 6, 29, 87]) {
      const { proofs } = proofsAt()
      proofs.learnFromProduce(produced('t', [0, 0]))
      proofs.learnFromProduce(produced('t', [code]))
      expect([proofs.status('t', 0), proofs.status('t', 1)]).toEqual(['unknown', 0])
    }
  })
})

describe('our own Metadata request', () => {
  it('shows the right to write where the broker leads, also for the next minute', () => {
    const { proofs, clock } = proofsAt()
    const now = proofs.learnFromMetadata(metadata({ topics: [topic('t', [1, 2], { operations: everything })] }))
    expect([now.status('t', 0), now.status('t', 1)]).toEqual([0, 6])
    clock.nowMs += 59_999
    expect(proofs.status('t', 0)).toBe(0)
    clock.nowMs += 1
    expect(proofs.status('t', 0)).toBe('unknown')
    expect(now.status('t', 0)).toBe(0)
  })

  it('remembers no refusal: the next request asks again', () => {
    const { proofs } = proofsAt()
    const topics = [topic('elsewhere', [2]), topic('denied', [1], { operations: everything & ~write })]
    const now = proofs.learnFromMetadata(metadata({ topics }))
    expect([now.status('elsewhere', 0), now.status('denied', 0), now.status('missing', 0)]).toEqual([6, 29, 3])
    for (const name of ['elsewhere', 'denied', 'missing']) expect(proofs.status(name, 0)).toBe('unknown')
  })

  it.each([
    ['may not be seen', 29, 29],
    ['does not exist', 3, 3],
    ['has a name that cannot be', 17, 3],
    ['failed for some other reason', -1, 3],
    ['has no leader at all', 5, 6]
  ])('answers for a topic that %s', (_, errorCode, status) => {
    const { proofs } = proofsAt()
    const now = proofs.learnFromMetadata(metadata({ topics: [topic('t', [-1], { errorCode })] }))
    expect(now.status('t', 0)).toBe(status)
    expect(proofs.status('t', 0)).toBe('unknown')
  })

  it('takes "not asked for" and "nothing" as no right', () => {
    for (const operations of [-2_147_483_648, 0]) {
      const { proofs } = proofsAt()
      expect(proofs.learnFromMetadata(metadata({ topics: [topic('t', [1], { operations })] })).status('t', 0)).toBe(29)
    }
  })

  it('leaves nothing unknown: what was not mentioned does not exist', () => {
    const { proofs } = proofsAt()
    const now = proofs.learnFromMetadata(metadata({ topics: [topic('t', [1])] }))
    expect([now.status('t', 5), now.status('t', -1), now.status('', 0), now.status('u', 0)]).toEqual([3, 3, 3, 3])
  })

  it('leaves what was shown before as it was, when it was not asked about', () => {
    const { proofs } = proofsAt()
    proofs.learnFromMetadata(metadata({ topics: [topic('t', [1])] }))
    const now = proofs.learnFromMetadata(metadata({ topics: [topic('u', [], { errorCode: 29 })] }))
    expect([now.status('t', 0), now.status('t', 5), now.status('u', 0)]).toEqual([0, 3, 29])
  })

  it.each(['first', 'last'])('keeps a name that only looks like a partition apart, listed %s', (place) => {
    const { proofs } = proofsAt()
    const topics = [topic('t', [1]), topic('0/t', [], { errorCode: 17 })]
    const now = proofs.learnFromMetadata(metadata({ topics: place === 'last' ? topics : topics.reverse() }))
    expect([now.status('t', 0), now.status('0/t', 0)]).toEqual([0, 3])
  })

  it('says 6 for every partition while it is not known which broker was reached', () => {
    const { proofs } = proofsAt(null)
    const now = proofs.learnFromMetadata(metadata({ topics: [topic('t', [1, -1, 0])] }))
    expect([0, 1, 2].map((partition) => now.status('t', partition))).toEqual([6, 6, 6])
    expect(proofs.status('t', 0)).toBe('unknown')
  })

  it('counts for the broker that is known by then', () => {
    let nodeId: number | null = null
    const proofs = new ConnectionWriteProofs(
      () => nodeId,
      () => 0
    )
    nodeId = 2
    expect(proofs.learnFromMetadata(metadata({ topics: [topic('t', [2])] })).status('t', 0)).toBe(0)
  })
})

describe('more partitions than are remembered', () => {
  const leaders = Array.from({ length: 12_000 }, () => 1)

  it('are all shown for the request that asked, and the latest 10,000 after it', () => {
    const { proofs } = proofsAt()
    const now = proofs.learnFromMetadata(metadata({ topics: [topic('t', leaders)] }))
    expect(leaders.every((_, partition) => now.status('t', partition) === 0)).toBe(true)
    const remembered = leaders.map((_, partition) => proofs.status('t', partition))
    expect(remembered.slice(0, 2_000).every((status) => status === 'unknown')).toBe(true)
    expect(remembered.slice(2_000).every((status) => status === 0)).toBe(true)
  })

  it('do not push out what was shown again', () => {
    const { proofs } = proofsAt()
    proofs.learnFromProduce(produced('first', [0]))
    proofs.learnFromProduce(
      produced(
        't',
        leaders.slice(0, 9_999).map(() => 0)
      )
    )
    proofs.learnFromProduce(produced('first', [0]))
    proofs.learnFromProduce(produced('more', [0]))
    expect([proofs.status('first', 0), proofs.status('t', 0), proofs.status('t', 1)]).toEqual([0, 'unknown', 0])
  })

  it('in one request are asked for once, and the request is answered', () => {
    const bench = new Bench({ limits: { requestBytes: 10_000_000, responseBytes: 10_000_000, pendingResponses: 10 } })
    const indices = leaders.map((_, index) => index)
    bench.path.watched.add('t')
    bench.path.departure = (_, proofs) => {
      if (indices.some((index) => proofs.status('t', index) === 'unknown'))
        return { kind: 'needs-proof', topics: ['t'] }
      const answers = new Map([['t', new Map(indices.map((index) => [index, partitionAnswer(index, 87, 'bad')]))]])
      return departed({ forward: null, answers })
    }
    bench.client(produceFrame(1, { t: indices }))
    expect(framesOf(bench.sentUp)).toHaveLength(1)
    const body = metadataResponse.encode({ topics: [topic('t', leaders)] }, 8)
    bench.upstream(responseFrame(apiKeys.metadata, 8, -1, body))
    expect(framesOf(bench.sentUp)).toHaveLength(1)
    const [answer] = framesOf(bench.sentDown)
    expect(produceResponse.decode(answer!.subarray(9), 9).responses[0]!.partitionResponses).toHaveLength(12_000)
    expect(bench.closed).toBeUndefined()
  })
})

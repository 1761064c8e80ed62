import { beforeEach, describe, expect, it } from 'vitest'
import { decodeRequestHeader, requestFrame } from '../../../protocol/frames/header.ts'
import { produceRequest, produceResponse } from '../../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../../protocol/messages/produce.ts'
import { buildBatch, readRecords } from '../../../protocol/records/batch.ts'
import type { Codec } from '../../../protocol/records/batch.ts'
import type { ContractSet, RecordJudgement, TopicContract, Undecided } from '../../../src/contracts/judgement.ts'
import type { Mode } from '../../../src/contracts/mode.ts'
import { Enforcer } from '../../../src/enforcement/enforcer.ts'
import type {
  Confirm,
  Judged,
  LocalAnswers,
  NeedsProof,
  ProduceCall,
  WriteProofs
} from '../../../src/proxy/produce-path.ts'
import { judgesAtOnce } from '../../support/contracts.ts'

/** A contract that finds a record bad when its value says so: `bad`, `watch`, `mark`, `wait`. */
function contractOf(mode: Mode, more: Partial<TopicContract> = {}): TopicContract {
  return {
    policy: { name: 'p', version: '0123456789ab', file: 'policies/p.yaml' },
    onUndecidable: 'reject',
    strongestMode: () => mode,
    modeOf: () => mode,
    quarantines: () => mode === 'quarantine',
    quarantineOf: (topic) => ({ topic: `${topic}.quarantine`, values: 'keep', transactions: 'reject', create: null }),
    ...judgesAtOnce((records) => {
      const judgements: RecordJudgement[] = []
      for (let index = 0; index < records.count; index += 1) {
        const start = records.valueStart(index)
        const text = records.bytes.toString('utf8', start, start + records.valueLength(index))
        const judgement = judgementOf(index, text, mode)
        if (judgement !== null) judgements.push(judgement)
      }
      return { records: judgements }
    }),
    ...more
  }
}

let failingSinceMs: number | null = null
let changed = Promise.withResolvers<undefined>()
let schemaKnown = false

function judgementOf(index: number, text: string, mode: Mode): RecordJudgement | null {
  const violation = (as: 'observe' | 'mark' | 'reject') => ({
    index,
    violations: [{ rule: 'r', path: 'value.x', message: 'is bad', mode: as }],
    undecided: []
  })
  if (text === 'bad') return violation(mode === 'reject' ? 'reject' : mode === 'mark' ? 'mark' : 'observe')
  if (text === 'watch') return violation('observe')
  if (text === 'mark') return violation('mark')
  if (text !== 'wait' || schemaKnown) return null
  const undecided: Undecided = {
    rule: 'schema-id',
    message: 'schema 7 cannot be had',
    mode: mode === 'reject' ? 'reject' : 'observe',
    cause: { kind: 'schema-unavailable', schemaId: 7, failingSinceMs, changed: changed.promise.then(() => undefined) }
  }
  return { index, violations: [], undecided: [undecided] }
}

const setOf = (contracts: Readonly<Record<string, TopicContract>>): ContractSet => ({
  forTopic: (topic) => contracts[topic] ?? null,
  policies: Object.values(contracts).map((contract) => contract.policy)
})

interface Batch {
  readonly values: readonly string[]
  readonly producerId?: bigint
  readonly epoch?: number
  readonly sequence?: number
  readonly codec?: Codec
  readonly raw?: Buffer | null
}

const batchOf = ({ values, producerId = -1n, epoch = -1, sequence = -1, codec = 'none' }: Batch): Buffer =>
  buildBatch({
    records: values.map((value, i) => ({ key: null, value: Buffer.from(value), timestamp: 1_000 + i })),
    codec,
    producerId,
    producerEpoch: producerId < 0n ? -1 : Math.max(0, epoch),
    baseSequence: sequence
  })

function callOf(
  partitions: readonly (Batch & { topic?: string; index?: number })[],
  { apiVersion = 9, acks = -1, timeoutMs = 30_000 } = {}
): ProduceCall {
  const topics = new Map<string, { index: number; records: Buffer | null }[]>()
  partitions.forEach((batch, i) => {
    const list = topics.get(batch.topic ?? 't') ?? []
    list.push({ index: batch.index ?? i, records: batch.raw === undefined ? batchOf(batch) : batch.raw })
    topics.set(batch.topic ?? 't', list)
  })
  const topicData = [...topics].map(([name, partitionData]) => ({ name, partitionData }))
  const body = produceRequest.encode({ acks, timeoutMs, topicData }, apiVersion)
  const frame = requestFrame({ apiKey: 0, apiVersion, correlationId: 1, clientId: 'c' }, body)
  const header = decodeRequestHeader(frame.subarray(4))
  return { header, request: produceRequest.decode(body, apiVersion), clientId: 'c' }
}

const shown: WriteProofs = { status: () => 0 }

const reported: string[] = []
const clock = {
  now: 1_000_000,
  sleepers: [] as { untilMs: number; wake: () => void }[],
  nowMs: () => clock.now,
  sleep: (ms: number) =>
    new Promise<void>((wake) => {
      clock.sleepers.push({ untilMs: clock.now + ms, wake })
    }),
  advance(ms: number) {
    clock.now += ms
    for (const sleeper of clock.sleepers) if (sleeper.untilMs <= clock.now) sleeper.wake()
  }
}

function enforcerOf(contracts: Readonly<Record<string, TopicContract>>, acksZero: 'drop' | 'close' = 'drop'): Enforcer {
  return new Enforcer(setOf(contracts), {
    limits: { inflatedBatchBytes: 1_000_000, recordsPerBatch: 10_000 },
    decideWaitMs: 5_000,
    undecidableAfterMs: 30_000,
    acksZero,
    refuseUnknownTopics: false,
    quarantine: null,
    clock,
    report: {
      batchSettled: (place, counts) =>
        reported.push(`settled ${place.topic}-${place.partition} ${JSON.stringify(counts)}`),
      violation: (place, record, violation) =>
        reported.push(`violation ${record.index} ${violation.rule} ${record.outcome}`),
      undecided: (place, record, rule) => reported.push(`undecided ${record.index} ${rule}`),
      refused: (place, code, cause) => reported.push(`refused ${place.topic}-${place.partition} ${code} ${cause}`),
      gateClosed: () => undefined,
      dropped: (topic, records) => reported.push(`dropped ${topic} ${records}`)
    }
  })
}

interface Settled {
  readonly kind: 'settled'
  readonly forward: 'original' | Buffer | null
  readonly answers: LocalAnswers
  readonly closeAfter: boolean
  readonly confirm: Confirm | null
}

/** Admits and lets depart at once, as a session does with a request that has nothing to wait for. */
function settle(enforcer: Enforcer, judged: Judged, proofs: WriteProofs): NeedsProof | Settled {
  const admission = enforcer.admit(judged, proofs)
  if (admission.kind === 'needs-proof') return admission
  expect(admission).toEqual({ kind: 'admitted', ready: null })
  const departure = enforcer.depart(judged, proofs)
  if (departure.kind === 'needs-proof') return departure
  if (departure.kind === 'unsafe') return { ...closed, kind: 'settled' }
  const answers = departure.answers()
  if (answers === 'unsafe') return { ...closed, kind: 'settled' }
  return { ...departure, kind: 'settled', answers }
}

const closed = { forward: null, answers: new Map(), closeAfter: true, confirm: null }

function settled(settlement: NeedsProof | Settled): Settled {
  if (settlement.kind !== 'settled') throw new Error('a proof was asked for')
  return settlement
}

const present = new AbortController().signal

/** Judges, settles, and lets the broker take what is forwarded. */
function run(enforcer: Enforcer, call: ProduceCall, proofs = shown): Settled {
  const settlement = settled(settle(enforcer, enforcer.judge(call, present) as Judged, proofs))
  settlement.confirm?.(taken(call))
  return settlement
}

const taken = ({ request }: ProduceCall): ProduceResponse => {
  const responses = request.topicData.map(({ name, partitionData }) => ({
    name,
    partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: 0, baseOffset: 100n }))
  }))
  return produceResponse.decode(produceResponse.encode({ responses }, 9), 9)
}

const codes = (settlement: Settled, topic = 't'): [number, number][] =>
  [...(settlement.answers.get(topic) ?? [])].map(([index, answer]) => [index, answer.errorCode])

const forwardedPartitions = (settlement: Settled, apiVersion = 9): string[] => {
  if (!Buffer.isBuffer(settlement.forward)) return []
  return produceRequest
    .decode(settlement.forward, apiVersion)
    .topicData.flatMap((topic) => topic.partitionData.map((partition) => `${topic.name}-${partition.index}`))
}

const chain = (sequence: number, values: readonly string[], more: Partial<Batch> = {}): Batch => ({
  values,
  producerId: 9n,
  epoch: 0,
  sequence,
  ...more
})

beforeEach(() => {
  reported.length = 0
  clock.now = 1_000_000
  clock.sleepers = []
  failingSinceMs = null
  changed = Promise.withResolvers<undefined>()
  schemaKnown = false
})

describe('what passes', () => {
  it('goes on as the original bytes, whatever the codec', () => {
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
      const enforcer = enforcerOf({ t: contractOf('reject') })
      expect(run(enforcer, callOf([{ values: ['good', 'good'], codec }])).forward).toBe('original')
    }
    expect(reported[0]).toBe(
      'settled t-0 {"accept":2,"observe":0,"mark":0,"quarantine":0,"reject":0,"refusedWithBatch":0}'
    )
  })

  it('is untouched where a check only watches, and counted', () => {
    const enforcer = enforcerOf({ t: contractOf('observe') })
    expect(run(enforcer, callOf([{ values: ['bad', 'good'] }])).forward).toBe('original')
    expect(reported).toContain('violation 0 r observe')
    expect(reported[0]).toContain('"accept":1,"observe":1')
  })

  it('gets a header where the policy marks, with the same sequences and everything else as it was', () => {
    const enforcer = enforcerOf({ t: contractOf('mark') })
    const settlement = run(enforcer, callOf([chain(5, ['good', 'bad', 'good'], { codec: 'zstd' })]))
    const request = produceRequest.decode(settlement.forward as Buffer, 9)
    const batch = request.topicData[0]!.partitionData[0]!.records!
    expect(batch.readInt32BE(53)).toBe(5)
    const records = readRecords(batch)
    expect(records.map((record) => record.value?.toString())).toEqual(['good', 'bad', 'good'])
    expect(records.map((record) => record.headers.length)).toEqual([0, 1, 0])
    expect(records[1]!.headers[0]!.name).toBe('kontrakt.violations')
    expect(JSON.parse(records[1]!.headers[0]!.value!.toString())).toEqual({
      v: 1,
      policy: 'p@0123456789ab',
      violations: [{ rule: 'r', path: 'value.x', message: 'is bad' }]
    })
  })
})

describe('what is refused', () => {
  it('fails its partition with an error per bad record, and no other partition', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const settlement = run(
      enforcer,
      callOf([{ values: ['good'] }, { values: ['bad', 'good', 'bad'] }, { values: ['good'] }])
    )
    const answer = settlement.answers.get('t')!.get(1)!
    expect(answer).toMatchObject({ errorCode: 87, baseOffset: -1n })
    expect(answer.recordErrors.map((error) => [error.batchIndex, error.batchIndexErrorMessage])).toEqual([
      [0, 'r at value.x: is bad'],
      [2, 'r at value.x: is bad']
    ])
    expect(answer.errorMessage).toBe('2 of 3 records break p@0123456789ab; record 0: r at value.x: is bad')
    expect(forwardedPartitions(settlement)).toEqual(['t-0', 't-2'])
    expect(reported).toContain(
      'settled t-1 {"accept":0,"observe":0,"mark":0,"quarantine":0,"reject":2,"refusedWithBatch":1}'
    )
  })

  it('is not sent at all when nothing is left', () => {
    expect(run(enforcerOf({ t: contractOf('reject') }), callOf([{ values: ['bad'] }])).forward).toBeNull()
  })

  it('says 2 CORRUPT_MESSAGE for a wrong checksum and judges nothing', () => {
    const raw = batchOf({ values: ['bad'] })
    raw[raw.length - 1]! ^= 1
    const settlement = run(enforcerOf({ t: contractOf('reject') }), callOf([{ values: [], raw }]))
    expect(codes(settlement)).toEqual([[0, 2]])
  })

  it.each([
    ['no batch', null],
    ['an empty one', Buffer.alloc(0)],
    ['two batches', Buffer.concat([batchOf({ values: ['a'] }), batchOf({ values: ['b'] })])],
    ['an old message set', Buffer.concat([Buffer.alloc(16), Buffer.from([1]), Buffer.alloc(60)])]
  ])('says 87 with the reason for %s', (_, raw) => {
    const settlement = run(enforcerOf({ t: contractOf('reject') }), callOf([{ values: [], raw }]))
    expect(codes(settlement)).toEqual([[0, 87]])
    expect(settlement.answers.get('t')?.get(0)?.errorMessage).toMatch(/^envelope: ./)
  })

  it('forwards an envelope that cannot be opened as it came where the topic is only watched', () => {
    const raw = batchOf({ values: ['bad'] })
    raw[raw.length - 1]! ^= 1
    expect(run(enforcerOf({ t: contractOf('observe') }), callOf([{ values: [], raw }])).forward).toBe('original')
    expect(reported).toContain('violation 0 envelope observe')
  })
})

describe('the right to write', () => {
  it('is asked for before a local answer, and not for what passes', () => {
    const enforcer = enforcerOf({ t: contractOf('reject'), u: contractOf('reject') })
    const judged = enforcer.judge(callOf([{ values: ['bad'] }, { topic: 'u', values: ['good'] }]), present) as Judged
    expect(settle(enforcer, judged, { status: () => 'unknown' })).toEqual({ kind: 'needs-proof', topics: ['t'] })
    expect(reported).toEqual([])
  })

  it.each([3, 6, 29] as const)("gives way to the broker's own code %i, and tells nothing of the contract", (code) => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const settlement = run(enforcer, callOf([chain(0, ['bad'])]), { status: () => code })
    const answer = settlement.answers.get('t')!.get(0)!
    expect(answer.errorCode).toBe(code)
    expect(answer.recordErrors).toEqual([])
    expect(answer.errorMessage).not.toContain('p@')
    expect(enforcer.gates.size).toBe(code === 6 ? 1 : 0)
  })
})

describe('the gate', () => {
  it('answers 45 to later batches of a chain until the refused one has been forwarded', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    expect(codes(run(enforcer, callOf([chain(0, ['bad'])])))).toEqual([[0, 87]])
    expect(codes(run(enforcer, callOf([chain(1, ['good'])])))).toEqual([[0, 45]])
    expect(codes(run(enforcer, callOf([chain(2, ['bad'])])))).toEqual([[0, 45]])
    expect(run(enforcer, callOf([chain(0, ['good'])])).forward).toBe('original')
    expect(run(enforcer, callOf([chain(1, ['good'])])).forward).toBe('original')
  })

  it('stands for a retriable answer as well', async () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const held = enforcer.judge(callOf([chain(0, ['wait'])]), present)
    clock.advance(5_000)
    expect(codes(settled(settle(enforcer, await held, shown)))).toEqual([[0, 19]])
    expect(codes(run(enforcer, callOf([chain(1, ['good'])])))).toEqual([[0, 19]])
  })

  it('keeps a topic open to reading when its policy is gone', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    run(enforcer, callOf([chain(0, ['bad'])]))
    enforcer.swapContracts(setOf({}))
    expect(enforcer.idle()).toBe(false)
    expect(enforcer.concerns('t', 'c')).toBe(true)
    expect(codes(run(enforcer, callOf([chain(1, ['good'])])))).toEqual([[0, 45]])
    expect(run(enforcer, callOf([chain(0, ['bad'])])).forward).toBe('original')
    expect(enforcer.idle()).toBe(true)
  })
})

describe('kafkajs (Produce v7 and older with a producer id)', () => {
  it('has its request refused as a whole, with the gates of all partitions closed', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const call = callOf([chain(0, ['good']), chain(4, ['bad']), { ...chain(2, ['good']), topic: 'u' }], {
      apiVersion: 7
    })
    const settlement = run(enforcer, call)
    expect(settlement.forward).toBeNull()
    expect(codes(settlement)).toEqual([
      [0, 87],
      [1, 87]
    ])
    expect(codes(settlement, 'u')).toEqual([[2, 87]])
    expect(reported).toContain('refused t-0 87 neighbour')
    expect(enforcer.gates.size).toBe(3)
  })

  it('is like any other without a producer id, or with a newer version', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const without = callOf([{ values: ['good'] }, { values: ['bad'] }], { apiVersion: 7 })
    expect(codes(run(enforcer, without))).toEqual([[1, 87]])
    const newer = callOf([chain(0, ['good']), chain(0, ['bad'])], { apiVersion: 8 })
    expect(codes(run(enforcer, newer))).toEqual([[1, 87]])
  })
})

describe('acks=0', () => {
  it('drops the bad partitions in silence and forwards the others', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const settlement = run(enforcer, callOf([{ values: ['good'] }, { values: ['bad', 'good'] }], { acks: 0 }))
    expect(settlement.answers.size).toBe(0)
    expect(settlement.closeAfter).toBe(false)
    expect(forwardedPartitions(settlement)).toEqual(['t-0'])
    expect(reported).toContain('dropped t 2')
  })

  it('is told of only for a client that may write, and dropped for every other', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const judged = enforcer.judge(callOf([{ values: ['bad'] }], { acks: 0 }), present) as Judged
    expect(settle(enforcer, judged, { status: () => 'unknown' })).toEqual({ kind: 'needs-proof', topics: ['t'] })
    expect(settled(settle(enforcer, judged, { status: () => 29 })).forward).toBeNull()
    expect(reported).toEqual(['dropped t 1'])
  })

  it('closes the connection after that where the settings say so, as a broker does', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') }, 'close')
    expect(run(enforcer, callOf([{ values: ['bad'] }], { acks: 0 })).closeAfter).toBe(true)
    expect(run(enforcer, callOf([{ values: ['good'] }], { acks: 0 })).closeAfter).toBe(false)
  })
})

describe('what cannot be decided now', () => {
  it('is held until it can be, and then judged', async () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const held = enforcer.judge(callOf([{ values: ['wait'] }]), present)
    expect(held).toBeInstanceOf(Promise)
    schemaKnown = true
    changed.resolve(undefined)
    expect(settled(settle(enforcer, await held, shown)).forward).toBe('original')
  })

  it('is held no longer than half of the timeout of its request', async () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const held = enforcer.judge(callOf([{ values: ['wait'] }], { timeoutMs: 1_000 }), present)
    clock.advance(500)
    expect(codes(settled(settle(enforcer, await held, shown)))).toEqual([[0, 19]])
  })

  it('ends its connection when it has no producer id, which alone would keep those behind it in their place', async () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const told = async (batches: readonly Batch[], acks = -1): Promise<[[number, number][], boolean]> => {
      const held = enforcer.judge(callOf(batches, { acks }), present)
      clock.advance(5_000)
      const settlement = settled(settle(enforcer, await held, shown))
      return [codes(settlement), settlement.closeAfter]
    }
    expect(await told([{ values: ['wait'] }, { values: ['good'] }])).toEqual([[[0, 19]], true])
    expect(await told([{ values: ['wait'] }], 1)).toEqual([[[0, 19]], true])
    expect(await told([chain(0, ['wait'])])).toEqual([[[0, 19]], false])
    expect(await told([{ values: ['bad'] }])).toEqual([[[0, 87]], false])
  })

  it('follows onUndecidable at once when the outage is old', () => {
    failingSinceMs = clock.now - 30_000
    const refusing = enforcerOf({ t: contractOf('reject') })
    expect(codes(run(refusing, callOf([{ values: ['wait'] }])))).toEqual([[0, 87]])
    const accepting = enforcerOf({ t: contractOf('reject', { onUndecidable: 'accept' }) })
    expect(run(accepting, callOf([{ values: ['wait'] }])).forward).toBe('original')
  })

  it('never holds what is only watched', () => {
    const enforcer = enforcerOf({ t: contractOf('observe') })
    expect(run(enforcer, callOf([{ values: ['wait'] }])).forward).toBe('original')
    expect(reported).toContain('undecided 0 schema-id')
  })

  it('does not wait when another record of the batch is bad for certain', () => {
    expect(codes(run(enforcerOf({ t: contractOf('reject') }), callOf([{ values: ['wait', 'bad'] }])))).toEqual([
      [0, 87]
    ])
  })
})

describe('a retry', () => {
  it('of a batch that was sent on is not judged again, whatever the policy says by then', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const call = callOf([chain(0, ['turns-bad'])])
    expect(run(enforcer, call).forward).toBe('original')
    const strict = contractOf(
      'reject',
      judgesAtOnce(() => ({ records: [judgementOf(0, 'bad', 'reject')!] }))
    )
    enforcer.swapContracts(setOf({ t: strict }))
    expect(run(enforcer, call).forward).toBe('original')
    expect(codes(run(enforcer, callOf([chain(1, ['turns-bad'])])))).toEqual([[0, 87]])
  })

  it('is one only with the same bytes: a sequence that is used again for other records is judged', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    expect(run(enforcer, callOf([chain(0, ['good'])])).forward).toBe('original')
    expect(codes(run(enforcer, callOf([chain(0, ['bad'])])))).toEqual([[0, 87]])
  })
})

describe('what passed', () => {
  it('is reported once the broker took it, with its offset, and not at all when the broker refused it', () => {
    const enforcer = enforcerOf({ t: contractOf('observe') })
    const call = callOf([{ values: ['good', 'bad'] }])
    const settlement = settled(settle(enforcer, enforcer.judge(call, present) as Judged, shown))
    expect(reported).toEqual([])
    const refusedByBroker = taken(call)
    refusedByBroker.responses[0]!.partitionResponses[0]!.errorCode = 29
    settlement.confirm!(refusedByBroker)
    expect(reported).toEqual([])
    settlement.confirm!(taken(call))
    expect(reported).toContain('violation 1 r observe')
  })
})

describe('large requests', () => {
  /** Of `contractOf('reject')`, ten records in a turn, read from the batch as late as that. */
  const slow = (): TopicContract => {
    const whole = contractOf('reject')
    return {
      ...whole,
      open(records, context) {
        let next = 0
        return {
          advance: () => (next += 10) >= records.count,
          result: () => whole.judge(records, context)
        }
      }
    }
  }

  it('are judged in turns, with the same outcome', async () => {
    const enforcer = enforcerOf({ t: slow() })
    const values = Array.from({ length: 50 }, (_, i) => (i === 43 ? 'bad' : 'good'))
    const judged = enforcer.judge(callOf([{ values }]), present)
    expect(judged).toBeInstanceOf(Promise)
    const settlement = settled(settle(enforcer, await judged, shown))
    expect(
      settlement.answers
        .get('t')
        ?.get(0)
        ?.recordErrors.map((error) => error.batchIndex)
    ).toEqual([43])
  })

  it('keep the order of their partitions, and their records while others are judged in between', async () => {
    const enforcer = enforcerOf({ t: slow(), u: contractOf('reject') })
    const values = Array.from({ length: 50 }, (_, i) => (i === 43 ? 'bad' : 'good'))
    const partitions = [
      { values },
      { values: ['good'] },
      { values: [...values, 'bad'] },
      { topic: 'u', values: ['bad'] }
    ]
    const held = [1, 2].map(() => enforcer.judge(callOf(partitions), present))
    expect(codes(run(enforcer, callOf([{ topic: 'u', values: ['good', 'bad'] }])), 'u')).toEqual([[0, 87]])
    for (const judged of held) {
      const settlement = settled(settle(enforcer, await judged, shown))
      const errors = [...settlement.answers.get('t')!].map(([index, answer]) => [
        index,
        answer.recordErrors.map((error) => error.batchIndex)
      ])
      expect(errors).toEqual([
        [0, [43]],
        [2, [43, 50]]
      ])
      expect(codes(settlement, 'u')).toEqual([[3, 87]])
      expect(forwardedPartitions(settlement)).toEqual(['t-1'])
    }
  })

  it('give way to each other: every one gets a turn before one gets its second', async () => {
    const seen: string[] = []
    const contract = (name: string): TopicContract => ({
      ...contractOf('reject'),
      open: (records) => {
        let turns = 0
        return {
          advance: () => seen.push(name) > 0 && ++turns === 3,
          result: () => ({ recordCount: records.count, records: [], unlisted: 0, judgedToEnd: true, examined: 0 })
        }
      }
    })
    const enforcer = enforcerOf({ a: contract('a'), b: contract('b') })
    const held = ['a', 'b'].map((topic) => enforcer.judge(callOf([{ topic, values: ['x'] }]), present))
    for (const judged of held) await judged
    expect(seen.join('')).toBe('ababab')
  })

  it('end a turn by the clock', async () => {
    const askedPerTurn: number[] = []
    let left = 12
    const contract: TopicContract = {
      ...contractOf('reject'),
      open: (records) => ({
        advance(shouldPause) {
          for (let asked = 1; left > 0; asked++, left--) {
            clock.now += 4
            if (!shouldPause()) continue
            askedPerTurn.push(asked)
            return false
          }
          return true
        },
        result: () => ({ recordCount: records.count, records: [], unlisted: 0, judgedToEnd: true, examined: 0 })
      })
    }
    await enforcerOf({ t: contract }).judge(callOf([{ values: ['x'] }]), present)
    expect(askedPerTurn).toEqual([3, 3, 3, 3, 3])
  })

  it('have the records counted that are bad but not listed', () => {
    const tooMany = (mode: Mode): TopicContract => {
      const judge: TopicContract['judge'] = (records) => {
        const first = judgementOf(0, 'bad', mode)!
        return { recordCount: records.count, records: [first], unlisted: 2, judgedToEnd: true, examined: 0 }
      }
      return contractOf(mode, {
        judge,
        open: (records, context) => ({ advance: () => true, result: () => judge(records, context) })
      })
    }
    run(enforcerOf({ t: tooMany('observe') }), callOf([{ values: ['a', 'b', 'c', 'd'] }]))
    expect(reported[0]).toBe(
      'settled t-0 {"accept":1,"observe":3,"mark":0,"quarantine":0,"reject":0,"refusedWithBatch":0}'
    )
    reported.length = 0
    run(enforcerOf({ t: tooMany('reject') }), callOf([{ values: ['a', 'b', 'c', 'd'] }]))
    expect(reported).toContain(
      'settled t-0 {"accept":0,"observe":0,"mark":0,"quarantine":0,"reject":1,"refusedWithBatch":3}'
    )
  })

  it('are bounded: too many records in a batch, or too many inflated bytes in all its batches', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    const many = run(enforcer, callOf([{ values: Array.from({ length: 10_001 }, () => 'x') }]))
    expect(many.answers.get('t')?.get(0)?.errorMessage).toContain('limits.recordsPerBatch')
    const large = 'x'.repeat(400_000)
    const settlement = run(enforcer, callOf([0, 1, 2].map(() => ({ values: [large], codec: 'gzip' as const }))))
    expect(codes(settlement)).toEqual([[2, 87]])
  })

  it('go on unmarked when the mark would make them too large', () => {
    const enforcer = enforcerOf({ t: contractOf('mark') })
    const values = Array.from({ length: 1_999 }, () => 'bad')
    const noisy = contractOf(
      'mark',
      judgesAtOnce((records) => ({
        records: Array.from({ length: records.count }, (_, index) => ({
          index,
          violations: [{ rule: 'r', path: '', message: 'm'.repeat(1_000), mode: 'mark' as const }],
          undecided: []
        }))
      }))
    )
    enforcer.swapContracts(setOf({ t: noisy }))
    expect(run(enforcer, callOf([{ values }])).forward).toBe('original')
    expect(reported[0]).toContain('"observe":1999,"mark":0')
  })
})

describe('topics without a policy', () => {
  it('pass unread by default', () => {
    const enforcer = enforcerOf({ t: contractOf('reject') })
    expect(enforcer.concerns('free', null)).toBe(false)
    expect(enforcerOf({}).idle()).toBe(true)
  })
})

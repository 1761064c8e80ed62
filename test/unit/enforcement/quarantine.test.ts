/** Single records taken out of the batches of idempotent producers, through the produce path as a session drives it. */
import { beforeEach, describe, expect, it } from 'vitest'
import { decodeRequestHeader, requestFrame } from '../../../protocol/frames/header.ts'
import { produceRequest, produceResponse } from '../../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../../protocol/messages/produce.ts'
import { buildBatch, readBatchHeader, readRecords } from '../../../protocol/records/batch.ts'
import type { ContractSet, TopicContract } from '../../../src/contracts/judgement.ts'
import type { Mode } from '../../../src/contracts/mode.ts'
import { Enforcer } from '../../../src/enforcement/enforcer.ts'
import type { Departure, Judged, LocalAnswers, ProduceCall, WriteProofs } from '../../../src/proxy/produce-path.ts'
import { judgesAtOnce } from '../../support/contracts.ts'
import { ledgerOver, MemoryQuarantine, MemoryStates, MemoryTopic } from '../../support/memory-ledger.ts'

const contractOf = (mode: Mode, transactions: 'reject' | 'quarantine' = 'reject'): TopicContract => ({
  policy: { name: 'p', version: '0123456789ab', file: 'policies/p.yaml' },
  onUndecidable: 'reject',
  strongestMode: () => mode,
  modeOf: () => mode,
  quarantines: () => mode === 'quarantine',
  quarantineOf: (topic) => ({ topic: `${topic}.quarantine`, values: 'keep', transactions, create: null }),
  ...judgesAtOnce((records) => ({
    records: Array.from({ length: records.count }, (_, index) => {
      const start = records.valueStart(index)
      const text = records.bytes.toString('utf8', start, start + records.valueLength(index))
      const violation = { rule: 'r', path: 'value.x', message: 'is bad', mode: mode as Exclude<Mode, 'off'> }
      return { index, violations: text.startsWith('bad') ? [violation] : [], undecided: [] }
    }).filter(({ violations }) => violations.length > 0)
  }))
})

const setOf = (contract: TopicContract | null): ContractSet => ({
  forTopic: (topic) => (topic === 't' ? contract : null),
  policies: contract === null ? [] : [contract.policy]
})

const shown: WriteProofs = { status: () => 0 }

class Connection {
  readonly gone = new AbortController()
  readonly #enforcer: Enforcer

  constructor(enforcer: Enforcer) {
    this.#enforcer = enforcer
  }

  async judge(call: ProduceCall, proofs = shown): Promise<Judged> {
    for (;;) {
      const judged = await this.#enforcer.judge(call, this.gone.signal)
      const admission = this.#enforcer.admit(judged, proofs)
      if (admission.kind === 'needs-proof') throw new Error('a proof was asked for')
      if (admission.kind === 'again') continue
      await admission.ready
      return judged
    }
  }

  async produce(call: ProduceCall, proofs = shown): Promise<Departed> {
    const departure = this.#enforcer.depart(await this.judge(call, proofs), proofs)
    if (departure.kind !== 'departed') throw new Error(departure.kind)
    return { ...departure, call }
  }
}

type Departed = Extract<Departure, { kind: 'departed' }> & { readonly call: ProduceCall }

/** What goes to the broker: base sequence and values of the batch of partition 0; null when nothing does. */
function sentOf({ forward, call }: Departed): { sequence: number; values: string[] } | null {
  if (forward === null) return null
  const request = forward === 'original' ? call.request : produceRequest.decode(forward, call.header.apiVersion)
  const batch = request.topicData[0]!.partitionData[0]!.records!
  const values = readRecords(batch).map(({ value }) => value!.toString())
  return { sequence: readBatchHeader(batch).baseSequence, values }
}

function answer(departed: Departed, errorCode = 0, baseOffset = 100n): ProduceResponse | 'unsafe' {
  const responses = [{ name: 't', partitionResponses: [{ index: 0, errorCode, baseOffset }] }]
  return departed.confirm!(produceResponse.decode(produceResponse.encode({ responses }, 9), 9))
}

const codesOf = (answers: LocalAnswers | 'unsafe'): number[] | 'unsafe' =>
  answers === 'unsafe' ? 'unsafe' : [...(answers.get('t')?.values() ?? [])].map(({ errorCode }) => errorCode)

interface More {
  readonly epoch?: number
  readonly transactional?: boolean
  readonly timestampMs?: number
  readonly apiVersion?: number
}

function batch(sequence: number, values: readonly string[], more: More = {}): ProduceCall {
  const { timestampMs = 1_000, apiVersion = 9 } = more
  const records = buildBatch({
    records: values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: timestampMs })),
    codec: 'none',
    producerId: sequence < 0 ? -1n : 9n,
    producerEpoch: sequence < 0 ? -1 : (more.epoch ?? 0),
    baseSequence: sequence,
    transactional: more.transactional ?? false
  })
  const topicData = [{ name: 't', partitionData: [{ index: 0, records }] }]
  const body = produceRequest.encode({ acks: -1, timeoutMs: 30_000, topicData }, apiVersion)
  const frame = requestFrame({ apiKey: 0, apiVersion, correlationId: 1, clientId: 'c' }, body)
  const header = decodeRequestHeader(frame.subarray(4))
  return { header, request: produceRequest.decode(body, apiVersion), clientId: 'c' }
}

let topic: MemoryTopic
let states: MemoryStates
let sink: MemoryQuarantine
let reported: string[]

beforeEach(() => {
  topic = new MemoryTopic()
  states = new MemoryStates()
  sink = new MemoryQuarantine()
  reported = []
})

function instance(name: string, contract: TopicContract | null = contractOf('quarantine')): Enforcer {
  return new Enforcer(setOf(contract), {
    limits: { inflatedBatchBytes: 1_000_000, recordsPerBatch: 10_000 },
    decideWaitMs: 5_000,
    undecidableAfterMs: 30_000,
    acksZero: 'drop',
    refuseUnknownTopics: false,
    quarantine: { ledger: ledgerOver(topic, states, name), sink },
    clock: { nowMs: () => topic.nowMs++, sleep: () => Promise.resolve() },
    report: {
      batchSettled: () => undefined,
      violation: (_, { index, outcome, offset }) => reported.push(`${index} ${outcome} ${offset}`),
      undecided: () => undefined,
      refused: (_, code, cause) => reported.push(`refused ${code} ${cause}`),
      gateClosed: () => undefined,
      dropped: () => undefined
    }
  })
}

describe('a batch with bad records', () => {
  it('goes on without them, and what follows is renumbered', async () => {
    const connection = new Connection(instance('a'))
    const first = await connection.produce(batch(0, ['a', 'bad', 'c']))
    expect(sentOf(first)).toEqual({ sequence: 0, values: ['a', 'c'] })
    answer(first)
    const second = await connection.produce(batch(3, ['d', 'e']))
    expect(second.forward).toBe('original')
    expect(sentOf(second)).toEqual({ sequence: 2, values: ['d', 'e'] })
    expect(sink.stored.map(({ records }) => records.map(({ value }) => value?.toString()))).toEqual([['bad']])
    expect(reported).toEqual(['1 quarantine null'])
  })

  it('is answered with success and no offset when nothing is left', async () => {
    const connection = new Connection(instance('a'))
    const departed = await connection.produce(batch(0, ['bad', 'bad']))
    expect(departed.forward).toBeNull()
    const answers = departed.answers() as LocalAnswers
    expect(answers.get('t')?.get(0)).toMatchObject({ errorCode: 0, baseOffset: -1n })
    expect(sentOf(await connection.produce(batch(2, ['c'])))).toEqual({ sequence: 0, values: ['c'] })
  })

  it('follows what was decided when it is tried again, whatever the policy says then', async () => {
    const enforcer = instance('a')
    const connection = new Connection(enforcer)
    answer(await connection.produce(batch(0, ['a', 'bad', 'c'])), 7)
    for (const contract of [contractOf('observe'), null]) {
      enforcer.swapContracts(setOf(contract))
      const retry = await connection.produce(batch(0, ['a', 'bad', 'c']))
      expect(sentOf(retry)).toEqual({ sequence: 0, values: ['a', 'c'] })
      answer(retry)
    }
    expect(sentOf(await connection.produce(batch(3, ['bad'])))).toEqual({ sequence: 2, values: ['bad'] })
    expect(sink.stored).toHaveLength(1)
  })

  it('is not guessed at when nobody knows any more what the broker sees of it', async () => {
    const enforcer = instance('a')
    const connection = new Connection(enforcer)
    for (let base = 0; base < 40; base += 2) answer(await connection.produce(batch(base, ['a', 'bad'])))
    for (const contract of [null, contractOf('observe')]) {
      enforcer.swapContracts(setOf(contract))
      const late = await connection.produce(batch(0, ['other']))
      expect([codesOf(late.answers()), late.forward]).toEqual([[45], null])
      const unreadable = batch(0, ['other'])
      unreadable.request.topicData[0]!.partitionData[0]!.records![70]! ^= 1
      const refused = await connection.produce(unreadable)
      expect([codesOf(refused.answers()), refused.forward]).toEqual([[45], null])
    }
    expect(sentOf(await connection.produce(batch(40, ['next'])))).toEqual({ sequence: 20, values: ['next'] })
  })

  it('is refused when it is transactional, unless the policy says otherwise', async () => {
    const enforcer = instance('a')
    const connection = new Connection(enforcer)
    const refused = await connection.produce(batch(0, ['a', 'bad'], { transactional: true }))
    expect(codesOf(refused.answers())).toEqual([87])
    enforcer.swapContracts(setOf(contractOf('quarantine', 'quarantine')))
    const taken = await connection.produce(batch(0, ['a', 'bad'], { transactional: true, epoch: 1 }))
    expect(sentOf(taken)).toEqual({ sequence: 0, values: ['a'] })
  })

  it('without a producer id needs no ledger', async () => {
    const connection = new Connection(instance('a'))
    expect(sentOf(await connection.produce(batch(-1, ['a', 'bad'])))).toEqual({ sequence: -1, values: ['a'] })
    expect(topic.records).toEqual([])
    expect(sink.stored).toHaveLength(1)
  })
})

/** kafkajs stamps a batch anew whenever it sends it, and gives the sequences of what failed to what comes next. */
describe('the producer that takes sequences back', () => {
  let nowMs = 1_000
  const sent = (sequence: number, values: readonly string[]): ProduceCall =>
    batch(sequence, values, { apiVersion: 7, timestampMs: (nowMs += 1) })

  it('sends the same batch again with another time: it is known again where the broker has it', async () => {
    const connection = new Connection(instance('a'))
    for (const [base, values, kept, up] of [
      [0, ['a', 'bad'], ['a'], 0],
      [2, ['c'], ['c'], 1]
    ] as const) {
      answer(await connection.produce(sent(base, values)))
      for (let tries = 0; tries < 2; tries += 1) {
        const again = await connection.produce(sent(base, values))
        expect(sentOf(again)).toEqual({ sequence: up, values: kept })
        answer(again)
      }
    }
    expect(sentOf(await connection.produce(sent(3, ['d'])))).toEqual({ sequence: 2, values: ['d'] })
    expect(sink.stored).toHaveLength(1)
  })

  it('is not judged again either where the broker has it without having said so', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(sent(0, ['a', 'bad'])), 20)
    states.last.set('t-0/9/0', 0)
    sink.outcome = { kind: 'failed', lasting: true, message: 'too large' }
    const again = await connection.produce(sent(0, ['a', 'bad']))
    expect(sentOf(again)).toEqual({ sequence: 0, values: ['a'] })
    answer(again)
    answer(await connection.produce(sent(2, ['b'])), 7)
    states.last.set('t-0/9/0', 1)
    expect(sentOf(await connection.produce(sent(2, ['x'])))).toEqual({ sequence: 2, values: ['x'] })
  })

  it('and where all of it is in quarantine, once', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(sent(0, ['a'])))
    for (let tries = 0; tries < 2; tries += 1) {
      const departed = await connection.produce(sent(1, ['bad', 'bad']))
      expect([departed.forward, codesOf(departed.answers())]).toEqual([null, [0]])
    }
    expect(sink.stored).toHaveLength(1)
  })

  it('is judged again where the broker may not have it: the time may be what is wrong', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(sent(0, ['a', 'bad'])), 19)
    expect(sentOf(await connection.produce(sent(0, ['a', 'bad'])))).toEqual({ sequence: 0, values: ['a'] })
    expect(sink.stored).toHaveLength(2)
  })

  it('goes on behind what the broker has when it gives stored sequences to other records', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(sent(0, ['a', 'bad', 'c'])))
    const other = await connection.produce(sent(0, ['x', 'bad too', 'bad', 'y']))
    expect(sentOf(other)).toEqual({ sequence: 2, values: ['x', 'y'] })
    answer(other)
    const again = await connection.produce(sent(0, ['x', 'bad too', 'bad', 'y']))
    expect(sentOf(again)).toEqual({ sequence: 2, values: ['x', 'y'] })
    answer(again)
    expect(sentOf(await connection.produce(sent(4, ['z'])))).toEqual({ sequence: 4, values: ['z'] })
    const quarantined = sink.stored.flatMap(({ records }) => records.map(({ value }) => value?.toString()))
    expect(quarantined).toEqual(['bad', 'bad too', 'bad'])
  })

  it('does so at another instance as well, though none of its records is in quarantine', async () => {
    const first = new Connection(instance('a'))
    answer(await first.produce(sent(0, ['a', 'b', 'c'])))
    answer(await first.produce(sent(0, ['x'])))
    states.last.set('t-0/9/0', 3)
    const second = new Connection(instance('b'))
    expect(sentOf(await second.produce(sent(1, ['y'])))).toEqual({ sequence: 4, values: ['y'] })
  })

  it('has to wait after a claim until no copy of the owner before can come any more', async () => {
    answer(await new Connection(instance('a')).produce(sent(0, ['a', 'bad'])))
    states.last.set('t-0/9/0', 0)
    const second = new Connection(instance('b'))
    const early = await second.produce(sent(0, ['x', 'y']))
    expect([codesOf(early.answers()), early.forward]).toEqual([[19], null])
    topic.nowMs += 5_000
    expect(sentOf(await second.produce(sent(0, ['x', 'y'])))).toEqual({ sequence: 1, values: ['x', 'y'] })
  })

  it('has to wait until it is known whether the broker has what was answered with an error', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(sent(0, ['a', 'b'])))
    states.last.set('t-0/9/0', 1)
    const unknown = await connection.produce(sent(2, ['c', 'd']))
    // The broker has it, and says that its replicas have not.
    states.last.set('t-0/9/0', 3)
    answer(unknown, 20)
    expect(sentOf(await connection.produce(sent(0, ['x', 'y'])))).toEqual({ sequence: 4, values: ['x', 'y'] })
  })

  it('is the only one: others begin a new epoch when they are told', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(batch(0, ['a', 'bad'])))
    for (const call of [batch(0, ['x', 'y']), batch(0, ['a', 'c', 'd'])]) {
      const refused = await connection.produce(call)
      expect([codesOf(refused.answers()), refused.forward]).toEqual([[45], null])
    }
    expect(reported).toContain('refused 45 sequence-reused')
  })
})

describe('a quarantine that cannot be written now', () => {
  beforeEach(() => {
    sink.outcome = { kind: 'failed', lasting: false, message: 'no leader' }
  })

  it('makes the producer try again, and without a producer id on another connection', async () => {
    const connection = new Connection(instance('a'))
    const plain = await connection.produce(batch(-1, ['a', 'bad']))
    expect([codesOf(plain.answers()), plain.forward, plain.closeAfter]).toEqual([[19], null, true])
    const numbered = await connection.produce(batch(0, ['a', 'bad']))
    expect([codesOf(numbered.answers()), numbered.forward, numbered.closeAfter]).toEqual([[19], null, false])
    const behind = await connection.produce(batch(2, ['c']))
    expect([codesOf(behind.answers()), behind.forward]).toEqual([[19], null])
  })
})

describe('another instance', () => {
  it('goes on where the first one was', async () => {
    answer(await new Connection(instance('a')).produce(batch(0, ['a', 'bad', 'c'])))
    states.last.set('t-0/9/0', 1)
    const second = new Connection(instance('b'))
    expect(sentOf(await second.produce(batch(3, ['d', 'bad', 'f'])))).toEqual({ sequence: 2, values: ['d', 'f'] })
  })

  it('passes a retry on as the first one decided, and does not judge what the broker has', async () => {
    const first = new Connection(instance('a'))
    answer(await first.produce(batch(0, ['a', 'bad', 'c'])))
    answer(
      await first.produce(
        batch(
          3,
          ['bad?', 'e'].map((v) => v.replace('bad?', 'ok'))
        )
      )
    )
    states.last.set('t-0/9/0', 3)
    const strict = contractOf('quarantine')
    const second = new Connection(instance('b', { ...strict, ...contractOf('quarantine') }))
    expect(sentOf(await second.produce(batch(0, ['a', 'bad', 'c'])))).toEqual({ sequence: 0, values: ['a', 'c'] })
  })

  it('takes the chain over: what the first one still had to send is not sent', async () => {
    const a = instance('a')
    const first = new Connection(a)
    answer(await first.produce(batch(0, ['a', 'bad'])))
    const judged = await first.judge(batch(2, ['c', 'bad']))
    states.last.set('t-0/9/0', 0)
    await new Connection(instance('b')).produce(batch(2, ['c', 'bad']))
    expect(a.depart(judged, shown)).toEqual({ kind: 'unsafe', reason: 'chain-moved' })
  })

  it('may take the chain over between judging and admission: then it is judged once more', async () => {
    const a = instance('a')
    const first = new Connection(a)
    answer(await first.produce(batch(0, ['a', 'bad'])))
    const judged = await a.judge(batch(2, ['c']), first.gone.signal)
    states.last.set('t-0/9/0', 0)
    await new Connection(instance('b')).produce(batch(2, ['c', 'bad']))
    expect(a.admit(judged, shown)).toEqual({ kind: 'again' })
    expect(a.admit(await a.judge(batch(2, ['c']), first.gone.signal), shown).kind).toBe('admitted')
  })

  it('leaves one key of a chain in the log', async () => {
    answer(await new Connection(instance('a')).produce(batch(0, ['a', 'bad', 'c'])))
    states.last.set('t-0/9/0', 1)
    await new Connection(instance('b')).produce(batch(3, ['d']))
    await new Connection(instance('c')).produce(batch(3, ['d']))
    expect(topic.live).toEqual(['["t"]', '["t",0,"9",0,"c.1"]'])
  })
})

describe('what goes wrong', () => {
  it('a ledger that cannot be written makes the producer try again, and the gate closes', async () => {
    const enforcer = instance('a')
    const connection = new Connection(enforcer)
    answer(await connection.produce(batch(0, ['a'])))
    topic.failure = new Error('down')
    const refused = await connection.produce(batch(1, ['bad', 'b']))
    expect(codesOf(refused.answers())).toEqual([19])
    expect(codesOf((await connection.produce(batch(3, ['c']))).answers())).toEqual([19])
    topic.failure = null
    expect(sentOf(await connection.produce(batch(1, ['bad', 'b'])))).toEqual({ sequence: 1, values: ['b'] })
    expect(sentOf(await connection.produce(batch(3, ['c'])))).toEqual({ sequence: 2, values: ['c'] })
  })

  it('a quarantine that will never take a record refuses its batch with the reasons', async () => {
    sink.outcome = { kind: 'failed', lasting: true, message: 'too large' }
    const connection = new Connection(instance('a'))
    const refused = await connection.produce(batch(0, ['a', 'bad']))
    const told = (refused.answers() as LocalAnswers).get('t')!.get(0)!
    expect(told).toMatchObject({ errorCode: 87 })
    expect(told.errorMessage).toContain('quarantine-unavailable: too large')
    expect(told.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1])
    sink.outcome = { kind: 'stored' }
    expect(sentOf(await connection.produce(batch(0, ['x', 'y'])))).toEqual({ sequence: 0, values: ['x', 'y'] })
  })

  it('a batch the broker refused for good is forgotten, its sequences may carry other records', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(batch(0, ['a'])))
    answer(await connection.produce(batch(1, ['bad', 'c'])), 87)
    expect(sentOf(await connection.produce(batch(1, ['x', 'y'])))).toEqual({ sequence: 1, values: ['x', 'y'] })
    states.last.set('t-0/9/0', 2)
    const other = new Connection(instance('b'))
    expect(sentOf(await other.produce(batch(3, ['z'])))).toEqual({ sequence: 3, values: ['z'] })
  })

  it('a whole batch in quarantine is not told as done when one before it has failed', async () => {
    const connection = new Connection(instance('a'))
    answer(await connection.produce(batch(0, ['a'])))
    const first = await connection.produce(batch(1, ['b']))
    const second = await connection.produce(batch(2, ['bad']))
    answer(first, 19)
    expect(codesOf(second.answers())).toEqual([19])
  })

  it('a whole batch in quarantine is not told as done when one before it failed that no policy held back', async () => {
    const enforcer = instance('a', contractOf('observe'))
    const connection = new Connection(enforcer)
    const first = await connection.produce(batch(0, ['a']))
    enforcer.swapContracts(setOf(contractOf('quarantine')))
    const second = await connection.produce(batch(1, ['bad']))
    answer(first, 19)
    expect(codesOf(second.answers())).not.toEqual([0])
  })

  it('what was found in a batch is told once, when it is settled', async () => {
    const connection = new Connection(instance('a'))
    const first = await connection.produce(batch(0, ['a', 'bad']))
    answer(first, 7)
    expect(reported).toEqual([])
    answer(await connection.produce(batch(0, ['a', 'bad'])))
    expect(reported).toEqual(['1 quarantine null'])
    answer(await connection.produce(batch(0, ['a', 'bad'])))
    expect(reported).toEqual(['1 quarantine null'])
  })

  it('a client that has not shown it may write claims nothing', async () => {
    const enforcer = instance('a')
    const judged = await enforcer.judge(batch(0, ['bad']), new AbortController().signal)
    expect(enforcer.admit(judged, { status: () => 'unknown' })).toEqual({ kind: 'needs-proof', topics: ['t'] })
    const refused: WriteProofs = { status: () => 29 }
    expect(enforcer.admit(judged, refused)).toEqual({ kind: 'admitted', ready: null })
    const departure = enforcer.depart(judged, refused) as Departed
    expect(departure.forward).toBeNull()
    expect(codesOf(departure.answers())).toEqual([29])
    expect(topic.records).toEqual([])
    expect(sink.stored).toEqual([])
  })
})

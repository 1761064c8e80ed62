/**
 * One session between a client, a broker and a produce path that all take their time, in any interleaving: requests
 * leave and are answered in the order in which they came, nothing gets stuck, and all memory comes back.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { responseFrame } from '../../../../protocol/frames/header.ts'
import { apiKeys } from '../../../../protocol/messages/api-table.ts'
import { metadataRequest, metadataResponse } from '../../../../protocol/messages/metadata.ts'
import { ByteBudget } from '../../../../src/proxy/byte-budget.ts'
import { FrameTickets } from '../../../../src/proxy/frame-tickets.ts'
import { partitionAnswer } from '../../../../src/proxy/produce-answers.ts'
import type { Admission, Departure, Judged, WriteProofs } from '../../../../src/proxy/produce-path.ts'
import { maxDepartures } from '../../../../src/proxy/session/departures.ts'
import type { Effect, SessionEvent } from '../../../../src/proxy/session/effects.ts'
import { Session } from '../../../../src/proxy/session/session.ts'
import { FrameSplitter } from '../../../support/hostile/frame-splitter.ts'
import { ScriptedPath, departed, heartbeat, produceAnswer, produceFrame } from './harness.ts'

interface Plan {
  readonly kind: 'heartbeat' | 'unread' | 'opened'
  readonly acks: number
  readonly judgedLater: boolean
  readonly waits: boolean
  readonly proofAt: 'admission' | 'departure' | null
  readonly again: boolean
  readonly outcome: 'original' | 'rebuilt' | 'here' | 'unsafe' | 'closes'
  /** An answer that counts so much that others have to wait. */
  readonly largeAnswer: boolean
}

type Ending = 'cut' | 'upstream-lost' | 'client-end' | 'drain'

const outcomes = fc.constantFrom('original', 'original', 'rebuilt', 'here', 'here')
const plans = (outcome: fc.Arbitrary<Plan['outcome']>): fc.Arbitrary<Plan[]> =>
  fc.array(
    fc.record<Plan>({
      kind: fc.constantFrom('opened', 'opened', 'opened', 'heartbeat', 'unread'),
      acks: fc.constantFrom(-1, -1, 1, 0),
      judgedLater: fc.boolean(),
      waits: fc.boolean(),
      proofAt: fc.constantFrom(null, null, 'admission', 'departure'),
      again: fc.boolean(),
      outcome,
      largeAnswer: fc.boolean()
    }),
    { minLength: 1, maxLength: 12 }
  )
const choices = fc.array(fc.nat(1_000_000), { maxLength: 80 })

/** Three frames and a bit in the share of the small ones: whoever is fast has to wait for memory, too. */
const budgetBytes = 8 * 450

class Run {
  readonly sentUp: number[] = []
  readonly sentDown: number[] = []
  readonly budget = new ByteBudget(budgetBytes)
  finished = false
  closed: string | null = null
  readonly #plans: readonly Plan[]
  readonly #session: Session
  readonly #tickets = new FrameTickets()
  /** What can happen, besides the client sending more. */
  readonly #coming: (() => void)[] = []
  /** Frames that the broker has not answered. */
  readonly #atBroker: Buffer[] = []
  readonly #upSplitter = new FrameSplitter()
  readonly #downSplitter = new FrameSplitter()
  readonly #judgedAgain = new Set<number>()
  readonly #blocked = { client: false, upstream: false }
  #unsent: Buffer
  #responseTicket: { release(): void } | null = null

  constructor(list: readonly Plan[]) {
    this.#plans = list
    this.#unsent = Buffer.concat(list.map((plan, id) => this.#frameOf(plan, id)))
    const producePath = new ScriptedPath()
    for (const id of list.keys()) producePath.watched.add(`t${id}`)
    producePath.admission = (judged, proofs) => this.#admit(judged, proofs)
    producePath.departure = (judged, proofs) => this.#depart(judged, proofs)
    this.#session = new Session({
      nodeId: () => 1,
      producePath,
      advertised: () => null,
      reconciled: () => true,
      limits: { requestBytes: 100_000, responseBytes: 100_000, pendingResponses: 6 },
      nowMs: () => 0
    })
  }

  /** Lets one of the things happen that can happen now; false when there is none. */
  step(choice: number): boolean {
    const actions: (() => void)[] = [...this.#coming.map((_, i) => () => this.#coming.splice(i, 1)[0]!())]
    if (this.closed === null) {
      if (this.#unsent.length > 0 && this.#session.wantsClientBytes) actions.push(() => this.#send(1 + (choice % 300)))
      if (this.#atBroker.length > 0 && this.#session.wantsUpstreamBytes) actions.push(() => this.#brokerAnswers())
      if (this.#blocked.client) actions.push(() => this.#block('client', false))
      if (this.#blocked.upstream) actions.push(() => this.#block('upstream', false))
    }
    if (actions.length === 0) return false
    actions[choice % actions.length]!()
    return true
  }

  /** What never happens by itself. */
  disturb(choice: number): void {
    this.#block(choice % 2 === 0 ? 'client' : 'upstream', true)
  }

  /** Stops the client from sending more; answers how many whole frames it has sent. */
  endOf(ending: Ending): number {
    const sentBytes = this.#plans.reduce((sum, plan, id) => sum + this.#frameOf(plan, id).length, -this.#unsent.length)
    let whole = 0
    for (let bytes = 0; whole < this.#plans.length; whole += 1) {
      bytes += this.#frameOf(this.#plans[whole]!, whole).length
      if (bytes > sentBytes) break
    }
    if (ending !== 'drain') this.#unsent = Buffer.alloc(0)
    if (ending === 'upstream-lost') this.#atBroker.length = 0
    if (ending === 'cut') this.#close('cut')
    else this.#handle({ type: ending })
    return whole
  }

  #frameOf({ kind, acks }: Plan, id: number): Buffer {
    if (kind === 'heartbeat') return heartbeat(id)
    return produceFrame(id, { [kind === 'unread' ? 'free' : `t${id}`]: [0] }, { acks })
  }

  #send(bytes: number): void {
    const chunk = this.#unsent.subarray(0, bytes)
    this.#unsent = this.#unsent.subarray(bytes)
    this.#handle({ type: 'client-bytes', chunk })
  }

  #block(side: 'client' | 'upstream', blocked: boolean): void {
    this.#blocked[side] = blocked
    this.#handle({ type: `${side}-blocked`, blocked })
  }

  #brokerAnswers(): void {
    const frame = this.#atBroker.shift()!
    const id = frame.readInt32BE(8)
    if (id === -1) {
      const names = metadataRequest.decode(frame.subarray(4 + 11), 8).topics!.map(({ name }) => name)
      const topics = names.map((name) => ({
        name,
        topicAuthorizedOperations: 1 << 4,
        partitions: [{ partitionIndex: 0, leaderId: 1 }]
      }))
      const answer = responseFrame(apiKeys.metadata, 8, -1, metadataResponse.encode({ topics }, 8))
      this.#handle({ type: 'upstream-bytes', chunk: answer })
      return
    }
    const isHeartbeat = frame.readInt16BE(4) === apiKeys.heartbeat
    const alive = responseFrame(apiKeys.heartbeat, 0, id, Buffer.from('alive'))
    this.#handle({ type: 'upstream-bytes', chunk: isHeartbeat ? alive : produceAnswer(id, {}) })
  }

  #admit({ call }: Judged, proofs: WriteProofs): Admission {
    const id = call.header.correlationId
    const { waits, proofAt, again } = this.#plans[id]!
    if (proofAt === 'admission' && proofs.status(`t${id}`, 0) === 'unknown')
      return { kind: 'needs-proof', topics: [`t${id}`] }
    if (again && !this.#judgedAgain.has(id)) {
      this.#judgedAgain.add(id)
      return { kind: 'again' }
    }
    return { kind: 'admitted', ready: waits ? new Promise(() => undefined) : null }
  }

  #depart({ call }: Judged, proofs: WriteProofs): Departure {
    const id = call.header.correlationId
    const { proofAt, outcome, largeAnswer } = this.#plans[id]!
    if (proofAt === 'departure' && proofs.status(`t${id}`, 0) === 'unknown')
      return { kind: 'needs-proof', topics: [`t${id}`] }
    if (outcome === 'unsafe') return { kind: 'unsafe', reason: 'chain-moved' }
    const answers = new Map([[`t${id}`, new Map([[0, partitionAnswer(0, 87, 'bad')]])]])
    const answerBytes = largeAnswer ? 700_000 : 100
    if (outcome === 'here') return departed({ forward: null, answers, answerBytes })
    if (outcome === 'closes') return departed({ closeAfter: true })
    return departed({ forward: outcome === 'rebuilt' ? Buffer.from('rebuilt') : 'original', answerBytes })
  }

  #handle(event: SessionEvent): void {
    if (this.closed !== null) return
    const queue = [event]
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      for (const effect of this.#session.handle(next)) this.#carryOut(effect, queue)
    }
    expect(this.#tickets.size).toBeLessThanOrEqual(maxDepartures + 1)
    // Whoever reads on in the middle of a frame that has memory is never stopped.
    if (this.#session.awaitsClient) expect(this.#session.wantsClientBytes).toBe(true)
  }

  #carryOut(effect: Effect, queue: SessionEvent[]): void {
    switch (effect.type) {
      case 'to-upstream':
        this.#toUpstream(effect.bytes)
        if (effect.frees) this.#taken(this.#tickets.shift()!)
        break
      case 'to-client':
        for (const frame of this.#downSplitter.push(effect.bytes)) this.sentDown.push(frame.readInt32BE(4))
        if (effect.frees) this.#responseTicket!.release()
        break
      case 'reserve': {
        const { direction } = effect
        if (direction === 'response') {
          this.#responseTicket = { release: () => undefined }
          queue.push({ type: 'reserved', direction })
          break
        }
        const ticket = this.budget.reserve(effect.bytes, () => this.#handle({ type: 'reserved', direction }))
        this.#tickets.add(ticket)
        if (ticket.granted) queue.push({ type: 'reserved', direction })
        break
      }
      case 'free':
        if (effect.direction === 'request') this.#tickets.shift()!.release()
        break
      case 'give-up':
        this.#tickets.releaseAll()
        break
      case 'judge': {
        const judged = { call: effect.call }
        if (!this.#plans[effect.call.header.correlationId]!.judgedLater) queue.push({ type: 'judged', judged })
        else this.#later(() => this.#handle({ type: 'judged', judged }))
        break
      }
      case 'await':
        this.#later(() => this.#handle({ type: 'ready', departure: effect.departure }))
        break
      case 'finish':
        this.finished = true
        break
      case 'close':
        this.#close(effect.reason)
        break
      case 'reconcile':
      case 'count':
      case 'client-id':
        break
    }
  }

  /** Something that others hold the youngest frame for. */
  #later(come: () => void): void {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#tickets.lend(promise)
    this.#coming.push(() => {
      resolve(undefined)
      come()
    })
  }

  /** A socket takes what is written to it when it likes. */
  #taken(ticket: { release(): void }): void {
    this.#coming.push(() => ticket.release())
  }

  #toUpstream(bytes: Buffer): void {
    for (const frame of this.#upSplitter.push(bytes)) {
      const id = frame.readInt32BE(8)
      if (id >= 0) this.sentUp.push(id)
      const silent = id >= 0 && this.#plans[id]!.kind !== 'heartbeat' && this.#plans[id]!.acks === 0
      if (!silent) this.#atBroker.push(frame)
    }
  }

  #close(reason: string): void {
    this.closed = reason
    this.#tickets.releaseAll()
  }
}

const goesOn = ({ kind, outcome }: Plan): boolean => kind !== 'opened' || outcome !== 'here'
const isAnswered = ({ kind, acks }: Plan): boolean => kind === 'heartbeat' || acks !== 0
const idsOf = (list: readonly Plan[], which: (plan: Plan) => boolean): number[] =>
  [...list.keys()].filter((id) => which(list[id]!))

/** What was lent comes back in a microtask. */
async function expectNothingHeld({ budget }: Run): Promise<void> {
  await Promise.resolve()
  await Promise.resolve()
  expect([budget.reservedBytes, budget.waiting]).toEqual([0, 0])
}

describe('in any interleaving', () => {
  it('all requests leave and are answered in their order, and all memory comes back', async () => {
    await fc.assert(
      fc.asyncProperty(plans(outcomes), choices, fc.boolean(), async (list, steps, disturbed) => {
        const run = new Run(list)
        for (const choice of steps) {
          if (disturbed && choice % 11 === 0) run.disturb(choice)
          else run.step(choice)
          await Promise.resolve()
        }
        for (let i = 0; run.step(i * 7 + 3); i += 1) await Promise.resolve()
        expect(run.closed).toBeNull()
        expect(run.sentUp).toEqual(idsOf(list, goesOn))
        expect(run.sentDown).toEqual(idsOf(list, isAnswered))
        await expectNothingHeld(run)
      }),
      { numRuns: 1_500 }
    )
  })

  it('a connection that ends gives all memory back, and what left before left in order', async () => {
    const endings = fc.constantFrom<Ending[]>('cut', 'upstream-lost', 'client-end', 'drain')
    const any = fc.oneof(
      { weight: 8, arbitrary: outcomes },
      { weight: 1, arbitrary: fc.constantFrom('unsafe', 'closes') }
    )
    await fc.assert(
      fc.asyncProperty(plans(any), choices, endings, async (list, steps, ending) => {
        const run = new Run(list)
        for (const choice of steps) {
          run.step(choice)
          await Promise.resolve()
        }
        const wasClosed = run.closed
        const whole = wasClosed === null ? run.endOf(ending) : 0
        const sentBefore = run.sentUp.length
        for (let i = 0; run.step(i * 5 + 1); i += 1) await Promise.resolve()
        const [up, down] = [idsOf(list, goesOn), idsOf(list, isAnswered)]
        expect(run.sentUp).toEqual(up.slice(0, run.sentUp.length))
        expect(run.sentDown).toEqual(down.slice(0, run.sentDown.length))
        await expectNothingHeld(run)
        const endsItself = list.some(
          ({ outcome, kind }) => kind === 'opened' && (outcome === 'unsafe' || outcome === 'closes')
        )
        if (wasClosed !== null || endsItself) return
        if (ending === 'cut' || ending === 'upstream-lost') expect(run.sentUp).toHaveLength(sentBefore)
        if (ending === 'drain') expect(run.closed).toBe('drained')
        if (ending !== 'client-end') return
        expect(run.finished).toBe(true)
        expect(run.sentUp).toEqual(up.filter((id) => id < whole))
        expect(run.sentDown).toEqual(down.filter((id) => id < whole))
      }),
      { numRuns: 1_500 }
    )
  })
})

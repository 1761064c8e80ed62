/**
 * A client's connection through an instance, as the session of the proxy keeps it: requests are judged one at a time,
 * admitted and sent on in order, and answered in order. The wire is left out.
 */
import { produceRequest, produceResponse } from '../../protocol/messages/produce.ts'
import type { ProduceResponse } from '../../protocol/messages/produce.ts'
import { mergeProduceAnswers, partitionAnswer } from '../../src/proxy/produce-answers.ts'
import type {
  Confirm,
  Judged,
  LocalAnswers,
  ProduceCall,
  ProducePath,
  WriteProofs
} from '../../src/proxy/produce-path.ts'
import { BrokerConnection } from './broker.ts'
import type { ClusterModel, PartitionResult, WriteStatus } from './broker.ts'
import type { Life } from './world.ts'

export interface ClientSide {
  answer(correlationId: number, response: ProduceResponse): void
  close(reason: string): void
}

/** What the broker, or we in its place, owe an answer to. */
type Pending =
  | { readonly kind: 'local'; readonly call: ProduceCall; readonly answers: () => LocalAnswers | 'unsafe' }
  | {
      readonly kind: 'broker'
      readonly call: ProduceCall
      readonly answers: () => LocalAnswers | 'unsafe'
      readonly confirm: Confirm | null
    }
  | { readonly kind: 'proof'; readonly then: (proofs: WriteProofs) => void }

interface Waiting {
  readonly judged: Judged
  /** Passed on unopened. */
  readonly opaque: boolean
  ready: boolean
  proofs: WriteProofs | null
}

/** As in the session. */
const maxDepartures = 32
const proofMs = 60_000

export class ProxyConnection {
  readonly #path: ProducePath
  readonly #cluster: ClusterModel
  readonly #client: ClientSide
  readonly #broker: BrokerConnection
  readonly #gone = new AbortController()
  readonly #incoming: ProduceCall[] = []
  readonly #departures: Waiting[] = []
  readonly #pending: Pending[] = []
  readonly #shownUntilMs = new Map<number, number>()
  #judging = false
  /** The first of those that wait to depart has asked whether the client may write. */
  #proving = false
  #closeWhenEmpty: string | null = null
  #closed = false

  constructor(
    path: ProducePath,
    cluster: ClusterModel,
    node: number,
    life: Life,
    clientId: string,
    client: ClientSide
  ) {
    this.#path = path
    this.#cluster = cluster
    this.#client = client
    this.#broker = new BrokerConnection(cluster, node, {
      clientId,
      life,
      answers: 'broker-answer',
      answered: (results) => this.#answered(results),
      proven: (status) => this.#proven(status),
      closed: () => this.close('upstream-lost')
    })
  }

  receive(call: ProduceCall): void {
    this.#incoming.push(call)
    this.#pump()
  }

  /** Also when the client has gone. */
  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#gone.abort()
    this.#broker.gone()
    this.#client.close(reason)
  }

  /** The instance has died: nobody tells anybody. */
  die(): void {
    this.#closed = true
    this.#broker.gone()
  }

  /** The run is over: whatever waits for the end of the connection need not be kept. */
  release(): void {
    this.#closed = true
    this.#gone.abort()
  }

  #pump(): void {
    while (!this.#closed && (this.#deliver() || this.#depart() || this.#judge())) continue
    if (!this.#closed && this.#closeWhenEmpty !== null && this.#pending.length === 0) this.close(this.#closeWhenEmpty)
  }

  #judge(): boolean {
    if (this.#judging || this.#departures.length >= maxDepartures) return false
    const call = this.#closeWhenEmpty === null ? this.#incoming.shift() : undefined
    if (call === undefined) return false
    const concerned = call.request.topicData.some(({ name }) => this.#path.concerns(name, call.clientId))
    if (this.#path.idle() || !concerned) {
      this.#departures.push({ judged: { call }, opaque: true, ready: true, proofs: null })
      return true
    }
    this.#judging = true
    this.#judgeAndAdmit(call, this.#proofs)
    return true
  }

  #judgeAndAdmit(call: ProduceCall, proofs: WriteProofs): void {
    const judged = this.#path.judge(call, this.#gone.signal)
    if (!(judged instanceof Promise)) {
      this.#admit(judged, proofs)
      return
    }
    void this.#guarded(
      judged.then((later) => {
        if (this.#closed) return
        this.#admit(later, proofs)
        this.#pump()
      })
    )
  }

  #admit(judged: Judged, proofs: WriteProofs): void {
    const admission = this.#path.admit(judged, proofs)
    switch (admission.kind) {
      case 'needs-proof':
        this.#prove((shown) => this.#admit(judged, shown))
        return
      case 'again':
        this.#judgeAndAdmit(judged.call, proofs)
        return
      case 'admitted': {
        this.#judging = false
        const waiting: Waiting = { judged, opaque: false, ready: admission.ready === null, proofs: null }
        this.#departures.push(waiting)
        void this.#guarded(
          admission.ready?.then(() => {
            waiting.ready = true
            this.#pump()
          })
        )
      }
    }
  }

  /** What goes wrong behind a promise ends the run. */
  #guarded(work: Promise<void> | undefined): Promise<void> | undefined {
    return work?.catch((error: unknown) => this.#cluster.world.fail(error))
  }

  #depart(): boolean {
    const head = this.#departures[0]
    if (head === undefined || !head.ready || this.#proving || this.#closeWhenEmpty !== null) return false
    const { judged } = head
    const { call } = judged
    if (head.opaque) {
      this.#departures.shift()
      this.#send(call, call.request.topicData, null, () => new Map())
      return true
    }
    const departure = this.#path.depart(judged, head.proofs ?? this.#proofs)
    if (departure.kind === 'needs-proof') {
      this.#proving = true
      this.#prove((shown) => {
        this.#proving = false
        head.proofs = shown
      })
      return true
    }
    this.#departures.shift()
    if (departure.kind === 'unsafe') {
      this.#closeWhenEmpty = departure.reason
      return true
    }
    const { forward, answers, confirm } = departure
    if (forward === null) {
      if (call.request.acks !== 0) this.#pending.push({ kind: 'local', call, answers })
    } else {
      const { topicData } =
        forward === 'original' ? call.request : produceRequest.decode(forward, call.header.apiVersion)
      this.#send(call, topicData, confirm, answers)
    }
    if (departure.closeAfter) this.#closeWhenEmpty = 'acks-zero-refused'
    return true
  }

  #send(
    call: ProduceCall,
    topicData: ProduceCall['request']['topicData'],
    confirm: Confirm | null,
    answers: () => LocalAnswers | 'unsafe'
  ): void {
    this.#broker.produce({ acks: call.request.acks, topicData })
    if (call.request.acks !== 0) this.#pending.push({ kind: 'broker', call, answers, confirm })
  }

  /** Answers made here leave when everything before them has. */
  #deliver(): boolean {
    const head = this.#pending[0]
    if (head?.kind !== 'local') return false
    this.#pending.shift()
    const answers = head.answers()
    if (answers === 'unsafe') this.close('chain-moved')
    else this.#answer(head.call, mergeProduceAnswers(head.call.request, null, answers))
    return true
  }

  #answered(results: readonly PartitionResult[]): void {
    const head = this.#pending.shift()
    if (head?.kind !== 'broker') throw new Error('the broker answered something else than what was asked')
    for (const { partition, errorCode } of results) {
      if (errorCode === 0) this.#shownUntilMs.set(partition, this.#cluster.world.nowMs + proofMs)
      else this.#shownUntilMs.delete(partition)
    }
    const fromBroker = responseOf(results)
    const response = head.confirm === null ? fromBroker : head.confirm(fromBroker)
    const answers = response === 'unsafe' ? 'unsafe' : head.answers()
    if (response === 'unsafe' || answers === 'unsafe') this.close('chain-moved')
    else
      this.#answer(head.call, answers.size === 0 ? response : mergeProduceAnswers(head.call.request, response, answers))
    this.#pump()
  }

  #answer(call: ProduceCall, response: ProduceResponse): void {
    this.#client.answer(call.header.correlationId, response)
  }

  #prove(then: (proofs: WriteProofs) => void): void {
    this.#pending.push({ kind: 'proof', then })
    this.#broker.askProof()
  }

  #proven(status: (partition: number) => WriteStatus): void {
    const head = this.#pending.shift()
    if (head?.kind !== 'proof') throw new Error('the broker answered a question that was not asked')
    this.#cluster.partitions.forEach((_, partition) => {
      if (status(partition) === 0) this.#shownUntilMs.set(partition, this.#cluster.world.nowMs + proofMs)
    })
    head.then({ status: (topic, partition) => (this.#proofs.status(topic, partition) === 0 ? 0 : status(partition)) })
    this.#pump()
  }

  readonly #proofs: WriteProofs = {
    status: (_, partition) => ((this.#shownUntilMs.get(partition) ?? 0) > this.#cluster.world.nowMs ? 0 : 'unknown')
  }
}

/** A broker's answer as it is decoded from the wire. */
export function responseOf(results: readonly PartitionResult[]): ProduceResponse {
  const names = [...new Set(results.map(({ topic }) => topic))]
  const responses = names.map((name) => ({
    ...template.responses[0]!,
    name,
    partitionResponses: results
      .filter(({ topic }) => topic === name)
      .map(({ partition, errorCode, baseOffset }) => ({ ...partitionAnswer(partition, errorCode, null), baseOffset }))
  }))
  return { ...template, responses }
}

const template = produceResponse.decode(produceResponse.encode({ responses: [{}] }, 9), 9)

/**
 * The answers a client is owed, strictly in the order of its requests.
 *
 * A Kafka client matches answers by position as well as by correlation id (Java, franz-go and sarama drop the
 * connection on a mismatch), so an answer made here waits for the answers of the requests before it.
 */
import type { RequestHeader } from '../../../protocol/frames/header.ts'
import { apiKeys } from '../../../protocol/messages/api-table.ts'
import type { ProduceRequest } from '../../../protocol/messages/produce.ts'
import type { Confirm, LocalAnswers } from '../produce-path.ts'

export type PendingAnswer = FromUpstream | LocalBytes | LocalProduce

/** The broker answers this one. */
export type FromUpstream = RelayedAnswer | ProduceAnswer | OwnMetadata

interface Asked {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
}

/** Nobody reads it, or only its addresses matter. */
export interface RelayedAnswer extends Asked {
  readonly kind: 'relay' | 'rewrite'
}

/** What is answered here to a Produce request. */
interface ProduceTurn {
  /** Without its records. */
  readonly request: ProduceRequest
  /** Called once, when every answer before this one has left. */
  readonly answers: () => LocalAnswers | 'unsafe'
  /** Counted in `localBytes` until then. */
  readonly answerBytes: number
}

export interface ProduceAnswer extends Asked, ProduceTurn {
  readonly kind: 'produce'
  readonly confirm: Confirm | null
}

/** Who waits for our own Metadata: the request that is to be admitted, or the one that is to depart. */
export type Asker = 'admission' | 'departure'

export interface OwnMetadata extends Asked {
  readonly kind: 'own-metadata'
  readonly asker: Asker
}

/** A whole frame made here. */
export interface LocalBytes {
  readonly kind: 'local'
  readonly apiKey: number
  readonly frame: Buffer
}

/** A Produce of which nothing went on. */
export interface LocalProduce extends ProduceTurn {
  readonly kind: 'local-produce'
  readonly apiKey: number
  readonly header: RequestHeader
}

/** What becomes of the answer of an API that is not Produce: addresses in it are rewritten. */
export function answerKind(apiKey: number): RelayedAnswer['kind'] {
  switch (apiKey) {
    case apiKeys.metadata:
    case apiKeys.findCoordinator:
    case apiKeys.describeCluster:
    case apiKeys.apiVersions:
    case apiKeys.shareFetch:
    case apiKeys.shareAcknowledge:
      return 'rewrite'
    default:
      return 'relay'
  }
}

export class PendingAnswers {
  #queue: PendingAnswer[] = []
  #head = 0

  get size(): number {
    return this.#queue.length - this.#head
  }

  /** Answers of Produce requests, own or merged: what a drain waits for. */
  get owesProduce(): boolean {
    for (let i = this.#head; i < this.#queue.length; i += 1) {
      const answer = this.#queue[i]!
      const relayed = answer.kind === 'relay' || answer.kind === 'rewrite'
      if (!relayed || answer.apiKey === apiKeys.produce) return true
    }
    return false
  }

  push(answer: PendingAnswer): void {
    this.#queue.push(answer)
  }

  peek(): PendingAnswer | undefined {
    return this.#queue[this.#head]
  }

  pop(): void {
    this.#head += 1
    // Keep the array short without moving it at every answer.
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }
}

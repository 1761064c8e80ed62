/**
 * The answers a client is owed, strictly in the order of its requests.
 *
 * A Kafka client matches answers by position as well as by correlation id (Java, franz-go and sarama drop the
 * connection on a mismatch), so an answer made here waits for the answers of the requests before it.
 */
import type { Confirm, LocalAnswers } from '../produce-path.ts'
import type { ProduceRequest } from '../../../protocol/messages/produce.ts'

export type PendingAnswer = FromUpstream | LocalBytes

/** The broker answers this one. */
export interface FromUpstream {
  readonly kind: 'relay' | 'rewrite' | 'produce' | 'own-metadata'
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** For `produce`: what was asked, and what is answered here. */
  readonly produce?: {
    readonly request: ProduceRequest
    readonly answers: LocalAnswers
    readonly confirm: Confirm | null
  }
}

/** A whole frame made here. */
export interface LocalBytes {
  readonly kind: 'local'
  readonly apiKey: number
  readonly frame: Buffer
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
      if (answer.kind === 'local' || answer.kind === 'produce' || answer.kind === 'own-metadata') return true
      if (answer.apiKey === 0) return true
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

/**
 * What a session asks of whoever enforces contracts. The proxy knows the wire and this port; it does not know what a
 * contract is.
 *
 * A Produce request goes through three steps: it is judged (one at a time on a connection, in order of arrival),
 * admitted (it takes its place behind the requests before it, while others may already be judged), and it departs (in
 * order, when everything before it has departed).
 */
import type { RequestHeader } from '../../protocol/frames/header.ts'
import type { ProduceRequest, ProduceResponse } from '../../protocol/messages/produce.ts'

export type PartitionAnswer = ProduceResponse['responses'][number]['partitionResponses'][number]

/** A Produce request that was opened. */
export interface ProduceCall {
  readonly header: RequestHeader
  readonly request: ProduceRequest
  readonly clientId: string | null
}

/** What was found in a request; only its maker looks inside. */
export interface Judged {
  readonly call: ProduceCall
}

/** Whether this connection has shown that the broker would let it write (and that the broker leads the partition). */
export interface WriteProofs {
  /** 0: shown. `unknown`: it can be asked for. Otherwise the code the broker itself would answer: 3, 6 or 29. */
  status(topic: string, partition: number): 0 | 3 | 6 | 29 | 'unknown'
}

/** Something is due for these topics that the connection has not shown yet it may write to. */
export interface NeedsProof {
  readonly kind: 'needs-proof'
  readonly topics: readonly string[]
}

export type Admission =
  | NeedsProof
  /** Judge it once more, now that the connection has shown what it may; then admit it again. */
  | { readonly kind: 'again' }
  /**
   * `ready`: the request must not depart before; null when it may at once. Never rejects. `heldBytes`: memory it takes
   * meanwhile, besides its frame.
   */
  | { readonly kind: 'admitted'; readonly ready: Promise<void> | null; readonly heldBytes?: number }

export type Departure =
  | NeedsProof
  /** Nothing of it may go on and no answer would be safe: close the connection once every earlier answer has left. */
  | { readonly kind: 'unsafe'; readonly reason: UnsafeReason }
  | {
      readonly kind: 'departed'
      /** `original`: the frame as it came. A buffer: this body under the original header. Null: nothing is sent. */
      readonly forward: 'original' | Buffer | null
      /**
       * Answers given here; the broker's are merged in for the others. Asked once, when the answer's turn has come: what
       * happened to earlier requests may change them. `unsafe`: close the connection instead.
       */
      readonly answers: () => LocalAnswers | 'unsafe'
      /** Most bytes that `answers` can come to, while it waits for its turn. */
      readonly answerBytes: number
      /**
       * Nothing behind it goes on; close the connection once every answer up to its own has left. With acks=0 it has none:
       * a broker closes then, too. Otherwise what comes behind must not pass what is to come again.
       */
      readonly closeAfter: boolean
      /** Called with the broker's answer to what was forwarded; never called when it does not come. */
      readonly confirm: Confirm | null
    }

/** `too-many-gates`: no room for another sequence gate. `chain-moved`: another instance has taken over the chain. */
export type UnsafeReason = 'too-many-gates' | 'chain-moved'

/** The answer as the client is to see it, for the partitions that were forwarded; `unsafe`: close the connection. */
export type Confirm = (answer: ProduceResponse) => ProduceResponse | 'unsafe'

/** By topic and partition index. */
export type LocalAnswers = ReadonlyMap<string, ReadonlyMap<number, PartitionAnswer>>

export interface ProducePath {
  /** True while no Produce needs to be opened at all: nothing is enforced, watched, gated or renumbered. */
  idle(): boolean
  /** True when a request of this client for this topic has to be opened. */
  concerns(topic: string, clientId: string | null): boolean
  /**
   * May take as long as `decideWait` when something has to be fetched. `gone` is the connection's own: it says that
   * nobody waits any more, and stands for the connection in everything that follows. Never throws, never rejects.
   */
  judge(call: ProduceCall, gone: AbortSignal): Judged | Promise<Judged>
  /**
   * Called in order of arrival. Called once more after `needs-proof`, with proofs that leave nothing unknown. What is
   * admitted and never departs is given up when the connection is gone.
   */
  admit(judged: Judged, proofs: WriteProofs): Admission
  /**
   * Decides, with what the connection has shown. Called in the order of admission, when everything before it has
   * departed and it is ready; once more after `needs-proof`. Effects happen only on `departed`.
   */
  depart(judged: Judged, proofs: WriteProofs): Departure
}

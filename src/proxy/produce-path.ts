/**
 * What a session asks of whoever enforces contracts. The proxy knows the wire and this port; it does not know what a
 * contract is.
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

export type Settlement =
  /** A local answer is due for these topics, and the connection has not shown yet that it may write to them. */
  | { readonly kind: 'needs-proof'; readonly topics: readonly string[] }
  | {
      readonly kind: 'settled'
      /** `original`: the frame as it came. A buffer: this body under the original header. Null: nothing is sent. */
      readonly forward: 'original' | Buffer | null
      /** Answers given here, by topic and partition index; the broker's are merged in for the others. */
      readonly answers: LocalAnswers
      /**
       * Close the connection after forwarding, once every earlier answer has left: as a broker does on an error with
       * acks=0, or because no answer would be safe.
       */
      readonly closeAfter: boolean
      /** Called with the broker's answer to what was forwarded; never called when it does not come. */
      readonly confirm: Confirm | null
    }

export type Confirm = (answer: ProduceResponse) => void

export type LocalAnswers = ReadonlyMap<string, ReadonlyMap<number, PartitionAnswer>>

export interface ProducePath {
  /** True while no Produce needs to be opened at all: nothing is enforced, watched, or gated. */
  idle(): boolean
  /** True when a request of this client for this topic has to be opened. */
  concerns(topic: string, clientId: string | null): boolean
  /**
   * May take as long as `decideWait` when something has to be fetched; `gone` says that nobody waits any more. Never
   * throws, never rejects.
   */
  judge(call: ProduceCall, gone: AbortSignal): Judged | Promise<Judged>
  /**
   * Decides, with what the connection has shown. Called once more after `needs-proof`, with proofs that leave nothing
   * unknown. Effects happen only on `settled`.
   */
  settle(judged: Judged, proofs: WriteProofs): Settlement
}

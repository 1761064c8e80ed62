/** What an API of the embedded broker is: the versions it is offered in, and a function from request to answer. */
import type { BrokerState } from './state.ts'

export interface RequestContext {
  readonly apiVersion: number
  readonly clientId: string | null
  /** Address the client connects from, without the port. */
  readonly clientHost: string
  /** Counts connections from 1. */
  readonly connectionId: number
  /** Aborts when the connection ends: nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** Besides an answer: none at all (Produce with acks=0), or the end of the connection. */
export type Outcome<Answer> = Answer | 'no-answer' | 'drop-connection'

export interface Handler<Request, Answer> {
  readonly key: number
  /** First and last version offered, both included. */
  readonly versions: readonly [first: number, last: number]
  decode(body: Buffer, version: number): Request
  encode(answer: Answer, version: number): Buffer
  handle(broker: BrokerState, request: Request, context: RequestContext): Outcome<Answer> | Promise<Outcome<Answer>>
}

/** Only what is needed of a declared message; the types of request and answer follow from it. */
interface Declared {
  readonly versions: readonly [number, number]
}
interface Decodes<Request> extends Declared {
  decode(body: Buffer, version: number): Request
}
interface Encodes<Answer> extends Declared {
  encode(answer: Answer, version: number): Buffer
}

export function defineHandler<Request, Answer>(definition: {
  readonly key: number
  readonly versions: readonly [first: number, last: number]
  readonly request: Decodes<Request>
  readonly response: Encodes<Answer>
  readonly handle: Handler<Request, Answer>['handle']
}): Handler<Request, Answer> {
  const { key, versions, request, response, handle } = definition
  return {
    key,
    versions,
    handle,
    decode: (body, version) => request.decode(body, version),
    encode: (answer, version) => response.encode(answer, version)
  }
}

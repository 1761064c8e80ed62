/**
 * Faults at an exact moment: a test steps in front of an API and decides, per request, what is done and what is said.
 *
 *     broker.intercept('produce', async (call) => {
 *       await call.proceed()                 // appended
 *       return 'drop-connection' as const    // and nobody is told
 *     })
 */
import type { Outcome, RequestContext } from './handler.ts'
import type { AnswerOf, HandlerName, RequestOf } from './handlers.ts'

export interface InterceptedCall<Request, Answer> extends RequestContext {
  readonly request: Request
  readonly correlationId: number
  /** Does what would have been done, and resolves with what would have been said. A second call does it again. */
  proceed(): Promise<Outcome<Answer>>
}

export type Interceptor<Request, Answer> = (
  call: InterceptedCall<Request, Answer>
) => Outcome<Answer> | Promise<Outcome<Answer>>

/** Some API's answer; only the API itself knows which. */
export type AnyAnswer = object

type MaybePromise<T> = T | Promise<T>
type AnyInterceptor = Interceptor<unknown, AnyAnswer>

export class Interceptors {
  readonly #byName = new Map<HandlerName, AnyInterceptor[]>()

  /** The newest is asked first; its `proceed` asks the one before it. Answers how to take it away again. */
  add<K extends HandlerName>(name: K, interceptor: Interceptor<RequestOf<K>, AnswerOf<K>>): () => void {
    // The table is keyed by name: whoever looks up K finds only what was added for K.
    const added = interceptor as AnyInterceptor
    this.#byName.set(name, [...(this.#byName.get(name) ?? []), added])
    return () => {
      this.#byName.set(
        name,
        (this.#byName.get(name) ?? []).filter((i) => i !== added)
      )
    }
  }

  run(
    name: HandlerName,
    call: Omit<InterceptedCall<unknown, AnyAnswer>, 'proceed'>,
    handle: () => MaybePromise<Outcome<AnyAnswer>>
  ): Promise<Outcome<AnyAnswer>> {
    const chain = (this.#byName.get(name) ?? []).reduce<() => Promise<Outcome<AnyAnswer>>>(
      (proceed, interceptor) => () => promised(() => interceptor({ ...call, proceed })),
      () => promised(handle)
    )
    return chain()
  }
}

/** What throws at once rejects instead, so that there is one way to fail. */
function promised<T>(run: () => MaybePromise<T>): Promise<T> {
  return new Promise((resolve) => resolve(run()))
}

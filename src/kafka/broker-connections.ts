/**
 * Our connections to the brokers of one cluster: at most one per broker and lane, opened when first needed, forgotten
 * when it ends. A lane keeps a long poll from holding up short questions: a broker answers a connection in order.
 */
import { formatAddress, type Address } from '../address.ts'
import { Connection, type ConnectionOptions } from './connection.ts'

export type Lane = 'requests' | 'fetch'

export class BrokerConnections {
  readonly #bootstrap: readonly Address[]
  readonly #options: ConnectionOptions
  readonly #open = new Map<string, Promise<Connection>>()
  readonly #closing = new AbortController()
  #brokers: readonly Address[] = []
  /** Where the last connection to just any broker came about; asked first the next time. */
  #favourite: string | null = null

  constructor(bootstrap: readonly Address[], options: ConnectionOptions) {
    this.#bootstrap = bootstrap
    this.#options = { ...options, signal: this.#closing.signal }
  }

  /** Tells which brokers there are now; they are asked before the bootstrap servers. */
  know(brokers: readonly Address[]): void {
    this.#brokers = brokers
  }

  /** Rejects with ConnectionError or KafkaError. */
  to(target: Address, lane: Lane = 'requests'): Promise<Connection> {
    const key = `${lane} ${formatAddress(target)}`
    const existing = this.#open.get(key)
    if (existing !== undefined) return existing
    const opening = Connection.open(target, this.#options)
    this.#open.set(key, opening)
    const forget = (): void => {
      if (this.#open.get(key) === opening) this.#open.delete(key)
    }
    opening.then((connection) => connection.onClose(forget), forget)
    return opening
  }

  /** A connection to whichever broker or bootstrap server can be reached. Rejects with the last one's error. */
  async toAny(): Promise<Connection> {
    let failure: unknown = new Error('there is no bootstrap server')
    for (const target of this.candidates()) {
      try {
        const connection = await this.to(target)
        this.prefer(target)
        return connection
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** All addresses at which just any broker may be asked, in the order in which they should be. */
  candidates(): Address[] {
    const byText = new Map([...this.#brokers, ...this.#bootstrap].map((a) => [formatAddress(a), a]))
    const favourite = this.#favourite === null ? undefined : byText.get(this.#favourite)
    return favourite === undefined ? [...byText.values()] : [...new Set([favourite, ...byText.values()])]
  }

  /** Makes this address the first candidate from now on. */
  prefer(target: Address): void {
    this.#favourite = formatAddress(target)
  }

  close(): void {
    this.#closing.abort()
  }
}

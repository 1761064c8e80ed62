/**
 * The ledger topic as far as it was read: who owns each chain, and in what state.
 *
 * The order of the log decides. The claim with the highest offset owns its chain and has inherited the state that stood
 * before it; what an older claim writes after a newer one was made counts for nothing, because its writer no longer
 * forwards anything by it.
 */
import type { ChainSnapshot } from './chain-state.ts'
import {
  chainKey,
  decodeLedgerKey,
  decodeLedgerValue,
  encodeLedgerKey,
  UnreadableLedgerError
} from './ledger-format.ts'
import type { LedgerKey } from './ledger-format.ts'
import type { ChainId, LedgerRecord } from './ports.ts'

export interface ChainEntry {
  readonly chain: ChainId
  readonly claim: string
  readonly claimOffset: bigint
  /** Null while nothing of the chain was quarantined. */
  readonly state: ChainSnapshot | null
  /** Of the last record that counted, epoch milliseconds. */
  readonly writtenMs: number
  /** Keys of claims that were overtaken and not yet removed from the log. */
  readonly overtaken: readonly Buffer[]
}

export class LedgerView {
  readonly #chains = new Map<string, ChainEntry>()
  /** Per topic. Their requests have to be opened whatever the policies say. */
  readonly #counts = new Map<string, Counts>()
  /** Keys of the chains of one producer id and partition. */
  readonly #epochs = new Map<string, Set<string>>()
  readonly #onUnreadable: (offset: bigint, reason: string) => void

  /** `onUnreadable`: a record that is not ours, or of a newer version; it is passed over. */
  constructor(onUnreadable: (offset: bigint, reason: string) => void) {
    this.#onUnreadable = onUnreadable
  }

  get size(): number {
    return this.#chains.size
  }

  get(chain: ChainId): ChainEntry | undefined {
    return this.#chains.get(chainKey(chain))
  }

  coversTopic(topic: string): boolean {
    return this.#counts.has(topic)
  }

  get coversAny(): boolean {
    return this.#counts.size > 0
  }

  /** True when the topic has a chain with quarantined records. */
  renumbersIn(topic: string): boolean {
    return (this.#counts.get(topic)?.renumbered ?? 0) > 0
  }

  entries(): MapIterator<ChainEntry> {
    return this.#chains.values()
  }

  /** The chains of the same producer id and partition, whatever their epoch. */
  epochsOf(chain: ChainId): ChainEntry[] {
    const keys = this.#epochs.get(producerKey(chain)) ?? []
    return [...keys].map((key) => this.#chains.get(key)!)
  }

  clear(): void {
    this.#chains.clear()
    this.#counts.clear()
    this.#epochs.clear()
  }

  /** Answers which chain the record was about; null when it could not be read. */
  apply(record: LedgerRecord): ChainId | null {
    try {
      const key = decodeLedgerKey(record.key)
      this.#apply(record, key)
      return key.chain
    } catch (error) {
      if (!(error instanceof UnreadableLedgerError)) throw error
      this.#onUnreadable(record.offset, error.message)
      return null
    }
  }

  #apply({ offset, timestampMs, key, value: bytes }: LedgerRecord, { chain, claim }: LedgerKey): void {
    const known = this.get(chain)
    if (bytes === null) {
      if (known?.claim === claim) this.#put(chain, null)
      else if (known !== undefined) {
        this.#put(chain, { ...known, overtaken: known.overtaken.filter((other) => !other.equals(key)) })
      }
      return
    }
    const value = decodeLedgerValue(bytes)
    const claimOffset = value.kind === 'claim' ? offset : value.claimOffset
    if (known !== undefined && known.claim !== claim) {
      if (claimOffset < known.claimOffset) {
        // Too late; its key is back in the log and has to go once more.
        this.#put(chain, { ...known, overtaken: withKey(known.overtaken, key) })
        return
      }
      const before = encodeLedgerKey({ chain, claim: known.claim })
      const state = value.kind === 'claim' ? known.state : value.state
      const overtaken = withKey(known.overtaken, before)
      this.#put(chain, { chain, claim, claimOffset, state, writtenMs: timestampMs, overtaken })
      return
    }
    const state = value.kind === 'claim' ? (known?.state ?? null) : value.state
    this.#put(chain, { chain, claim, claimOffset, state, writtenMs: timestampMs, overtaken: known?.overtaken ?? [] })
  }

  #put(chain: ChainId, entry: ChainEntry | null): void {
    const key = chainKey(chain)
    const before = this.#chains.get(key)
    const producer = producerKey(chain)
    const epochs = this.#epochs.get(producer) ?? new Set<string>()
    if (entry === null) {
      this.#chains.delete(key)
      epochs.delete(key)
    } else {
      this.#chains.set(key, entry)
      epochs.add(key)
    }
    if (epochs.size > 0) this.#epochs.set(producer, epochs)
    else this.#epochs.delete(producer)
    const known = this.#counts.get(chain.topic) ?? { chains: 0, renumbered: 0 }
    const chains = known.chains + Number(entry !== null) - Number(before !== undefined)
    const renumbered = known.renumbered + Number(isRenumbered(entry)) - Number(isRenumbered(before ?? null))
    if (chains > 0) this.#counts.set(chain.topic, { chains, renumbered })
    else this.#counts.delete(chain.topic)
  }
}

interface Counts {
  readonly chains: number
  /** Of them, those with quarantined records. */
  readonly renumbered: number
}

function producerKey({ topic, partition, producerId }: ChainId): string {
  return `${producerId}/${partition}/${topic}`
}

function isRenumbered(entry: ChainEntry | null): boolean {
  return entry?.state != null && (entry.state.droppedBelow !== 0 || entry.state.batches.length > 0)
}

/** Few claims of one chain are ever in the log at a time; more than these are left to the next owner. */
const maxOvertaken = 8

function withKey(keys: readonly Buffer[], key: Buffer): readonly Buffer[] {
  if (keys.length >= maxOvertaken || keys.some((other) => other.equals(key))) return keys
  // A copy: a key that was read may be a view of all that was fetched with it.
  return [...keys, Buffer.from(key)]
}

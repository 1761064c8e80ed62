/**
 * Sequence compaction with a durable ledger: which sequences of which producers went to quarantine, and who decides.
 *
 * Everything that may have reached a broker follows from the ledger topic and from what the broker itself says, so an
 * instance that takes a chain over, after a crash or because the client came to it, goes on as the one before would
 * have. To take over is to write a claim and to read the log up to it; before a batch that lost records is sent, its
 * entry is in the log, the log is read through it, and no foreign claim stood before it.
 */
import { Chain } from './chain.ts'
import type { Plan } from './chain.ts'
import { ChainState } from './chain-state.ts'
import type { ChainSnapshot, JudgedBatch } from './chain-state.ts'
import { chainKey, encodeLedgerKey, encodeLedgerValue } from './ledger-format.ts'
import { LedgerView } from './ledger-view.ts'
import type { ChainEntry } from './ledger-view.ts'
import type { ChainId, LedgerLog, LedgerRecord, ProducerStates } from './ports.ts'
import { addSequence, sequenceDistance } from './sequence.ts'

export interface LedgerClock {
  /** Epoch milliseconds. */
  nowMs(): number
  /** Resolves after `ms`, or as soon as `signal` is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface LedgerEvents {
  /** A record of the ledger topic that is not ours or of a newer version; it was passed over. */
  unreadable(offset: bigint, reason: string): void
  /** Another instance has claimed a chain that was ours. */
  chainMoved(topic: string): void
  /** The ledger or the broker could not be asked; what waits for it is tried again. */
  unavailable(error: unknown): void
}

export interface LedgerOptions {
  readonly log: LedgerLog
  readonly states: ProducerStates
  /** Unlike any other, also unlike this instance before a restart: a letter or digit sequence without dots. */
  readonly instanceId: string
  readonly clock: LedgerClock
  readonly events?: LedgerEvents
  readonly limits?: Partial<LedgerLimits>
}

export interface LedgerLimits {
  /** Chains owned at a time, about 1 KiB each. One with quarantined records is never given up. */
  readonly chains: number
}

export type ChainAccess =
  /** The ledger has nothing to do with this batch. */
  | { readonly kind: 'none' }
  | { readonly kind: 'chain'; readonly chain: Chain }
  | { readonly kind: 'wait'; readonly changed: Promise<void> }
  /** The connection has to show first that it may write to the topic: nothing is claimed in the name of a stranger. */
  | { readonly kind: 'unshown' }
  /** No room for another chain: its bad records cannot be quarantined. */
  | { readonly kind: 'full' }

const defaultLimits: LedgerLimits = { chains: 50_000 }
/**
 * How long a batch that was quarantined whole waits when an earlier owner's copy of it could still arrive: nothing is
 * sent for it, so the broker cannot tell which of the two came first. An instance that lost a chain sends nothing more as
 * soon as it reads the claim, which takes milliseconds.
 */
const quietMs = 5_000
/** Chains looked at for one that can be given up. */
const evictionTries = 64
/** A chain this long without a batch may be given up, or removed when the broker has forgotten its producer. */
const evictableIdleMs = 60_000
/** `producer.id.expiration.ms` is a day by default; twice that, so that nothing a broker remembers is removed. */
const expiryMs = 48 * 60 * 60_000
/** A chain without quarantined records that had no batch for so long is given up; its next batch claims it again. */
const idleMs = 10 * 60_000
/** Chains with quarantined records removed in one sweep: each costs a claim and a question. */
const sweepLimit = 1_000
/** Tombstones written together: far fewer than the log's queue takes. */
const tombstonesAtOnce = 1_000

const never = new AbortController().signal

export class Ledger {
  readonly #options: LedgerOptions
  readonly #limits: LedgerLimits
  readonly #view: LedgerView
  readonly #chains = new Map<string, Chain>()
  readonly #opening = new Map<string, Promise<void>>()
  readonly #lanes = new WeakMap<AbortSignal, Set<Chain>>()
  /** What was owned here when the log was lost, until it is written again. */
  readonly #orphans = new Map<string, ChainSnapshot>()
  /** Topics in which this instance has renumbered chains; few, and as good as for ever. */
  readonly #decided = new Set<string>()
  #claims = 0
  #policiesChangedMs: number

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
    this.#policiesChangedMs = options.clock.nowMs()
    this.#view = new LedgerView((offset, reason) => options.events?.unreadable(offset, reason))
  }

  /** Chains owned here. */
  get owned(): number {
    return this.#chains.size
  }

  /** Chains known from the log. */
  get known(): number {
    return this.#view.size
  }

  /** True when chains of this topic are renumbered, whatever the policies say. */
  coversTopic(topic: string): boolean {
    return this.#decided.has(topic) || this.#view.coversTopic(topic)
  }

  get coversAny(): boolean {
    return this.#decided.size > 0 || this.#view.coversAny
  }

  /** Records of this topic are about to go to quarantine: what comes behind is renumbered before the log tells so. */
  decided(topic: string): void {
    this.#decided.add(topic)
  }

  /** What went by before was decided by other policies, or by none, and may not have arrived yet. */
  policiesChanged(): void {
    this.#policiesChangedMs = this.#options.clock.nowMs()
  }

  /** The next record of the log. */
  apply(record: LedgerRecord): void {
    const id = this.#view.apply(record)
    const chain = id === null ? undefined : this.#chains.get(chainKey(id))
    if (chain === undefined) return
    const entry = this.#view.get(chain.id)
    if (entry === undefined || entry.claim === chain.claim) return
    this.#drop(chain)
    this.#options.events?.chainMoved(chain.id.topic)
  }

  /**
   * The log has started anew (deleted and made again): what is owned here is claimed and written again at once. Until the
   * owner has done so, an instance that a producer comes to cannot know what was quarantined.
   */
  reset(): void {
    this.#view.clear()
    for (const chain of [...this.#chains.values()]) {
      if (chain.state.dropped === 0) continue
      const key = chainKey(chain.id)
      this.#orphans.set(key, chain.snapshot())
      this.#drop(chain)
      void this.#begin(key, chain.id, 0, never)
    }
  }

  /**
   * The chain of a batch, when the ledger has to do with it.
   *
   * @param lane the connection it comes on
   * @param quarantines a bad record of this batch would go to quarantine
   * @param shown the connection has shown that it may write to the topic
   */
  enter(id: ChainId, base: number, lane: AbortSignal, quarantines: boolean, shown: boolean): ChainAccess {
    const key = chainKey(id)
    const opening = this.#opening.get(key)
    if (opening !== undefined) return shown ? { kind: 'wait', changed: opening } : { kind: 'unshown' }
    const chain = this.#chains.get(key)
    if (chain === undefined) return this.#enterUnowned(id, key, base, lane, quarantines, shown)
    if (chain.lane !== lane && !shown) return { kind: 'unshown' }
    if (chain.busy !== null) return { kind: 'wait', changed: chain.busy }
    if (chain.lane !== lane || chain.mustLook) {
      if (!chain.isIdle) return { kind: 'wait', changed: chain.drained() }
      return { kind: 'wait', changed: this.look(chain, lane) }
    }
    chain.touchedMs = this.#options.clock.nowMs()
    this.#chains.delete(key)
    this.#chains.set(key, chain)
    return { kind: 'chain', chain }
  }

  #enterUnowned(
    id: ChainId,
    key: string,
    base: number,
    lane: AbortSignal,
    quarantines: boolean,
    shown: boolean
  ): ChainAccess {
    const entry = this.#view.get(id)
    // In a topic where chains are renumbered this one may be, too, by an entry that has not been read yet.
    const needed =
      quarantines || entry?.state != null || this.#orphans.has(key) || (base !== 0 && this.#view.coversTopic(id.topic))
    if (!needed) return { kind: 'none' }
    if (!shown) return { kind: 'unshown' }
    if (entry?.state == null && this.#chains.size + this.#opening.size >= this.#limits.chains && !this.#evict()) {
      return { kind: 'full' }
    }
    return { kind: 'wait', changed: this.#begin(key, id, base, lane) }
  }

  #begin(key: string, id: ChainId, base: number, lane: AbortSignal): Promise<void> {
    const opening = this.#open(id, base, lane)
      .catch((error: unknown) => this.#options.events?.unavailable(error))
      .finally(() => this.#opening.delete(key))
    this.#opening.set(key, opening)
    return opening
  }

  /**
   * The broker answered with this code.
   *
   * @returns `unsafe` when the client must not see the answer: what the broker has has to be found out first
   */
  answered(plan: Plan, code: number): 'relay' | 'unsafe' {
    const { chain } = plan
    const { proven } = chain
    const answer = chain.answered(plan, code)
    // Of an older epoch a broker takes nothing any more (47 INVALID_PRODUCER_EPOCH).
    if (!proven && chain.proven) this.#removeOlderEpochs(chain.id)
    return answer
  }

  /** Writes what was decided, and makes sure that the chain was still ours then. Rejects when that cannot be. */
  async write(chain: Chain): Promise<void> {
    const state = chain.snapshot()
    const batches = chain.stored
    chain.unwritten = false
    try {
      await this.#append(chain, state)
    } catch (error) {
      chain.unwritten = true
      throw error
    }
    chain.wrote(batches)
  }

  /**
   * For a batch that was quarantined whole, where an earlier owner's copy of it could still arrive: waits, then asks the
   * broker. Rejects with ChainOvertakenError when that copy is in the topic.
   */
  async quiet(plan: Plan): Promise<void> {
    const { chain, batch } = plan
    const { clock, states } = this.#options
    const leftMs = chain.claimedMs + quietMs - clock.nowMs()
    if (leftMs > 0) await clock.sleep(leftMs, chain.lane ?? never)
    const lastSequence = await states.lastSequence(chain.id)
    if (plan.fate !== 'cleared') return
    if (chain.overtaken(batch, lastSequence)) throw new ChainOvertakenError()
    chain.quieted()
  }

  /** Reads the log to its end and asks the broker what it has, then lets this connection go on. Never rejects. */
  look(chain: Chain, lane: AbortSignal): Promise<void> {
    const busy = this.#look(chain, lane)
      .catch((error: unknown) => this.#options.events?.unavailable(error))
      .finally(() => {
        chain.busy = null
      })
    chain.busy = busy
    return busy
  }

  /**
   * Gives up chains without quarantined records that have been idle, and removes those whose producers the brokers have
   * forgotten. To be called every few minutes.
   */
  async sweep(): Promise<void> {
    const { clock } = this.#options
    const idleSinceMs = clock.nowMs() - idleMs
    const idle = [...this.#chains.values()].filter((chain) => isEvictable(chain, idleSinceMs))
    for (const chain of idle) this.#drop(chain)
    const oldMs = clock.nowMs() - expiryMs
    const left = [...this.#view.entries()].filter(({ writtenMs }) => writtenMs < oldMs)
    // Of claims without a state nothing is lost: whoever made them claims again when the producer comes back.
    const claims = left.filter(({ state, chain }) => state === null && !this.#chains.has(chainKey(chain)))
    const keys = [...idle.map(keyOfClaim), ...claims.flatMap((entry) => [...entry.overtaken, encodeLedgerKey(entry)])]
    for (let from = 0; from < keys.length; from += tombstonesAtOnce) {
      await this.#tombstone(keys.slice(from, from + tombstonesAtOnce))
    }
    const old = left.filter(({ state }) => state !== null).slice(0, sweepLimit)
    for (const { chain: id } of old) {
      const key = chainKey(id)
      const chain = this.#chains.get(key)
      if (chain !== undefined && (!chain.isIdle || clock.nowMs() - chain.touchedMs < expiryMs)) continue
      if (this.#opening.has(key) || (await this.#options.states.lastSequence(id)) !== null) continue
      // Whoever else may own it finds out by the claim that it is gone.
      const claim = this.#newClaim()
      const own = encodeLedgerKey({ chain: id, claim })
      await this.#options.log.readThrough(await this.#options.log.append(own, encodeLedgerValue({ kind: 'claim' })))
      const entry = this.#view.get(id)
      if (entry?.claim === claim) await this.#remove(entry)
    }
  }

  async #open(id: ChainId, base: number, lane: AbortSignal): Promise<void> {
    const { log, states, clock } = this.#options
    const claim = this.#newClaim()
    const key = encodeLedgerKey({ chain: id, claim })
    const claimOffset = await log.append(key, encodeLedgerValue({ kind: 'claim' }))
    await log.readThrough(claimOffset)
    const entry = this.#view.get(id)
    if (entry?.claim !== claim) return
    const inherited = entry.state ?? this.#orphans.get(chainKey(id)) ?? null
    const begins = base === 0 && inherited === null && entry.overtaken.length === 0
    // Also of a chain that begins: what went by when no policy held anything back left no claim behind.
    const last = await states.lastSequence(id)
    const nextUp = last === null ? null : addSequence(last, 1)
    const copied = inherited === null ? null : copiedBatch(inherited, nextUp)
    const state = new ChainState(inherited ?? base)
    if (copied !== null) state.cutFrom(copied.base)
    const quiet = begins && last === null && clock.nowMs() - this.#policiesChangedMs >= quietMs
    const start = { id, claim, claimOffset, state, nextUp, quiet, nowMs: clock.nowMs() }
    const chain = new Chain({ ...start, inherited })
    if (state.dropped > 0 || copied !== null) await this.#append(chain, chain.snapshot())
    if (this.#view.get(id)?.claim !== claim) return
    this.#orphans.delete(chainKey(id))
    chain.wrote(state.batches)
    this.#bind(chain, lane)
    this.#chains.set(chainKey(id), chain)
    void this.#tombstone(entry.overtaken)
  }

  async #look(chain: Chain, lane: AbortSignal): Promise<void> {
    const { log, states, clock } = this.#options
    await log.sync()
    if (chain.lost) return
    if (chain.looked(await states.lastSequence(chain.id), clock.nowMs())) await this.write(chain)
    if (this.#chains.get(chainKey(chain.id)) === chain) this.#bind(chain, lane)
  }

  async #append(chain: Chain, state: ChainSnapshot): Promise<void> {
    const { log } = this.#options
    const key = encodeLedgerKey({ chain: chain.id, claim: chain.claim })
    const value = encodeLedgerValue({ kind: 'state', claimOffset: chain.claimOffset, state })
    await log.readThrough(await log.append(key, value))
    const entry = this.#view.get(chain.id)
    if (chain.lost || (entry !== undefined && entry.claim !== chain.claim)) throw new ChainMovedError()
  }

  #bind(chain: Chain, lane: AbortSignal): void {
    if (lane.aborted) {
      chain.lane = null
      return
    }
    chain.lane = lane
    let chains = this.#lanes.get(lane)
    if (chains === undefined) {
      const bound = new Set<Chain>()
      chains = bound
      this.#lanes.set(lane, bound)
      lane.addEventListener('abort', () => {
        for (const each of bound) each.laneGone(lane)
        bound.clear()
      })
    }
    chains.add(chain)
  }

  #drop(chain: Chain): void {
    this.#chains.delete(chainKey(chain.id))
    if (chain.lane !== null) this.#lanes.get(chain.lane)?.delete(chain)
    chain.lose()
  }

  #evict(): boolean {
    const idleSinceMs = this.#options.clock.nowMs() - evictableIdleMs
    let tries = evictionTries
    for (const chain of this.#chains.values()) {
      if (tries-- === 0) return false
      if (!isEvictable(chain, idleSinceMs)) continue
      this.#drop(chain)
      void this.#tombstone([keyOfClaim(chain)])
      return true
    }
    return false
  }

  #removeOlderEpochs(id: ChainId): void {
    for (const entry of this.#view.epochsOf(id)) {
      if (entry.chain.producerEpoch >= id.producerEpoch) continue
      const chain = this.#chains.get(chainKey(entry.chain))
      if (chain !== undefined) {
        if (!chain.isIdle) continue
        this.#drop(chain)
      }
      void this.#remove(entry)
    }
  }

  #remove(entry: ChainEntry): Promise<void> {
    return this.#tombstone([...entry.overtaken, encodeLedgerKey(entry)])
  }

  /** Best effort: what stays behind is removed by a later owner, or by a sweep. */
  async #tombstone(keys: readonly Buffer[]): Promise<void> {
    await Promise.allSettled(keys.map((key) => this.#options.log.append(key, null)))
  }

  #newClaim(): string {
    this.#claims += 1
    return `${this.#options.instanceId}.${this.#claims}`
  }
}

function isEvictable(chain: Chain, idleSinceMs: number): boolean {
  return chain.isIdle && chain.state.dropped === 0 && !chain.unwritten && chain.touchedMs <= idleSinceMs
}

function keyOfClaim({ id, claim }: Chain): Buffer {
  return encodeLedgerKey({ chain: id, claim })
}

/** The chain belongs to another instance now. */
export class ChainMovedError extends Error {
  override readonly name = 'ChainMovedError'
}

/** Another owner's copy of the batch is in the topic, whole. */
export class ChainOvertakenError extends Error {
  override readonly name = 'ChainOvertakenError'
}

/**
 * The batch of which some was quarantined and which the broker nevertheless has whole, because somebody else's copy came
 * before what its owner sent; null when there is none. While that could happen nothing behind the batch was sent, so when
 * the broker has more than was left of it, the copy is what it has.
 */
function copiedBatch(state: ChainSnapshot, nextUp: number | null): JudgedBatch | null {
  const { contested, acknowledged } = state
  if (contested === null || nextUp === null) return null
  const mapping = new ChainState(state)
  for (const batch of state.batches) {
    if (sequenceDistance(contested, batch.base) < 0) continue
    const up = mapping.up(batch.base)!
    const end = addSequence(up, batch.count - batch.dropped.length)
    // The broker had something from here on when this was written: no copy could come any more.
    const settled = acknowledged !== null && sequenceDistance(up, acknowledged) > 0
    if (settled && sequenceDistance(end, acknowledged) >= 0) continue
    return sequenceDistance(addSequence(up, batch.count), nextUp) < 0 ? null : batch
  }
  return null
}

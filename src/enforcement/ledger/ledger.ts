/**
 * Sequence compaction with a durable ledger: which sequences of which producers went to quarantine, and who decides.
 *
 * Everything that may have reached a broker follows from the ledger topic and from what the broker itself says, so an
 * instance that takes a chain over, after a crash or because the client came to it, goes on as the one before would
 * have. To take over is to write a claim and to read the log up to it; before a batch that lost records is sent, its
 * entry is in the log, the log is read through it, and no foreign claim stood before it.
 */
import { Chain, quietMs } from './chain.ts'
import type { Plan } from './chain.ts'
import type { ChainAccess } from './chain-access.ts'
import { ChainState } from './chain-state.ts'
import type { ChainSnapshot } from './chain-state.ts'
import { copiedBatch } from './copied-batch.ts'
import { ChainMovedError, ChainOvertakenError } from './errors.ts'
import {
  chainKey,
  decodeMarkKey,
  encodeLedgerKey,
  encodeLedgerValue,
  encodeMarkKey,
  markValue
} from './ledger-format.ts'
import type { LedgerLimits, LedgerOptions } from './ledger-options.ts'
import { Lanes } from './lanes.ts'
import { expiryMs, isEvictable, leftovers } from './leftovers.ts'
import { LedgerView } from './ledger-view.ts'
import type { ChainEntry } from './ledger-view.ts'
import { MarkedTopics } from './marked-topics.ts'
import type { ChainId, LedgerRecord } from './ports.ts'
import { addSequence } from './sequence.ts'

export type { LedgerClock, LedgerEvents, LedgerLimits } from './ledger-options.ts'

const defaultLimits: LedgerLimits = { chains: 50_000 }
/** Chains looked at for one that can be given up. */
const evictionTries = 64
/** A chain this long without a batch may be given up, or removed when the broker has forgotten its producer. */
const evictableIdleMs = 60_000
/** A chain without quarantined records that had no batch for so long is given up; its next batch claims it again. */
const idleMs = 10 * 60_000
/** Topics of which nobody tells anything before a sweep gives up: each question takes seconds then. */
const maxUntold = 20
/** Tombstones written together: far fewer than the log's queue takes. */
const tombstonesAtOnce = 1_000

const never = new AbortController().signal

export class Ledger {
  readonly #options: LedgerOptions
  readonly #limits: LedgerLimits
  readonly #view: LedgerView
  readonly #chains = new Map<string, Chain>()
  readonly #opening = new Map<string, Promise<void>>()
  readonly #lanes = new Lanes()
  /** What was owned here when the log was lost, until it is written again. */
  readonly #orphans = new Map<string, ChainSnapshot>()
  /** Topics in which this instance has renumbered chains; few, and as good as for ever. */
  readonly #decided = new Set<string>()
  readonly #marked = new MarkedTopics()
  #claims = 0
  #sweeps = 0

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#limits = { ...defaultLimits, ...options.limits }
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

  /** True when chains of this topic are claimed or have to be, whatever the policies say. */
  coversTopic(topic: string): boolean {
    return this.#decided.has(topic) || this.#marked.has(topic) || this.#view.coversTopic(topic)
  }

  get coversAny(): boolean {
    return this.#decided.size > 0 || this.#marked.size > 0 || this.#view.coversAny
  }

  /** Records of this topic are about to go to quarantine: what comes behind is renumbered before the log tells so. */
  decided(topic: string): void {
    this.#decided.add(topic)
  }

  /** Marks topics in which records may be quarantined, ahead of that, so that it has not to be waited for then. */
  async mark(topics: readonly string[]): Promise<void> {
    const due = topics.filter((topic) => this.#marked.isDue(topic, this.#options.clock.nowMs()))
    await Promise.all(due.map((topic) => this.#options.log.append(encodeMarkKey(topic), markValue)))
  }

  /** The next record of the log. */
  apply(record: LedgerRecord): void {
    const topic = decodeMarkKey(record.key)
    if (topic !== null) {
      this.#marked.apply(topic, record.value === null ? null : record.timestampMs, this.#options.clock.nowMs())
      return
    }
    const id = this.#view.apply(record)
    const chain = id === null ? undefined : this.#chains.get(chainKey(id))
    if (chain === undefined) return
    const entry = this.#view.get(chain.id)
    // Removed by a sweep elsewhere: that it is owned has to stand in the log again.
    if (entry === undefined) chain.unwritten = true
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
    this.#marked.clear()
    for (const chain of [...this.#chains.values()]) {
      chain.unwritten = true
      if (!chain.state.renumbers) continue
      const key = chainKey(chain.id)
      this.#orphans.set(key, chain.snapshot())
      this.#drop(chain)
      void this.#begin(key, chain.id, 0, never, true)
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
    // Who lets everything pass claims as well: what it forwards must not be quarantined by another owner.
    const needed = quarantines || entry !== undefined || this.#orphans.has(key) || this.#marked.has(id.topic)
    if (!needed) return { kind: 'none' }
    if (!shown) return { kind: 'unshown' }
    if (entry?.state == null && this.#chains.size + this.#opening.size >= this.#limits.chains && !this.#evict()) {
      return { kind: 'full' }
    }
    return { kind: 'wait', changed: this.#begin(key, id, base, lane, quarantines) }
  }

  #begin(key: string, id: ChainId, base: number, lane: AbortSignal, quarantines: boolean): Promise<void> {
    const opening = this.#open(id, base, lane, quarantines)
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
    const settles = Number(chain.unwritten)
    chain.unwritten = false
    chain.settling += settles
    try {
      await this.#append(chain, state)
    } catch (error) {
      chain.unwritten = true
      throw error
    } finally {
      chain.settling -= settles
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
    chain.quieted(lastSequence)
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
    const left = leftovers(this.#view, this.#marked, (key) => this.#chains.has(key), clock.nowMs(), this.#sweeps++)
    const keys = [...idle.map(keyOfClaim), ...left.keys]
    for (let from = 0; from < keys.length; from += tombstonesAtOnce) {
      await this.#tombstone(keys.slice(from, from + tombstonesAtOnce))
    }
    const untold = new Set<string>()
    for (const { chain: id } of left.states) {
      const key = chainKey(id)
      const chain = this.#chains.get(key)
      if (chain !== undefined && (!chain.isIdle || clock.nowMs() - chain.touchedMs < expiryMs)) continue
      if (this.#opening.has(key) || (await this.#isRemembered(id, untold))) continue
      // Whoever else may own it finds out by the claim that it is gone.
      const claim = this.#newClaim()
      const own = encodeLedgerKey({ chain: id, claim })
      await this.#options.log.readThrough(await this.#options.log.append(own, encodeLedgerValue({ kind: 'claim' })))
      const entry = this.#view.get(id)
      if (entry?.claim === claim) await this.#remove(entry)
    }
  }

  /** True as well where nobody can tell, such as of a topic that is gone: that one is not asked about again, nor many others. */
  async #isRemembered(id: ChainId, untold: Set<string>): Promise<boolean> {
    if (untold.has(id.topic) || untold.size >= maxUntold) return true
    try {
      return (await this.#options.states.lastSequence(id)) !== null
    } catch (error) {
      untold.add(id.topic)
      this.#options.events?.unavailable(error)
      return true
    }
  }

  async #open(id: ChainId, base: number, lane: AbortSignal, quarantines: boolean): Promise<void> {
    const { log, states, clock } = this.#options
    const claim = this.#newClaim()
    const key = encodeLedgerKey({ chain: id, claim })
    const marks = quarantines && this.#marked.isDue(id.topic, clock.nowMs())
    const marking = marks ? log.append(encodeMarkKey(id.topic), markValue) : null
    const claiming = log.append(key, encodeLedgerValue({ kind: 'claim' }))
    const [claimOffset, markOffset] = await Promise.all([claiming, marking])
    await log.readThrough(claimOffset)
    if (markOffset !== null) await log.readThrough(markOffset)
    const entry = this.#view.get(id)
    if (entry?.claim !== claim) return
    const inherited = entry.state ?? this.#orphans.get(chainKey(id)) ?? null
    const begins = base === 0 && inherited === null && entry.overtaken.length === 0
    // Also of a chain that begins: what went by before the topic was marked left no claim behind.
    const last = await states.lastSequence(id)
    const nextUp = last === null ? null : addSequence(last, 1)
    const copied = inherited === null ? null : copiedBatch(inherited, nextUp)
    const state = new ChainState(inherited ?? base)
    if (copied !== null) state.cutFrom(copied.base)
    const quiet = begins && last === null && this.#marked.isKnownSince(id.topic, clock.nowMs() - quietMs)
    const start = { id, claim, claimOffset, state, nextUp, quiet, nowMs: clock.nowMs() }
    const chain = new Chain({ ...start, inherited })
    if (state.renumbers || copied !== null) await this.#append(chain, chain.snapshot())
    if (this.#view.get(id)?.claim !== claim) return
    this.#orphans.delete(chainKey(id))
    chain.wrote(state.batches)
    this.#lanes.bind(chain, lane)
    this.#chains.set(chainKey(id), chain)
    void this.#tombstone(entry.overtaken)
  }

  async #look(chain: Chain, lane: AbortSignal): Promise<void> {
    const { log, states, clock } = this.#options
    await log.sync()
    if (chain.lost) return
    if (chain.looked(await states.lastSequence(chain.id), clock.nowMs())) await this.write(chain)
    if (this.#chains.get(chainKey(chain.id)) === chain) this.#lanes.bind(chain, lane)
  }

  async #append(chain: Chain, state: ChainSnapshot): Promise<void> {
    const { log } = this.#options
    const key = encodeLedgerKey({ chain: chain.id, claim: chain.claim })
    const value = encodeLedgerValue({ kind: 'state', claimOffset: chain.claimOffset, state })
    await log.readThrough(await log.append(key, value))
    const entry = this.#view.get(chain.id)
    if (chain.lost || (entry !== undefined && entry.claim !== chain.claim)) throw new ChainMovedError()
  }

  #drop(chain: Chain): void {
    this.#chains.delete(chainKey(chain.id))
    this.#lanes.unbind(chain)
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

function keyOfClaim({ id, claim }: Chain): Buffer {
  return encodeLedgerKey({ chain: id, claim })
}

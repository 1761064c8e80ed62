/**
 * One consumer group of the classic protocol (Kafka's ClassicGroup and its coordinator).
 *
 *     empty ── a member joins ──► preparing ── all joined, or time is up ──► completing ── leader syncs ──► stable
 *       ▲                          ▲    ▲                                        │                            │
 *       │                          │    └────── a member joins, leaves or dies ──┴────────────────────────────┘
 *       └── nobody joined ─────────┘
 *
 * Joins are answered together when the state becomes `completing`, syncs together when it becomes `stable`. A member
 * that waits for one of the two cannot die; any other dies when it was not heard of for its session timeout.
 */
import { randomUUID } from 'node:crypto'
import { errorCodes } from '../../../protocol/errors.ts'
import type { Cancel, Clock } from '../../clock.ts'
import * as limits from '../limits.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export interface MemberProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  /** Empty when the client has none yet. */
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string | null
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  /** KIP-394, JoinGroup v4+: a client without an id is given one and has to come back with it. */
  readonly needsKnownId: boolean
}

export interface JoinAnswer {
  readonly errorCode: number
  readonly memberId: string
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  /** All members for the leader, none for the others. */
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

export interface SyncAnswer {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

export interface Member {
  readonly id: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: readonly MemberProtocol[]
  assignment: Buffer
  answerJoin: ((answer: JoinAnswer) => void) | null
  answerSync: ((answer: SyncAnswer) => void) | null
  cancelSession: Cancel
}

const nothing = Buffer.alloc(0)

export class Group {
  readonly id: string
  readonly #clock: Clock
  readonly #members = new Map<string, Member>()
  /** Ids handed out that have not come back; each is forgotten after its session timeout. */
  readonly #pendingIds = new Map<string, Cancel>()
  #state: GroupState = 'Empty'
  #generationId = 0
  #protocolType: string | null = null
  #protocolName: string | null = null
  #leaderId: string | null = null
  #cancelRebalance: Cancel = () => undefined

  constructor(id: string, clock: Clock) {
    this.id = id
    this.#clock = clock
  }

  get state(): GroupState {
    return this.#state
  }

  /** Empty until the first member joined. */
  get protocolType(): string {
    return this.#protocolType ?? ''
  }

  get protocolName(): string {
    return this.#protocolName ?? ''
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** What the member says it can do under the protocol that was chosen. */
  metadataOf(member: Member): Buffer {
    return member.protocols.find((p) => p.name === this.#protocolName)?.metadata ?? nothing
  }

  /** Answered when the generation that the member becomes part of is complete. */
  join(request: JoinRequest): Promise<JoinAnswer> | JoinAnswer {
    const { memberId } = request
    const known = this.#members.get(memberId)
    if (memberId !== '' && known === undefined && !this.#pendingIds.has(memberId)) {
      return refusedJoin('UNKNOWN_MEMBER_ID', memberId)
    }
    if (!this.#canJoin(request)) return refusedJoin('INCONSISTENT_GROUP_PROTOCOL', memberId)
    if (memberId === '') {
      if (this.#members.size + this.#pendingIds.size >= limits.maxGroupMembers) {
        return refusedJoin('GROUP_MAX_SIZE_REACHED', memberId)
      }
      const newId = `${request.clientId ?? 'consumer'}-${randomUUID()}`
      if (request.needsKnownId) {
        this.#pendingIds.set(
          newId,
          this.#clock.after(request.sessionTimeoutMs, () => this.#dropPending(newId))
        )
        return refusedJoin('MEMBER_ID_REQUIRED', newId)
      }
      return this.#admit(newId, request)
    }
    if (known !== undefined && this.#needsNoRebalance(known, request)) {
      this.#heard(known)
      return this.#joinAnswer(known)
    }
    return this.#admit(memberId, request)
  }

  /** Answered when the leader has brought the assignments of this generation. */
  sync(request: {
    readonly memberId: string
    readonly generationId: number
    readonly protocolType: string | null
    readonly protocolName: string | null
    readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
  }): Promise<SyncAnswer> | SyncAnswer {
    const member = this.#members.get(request.memberId)
    if (member === undefined) return refusedSync('UNKNOWN_MEMBER_ID')
    if (request.generationId !== this.#generationId) return refusedSync('ILLEGAL_GENERATION')
    const { protocolType, protocolName } = request
    if ((protocolType ?? this.#protocolType) !== this.#protocolType) return refusedSync('INCONSISTENT_GROUP_PROTOCOL')
    if ((protocolName ?? this.#protocolName) !== this.#protocolName) return refusedSync('INCONSISTENT_GROUP_PROTOCOL')
    if (this.#state === 'PreparingRebalance') return refusedSync('REBALANCE_IN_PROGRESS')
    if (this.#state === 'Stable') {
      this.#heard(member)
      return this.#syncAnswer(member)
    }
    const answer = new Promise<SyncAnswer>((resolve) => {
      member.answerSync?.(refusedSync('REBALANCE_IN_PROGRESS'))
      member.answerSync = resolve
      member.cancelSession()
    })
    if (member.id === this.#leaderId) this.#distribute(request.assignments)
    return answer
  }

  /** Error code for the member; 0 when all is well. */
  heartbeat(memberId: string, generationId: number): number {
    const member = this.#members.get(memberId)
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    if (generationId !== this.#generationId) return errorCodes.ILLEGAL_GENERATION
    this.#heard(member)
    return this.#state === 'PreparingRebalance' ? errorCodes.REBALANCE_IN_PROGRESS : errorCodes.NONE
  }

  /** Error code; 0 when the member is gone now. */
  leave(memberId: string): number {
    if (this.#pendingIds.has(memberId)) {
      this.#dropPending(memberId)
      return errorCodes.NONE
    }
    const member = this.#members.get(memberId)
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    this.#remove(member)
    return errorCodes.NONE
  }

  /** Whether this member may commit offsets now; 0, or the error code it gets. */
  mayCommit(memberId: string, generationId: number): number {
    // Whoever assigns partitions to itself has no generation, and may commit while the group has no members.
    if (generationId < 0 && this.#state === 'Empty') return errorCodes.NONE
    const member = this.#members.get(memberId)
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID
    if (generationId !== this.#generationId) return errorCodes.ILLEGAL_GENERATION
    if (this.#state === 'CompletingRebalance') return errorCodes.REBALANCE_IN_PROGRESS
    this.#heard(member)
    return errorCodes.NONE
  }

  /** Stops all timers. What waits is never answered. */
  close(): void {
    this.#cancelRebalance()
    for (const member of this.#members.values()) member.cancelSession()
    for (const cancel of this.#pendingIds.values()) cancel()
  }

  #canJoin({ memberId, protocolType, protocols }: JoinRequest): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    const others = this.members().filter((m) => m.id !== memberId)
    if (others.length === 0) return true
    return protocolType === this.#protocolType && protocols.some((p) => supportedByAll(others, p.name))
  }

  /** A member that lost an answer and asks again, or a follower that looks in, is told what is already settled. */
  #needsNoRebalance(known: Member, request: JoinRequest): boolean {
    if (this.#state === 'PreparingRebalance' || this.#state === 'Empty') return false
    if (!sameProtocols(known.protocols, request.protocols)) return false
    return this.#state === 'CompletingRebalance' || known.id !== this.#leaderId
  }

  #admit(memberId: string, request: JoinRequest): Promise<JoinAnswer> {
    this.#pendingIds.get(memberId)?.()
    this.#pendingIds.delete(memberId)
    const before = this.#members.get(memberId)
    before?.cancelSession()
    before?.answerJoin?.(refusedJoin('UNKNOWN_MEMBER_ID', memberId))
    before?.answerSync?.(refusedSync('REBALANCE_IN_PROGRESS'))
    return new Promise((resolve) => {
      this.#members.set(memberId, {
        id: memberId,
        groupInstanceId: request.groupInstanceId,
        clientId: request.clientId ?? '',
        clientHost: request.clientHost,
        sessionTimeoutMs: request.sessionTimeoutMs,
        rebalanceTimeoutMs: request.rebalanceTimeoutMs,
        // Copies: a view would keep the whole request it came in.
        protocols: request.protocols.map((p) => ({ name: p.name, metadata: Buffer.from(p.metadata) })),
        assignment: before?.assignment ?? nothing,
        answerJoin: resolve,
        answerSync: null,
        cancelSession: () => undefined
      })
      this.#protocolType = request.protocolType
      this.#prepareRebalance()
    })
  }

  #prepareRebalance(): void {
    if (this.#state !== 'PreparingRebalance') {
      for (const member of this.#members.values()) {
        this.#answerSync(member, refusedSync('REBALANCE_IN_PROGRESS'))
        member.assignment = nothing
      }
      this.#state = 'PreparingRebalance'
      this.#cancelRebalance()
      this.#cancelRebalance = this.#clock.after(this.#rebalanceTimeoutMs(), () => this.#completeJoins())
    }
    this.#completeJoinsIfAllAreHere()
  }

  #completeJoinsIfAllAreHere(): void {
    if (this.#pendingIds.size > 0) return
    if (this.members().every((m) => m.answerJoin !== null)) this.#completeJoins()
  }

  #completeJoins(): void {
    this.#cancelRebalance()
    for (const member of this.members()) if (member.answerJoin === null) this.#forget(member)
    this.#generationId++
    const members = this.members()
    if (members.length === 0) {
      this.#state = 'Empty'
      this.#protocolName = null
      return
    }
    this.#state = 'CompletingRebalance'
    this.#leaderId = members.some((m) => m.id === this.#leaderId) ? this.#leaderId : members[0]!.id
    this.#protocolName = voteProtocol(members)
    for (const member of members) {
      member.answerJoin?.(this.#joinAnswer(member))
      member.answerJoin = null
      this.#heard(member)
    }
    const generationId = this.#generationId
    this.#cancelRebalance = this.#clock.after(this.#rebalanceTimeoutMs(), () => this.#dropUnsynced(generationId))
  }

  /** Whoever joined but never came for its assignment holds up nobody longer than a rebalance may take. */
  #dropUnsynced(generationId: number): void {
    if (this.#state !== 'CompletingRebalance' || this.#generationId !== generationId) return
    for (const member of this.members()) if (member.answerSync === null) this.#forget(member)
    this.#prepareRebalance()
  }

  #distribute(assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]): void {
    this.#cancelRebalance()
    this.#state = 'Stable'
    for (const { memberId, assignment } of assignments) {
      const member = this.#members.get(memberId)
      if (member !== undefined) member.assignment = Buffer.from(assignment)
    }
    for (const member of this.#members.values()) this.#answerSync(member, this.#syncAnswer(member))
  }

  #answerSync(member: Member, answer: SyncAnswer): void {
    if (member.answerSync === null) return
    member.answerSync(answer)
    member.answerSync = null
    this.#heard(member)
  }

  /** Starts the session timeout anew; a member that waits for an answer has none. */
  #heard(member: Member): void {
    member.cancelSession()
    if (member.answerJoin !== null || member.answerSync !== null) return
    member.cancelSession = this.#clock.after(member.sessionTimeoutMs, () => this.#remove(member))
  }

  #remove(member: Member): void {
    this.#forget(member)
    if (this.#state === 'PreparingRebalance') this.#completeJoinsIfAllAreHere()
    else if (this.#state !== 'Empty') this.#prepareRebalance()
  }

  #forget(member: Member): void {
    member.cancelSession()
    member.answerJoin?.(refusedJoin('UNKNOWN_MEMBER_ID', member.id))
    member.answerSync?.(refusedSync('UNKNOWN_MEMBER_ID'))
    this.#members.delete(member.id)
    if (this.#leaderId === member.id) this.#leaderId = null
  }

  #dropPending(memberId: string): void {
    this.#pendingIds.get(memberId)?.()
    this.#pendingIds.delete(memberId)
    if (this.#state === 'PreparingRebalance') this.#completeJoinsIfAllAreHere()
  }

  #rebalanceTimeoutMs(): number {
    return Math.max(0, ...this.members().map((m) => m.rebalanceTimeoutMs))
  }

  #joinAnswer(member: Member): JoinAnswer {
    const isLeader = member.id === this.#leaderId
    return {
      errorCode: errorCodes.NONE,
      memberId: member.id,
      generationId: this.#generationId,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#leaderId ?? '',
      members: isLeader
        ? this.members().map((m) => ({
            memberId: m.id,
            groupInstanceId: m.groupInstanceId,
            metadata: this.metadataOf(m)
          }))
        : []
    }
  }

  #syncAnswer(member: Member): SyncAnswer {
    return {
      errorCode: errorCodes.NONE,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      assignment: member.assignment
    }
  }
}

function supportedByAll(members: readonly Member[], name: string): boolean {
  return members.every((m) => m.protocols.some((p) => p.name === name))
}

/** Each member votes for the first of its protocols that all have; the most votes win, on a tie the first named. */
function voteProtocol(members: readonly Member[]): string {
  const votes = new Map<string, number>()
  for (const member of members) {
    const choice = member.protocols.find((p) => supportedByAll(members, p.name))!.name
    votes.set(choice, (votes.get(choice) ?? 0) + 1)
  }
  return [...votes].reduce((best, next) => (next[1] > best[1] ? next : best))[0]
}

function sameProtocols(a: readonly MemberProtocol[], b: readonly MemberProtocol[]): boolean {
  return a.length === b.length && a.every((p, i) => p.name === b[i]!.name && p.metadata.equals(b[i]!.metadata))
}

function refusedSync(name: keyof typeof errorCodes): SyncAnswer {
  return { errorCode: errorCodes[name], protocolType: null, protocolName: null, assignment: nothing }
}

function refusedJoin(name: keyof typeof errorCodes, memberId: string): JoinAnswer {
  return {
    errorCode: errorCodes[name],
    memberId,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    members: []
  }
}

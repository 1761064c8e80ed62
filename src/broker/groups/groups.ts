/** All consumer groups of the embedded broker with the offsets they committed. It coordinates every one of them. */
import type { Clock } from '../../clock.ts'
import * as limits from '../limits.ts'
import { Group } from './group.ts'

export interface CommittedOffset {
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly metadata: string | null
}

interface Entry {
  readonly group: Group
  /** Topic, then partition. */
  readonly offsets: Map<string, Map<number, CommittedOffset>>
}

export class Groups {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get(id: string): Group | null {
    return this.#entries.get(id)?.group ?? null
  }

  all(): Group[] {
    return [...this.#entries.values()].map((e) => e.group)
  }

  /** Null at the limit, when no group can be given up for it. */
  getOrCreate(id: string): Group | null {
    const existing = this.#entries.get(id)
    if (existing !== undefined) return existing.group
    if (this.#entries.size >= limits.maxGroups && !this.#dropIdle()) return null
    const group = new Group(id, this.#clock)
    this.#entries.set(id, { group, offsets: new Map() })
    return group
  }

  /** False at the limit of offsets per group. The group must exist. */
  commit(id: string, topic: string, partition: number, committed: CommittedOffset): boolean {
    const { offsets } = this.#entries.get(id)!
    const ofTopic = offsets.get(topic)
    if (ofTopic?.has(partition) !== true && this.#countOffsets(offsets) >= limits.maxGroupOffsets) return false
    if (ofTopic === undefined) offsets.set(topic, new Map([[partition, committed]]))
    else ofTopic.set(partition, committed)
    return true
  }

  committed(id: string, topic: string, partition: number): CommittedOffset | null {
    return this.#entries.get(id)?.offsets.get(topic)?.get(partition) ?? null
  }

  /** All that the group committed, as topic and its partitions. */
  committedPartitions(id: string): { topic: string; partitions: number[] }[] {
    const offsets = this.#entries.get(id)?.offsets ?? new Map<string, Map<number, CommittedOffset>>()
    return [...offsets].map(([topic, partitions]) => ({ topic, partitions: [...partitions.keys()] }))
  }

  delete(id: string): void {
    this.#entries.get(id)?.group.close()
    this.#entries.delete(id)
  }

  /** A topic that is gone takes the offsets committed for it along. */
  forgetTopic(topic: string): void {
    for (const { offsets } of this.#entries.values()) offsets.delete(topic)
  }

  close(): void {
    for (const { group } of this.#entries.values()) group.close()
  }

  #countOffsets(offsets: Entry['offsets']): number {
    return [...offsets.values()].reduce((sum, partitions) => sum + partitions.size, 0)
  }

  /** The oldest group without members and without offsets holds nothing anyone could miss. */
  #dropIdle(): boolean {
    for (const [id, { group, offsets }] of this.#entries) {
      if (group.state === 'Empty' && group.members().length === 0 && offsets.size === 0) {
        this.delete(id)
        return true
      }
    }
    return false
  }
}

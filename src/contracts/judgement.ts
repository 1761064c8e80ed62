/**
 * Judging a batch: the one interface between the produce path and the contracts. Whatever decides behind it (library
 * decoders today, compiled validators later) sees the bytes of the inflated batch and answers per record.
 */
import type { Mode } from './mode.ts'

/**
 * Where the records of one inflated batch lie. The wire layer implements it over reused arrays; nothing here is an
 * object per record. Must not change until the judging it was handed to is done.
 */
export interface RecordBytes {
  readonly count: number
  /** The inflated records section; every offset below is into it. */
  readonly bytes: Buffer
  /** Length of the key, -1 when the key is null. */
  keyLength(index: number): number
  keyStart(index: number): number
  /** Length of the value, -1 when the value is null (a tombstone). */
  valueLength(index: number): number
  valueStart(index: number): number
  /** Number of headers. */
  headerCount(index: number): number
  /** Calls back for each header in order; `valueLength` is -1 when the header's value is null. */
  forEachHeader(
    index: number,
    visit: (nameStart: number, nameLength: number, valueStart: number, valueLength: number) => void
  ): void
  /** The record's timestamp, epoch milliseconds. */
  timestampMs(index: number): number
}

/** Who sent the batch, as far as it is known. */
export interface Producer {
  readonly clientId: string | null
  /** `User:name`; null without authentication or before it is learned. */
  readonly principal: string | null
}

export interface BatchContext {
  readonly topic: string
  readonly partition: number
  readonly producer: Producer
}

/** One check broken by one record. */
export interface Violation {
  /** Id of the rule or built-in check: `amount-positive`, `schema`, `field:value.country`. */
  readonly rule: string
  /** Path of the field: `value.items[2].sku`, `key`, `headers.source`; empty when the record as a whole is meant. */
  readonly path: string
  /** For people; never contains the value. */
  readonly message: string
  readonly expected?: string
  readonly found?: string
  readonly docs?: string
  /** What the policy says is to happen for this check and this producer. */
  readonly mode: Exclude<Mode, 'off'>
}

/** A check that could not be decided. What is done about it is decided in `enforcement`, in one function. */
export interface Undecided {
  readonly rule: string
  readonly message: string
  /** The effective mode of the check that could not run. */
  readonly mode: Exclude<Mode, 'off'>
  readonly cause:
    | {
        readonly kind: 'schema-unavailable'
        readonly schemaId: number
        readonly failingSinceMs: number | null
        readonly changed: Promise<void>
      }
    | { readonly kind: 'rule-error' }
    | { readonly kind: 'rule-not-applicable' }
}

export interface RecordJudgement {
  /** Index of the record in the batch. */
  readonly index: number
  readonly violations: readonly Violation[]
  readonly undecided: readonly Undecided[]
}

export interface BatchJudgement {
  readonly recordCount: number
  /**
   * Only the records that are not clean, in ascending order of index. A batch with many of them that breaks an enforced
   * check is not judged to its end.
   */
  readonly records: readonly RecordJudgement[]
  /** How many more are not clean, beyond those listed: nothing about them could change what becomes of the batch. */
  readonly unlisted: number
  /** False when so many records were bad that the rest was not looked at. */
  readonly judgedToEnd: boolean
  /** How many records the compiled contract did not accept at once, so that the reference had to look. */
  readonly examined: number
}

/** One batch being judged, in as many turns as it takes; all of them see the same schemas and share the same bounds. */
export interface Judging {
  /**
   * Judges on. Asks `shouldPause` every few records, and stops when it says so. Never throws.
   *
   * @returns true when all is judged
   */
  advance(shouldPause: () => boolean): boolean
  /** To be asked once `advance` has returned true. */
  result(): BatchJudgement
}

/** The compiled contract of one topic under one policy version. Immutable; a reload makes a new one. */
export interface TopicContract {
  readonly policy: PolicyReference
  /** Action for what cannot be decided, before it is weakened by the mode of the check concerned. */
  readonly onUndecidable: 'accept' | 'mark' | 'quarantine' | 'reject'
  /**
   * The strongest mode any check can reach for this producer. `off`: judging is pointless. Below `quarantine`: the
   * records must never be delayed, answered or refused ("watching never disturbs").
   */
  strongestMode(producer: Producer): Mode
  /** The effective mode of one built-in check (`envelope`, `schema-id`, ...) for this producer. */
  modeOf(check: string, producer: Producer): Mode
  /** True when some bad record of this producer would go to quarantine. */
  quarantines(producer: Producer): boolean
  /** Begins to judge a batch. Waits for nothing: what is not known now is `undecided`. Never throws on any input. */
  open(records: RecordBytes, context: BatchContext): Judging
  /** Where bad records of this topic go in mode `quarantine`. */
  quarantineOf(topic: string): QuarantineTarget
  /** Judges in one go, for a few records: `open` with no pause. */
  judge(records: RecordBytes, context: BatchContext): BatchJudgement
}

/** The `quarantine:` part of a policy, for one topic. */
export interface QuarantineTarget {
  readonly topic: string
  /** `drop-tagged`: values with fields that the schema tags as sensitive are not kept as they are. */
  readonly values: 'keep' | 'drop-tagged'
  /**
   * With `drop-tagged`: what may be kept of a value. The same buffer when that is all of it, null when it is nothing;
   * nothing, too, where it is not known what the schema tags. Absent: nothing.
   */
  readonly keptOf?: (value: Buffer) => Buffer | null
  /** What becomes of a transaction's batch with bad records; `reject` unless the policy opts in. */
  readonly transactions: 'reject' | 'quarantine'
  /** How the topic is created when it is missing; null: it is not. */
  readonly create: {
    /** `same`: as many as the origin has. */
    readonly partitions: 'same' | number
    /** -1: the broker's default. */
    readonly replicationFactor: number
    readonly retentionMs: number
    /** Lowered to max(1, replication factor - 1). */
    readonly minInsyncReplicas: number
  } | null
}

export interface PolicyReference {
  /** File name without its extension, relative to the policies folder: `orders`, `shop/orders`. */
  readonly name: string
  /** 12 hex digits. */
  readonly version: string
  /** Path of the file as the user would type it, for messages. */
  readonly file: string
}

/** All contracts in force. Immutable; swapped whole on a reload. */
export interface ContractSet {
  /** The contract for a topic by the most literal match, or null when no policy names it. */
  forTopic(topic: string): TopicContract | null
  readonly policies: readonly PolicyReference[]
}

/**
 * What the admin server may see of the instance it stands in, and nothing more: it never holds the proxy itself. All
 * of it is plain data, ready to be sent; nothing here contains a record's contents.
 */
import type { Diagnostic } from '../contracts/diagnostic.ts'
import type { CheckPlace } from '../contracts/policy/check-place.ts'
import type { Mode } from '../contracts/mode.ts'
import type { ProducerActivity, TopicActivity } from '../observability/activity.ts'
import type { Scrape } from '../observability/metrics.ts'
import type { Page, RefusalEntry, RefusalQuery } from '../observability/refusal-journal.ts'
import type { ConnectionInfo } from '../proxy/events.ts'
import type { QuarantineView } from './quarantine-view.ts'

/** Something that is not as it should be, in words; with 200 as well as with 503. */
export interface Condition {
  /**
   * Stable, kebab-case: `starting`, `draining`, `upstream-gone`, `registry-down`, `policy-failing`,
   * `broker-without-port`.
   */
  readonly code: string
  readonly message: string
}

export interface Readiness {
  readonly ready: boolean
  /** Why not; empty exactly when `ready`. Only starting, draining, or no broker reachable may stand here. */
  readonly reasons: readonly Condition[]
  /** What else is wrong, without making the instance useless: a registry outage, a policy file that does not load. */
  readonly details: readonly Condition[]
}

export interface PolicyView {
  readonly name: string
  /** 12 hex digits; null when no version of it ever loaded. */
  readonly version: string | null
  readonly file: string
  /** As written: names and globs. */
  readonly topics: readonly string[]
  /** The file's mode. */
  readonly mode: Mode
  readonly owner: string | null
  /** `ok`; `last-good`: the file does not load now, an earlier version is in force; `failed`: nothing is in force. */
  readonly state: 'ok' | 'last-good' | 'failed'
  /** What is wrong with the file now; empty when `ok`. */
  readonly diagnostics: readonly Diagnostic[]
}

/** A topic that was produced to since the start. */
export interface TopicView extends TopicActivity {
  /** `orders@3f2a91c04b7e`; null for a topic without a policy. */
  readonly policy: string | null
}

export type ProducerView = ProducerActivity

export type ConnectionView = ConnectionInfo

export interface StatusView {
  readonly version: string
  readonly startedAtMs: number
  readonly readiness: Readiness
  readonly upstream: {
    readonly reachable: boolean
    readonly brokers: readonly BrokerView[]
  }
  readonly policies: { readonly inForce: number; readonly failing: number }
  /** Null without a registry. */
  readonly registry: { readonly url: string; readonly reachable: boolean | null; readonly cachedSchemas: number } | null
  readonly connections: number
  readonly inflightBytes: number
}

export interface BrokerView {
  readonly nodeId: number
  /** `host:port` of the broker itself. */
  readonly address: string
  /** `host:port` that clients are told; null when no listener has a port for it. */
  readonly advertised: string | null
}

/** A record as an editor or CI describes it. Exactly one form of key and of value, or none for null. */
export interface JudgeRequest {
  readonly topic: string
  readonly partition?: number
  /** As text, or (for `value`) any JSON, which is encoded as the policy's format asks for. */
  readonly key?: unknown
  readonly keyHex?: string
  readonly value?: unknown
  readonly valueHex?: string
  /** A map, or a list of pairs where order and repetition matter. */
  readonly headers?: Readonly<Record<string, string>> | readonly (readonly [string, string | null])[]
  /** Epoch milliseconds; default: now. */
  readonly timestamp?: number
  readonly clientId?: string
  readonly principal?: string
}

export interface JudgedViolation {
  readonly rule: string
  readonly path: string
  readonly message: string
  readonly expected: string | null
  readonly found: string | null
  readonly mode: Mode
  readonly docs: string | null
}

export type JudgeAnswer =
  | {
      readonly ok: true
      /** Null: no policy names the topic, and `verdict` is what `defaultPolicy` says. */
      readonly policy: string | null
      /** `undecidable` is shown as such, not as what `onUndecidable` would make of it. */
      readonly verdict: 'accept' | 'observe' | 'mark' | 'quarantine' | 'reject' | 'undecidable'
      readonly violations: readonly JudgedViolation[]
      readonly undecided: readonly { readonly rule: string; readonly message: string }[]
    }
  /** The request itself cannot be judged: a value that the format cannot encode, bad hex. */
  | { readonly ok: false; readonly problem: string }

export interface PolicyCheckRequest {
  /** Name for messages and for relative paths; default `policy.yaml`. */
  readonly file?: string
  /** The YAML text. */
  readonly content: string
}

export interface PolicyCheckAnswer {
  readonly ok: boolean
  readonly diagnostics: readonly Diagnostic[]
}

export interface PlacedRefusal extends RefusalEntry {
  /** Where the rule stands in today's policy; null when it is not in it any more. */
  readonly place?: CheckPlace | null
}

/** What the words that a producer was given mean. */
export interface Explanation {
  /** Its name. */
  readonly policy: string
  /** The one the words name; null when they name none. */
  readonly version: string | null
  /** Null when there is no such policy any more. */
  readonly inForce: string | null
  readonly rule: string | null
  readonly path: string | null
  readonly place: CheckPlace | null
  /** The latest that this instance remembers of that rule, the newest first. */
  readonly refusals: readonly PlacedRefusal[]
}

export interface InstanceView {
  readiness(): Readiness
  status(): StatusView
  /** Cheap enough to be asked every few seconds; the server cuts the pages. */
  policies(): readonly PolicyView[]
  topics(): readonly TopicView[]
  producers(): readonly ProducerView[]
  connections(): readonly ConnectionView[]
  violations(query: RefusalQuery, skip: number, limit: number): Page<PlacedRefusal>
  /** Null when nothing in the text is of ours. */
  explain(text: string): Explanation | null
  scrape(accept: string | undefined): Promise<Scrape>
  /** Never changes anything. Must not read files other than those in the policies folder. */
  checkPolicy(request: PolicyCheckRequest): Promise<PolicyCheckAnswer>
  judge(request: JudgeRequest): Promise<JudgeAnswer>
  /** Null: this instance has nothing to do with it. */
  readonly quarantine: QuarantineView | null
}

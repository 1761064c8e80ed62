/**
 * What a load can look like, and the ways it can take from the generator to the broker. The ways of a suite take turns;
 * every figure is read against those of its own suite.
 */
import type { Codec } from '../protocol/records/batch.ts'
import type { Payload } from './payloads.ts'

/** How a producer behaves. */
export interface Load {
  readonly payload: Payload
  /** See `BatchSpec`. */
  readonly noteBytes: number | null
  readonly codec: Codec
  readonly recordsPerBatch: number
  /** Batches over all topics and partitions; of the first, warming run a tenth. */
  readonly batches: number
  /** Topics that the load is spread over, each with `partitions` partitions. */
  readonly topics: number
  readonly partitions: number
  /** Each has a share of the partitions, or several share a partition. */
  readonly connections: number
  /** Requests under way per connection. */
  readonly inflight: number
  /** With a producer id and counted sequences, acks=all; otherwise without, acks=1. */
  readonly idempotent: boolean
  /** Share of the records that break the contract, 0 to 1. */
  readonly bad: number
  /** Records per second, sent by the clock whatever has been answered; null: as fast as they are answered. */
  readonly rate: number | null
}

export const usual: Load = {
  payload: 'avro',
  noteBytes: null,
  codec: 'none',
  recordsPerBatch: 200,
  batches: 3_000,
  topics: 1,
  partitions: 6,
  connections: 6,
  inflight: 5,
  idempotent: false,
  bad: 0,
  rate: null
}

/** One way from the load generator to the broker. */
export interface Way {
  /** Which of the suite's lines it belongs to: `direct`, `opaque`, `judged`, ... */
  readonly name: string
  /** What the suite varies, at this way; empty where it varies nothing. */
  readonly point: string
  /** Its topic, or the beginning of their names where the load has several. No two suites share one. */
  readonly topic: string
  /** Straight to the broker, through the instance of that name, or through another gateway (`--also`). */
  readonly route: 'direct' | { readonly instance: string } | { readonly also: string }
  readonly load: Load
  /** Where the bad records are to be found afterwards; null where none goes there. */
  readonly quarantineTopic: string | null
}

export interface Column {
  readonly title: string
  /** The way whose throughput this one's is divided by; null where it means nothing. */
  readonly to: (way: Way, ways: readonly Way[]) => Way | null
}

export interface Suite {
  readonly name: string
  readonly title: string
  /** What is varied, and what the producer does, in a sentence or two. */
  readonly text: string
  readonly ways: readonly Way[]
  readonly ratios: readonly Column[]
}

/** The way without a proxy that the same load takes. */
export const toDirect: Column = {
  title: 'x direct',
  to: (way, ways) =>
    ways.find(
      ({ name, point, load }) => name.startsWith('direct') && point === way.point && sameLoad(load, way.load)
    ) ?? null
}

function sameLoad(a: Load, b: Load): boolean {
  return a.payload === b.payload && a.idempotent === b.idempotent
}

/** Names of the topics of a way. */
export function topicsOf({ topic, load }: Pick<Way, 'topic' | 'load'>): readonly string[] {
  return load.topics === 1 ? [topic] : Array.from({ length: load.topics }, (_, i) => `${topic}-${i}`)
}

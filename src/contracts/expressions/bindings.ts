/** One record as expressions read it. */
import type { Timestamp, Value } from '../value.ts'

/**
 * Getters may decode on first use; each is read at most once per evaluation. What a getter throws becomes an error of
 * the expression: the message of a `BindingError` is shown, that of anything else is not.
 */
export interface Bindings {
  /** Null for a null key. */
  readonly key: Value
  /** Null for a tombstone. */
  readonly value: Value
  /** The last value of each name. A `HeaderMap` can hold one that is not UTF-8. */
  readonly headers: ReadonlyMap<string, string>
  readonly timestamp: Timestamp
  readonly topic: string
  readonly partition: bigint
  /**
   * All values of that name in order, without those that are null. Calls `pay` with the number of headers before it
   * reads them, which it does once per record.
   */
  headerValues(name: string, pay: (headers: number) => void): readonly Uint8Array[]
}

/** Reads a variable of the record; the names are those of the policy file. */
export const readers: ReadonlyMap<string, (bindings: Bindings) => Value | ReadonlyMap<string, string>> = new Map<
  string,
  (bindings: Bindings) => Value | ReadonlyMap<string, string>
>([
  ['key', (bindings) => bindings.key],
  ['value', (bindings) => bindings.value],
  ['headers', (bindings) => bindings.headers],
  ['timestamp', (bindings) => bindings.timestamp],
  ['topic', (bindings) => bindings.topic],
  ['partition', (bindings) => bindings.partition]
])

/**
 * What expressions read of one record. One object serves all records of a batch; headers are opened only by a rule that
 * reads them, and only once per record.
 */
import { isUtf8 } from 'node:buffer'
import type { Bindings } from './expressions/bindings.ts'
import { HeaderMap } from './expressions/headers.ts'
import type { RecordBytes } from './judgement.ts'
import { Timestamp } from './value.ts'
import type { Value } from './value.ts'

export class RecordBindings implements Bindings {
  key: Value = null
  value: Value = null
  readonly topic: string
  readonly partition: bigint
  readonly #records: RecordBytes
  #index = 0
  #headers: HeaderMap | null = null
  #headerValues: ReadonlyMap<string, readonly Uint8Array[]> | null = null

  constructor(records: RecordBytes, topic: string, partition: number) {
    this.#records = records
    this.topic = topic
    this.partition = BigInt(partition)
  }

  startRecord(index: number): void {
    this.#index = index
    this.#headers = null
    this.#headerValues = null
    this.key = null
    this.value = null
  }

  get timestamp(): Timestamp {
    const epochMs = this.#records.timestampMs(this.#index)
    const seconds = Math.floor(epochMs / 1000)
    return new Timestamp(BigInt(seconds), (epochMs - seconds * 1000) * 1_000_000)
  }

  get headers(): HeaderMap {
    this.#headers ??= this.#readHeaders()
    return this.#headers
  }

  headerValues(name: string, pay: (headers: number) => void): readonly Uint8Array[] {
    if (this.#headerValues === null) {
      pay(this.#records.headerCount(this.#index))
      this.#headerValues = this.#readHeaderValues()
    }
    return this.#headerValues.get(Buffer.from(name).toString('latin1')) ?? []
  }

  /** By the bytes of the name, one character each: two names that are not UTF-8 are still two names. */
  #readHeaderValues(): Map<string, Uint8Array[]> {
    const byName = new Map<string, Uint8Array[]>()
    const records = this.#records
    const { bytes } = records
    records.forEachHeader(this.#index, (nameStart, nameLength, valueStart, valueLength) => {
      if (valueLength < 0) return
      const name = bytes.toString('latin1', nameStart, nameStart + nameLength)
      const value = bytes.subarray(valueStart, valueStart + valueLength)
      const values = byName.get(name)
      if (values === undefined) byName.set(name, [value])
      else values.push(value)
    })
    return byName
  }

  #readHeaders(): HeaderMap {
    const headers = new HeaderMap()
    const records = this.#records
    const { bytes } = records
    records.forEachHeader(this.#index, (nameStart, nameLength, valueStart, valueLength) => {
      const name = bytes.toString('utf8', nameStart, nameStart + nameLength)
      if (valueLength < 0) {
        // A null is no text; as with fields, what is null is absent.
        headers.delete(name)
      } else if (isUtf8(bytes.subarray(valueStart, valueStart + valueLength))) {
        headers.set(name, bytes.toString('utf8', valueStart, valueStart + valueLength))
      } else {
        headers.setUnreadable(name)
      }
    })
    return headers
  }
}

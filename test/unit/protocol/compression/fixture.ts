/** Fixtures are hex text under a line that says where the bytes come from. */
import { readFileSync } from 'node:fs'
import { MalformedBatchError } from '../../../../protocol/records/malformed-batch-error.ts'
import type { MalformedBatchReason } from '../../../../protocol/records/malformed-batch-error.ts'

export function fixture(path: string): Buffer {
  const text = readFileSync(new URL(`../../../fixtures/${path}.hex`, import.meta.url), 'utf8')
  return Buffer.from(text.replace(/^#.*$/gm, '').replace(/\s/g, ''), 'hex')
}

/** What a call that must refuse its input said; anything but a refusal fails the test. */
export function refusalOf(call: () => unknown): MalformedBatchError {
  try {
    call()
  } catch (error) {
    if (error instanceof MalformedBatchError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

export function reasonOf(call: () => unknown): MalformedBatchReason {
  return refusalOf(call).reason
}

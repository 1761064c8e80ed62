/** The three ways in which compressed records are refused, worded in one place. */
import { MalformedBatchError } from '../records/malformed-batch-error.ts'

export function tooLarge(ceilingBytes: number): MalformedBatchError {
  return new MalformedBatchError('inflated-too-large', `the records decompress to more than ${ceilingBytes} bytes`)
}

export function undecodable(detail: string, cause?: unknown): MalformedBatchError {
  return new MalformedBatchError('undecodable-compression', detail, null, cause)
}

export function trailing(leftBytes: number, after: string): MalformedBatchError {
  return new MalformedBatchError('trailing-bytes', `${leftBytes} bytes follow ${after}`)
}

/** How the walkers leave a payload they cannot accept: thrown inside this folder, caught at each format's `decode`. */
import type { Decoded, PayloadFailure } from './format.ts'
import { formatPath } from './path.ts'
import type { PathSegment } from './path.ts'

export class PayloadRefusal extends Error {
  override readonly name = 'PayloadRefusal'
  readonly failure: PayloadFailure
  constructor(failure: PayloadFailure) {
    // Nobody reads where it was thrown, and taking down the stack costs several times what finding the fault did.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(failure.message)
    Error.stackTraceLimit = stackTraceLimit
    this.failure = failure
  }
}

export interface RefusalDetail {
  readonly message: string
  readonly expected?: string
  readonly found?: string
  readonly byteOffset?: number
}

export function refusal(path: readonly PathSegment[], detail: RefusalDetail): PayloadRefusal {
  return new PayloadRefusal({ path: formatPath(path), ...detail })
}

/** `1 byte left`, `5 bytes left`. */
export function bytesLeft(count: number): string {
  return count === 1 ? '1 byte left' : `${count} bytes left`
}

/** Runs a decoder; what it throws becomes failures. A fault of ours must not take the connection with it either. */
export function decodeSafely(decode: () => Decoded): Decoded {
  try {
    return decode()
  } catch (error) {
    if (error instanceof PayloadRefusal) return { ok: false, failures: [error.failure] }
    // Reached only if a limit above let the stack run out; the payload is refused, as every other one over a limit.
    if (error instanceof RangeError)
      return { ok: false, failures: [{ path: '', message: 'is too deep or too large to decode' }] }
    return { ok: false, failures: [{ path: '', message: 'cannot be decoded' }] }
  }
}

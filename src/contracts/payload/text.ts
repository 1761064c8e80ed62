/** The formats without a schema: text in UTF-8, and bytes. */
import { isUtf8 } from 'node:buffer'
import type { Decoded, PayloadFormat } from './format.ts'
import { firstInvalidUtf8 } from './utf8.ts'

/** Any valid UTF-8, the empty string included. */
export const stringFormat: PayloadFormat = {
  name: 'string',
  shape: { kind: 'string' },
  sensitive: 'nothing',
  decode(bytes, start, end): Decoded {
    if (isUtf8(bytes.subarray(start, end))) return { ok: true, value: bytes.toString('utf8', start, end) }
    return {
      ok: false,
      failures: [
        {
          path: '',
          message: 'is not valid UTF-8',
          expected: 'string in UTF-8',
          found: 'bytes',
          byteOffset: firstInvalidUtf8(bytes, start, end) - start
        }
      ]
    }
  }
}

/** Everything. The value is a view of the record's bytes, valid as long as they are. */
export const bytesFormat: PayloadFormat = {
  name: 'bytes',
  shape: { kind: 'bytes' },
  sensitive: 'nothing',
  decode: (bytes, start, end): Decoded => ({ ok: true, value: bytes.subarray(start, end) })
}

/** The formats without a schema: text in UTF-8, and bytes. */
import { isUtf8 } from 'node:buffer'
import { slotKind } from './compiled.ts'
import type { Compilable, CompiledPayload, ListVisit, NotCompiled, Slots, SlotPath } from './compiled.ts'
import type { Decoded, PayloadFormat } from './format.ts'
import { validUtf8 } from './generated/utf8.ts'
import { firstInvalidUtf8 } from './utf8.ts'

/** Any valid UTF-8, the empty string included. */
export const stringFormat: PayloadFormat & Compilable = {
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
  },
  compile: (paths, firstSlot, visits = []) =>
    compileWhole(paths, visits, (bytes, start, end, slots) => {
      if (end - start > longestTextBytes || !validUtf8(bytes, start, end)) return false
      noteWhole(slots, firstSlot, paths.length, slotKind.text, start, end)
      return true
    })
}

/** Everything. The value is a view of the record's bytes, valid as long as they are. */
export const bytesFormat: PayloadFormat & Compilable = {
  name: 'bytes',
  shape: { kind: 'bytes' },
  sensitive: 'nothing',
  decode: (bytes, start, end): Decoded => ({ ok: true, value: bytes.subarray(start, end) }),
  compile: (paths, firstSlot, visits = []) =>
    compileWhole(paths, visits, (_, start, end, slots) => {
      noteWhole(slots, firstSlot, paths.length, slotKind.bytes, start, end)
      return true
    })
}

/** Far below the longest string of V8, on which the reference gives up. */
const longestTextBytes = 64 * 1024 * 1024

function compileWhole(
  paths: readonly SlotPath[],
  visits: readonly ListVisit[],
  accepts: CompiledPayload['accepts']
): CompiledPayload | NotCompiled {
  // Without fields there is no path but the one to the payload as a whole.
  if (paths.some((path) => path.length > 0)) return { reason: 'a payload without a schema has no fields' }
  if (visits.length > 0) return { reason: 'a payload without a schema has no lists' }
  return { accepts, symbolsOf: () => null }
}

function noteWhole(slots: Slots, firstSlot: number, count: number, kind: number, start: number, end: number): void {
  for (let slot = firstSlot; slot < firstSlot + count; slot++) {
    slots.kinds[slot] = kind
    slots.starts[slot] = start
    slots.ends[slot] = end
  }
}

/** JSON without a schema: any strict JSON. Numbers are doubles, since nothing says which of them are integers. */
import type { Compilable } from './compiled.ts'
import type { Encoding } from './encode.ts'
import type { Decoded, PayloadFormat } from './format.ts'
import { limits } from './limits.ts'
import { decodeSafely } from './refusal.ts'
import { compileAnyJson } from './json/compiled/compile.ts'
import { parseJson } from './json/parse.ts'
import { toValue } from './json/value.ts'

export const jsonWithoutSchema: PayloadFormat & Encoding & Compilable = {
  name: 'json',
  shape: { kind: 'dyn' },
  sensitive: 'nothing',
  decode(bytes, start, end): Decoded {
    return decodeSafely(() => {
      const json = parseJson(bytes, start, end, { nesting: limits.payloadNesting.json, duplicateKeys: 'refuse' })
      return { ok: true, value: toValue(json, this.shape) }
    })
  },
  compile: compileAnyJson,
  encode: encodeJson
}

/** The bytes of a case's value, as `JSON.stringify` writes them. */
export function encodeJson(plain: unknown): Buffer | { readonly problem: string } {
  try {
    const text = JSON.stringify(plain) as string | undefined
    return text === undefined ? { problem: 'there is no such value in JSON' } : Buffer.from(text)
  } catch (error) {
    return { problem: `cannot be written as JSON: ${(error as Error).message}` }
  }
}

/** Code for values that are no containers: texts, numbers, words. */
import { slotKind } from '../../compiled.ts'
import { numberRead, powersOfTen, readInteger, readNumber, scanNumber } from './numbers.ts'
import type { Plan } from './plan.ts'
import { codePoints, plainAscii, scanSpecial, standsAt } from './scan.ts'
import type { SlotNode } from './slots.ts'
import { note } from './writer.ts'
import type { ValueWriter } from './writer.ts'

/** Texts of an `enum` up to which each is compared in place; of more a set is asked. */
const mostCompared = 64

/** Bytes of a text up to which it is compared in line. */
const longestInLine = 24

/** `p` is at the opening quote. */
export function writeString(writer: ValueWriter, plan: Plan, node: SlotNode | null): void {
  const { source } = writer
  const { strings, values } = plan
  const close = source.fresh('q')
  const slots = node?.slots ?? []
  const readsContent = values !== null || (strings !== null && strings.checks.length > 0)
  writePlainScan(writer, close, 'p+1')
  if (readsContent) source.line(`if(${close}<0)return -1;`)
  else if (slots.length === 0) source.line(`if(${close}<0){if(${close}=== -1)return -1;${close}=~${close}}`)
  else {
    const other = note(slots, slotKind.other)
    source.line(`if(${close}<0){if(${close}=== -1)return -1;${close}=~${close};${other}}else{`)
  }
  if (slots.length > 0) source.line(note(slots, slotKind.text, { starts: 'p+1', ends: close }))
  if (!readsContent && slots.length > 0) source.line('}')
  if (values !== null) writeListed(writer, values.strings, close)
  if (strings !== null) {
    writeLengths(writer, strings.minLength, strings.maxLength, close)
    for (const { inPlace, test } of strings.checks) {
      const asked = `${source.constant(asText)}(b,p+1,${close},${source.constant(test)})`
      const seen = inPlace === null ? '' : `!${source.constant(inPlace)}(b,p+1,${close})&&`
      source.line(`if(${seen}!${asked})return -1;`)
    }
  }
  source.line(`p=${close}+1;`)
}

/**
 * Scans to the closing quote: a loop in place for plain ASCII, because the engine keeps few calls of a long function in
 * line.
 */
function writePlainScan({ source }: ValueWriter, close: string, from: string): void {
  const plain = source.constant(plainAscii)
  source.line(`let ${close}=${from};while(${close}<e&&${plain}[b[${close}]]===1)${close}++;`)
  source.line(`if(${close}>=e||b[${close}]!==34)${close}=${source.constant(scanSpecial)}(b,${from},e);`)
}

/** A condition: these bytes stand at `at`, a place that is written as a sum, and end before `e`. */
function standsInLine(bytes: Uint8Array, at: string): string {
  return [`${at}+${bytes.length}<=e`, ...Array.from(bytes, (byte, i) => `b[${at}+${i}]===${byte}`)].join('&&')
}

/** Asks the reference's own check, for which the text has to be made. */
function asText(bytes: Buffer, start: number, close: number, test: (text: string) => boolean): boolean {
  return test(bytes.toString('utf8', start, close))
}

function writeListed({ source }: ValueWriter, texts: readonly string[], close: string): void {
  if (texts.length > mostCompared) {
    const listed = new Set(texts)
    const has = (text: string): boolean => listed.has(text)
    source.line(`if(!${source.constant(asText)}(b,p+1,${close},${source.constant(has)}))return -1;`)
    return
  }
  const byLength = Map.groupBy(
    texts.map((text) => Buffer.from(text)),
    (text) => text.length
  )
  source.line(`switch(${close}-p-1){`)
  for (const [length, same] of byLength) {
    const stands = same.map((text) =>
      length > longestInLine
        ? `${source.constant(standsAt)}(b,p+1,${close},${source.constant(text)})`
        : `(${standsInLine(text, 'p+1')})`
    )
    source.line(`case ${length}:if(!(${stands.join('||')}))return -1;break;`)
  }
  source.line('default:return -1}')
}

function writeLengths({ source }: ValueWriter, least: number, most: number, close: string): void {
  const count = `${source.constant(codePoints)}(b,p+1,${close})`
  // A code point takes one to four bytes, and twelve when it is escaped as two surrogates.
  if (least > 0) {
    const surely = `${close}-p-1<${source.constant(least * 12)}`
    source.line(`if(${surely}&&${count}<${source.constant(least)})return -1;`)
  }
  if (most < Infinity) {
    const surely = `${close}-p-1>${source.constant(most)}`
    source.line(`if(${surely}&&${count}>${source.constant(most)})return -1;`)
  }
}

/** `p` is at what may be a number. */
export function writeNumber(writer: ValueWriter, plan: Plan, node: SlotNode | null): void {
  const { source } = writer
  const { numbers, values } = plan
  const slots = node?.slots ?? []
  const isInteger = plan.integersOnly || node?.isInteger === true
  const readsValue = numbers !== null || values !== null || slots.length > 0
  const read = isInteger ? readInteger : readsValue ? readNumber : scanNumber
  const value = source.fresh('n')
  writeDigits(writer, value, source.constant(read), { isInteger, readsValue })
  if (!readsValue) return
  if (values !== null) {
    const equal = values.numbers.map((number) => `${value}===${source.constant(number)}`)
    if (equal.length > mostCompared) {
      source.line(`if(!${source.constant(new Set(values.numbers))}.has(${value}))return -1;`)
    } else source.line(`if(!(${equal.join('||')}))return -1;`)
  }
  if (numbers !== null) {
    const bound = (limit: number | null, operator: string): void => {
      if (limit !== null) source.line(`if(!(${value}${operator}${source.constant(limit)}))return -1;`)
    }
    bound(numbers.minimum, '>=')
    bound(numbers.maximum, '<=')
    bound(numbers.exclusiveMinimum, '>')
    bound(numbers.exclusiveMaximum, '<')
    if (numbers.multipleOf !== null) {
      const parts = `${value}/${source.constant(numbers.multipleOf)}`
      source.line(`if(!${source.constant(isWholeForAjv)}(${parts}))return -1;`)
    }
    if (numbers.format !== null) source.line(`if(!${source.constant(numbers.format)}(${value}))return -1;`)
  }
  if (slots.length > 0)
    source.line(note(slots, isInteger && node?.isInteger === true ? slotKind.int : slotKind.double, { numbers: value }))
}

/**
 * Few digits without a sign or an exponent in place, the rest by a call. An integer of nine digits is one that the
 * engine keeps in a register, and of fifteen digits one that a double holds.
 */
function writeDigits(
  { source }: ValueWriter,
  value: string,
  read: string,
  { isInteger, readsValue }: { readonly isInteger: boolean; readonly readsValue: boolean }
): void {
  const from = source.fresh('h')
  const places = source.fresh('c')
  const digits = readsValue
    ? `while(p<e&&b[p]>=48&&b[p]<=57)${value}=${value}*10+(b[p++]-48);`
    : 'while(p<e&&b[p]>=48&&b[p]<=57)p++;'
  source.line(`let ${value}=0,${places}=0;const ${from}=p;${digits}`)
  const mostDigits = isInteger ? 9 : 15
  const isOdd = [`p===${from}`, `p-${from}>${mostDigits}`, `b[${from}]===48&&p-${from}>1`]
  if (!isInteger) {
    source.line(`if(${isOdd.join('||')})${places}=-1;`)
    source.line(`else if(p<e&&b[p]===46){p++;${places}=p;${digits}${places}=p-${places};`)
    source.line(`if(${places}===0||p-${from}>${mostDigits + 1})${places}=-1;}`)
    isOdd.splice(0, 3, `${places}<0`)
  }
  const goesOn = `p<e&&(b[p]===46||(b[p]|32)===101)`
  source.line(`if(${isOdd.join('||')}||${goesOn}){p=${read}(b,${from},e);if(p<0)return -1;`)
  if (!readsValue) source.line('}')
  else {
    source.line(`${value}=${source.constant(numberRead)}[0];}`)
    if (!isInteger) source.line(`else if(${places}>0)${value}=${value}/${source.constant(powersOfTen)}[${places}];`)
  }
}

/** `ajv` compares with `parseInt`, which reads the first digit only of what is written with an exponent. */
function isWholeForAjv(parts: number): boolean {
  return Number.isInteger(parts) && Math.abs(parts) < 1e21
}

/** The words a plan takes, each with its first byte. */
export function writeWord(writer: ValueWriter, word: 'null' | 'true' | 'false', node: SlotNode | null): void {
  const { source } = writer
  const bytes = wordBytes[word]
  source.line(`if(!(${standsInLine(bytes, 'p')}))return -1;`)
  source.line(`p+=${bytes.length};`)
  if (node !== null && node.slots.length > 0) source.line(note(node.slots, slotKind[word]))
}

const wordBytes = { null: Buffer.from('null'), true: Buffer.from('true'), false: Buffer.from('false') } as const

/** `"%s costs %.2f".format([value.sku, value.price])`, of the strings extension. */
import { Decimal, Duration, Timestamp, Uint } from '../../value.ts'
import { CelType, Fault, Stop, isList, kindOf, withArticle } from '../cel.ts'
import type { Cel, Result } from '../cel.ts'
import { entriesOf, isMap } from '../compare.ts'
import { spend, spendCopy } from '../frame.ts'
import type { Frame } from '../frame.ts'
import { limits } from '../limits.ts'
import { formatDecimal } from '../numbers.ts'
import { formatDuration, formatTimestamp } from '../time.ts'

/** The most digits behind the point that JavaScript formats. */
const maxPrecision = 100

export function format(template: string, args: readonly Cel[], frame: Frame): Result {
  spendCopy(frame, template.length)
  let result = ''
  let end = 0
  let used = 0
  for (const match of template.matchAll(/%(?:%|(?:\.(\d{0,4}))?([A-Za-z])|)/g)) {
    const [placeholder, precisionText, verb] = match
    result += template.slice(end, match.index)
    end = match.index + placeholder.length
    if (placeholder === '%%') {
      result += '%'
      continue
    }
    if (verb === undefined) return new Fault('format(): a "%" must be followed by one of s, d, f, e, x, X, o, b or %')
    if (used >= args.length) return new Fault('format(): there are fewer arguments than placeholders')
    const precision = precisionText === undefined ? 6 : Number(precisionText)
    if (precision > maxPrecision) return new Fault(`format(): more than ${maxPrecision} digits were asked for`)
    const text = formatOne(verb, args[used++]!, precision, frame)
    if (text instanceof Fault) return text
    spendCopy(frame, text.length)
    result += text
  }
  if (used < args.length) return new Fault('format(): there are more arguments than placeholders')
  return result + template.slice(end)
}

function formatOne(verb: string, value: Cel, precision: number, frame: Frame): string | Fault {
  switch (verb) {
    case 's':
      return formatText(value, frame, 0)
    case 'd':
      return formatInteger(value, 10) ?? specialText(value) ?? unsuitable(verb, value)
    case 'f':
      return formatFixed(value, precision, frame) ?? unsuitable(verb, value)
    case 'e':
      return formatScientific(value, precision) ?? unsuitable(verb, value)
    case 'x':
      return formatHex(value, frame) ?? unsuitable(verb, value)
    case 'X':
      return formatHex(value, frame)?.toUpperCase() ?? unsuitable(verb, value)
    case 'o':
      return formatInteger(value, 8) ?? unsuitable(verb, value)
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : (formatInteger(value, 2) ?? unsuitable(verb, value))
    default:
      return new Fault(`format(): "%${verb}" is not one of %s, %d, %f, %e, %x, %X, %o, %b`)
  }
}

function unsuitable(verb: string, value: Cel): Fault {
  return new Fault(`format(): "%${verb}" cannot take ${withArticle(kindOf(value))}`)
}

function specialText(value: Cel): string | null {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : null
}

function formatInteger(value: Cel, base: number): string | null {
  if (typeof value === 'bigint') return value.toString(base)
  return value instanceof Uint ? value.value.toString(base) : null
}

function numberOf(value: Cel): number | null {
  if (typeof value === 'number') return value
  if (value instanceof Decimal) return Number(formatDecimal(value))
  // What string(double) gives for these comes back as a number.
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : null
}

const fixedFormats: Intl.NumberFormat[] = []

function formatFixed(value: Cel, precision: number, frame: Frame): string | null {
  const number = numberOf(value)
  if (number === null || !Number.isFinite(number)) return number === null ? null : String(number)
  spend(frame, 100)
  // Not toFixed: ties go to the even digit.
  fixedFormats[precision] ??= new Intl.NumberFormat('en-US', {
    minimumFractionDigits: precision,
    maximumFractionDigits: precision,
    roundingMode: 'halfEven',
    useGrouping: false
  })
  return fixedFormats[precision].format(number)
}

function formatScientific(value: Cel, precision: number): string | null {
  const number = numberOf(value)
  if (number === null || !Number.isFinite(number)) return number === null ? null : String(number)
  return number.toExponential(precision).replace(/[+-]\d$/, (exponent) => `${exponent[0]!}0${exponent[1]!}`)
}

function formatHex(value: Cel, frame: Frame): string | null {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) return formatInteger(value, 16)
  spendCopy(frame, value.length * 2)
  const bytes =
    typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length)
  return bytes.toString('hex')
}

const lenientUtf8 = new TextDecoder()

function formatText(value: Cel, frame: Frame, depth: number): string | Fault {
  spend(frame, 2)
  if (depth > limits.valueNesting) throw new Stop('format(): the value is nested too deeply')
  if (typeof value !== 'object' || value === null) return String(value)
  if (value instanceof Uint) return String(value.value)
  if (value instanceof Decimal) return formatDecimal(value)
  if (value instanceof Timestamp) return formatTimestamp(value)
  if (value instanceof Duration) return formatDuration(value)
  if (value instanceof CelType) return value.name
  if (value instanceof Uint8Array) return lenientUtf8.decode(value)
  if (isList(value)) return formatAll(value, frame, depth, (texts) => `[${texts.join(', ')}]`)
  return isMap(value) ? formatMap([...entriesOf(value)], frame, depth) : new Fault('format(): unknown type')
}

function formatMap(entries: readonly (readonly [Cel, Cel])[], frame: Frame, depth: number): string | Fault {
  return formatAll(entries.flat(), frame, depth, (texts) => {
    const pairs = entries.map((_, index) => [texts[index * 2]!, texts[index * 2 + 1]!] as const)
    pairs.sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${pairs.map(([key, value]) => `${key}: ${value}`).join(', ')}}`
  })
}

function formatAll(
  values: readonly Cel[],
  frame: Frame,
  depth: number,
  combine: (texts: readonly string[]) => string
): string | Fault {
  const texts: string[] = []
  let length = 0
  for (const value of values) {
    const text = formatText(value, frame, depth + 1)
    if (text instanceof Fault) return text
    length += text.length + 2
    texts.push(text)
  }
  spendCopy(frame, length)
  return combine(texts)
}

/** Arithmetic. int and uint overflow is an error; kinds are not mixed, as CEL says: `double(value.count) * 1.5`. */
import { Uint } from '../../value.ts'
import { Fault } from '../cel.ts'
import type { Result } from '../cel.ts'
import { spendCopy } from '../frame.ts'
import { addDecimals, checkedInt, checkedUint, multiplyDecimals, negateDecimal, subtractDecimals } from '../numbers.ts'
import { addDurations, addToTimestamp, subtractDurations, subtractFromTimestamp, timeBetween } from '../time.ts'
import { dyn, listOf, scalar } from '../types.ts'
import { define } from './define.ts'
import type { Overload } from './define.ts'

const int = scalar('int')
const uint = scalar('uint')
const double = scalar('double')
const decimal = scalar('decimal')
const timestamp = scalar('timestamp')
const duration = scalar('duration')

const divisionByZero = new Fault('division by zero')

function whenNotZero(divisor: bigint, quotient: () => Result): Result {
  return divisor === 0n ? divisionByZero : quotient()
}

export const operators: readonly Overload[] = [
  define('operator', '_+_', ['int', 'int'], int, ([a, b]) => checkedInt(a + b)),
  define('operator', '_+_', ['uint', 'uint'], uint, ([a, b]) => checkedUint(a.value + b.value)),
  define('operator', '_+_', ['double', 'double'], double, ([a, b]) => a + b),
  define('operator', '_+_', ['decimal', 'decimal'], decimal, ([a, b]) => addDecimals(a, b)),
  define('operator', '_+_', ['timestamp', 'duration'], timestamp, ([a, b]) => addToTimestamp(a, b)),
  define('operator', '_+_', ['duration', 'timestamp'], timestamp, ([a, b]) => addToTimestamp(b, a)),
  define('operator', '_+_', ['duration', 'duration'], duration, ([a, b]) => addDurations(a, b)),
  define('operator', '_+_', ['string', 'string'], scalar('string'), ([a, b], frame) => {
    spendCopy(frame, a.length + b.length)
    return a + b
  }),
  define('operator', '_+_', ['bytes', 'bytes'], scalar('bytes'), ([a, b], frame) => {
    spendCopy(frame, a.length + b.length)
    return new Uint8Array(Buffer.concat([a, b]))
  }),
  define('operator', '_+_', ['list', 'list'], listOf(dyn), ([a, b], frame) => {
    spendCopy(frame, (a.length + b.length) * 8)
    return [...a, ...b]
  }),

  define('operator', '_-_', ['int', 'int'], int, ([a, b]) => checkedInt(a - b)),
  define('operator', '_-_', ['uint', 'uint'], uint, ([a, b]) => checkedUint(a.value - b.value)),
  define('operator', '_-_', ['double', 'double'], double, ([a, b]) => a - b),
  define('operator', '_-_', ['decimal', 'decimal'], decimal, ([a, b]) => subtractDecimals(a, b)),
  define('operator', '_-_', ['timestamp', 'timestamp'], duration, ([a, b]) => timeBetween(a, b)),
  define('operator', '_-_', ['timestamp', 'duration'], timestamp, ([a, b]) => subtractFromTimestamp(a, b)),
  define('operator', '_-_', ['duration', 'duration'], duration, ([a, b]) => subtractDurations(a, b)),

  define('operator', '_*_', ['int', 'int'], int, ([a, b]) => checkedInt(a * b)),
  define('operator', '_*_', ['uint', 'uint'], uint, ([a, b]) => checkedUint(a.value * b.value)),
  define('operator', '_*_', ['double', 'double'], double, ([a, b]) => a * b),
  define('operator', '_*_', ['decimal', 'decimal'], decimal, ([a, b]) => multiplyDecimals(a, b)),

  define('operator', '_/_', ['int', 'int'], int, ([a, b]) => whenNotZero(b, () => checkedInt(a / b))),
  define('operator', '_/_', ['uint', 'uint'], uint, ([a, b]) =>
    whenNotZero(b.value, () => new Uint(a.value / b.value))
  ),
  define('operator', '_/_', ['double', 'double'], double, ([a, b]) => a / b),

  define('operator', '_%_', ['int', 'int'], int, ([a, b]) => whenNotZero(b, () => a % b)),
  define('operator', '_%_', ['uint', 'uint'], uint, ([a, b]) =>
    whenNotZero(b.value, () => new Uint(a.value % b.value))
  ),

  define('operator', '-_', ['int'], int, ([a]) => checkedInt(-a)),
  define('operator', '-_', ['double'], double, ([a]) => -a),
  define('operator', '-_', ['decimal'], decimal, ([a]) => negateDecimal(a))
]

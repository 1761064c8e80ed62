/** Random rules over the records of `random-records.ts`. */
import type { SeededRandom } from '../../../support/compiled-payload.ts'

const fieldsOfRecord = {
  int: ['value.i', 'value.j', 'value.r.n', 'value.q.n', 'partition', 'value.q["n"]'],
  uint: ['value.u'],
  double: ['value.d', 'value.e', 'value.r.m.x', 'value.q.m.x'],
  text: ['value.s', 'value.t', 'value.color', 'value.size', 'value.r.t', 'value.q.m.t', 'value.`odd name`', 'topic'],
  bool: ['value.f', 'value.g', 'value.r.b', 'value.q.b'],
  time: ['value.at', 'value.then', 'timestamp'],
  decimal: ['value.dec', 'value.fine', 'value.dec'],
  any: [
    'value.x',
    'value.y',
    'key',
    'value.x.n',
    'key.a',
    'value.raw',
    'value.l',
    'value.dec',
    'dyn(value.i)',
    'value.y.m.t'
  ]
} as const

type Sort = keyof typeof fieldsOfRecord

/** Of each sort; none where expressions cannot be about one. */
type Fields = Readonly<Record<Sort, readonly string[]>>

const testedInRecord = [
  'value.i',
  'value.r',
  'value.r.n',
  'value.r.m.x',
  'value.q.m.t',
  'value.x.n',
  'value.x',
  'key.a.b'
]

interface Names {
  readonly fields: Fields
  /** For `has()`. */
  readonly tested: readonly string[]
}

const ofRecord: Names = { fields: fieldsOfRecord, tested: testedInRecord }

const ofRow: Names = {
  fields: {
    int: ['v.n', 'v.k', 'v.m.n'],
    uint: ['v.u'],
    double: ['v.d', 'v.m.m.x'],
    text: ['v.t', 'v.c', 'v.m.t'],
    bool: ['v.b', 'v.m.b'],
    time: ['v.at'],
    decimal: ['v.dec'],
    any: ['v.x', 'v.x.n', 'v']
  },
  tested: ['v.n', 'v.k', 'v.m', 'v.m.n', 'v.x', 'v.x.n']
}

const scalar = { int: ['v'], uint: ['v'], double: ['v'], text: ['v'], bool: ['v'], time: ['v'], decimal: ['v'] }

/** Lists, and what can be said of their items. */
const loops: readonly (readonly [string, Names])[] = [
  ['value.rows', ofRow],
  ['value.rows', ofRow],
  ['value.tags', { fields: { ...scalar, any: ['v'] }, tested: ['v.n'] }],
  ['value.l', { fields: { ...scalar, any: ['v', 'v.n'] }, tested: ['v.n'] }],
  ['value.x', { fields: { ...scalar, any: ['v', 'v.n'] }, tested: ['v.n'] }]
]

const constants: Fields = {
  decimal: [
    'decimal("1.5")',
    'decimal("0.00")',
    'decimal("-0.5")',
    'decimal("1.55")',
    'decimal("1e30")',
    '1',
    '1u',
    '1.5',
    '0.1',
    '-2.05',
    'double("NaN")',
    'double("inf")',
    '1e300'
  ],
  int: [
    '0',
    '1',
    '-1',
    '2',
    '3',
    '7',
    '100',
    '9007199254740991',
    '9007199254740993',
    '1152921504606846976',
    'size("ab")'
  ],
  uint: ['0u', '1u', '7u', '100u'],
  double: ['0.0', '-0.0', '1.0', '2.5', '0.1', '1e300', 'double("NaN")', 'double("inf")', '-7.5'],
  text: ['""', '"a"', '"ab"', '"RED"', '"S"', '"größe"', '"😀"', '"b"', '"a" + "b"', '"shop.orders.v1"', '"\\uffff"'],
  bool: ['true', 'false'],
  time: ['timestamp("2026-01-01T00:00:00Z")', 'timestamp(0)', 'timestamp("2026-01-01T00:00:00.000001Z")'],
  any: ['null', '1', '"a"', 'true', '2.5', '1u']
}

/** In fields whose type the schema does not say, and in texts. */
const moments = [
  'timestamp("2026-01-01T00:00:00.25Z")',
  'timestamp(value.s)',
  'timestamp(value.x)',
  'timestamp(value.q.m.t)',
  'timestamp(value.then)'
]

const spans = [
  'duration("1h")',
  'duration("250ms")',
  'duration("0s")',
  'duration("-90000h")',
  'duration("1us")',
  'duration(value.s)'
]

/** Writes expressions; most of them pass the check. */
export class ExpressionMaker {
  readonly #random: SeededRandom
  readonly #names: Names

  constructor(random: SeededRandom, names: Names = ofRecord) {
    this.#random = random
    this.#names = names
  }

  /** A condition about the items of a list. */
  #loop(): string {
    const random = this.#random
    const [list, names] = random.pick(loops)
    const body = new ExpressionMaker(random, names).condition(random.below(3))
    return `${list}.${random.pick(['all', 'exists', 'exists_one'])}(v, ${body})`
  }

  condition(depth: number): string {
    const random = this.#random
    const nested = (): string => this.condition(depth - 1)
    if (depth > 0 && random.chance(0.6)) {
      switch (random.below(7)) {
        case 0:
        case 1:
          return `(${nested()} && ${nested()})`
        case 2:
        case 3:
          return `(${nested()} || ${nested()})`
        case 4:
          return `!${nested()}`
        case 5:
          return `(${nested()} ? ${nested()} : ${nested()})`
        default:
          return `(${nested()} ${random.pick(['==', '!='])} ${random.chance(0.5) ? 'true' : nested()})`
      }
    }
    return `(${this.#names === ofRecord && random.chance(0.12) ? this.#loop() : this.#test()})`
  }

  #test(): string {
    const random = this.#random
    const sort = random.pick(Object.keys(fieldsOfRecord) as Sort[])
    switch (random.below(8)) {
      case 0:
      case 1:
        return `${this.#term(sort, 2)} ${random.pick(['<', '<=', '>', '>='])} ${this.#term(this.#like(sort), 2)}`
      case 2:
        return `${this.#term(sort, 1)} ${random.pick(['==', '!='])} ${this.#term(this.#like(sort), 1)}`
      case 3:
        return `${this.#field(sort)} ${random.pick(['==', '!='])} null`
      case 4:
        return `${this.#term(sort, 1)} in [${this.#list(sort)}]`
      case 5:
        return `has(${random.pick(this.#names.tested)})`
      case 6:
        return this.#textTest()
      default:
        return this.#field(random.pick(['bool', 'bool', 'any']))
    }
  }

  #like(sort: Sort): Sort {
    if (this.#random.chance(0.85)) return sort
    return this.#random.pick(['any', 'int', 'double', 'uint', 'text'])
  }

  #list(sort: Sort): string {
    const length = this.#random.pick([0, 1, 2, 3, 12])
    return Array.from({ length }, () => this.#random.pick(constants[this.#like(sort)])).join(', ')
  }

  #textTest(): string {
    const random = this.#random
    const subject = this.#field(random.chance(0.8) ? 'text' : 'any')
    if (random.chance(0.25)) return `${subject}.matches("${random.pick(['^a', 'b$', '^[A-Z]+$', '.', '^$', '^a.b$'])}")`
    const name = random.pick(['startsWith', 'endsWith', 'contains'])
    return `${subject}.${name}(${random.chance(0.7) ? random.pick(constants.text) : this.#field('text')})`
  }

  #field(sort: Sort): string {
    return this.#random.pick(this.#names.fields[sort])
  }

  #term(sort: Sort, depth: number): string {
    const random = this.#random
    if (depth > 0 && random.chance(0.3)) return this.#computed(sort, depth - 1)
    return random.chance(0.6) ? this.#field(sort) : random.pick(constants[sort])
  }

  #computed(sort: Sort, depth: number): string {
    const random = this.#random
    const again = (): string => this.#term(sort, depth)
    switch (sort) {
      case 'int':
        if (random.chance(0.25)) return `size(${this.#field(random.pick(['text', 'any']))})`
        if (random.chance(0.2))
          return `int(${this.#term(random.pick(['double', 'uint', 'time', 'int', 'any']), depth)})`
        if (random.chance(0.1)) return this.#intOfText(again)
        if (random.chance(0.1)) return `(${this.#field('bool')} ? ${again()} : ${again()})`
        return random.chance(0.1)
          ? `-${this.#field(sort)}`
          : `(${again()} ${random.pick(['+', '-', '*', '/', '%'])} ${again()})`
      case 'uint':
        if (random.chance(0.3)) return `uint(${this.#term(random.pick(['double', 'int']), depth)})`
        return `(${again()} ${random.pick(['+', '-', '*', '/', '%'])} ${again()})`
      case 'double':
        if (random.chance(0.3)) return `double(${this.#term(random.pick(['int', 'uint', 'any']), depth)})`
        return random.chance(0.1)
          ? `-${this.#field(sort)}`
          : `(${again()} ${random.pick(['+', '-', '*', '/'])} ${again()})`
      case 'time':
        if (random.chance(0.5)) return random.pick(moments)
        return `(${again()} ${random.pick(['+', '-'])} ${random.pick(spans)})`
      case 'text':
        return this.#text(again)
      case 'any':
        return `(${again()} + ${again()})`
      default:
        return again()
    }
  }

  #text(again: () => string): string {
    const random = this.#random
    const int = (): string => this.#term('int', 0)
    switch (random.below(8)) {
      case 0:
        return `(${again()} + ${again()})`
      case 1:
        return `${again()}.${random.pick(['trim', 'lowerAscii', 'upperAscii', 'reverse'])}()`
      case 2:
        return `${again()}.replace(${again()}, "b")`
      case 3:
        return `${again()}.substring(${int()})`
      case 4:
        return `${again()}.charAt(${int()})`
      case 5:
        return `string(${this.#term(random.pick(['int', 'uint', 'bool', 'time', 'double']), 0)})`
      default:
        return `(${this.#field('bool')} ? ${again()} : ${again()})`
    }
  }

  #intOfText(again: () => string): string {
    const random = this.#random
    const time = this.#field('time')
    const name = random.pick(['getFullYear', 'getHours', 'getDayOfWeek', 'getMilliseconds'])
    return random.pick([
      `${this.#field('text')}.indexOf(${random.pick(constants.text)})`,
      `int(${this.#field('text')})`,
      `size(${this.#field('text')}.trim())`,
      `${time}.${name}()`,
      `${time}.${name}("+02:00")`,
      `(${time} - ${this.#field('time')}).getSeconds()`,
      `int(${again()})`
    ])
  }

  /** About the distance of two times. */
  spanCondition(): string {
    const random = this.#random
    const sign = random.pick(['<', '<=', '>', '==', '!='])
    return `${this.#term('time', 1)} - ${this.#field('time')} ${sign} ${random.pick(spans)}`
  }
}

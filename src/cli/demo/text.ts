/** What the demo says, made to fit into 80 columns. */
import type { RefusalEntry } from '../../observability/refusal-journal.ts'
import { columns, painter, printable, type Painter } from '../style.ts'
import { policyFile, topic } from './orders.ts'
import type { ProducerTally } from './tally.ts'

const width = 80
const indent = '                '

export interface Addresses {
  readonly broker: string
  readonly bootstrap: string
  /** `http://host:port`. */
  readonly admin: string
}

export class DemoText {
  readonly #paint: Painter
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void, colour: boolean) {
    this.#write = write
    this.#paint = painter(colour)
  }

  opening({ broker, bootstrap, admin }: Addresses): void {
    const paint = this.#paint
    this.#write(
      `\n${paint('bold', 'kontrakt demo')}: a broker in memory, kontrakt in front of it, three producers.\n\n` +
        columns([
          ['  broker', broker, paint('dim', 'holds the topic; nobody talks to it but kontrakt')],
          ['  kontrakt', bootstrap, paint('dim', 'the bootstrap.servers of every client here')],
          ['  admin', admin.replace('http://', ''), paint('dim', 'metrics, health, API')]
        ]) +
        `\n  The contract of topic ${topic} is in ${policyFile}.\n\n`
    )
  }

  heading(text: string): void {
    this.#write(`${this.#paint('bold', `  ${text}`)}\n`)
  }

  /** Wrapped, dim. */
  note(text: string): void {
    for (const line of wrap(text, width - 4)) this.#write(`${this.#paint('dim', `    ${line}`)}\n`)
  }

  gap(): void {
    this.#write('\n')
  }

  accepted(producer: string, order: string, offset: string): void {
    const verdict = this.#paint('green', 'accepted')
    this.#write(`    ${producer.padEnd(15)}${order.padEnd(12)}${verdict}  at offset ${offset}\n`)
  }

  refused(producer: string, order: string, told: string): void {
    const verdict = this.#paint('red', 'refused')
    this.#write(`    ${producer.padEnd(15)}${order.padEnd(12)}${verdict}   the client saw: ${printable(told)}\n`)
  }

  /** One rule that was broken: which, where, and what was expected and found. */
  reason({ rule, path, message, expected, found }: RefusalEntry): void {
    const where = path === '' ? '' : ` at ${printable(path)}`
    this.#write(`${indent}${this.#paint('yellow', printable(rule))}${where}\n`)
    // Many messages say both already; a rule's own message says neither.
    const missing = [
      ['expected', expected],
      ['found', found]
    ].filter(([, text]) => text != null && !message.includes(text))
    const details = missing.map(([name, text]) => `${name} ${text}`).join(', ')
    const all = details === '' ? message : `${message}; ${details}`
    for (const line of wrap(printable(all), width - indent.length - 2)) this.#write(`${indent}  ${line}\n`)
  }

  /** A record error of the protocol. */
  recordError(order: string, index: number, message: string): void {
    this.#write(`${indent}${this.#paint('yellow', `record ${index}`)} (${order})\n`)
    for (const line of wrap(printable(message), width - indent.length - 2)) this.#write(`${indent}  ${line}\n`)
  }

  table(tallies: readonly ProducerTally[]): void {
    const number = (n: number): string => String(n).padStart(8)
    const rows = tallies.map(
      (t) =>
        `  ${t.name.padEnd(15)}${t.client.padEnd(16)}` +
        `${number(t.sent)}${this.#number(t.accepted, 'green')}${this.#number(t.refused, 'red')}\n`
    )
    const head = `  ${'producer'.padEnd(15)}${'client'.padEnd(16)}${'sent'.padStart(8)}${'accepted'.padStart(10)}${'refused'.padStart(10)}\n`
    this.#write(`\n${this.#paint('bold', head)}${rows.join('')}\n`)
  }

  check(isRight: boolean, text: string): void {
    this.#write(`  ${isRight ? this.#paint('green', 'ok   ') : this.#paint('red', 'WRONG')}  ${text}\n`)
  }

  next({ bootstrap, admin }: Addresses): void {
    const command = (text: string): string => `    ${text}\n`
    this.#write(
      `\n${this.#paint('bold', '  This goes on until Ctrl-C.')} In another terminal, in this folder:\n` +
        command(`npm run kontrakt -- why --admin ${admin}`) +
        command(`curl ${admin}/metrics`) +
        `  Produce to ${bootstrap} with a client of yours, or change\n` +
        `  ${policyFile}: it is in force as soon as it is saved.\n`
    )
  }

  ownCluster(): void {
    const command = (text: string): string => `    ${text}\n`
    this.#write(
      `\n${this.#paint('bold', '  The same in front of your own cluster:')}\n` +
        command('npm run kontrakt -- serve --upstream YOUR-BROKER:9092 \\') +
        command('  --listen 0.0.0.0:9192 --broker-ports 9193-9292 \\') +
        command('  --advertised-host THIS-HOST --policies policies') +
        '  Then point the bootstrap.servers of a producer at THIS-HOST:9192.\n\n'
    )
  }

  line(text: string): void {
    this.#write(`${text}\n`)
  }

  #number(value: number, paint: 'green' | 'red'): string {
    const text = String(value).padStart(10)
    return value === 0 ? text : this.#paint(paint, text)
  }
}

/** Breaks at spaces; a word longer than a line keeps its length. */
export function wrap(text: string, columnsWide: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= columnsWide) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

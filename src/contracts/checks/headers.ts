/** The `headers` section: every occurrence of a header is checked, on the bytes, in one pass over the record. */
import { isUtf8 } from 'node:buffer'
import type { Findings, ActiveMode } from '../findings.ts'
import type { RecordBytes } from '../judgement.ts'
import type { HeaderModel } from '../policy/model.ts'
import { checkConstraints } from './constraints.ts'
import type { Broken } from './constraints.ts'

export class HeaderCheck {
  readonly #model: HeaderModel
  readonly #name: Buffer
  readonly #mode: ActiveMode
  readonly #path: string
  #seen = 0

  constructor(model: HeaderModel, mode: ActiveMode) {
    this.#model = model
    this.#name = Buffer.from(model.name)
    this.#mode = mode
    this.#path = /^[A-Za-z_][\w-]*$/.test(model.name)
      ? `headers.${model.name}`
      : `headers[${JSON.stringify(model.name)}]`
  }

  startRecord(): void {
    this.#seen = 0
  }

  visit(
    bytes: Buffer,
    nameStart: number,
    nameLength: number,
    valueStart: number,
    valueLength: number,
    findings: Findings
  ): void {
    if (nameLength !== this.#name.length) return
    for (let i = 0; i < nameLength; i++) {
      if (bytes[nameStart + i] !== this.#name[i]) return
    }
    const occurrence = this.#seen++
    const { constraints } = this.#model
    const report = (broken: Broken): void => {
      const path = occurrence === 0 ? this.#path : `${this.#path}[${occurrence}]`
      findings.violate(this.#model.id, this.#mode, path, broken.message, broken)
    }
    if (valueLength < 0) {
      report({ message: 'has no value', expected: 'text', found: 'null' })
    } else if (!isUtf8(bytes.subarray(valueStart, valueStart + valueLength))) {
      report({ message: 'is not valid UTF-8', expected: 'text', found: 'bytes' })
    } else {
      checkConstraints(constraints, bytes.toString('utf8', valueStart, valueStart + valueLength), report)
    }
  }

  endRecord(findings: Findings): void {
    if (this.#seen > 0 || !this.#model.constraints.required) return
    findings.violate(this.#model.id, this.#mode, this.#path, 'is required', { expected: 'a header', found: 'absent' })
  }
}

/** One pass over the headers of a record for all checks. */
export function checkHeaders(
  checks: readonly HeaderCheck[],
  records: RecordBytes,
  index: number,
  findings: Findings
): void {
  for (const check of checks) check.startRecord()
  records.forEachHeader(index, (nameStart, nameLength, valueStart, valueLength) => {
    for (const check of checks) check.visit(records.bytes, nameStart, nameLength, valueStart, valueLength, findings)
  })
  for (const check of checks) check.endRecord(findings)
}

/** The counting behind the runs of faults: every kind of harm is seen when it is there, and none when it is not. */
import { describe, expect, it } from 'vitest'
import { isIntact, numbered, numberOf, isBad as isBadNumber } from '../../../support/faults/numbered.ts'
import type { ProducerReport, RunReport } from '../../../support/faults/run.ts'
import { brokenPromises, tableOf, withSection } from '../../../support/faults/report.ts'
import { producers } from '../../../support/faults/producers.ts'
import { kinds, kindsOf, tally, type Kind, type Outcome, type StoredNumber } from '../../../support/faults/tally.ts'

/** Ten records over two partitions, of which 3 and 7 are bad; nothing went wrong. */
const isBad = (n: number): boolean => n === 3 || n === 7
const stored = (...numbers: number[]): StoredNumber[] =>
  numbers.map((n) => ({ partition: n % 2, n, bad: isBad(n), intact: true }))
const well: Outcome = {
  told: new Map(Array.from({ length: 10 }, (_, n) => [n, 'accepted'])),
  isBad,
  stored: stored(0, 2, 4, 6, 8, 1, 5, 9),
  quarantined: [3, 7].map((n) => ({ n, id: `id-${n}`, intact: true }))
}

describe('tally', () => {
  it('finds no harm where all is well', () => {
    const counted = tally(well)
    expect(kindsOf(counted)).toEqual([])
    expect(counted).toMatchObject({ sent: 10, bad: 2, accepted: 10, failed: 0, quarantineRepeats: 0, examples: {} })
  })

  const harmful: Record<Kind, Partial<Outcome>> = {
    lost: { stored: stored(0, 2, 4, 6, 8, 1, 9) },
    lostFromQuarantine: { quarantined: well.quarantined.slice(1) },
    leaked: { stored: stored(0, 2, 4, 6, 8, 1, 3, 5, 9) },
    misplaced: { quarantined: [...well.quarantined, { n: 4, id: 'id-4', intact: true }] },
    repeated: { stored: stored(0, 2, 4, 6, 8, 1, 5, 5, 9) },
    disordered: { stored: stored(0, 4, 2, 6, 8, 1, 5, 9) },
    altered: { stored: well.stored.map((one) => (one.n === 6 ? { ...one, intact: false } : one)) },
    stray: { stored: [...well.stored, { partition: 0, n: 70, bad: false, intact: true }] }
  }
  it.each(kinds)('counts what is %s, and nothing else', (kind) => {
    const counted = tally({ ...well, ...harmful[kind] })
    expect(kindsOf(counted)).toEqual([kind])
    expect(counted.harm[kind]).toBe(1)
    expect(counted.examples[kind]).toHaveLength(1)
  })

  it('counts bytes that nobody sent as stray, and what is altered in quarantine', () => {
    const unknown = { partition: 0, n: null, bad: false, intact: false }
    expect(tally({ ...well, stored: [...well.stored, unknown] }).harm.stray).toBe(1)
    const quarantined = [...well.quarantined.slice(1), { n: 3, id: 'id-3', intact: false }]
    expect(kindsOf(tally({ ...well, quarantined }))).toEqual(['altered'])
  })

  it('does not hold a record against anybody that the producer was told is refused', () => {
    const told = new Map(well.told).set(4, 'failed').set(7, 'failed')
    const absent = { stored: stored(0, 2, 6, 8, 1, 5, 9), quarantined: well.quarantined.slice(0, 1) }
    expect(kindsOf(tally({ ...well, told, ...absent }))).toEqual([])
    expect(kindsOf(tally({ ...well, told }))).toEqual([])
    expect(tally({ ...well, told }).failed).toBe(2)
  })

  it('takes copies in quarantine under one id for one record', () => {
    const again = { ...well, quarantined: [...well.quarantined, ...well.quarantined] }
    expect(tally(again)).toMatchObject({ quarantineRepeats: 2, quarantineTwins: 0 })
    expect(kindsOf(tally(again))).toEqual([])
    const twin = { ...well, quarantined: [...well.quarantined, { n: 3, id: 'another', intact: true }] }
    expect(tally(twin)).toMatchObject({ quarantineRepeats: 0, quarantineTwins: 1 })
  })
})

describe('numbered records', () => {
  it('are bad at one percent and at thirty, in turns', () => {
    const bad = (from: number, to: number): number =>
      Array.from({ length: to - from }, (_, index) => from + index).filter((n) => isBadNumber(n)).length
    const blocks = Array.from({ length: 50 }, (_, block) => bad(block * 200, block * 200 + 200) / 200)
    const mean = (parity: number): number =>
      blocks.filter((_, index) => index % 2 === parity).reduce((a, b) => a + b) / 25
    expect(mean(0)).toBeCloseTo(0.01, 2)
    expect(mean(1)).toBeGreaterThan(0.27)
    expect(mean(1)).toBeLessThan(0.33)
  })

  it('are recognised by every byte', () => {
    const record = numbered('t', 5)
    expect(numberOf(record.value)).toBe(5)
    expect(isIntact(record, 5)).toBe(true)
    expect(isIntact(record, 6)).toBe(false)
    expect(isIntact({ ...record, key: null }, 5)).toBe(false)
    expect(isIntact({ ...record, headers: record.headers.slice(1) }, 5)).toBe(false)
    const [first, second, third] = record.headers
    expect(isIntact({ ...record, headers: [third!, second!, first!] }, 5)).toBe(false)
    expect(isIntact({ ...record, headers: [second!, first!, third!] }, 5)).toBe(true)
    expect(numberOf(Buffer.from('{}'))).toBeNull()
    expect(numberOf(null)).toBeNull()
  })
})

describe('a report', () => {
  const spec = (name: string): ProducerReport['spec'] => producers.find((one) => one.name === name)!
  const outcomeOf = (kind: Kind): Outcome => ({ ...well, told: new Map(well.told), ...harmOf(kind) })
  const harmOf = (kind: Kind): Partial<Outcome> =>
    kind === 'repeated' ? { stored: stored(0, 2, 4, 6, 8, 1, 5, 5, 9) } : { stored: stored(0, 2, 4, 6, 8, 1, 9) }
  const report = (...all: [name: string, way: ProducerReport['way'], outcome: Outcome][]): RunReport => ({
    seed: 1,
    durationMs: 1,
    proxyKills: 1,
    brokerKills: 1,
    moves: 1,
    deaths: [],
    logs: [],
    producers: all.map(([name, way, outcome]) => ({
      spec: spec(name),
      way,
      tally: tally(outcome),
      errors: { timeout: 1 },
      longestSendMs: 1_234
    }))
  })

  it('allows an idempotent producer no harm, whatever it shows direct', () => {
    const lines = brokenPromises(
      report(['java', 'kontrakt', outcomeOf('repeated')], ['java', 'direct', outcomeOf('repeated')])
    )
    expect(lines).toEqual([expect.stringMatching(/^java: 1 repeated .* for example 5$/)])
    const failed = { ...well, told: new Map(well.told).set(4, 'failed' as const) }
    expect(brokenPromises(report(['librdkafka', 'kontrakt', failed]))).toEqual([
      'librdkafka: 1 records failed: 1 timeout'
    ])
  })

  it('allows others what they show direct, and nothing more', () => {
    const plain = 'java-plain'
    const repeated = outcomeOf('repeated')
    expect(brokenPromises(report([plain, 'kontrakt', repeated], [plain, 'direct', repeated]))).toEqual([])
    expect(brokenPromises(report([plain, 'kontrakt', repeated], [plain, 'direct', well]))).toHaveLength(1)
    expect(brokenPromises(report([plain, 'kontrakt', repeated], ['sarama-plain', 'direct', repeated]))).toHaveLength(1)
    expect(brokenPromises(report([plain, 'kontrakt', outcomeOf('lost')], [plain, 'direct', repeated]))).toHaveLength(1)
    expect(brokenPromises(report([plain, 'kontrakt', repeated]), { [plain]: ['repeated'] })).toEqual([])
  })

  it('allows nobody a record that got through', () => {
    const leak = { ...well, stored: stored(0, 2, 4, 6, 8, 1, 3, 5, 9) }
    const direct = { ...well, isBad: () => false, stored: stored(0, 1, 2, 3, 4, 5, 6, 7, 8, 9) }
    const lines = brokenPromises(report(['kafkajs', 'kontrakt', leak], ['kafkajs', 'direct', direct]))
    expect(lines).toEqual([expect.stringContaining('1 leaked')])
  })

  it('does not pass over an instance that died by itself', () => {
    const died = { ...report(['java', 'kontrakt', well]), deaths: ['role died; starting it again'] }
    expect(brokenPromises(died)).toEqual(['an instance died by itself: role died; starting it again'])
  })

  it('has a row for every producer and way', () => {
    const table = tableOf(report(['java', 'kontrakt', well], ['java', 'direct', well]))
    expect(table.split('\n')).toHaveLength(4)
    expect(table).toContain('| java | kontrakt | 10 | 2 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 1.2 |')
  })

  it('replaces its section of a page and nothing else', () => {
    const page = 'before\n<!-- measured: faults -->\nold\n<!-- end -->\nafter\n'
    const written = withSection(page, 'new')
    expect(written).toBe('before\n<!-- measured: faults -->\n\nnew\n\n<!-- end -->\nafter\n')
    expect(withSection(written, 'new')).toBe(written)
    expect(() => withSection('no section', 'new')).toThrow('no section')
  })
})

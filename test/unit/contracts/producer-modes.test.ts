import { describe, expect, it } from 'vitest'
import type { Mode } from '../../../src/contracts/mode.ts'
import { contractOf, head } from '../../support/contracts.ts'

function modeFor(clientId: string | null, yaml: string, check = 'envelope'): Mode {
  return contractOf(head + yaml).modeOf(check, { clientId, principal: null })
}

describe('the effective mode of a check', () => {
  it('is its own, else that of the file', () => {
    const yaml =
      'mode: reject\nrules: [{ id: a, expr: "true", mode: mark }, { id: b, expr: "true" }]\nchecks: { nulls: { mode: off } }'
    expect(modeFor('c', yaml, 'a')).toBe('mark')
    expect(modeFor('c', yaml, 'b')).toBe('reject')
    expect(modeFor('c', yaml, 'nulls')).toBe('off')
    expect(modeFor('c', yaml, 'envelope')).toBe('reject')
  })

  it('is off for a check that the policy does not have', () => {
    expect(modeFor('c', 'mode: reject', 'schema')).toBe('off')
  })

  const rollout = `mode: mark
rules: [{ id: hard, expr: "true", mode: reject }, { id: soft, expr: "true", mode: observe }]
producers:
  - { match: { clientId: ["legacy-*", old] }, mode: observe }
  - { match: { clientId: "**" }, mode: reject, override: true }`

  it('is capped by the first entry that matches: the weaker of the two holds', () => {
    expect(modeFor('legacy-1', rollout, 'hard')).toBe('observe')
    expect(modeFor('old', rollout, 'soft')).toBe('observe')
  })

  it('is replaced by an entry with override', () => {
    expect(modeFor('new', rollout, 'soft')).toBe('reject')
    expect(modeFor('new', rollout, 'envelope')).toBe('reject')
  })

  it('is not touched by an entry on client ids when there is none', () => {
    expect(modeFor(null, rollout, 'hard')).toBe('reject')
    expect(modeFor(null, rollout, 'soft')).toBe('observe')
  })

  it('takes * for any characters but a dot, as topics do', () => {
    const yaml = 'mode: reject\nproducers: [{ match: { clientId: "app-*" }, mode: observe }]'
    expect(modeFor('app-1', yaml)).toBe('observe')
    expect(modeFor('app-1.eu', yaml)).toBe('reject')
  })

  it('can be softened but not hardened by a cap', () => {
    const yaml = 'mode: observe\nproducers: [{ match: { clientId: a }, mode: reject }]'
    expect(modeFor('a', yaml)).toBe('observe')
  })
})

describe('the strongest mode', () => {
  it('is the strictest that any check can reach for this producer', () => {
    const yaml = `${head}mode: observe\nrules: [{ id: a, expr: "true", mode: reject }]\nproducers: [{ match: { clientId: x }, mode: off }]`
    expect(contractOf(yaml).strongestMode({ clientId: 'y', principal: null })).toBe('reject')
    expect(contractOf(yaml).strongestMode({ clientId: 'x', principal: null })).toBe('off')
  })

  it('is off when everything is off, and then nothing is looked at', () => {
    const contract = contractOf(`${head}mode: off\nheaders: { h: { required: true } }`)
    expect(contract.strongestMode({ clientId: null, principal: null })).toBe('off')
  })

  it('stays right for more client ids than are remembered, and for absurdly long ones', () => {
    const contract = contractOf(`${head}mode: reject\nproducers: [{ match: { clientId: "a**" }, mode: observe }]`)
    for (let i = 0; i < 5000; i++) {
      expect(contract.strongestMode({ clientId: `a${i}`, principal: null })).toBe('observe')
    }
    expect(contract.strongestMode({ clientId: 'b'.repeat(32_000), principal: null })).toBe('reject')
  })

  it('goes by the first 256 characters of a client id', () => {
    const contract = contractOf(`${head}mode: reject\nproducers: [{ match: { clientId: "a**z" }, mode: observe }]`)
    const strongest = (clientId: string): Mode => contract.strongestMode({ clientId, principal: null })
    expect(strongest(`${'a'.repeat(255)}z`)).toBe('observe')
    expect(strongest(`${'a'.repeat(255)}z${'b'.repeat(32_000)}`)).toBe('observe')
    expect(strongest(`${'a'.repeat(256)}z`)).toBe('reject')
  })
})

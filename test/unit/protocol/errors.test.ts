import { describe, expect, expectTypeOf, it } from 'vitest'
import { errorByCode, errorCodes, kafkaErrors } from '../../../protocol/errors.ts'

describe('the error table', () => {
  it('has every code from -1 to 133 once, in order', () => {
    expect(kafkaErrors.map(({ code }) => code)).toEqual(Array.from({ length: 135 }, (_, index) => index - 1))
    expect(new Set(kafkaErrors.map(({ name }) => name)).size).toBe(kafkaErrors.length)
  })

  it('is the same by name and by code', () => {
    for (const { code, name } of kafkaErrors) {
      expect(errorCodes[name]).toBe(code)
      expect(errorByCode(code)?.name).toBe(name)
    }
    expect(Object.keys(errorCodes)).toHaveLength(kafkaErrors.length)
    expect(errorByCode(134)).toBeUndefined()
    expectTypeOf(errorCodes.INVALID_RECORD).toEqualTypeOf<87>()
  })

  it('has the codes this proxy answers with, and says whether Kafka tries again', () => {
    const { CORRUPT_MESSAGE, NOT_ENOUGH_REPLICAS, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_RECORD } = errorCodes
    const codes = [CORRUPT_MESSAGE, NOT_ENOUGH_REPLICAS, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_RECORD]
    expect(codes).toEqual([2, 19, 45, 87])
    expect(codes.map((code) => errorByCode(code)!.retriable)).toEqual([true, true, false, false])
  })

  it('explains every code in a sentence', () => {
    for (const { message } of kafkaErrors) expect(message).toMatch(/^[A-Z].*\.$/)
  })
})

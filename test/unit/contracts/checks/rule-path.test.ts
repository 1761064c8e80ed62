import { describe, expect, it } from 'vitest'
import { pathOfRule } from '../../../../src/contracts/checks/rule-path.ts'

describe('the field a rule is about', () => {
  it.each([
    ['value.amount > 0.0', 'value.amount'],
    ['has(value.vat_id) && value.vat_id.matches("x")', 'value.vat_id'],
    ['value.order.net + value.order.vat == value.order.total', 'value.order'],
    ['value.a == value.b', 'value'],
    ['key == value.id', ''],
    ['value.items.all(i, i.qty > 0)', 'value.items'],
    ['value.items.exists(value, value.qty > 0)', 'value.items'],
    ['size(value.items) < 10', 'value.items'],
    ['value["a b"].c == 1', 'value["a b"].c'],
    ['value.items[0].sku != ""', 'value.items[0].sku'],
    ['headers["source"] == "web"', 'headers.source'],
    ['value.country in ["DE", value.other]', 'value'],
    ['topic == "t" && partition < 3', ''],
    ['timestamp < timestamp("2030-01-01T00:00:00Z")', ''],
    ['"value.amount" == "x"', ''],
    ['{"a": value.x}.a == 1', 'value.x'],
    ['not CEL at all (', '']
  ])('%s: %s', (expression, expected) => {
    expect(pathOfRule(expression)).toBe(expected)
  })
})

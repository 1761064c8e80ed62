/** The orders of the demo: what each producer sends, and which of them keep the contract in `policies/orders.yaml`. */

export const topic = 'shop.orders.v1'

/** The policy file as a user would type it. */
export const policyFile = 'policies/orders.yaml'

export interface DemoOrder {
  readonly id: string
  readonly key: string
  /** What goes over the wire. */
  readonly value: string
  readonly isGood: boolean
}

interface Order {
  order_id: string
  amount: unknown
  currency: string
  country: string
  items: { sku: string; quantity: number }[]
}

const goods = ['tea', 'coffee', 'cups', 'kettle']
const countries = ['DE', 'FR', 'IT', 'NL']

function order(id: string, seed: number): Order {
  return {
    order_id: id,
    amount: 12.5 + seed,
    currency: 'EUR',
    country: countries[seed % countries.length]!,
    items: [{ sku: goods[seed % goods.length]!, quantity: 1 + (seed % 3) }]
  }
}

function good(id: string, seed: number): DemoOrder {
  return { id, key: id, value: JSON.stringify(order(id, seed)), isGood: true }
}

/** An order that would be good, with one thing changed. */
function bad(id: string, seed: number, change: (order: Order) => Order | string, key = id): DemoOrder {
  const changed = change(order(id, seed))
  return { id, key, value: typeof changed === 'string' ? changed : JSON.stringify(changed), isGood: false }
}

/** Sent one by one. */
export const goodOrders: readonly DemoOrder[] = Array.from({ length: 12 }, (_, i) => good(`o-${1001 + i}`, i))

/** Sent one by one; each is wrong in another way. */
export const badOrders: readonly DemoOrder[] = [
  bad('o-2001', 1, (o) => ({ ...o, amount: -3.5 })),
  bad('o-2002', 2, (o) => ({ ...o, amount: '14.50' })),
  bad('o-2003', 3, (o) => ({ ...o, country: 'US' })),
  bad('o-2004', 4, (o) => o, 'o-1001'),
  bad('o-2005', 5, (o) => JSON.stringify(o).slice(0, -1))
]

/** Sent as one batch: one of three is bad, and a batch is appended whole or not at all. */
export const mixedBatch: readonly DemoOrder[] = [
  good('o-3001', 1),
  bad('o-3002', 2, (o) => ({ ...o, items: [{ sku: 'cups', quantity: 0 }] })),
  good('o-3003', 3)
]

/** What the ledger answers to a batch that comes. */
import type { Chain } from './chain.ts'

export type ChainAccess =
  /** The ledger has nothing to do with this batch. */
  | { readonly kind: 'none' }
  | { readonly kind: 'chain'; readonly chain: Chain }
  | { readonly kind: 'wait'; readonly changed: Promise<void> }
  /** The connection has to show first that it may write to the topic: nothing is claimed in the name of a stranger. */
  | { readonly kind: 'unshown' }
  /** No room for another chain: its bad records cannot be quarantined. */
  | { readonly kind: 'full' }

/** Functions of the record as a whole. */
import type { Bindings } from '../bindings.ts'
import { bindingFault, spend } from '../frame.ts'
import { listOf, scalar } from '../types.ts'
import { define } from './define.ts'
import type { Overload } from './define.ts'

/** A header is read from the record's bytes and put into an index. */
const ticksPerHeader = 20

export const record: readonly Overload[] = [
  define('global', 'headerValues', ['string'], listOf(scalar('bytes')), ([name], frame) => {
    spend(frame, 50)
    try {
      return (frame.bindings as Bindings).headerValues(name, (headers) => {
        spend(frame, headers * ticksPerHeader)
      })
    } catch (error) {
      return bindingFault(error, 'headers')
    }
  })
]

/**
 * The effective mode of every check for a producer: its own mode, else the file's, then the first entry of `producers`
 * that matches caps or replaces it. Worked out once per entry, not per record.
 */
import { LRUCache } from 'lru-cache'
import type { Producer } from './judgement.ts'
import { stricter, weaker } from './mode.ts'
import type { Mode } from './mode.ts'
import { checkIdsOf } from './policy/check-ids.ts'
import type { PolicyModel, ProducerEntry } from './policy/model.ts'

/** Client ids remembered with their entry. They come from outside, so the memory has to be bounded. */
const rememberedClientIds = 2000
/** Characters of a client id that count. It may have 32 KB, and matching takes time in proportion. */
const matchedCharacters = 256

export interface ModeProfile {
  /** `off` for a check that the policy does not have. */
  modeOf(check: string): Mode
  readonly strongest: Mode
  /** True when a check, or what cannot be decided, can send a record to quarantine. */
  readonly quarantines: boolean
}

export class ProducerModes {
  readonly #entries: readonly ProducerEntry[]
  /** One per entry, and the last for producers that no entry matches. */
  readonly profiles: readonly ModeProfile[]
  readonly #known = new LRUCache<string, number>({ max: rememberedClientIds })

  constructor(model: PolicyModel) {
    this.#entries = model.producers
    const own = ownModes(model)
    const profiles = [...model.producers, null].map((entry) => profile(own, entry, model.onUndecidable))
    this.profiles = profiles
  }

  /** Index into `profiles`. */
  indexFor(producer: Producer): number {
    if (this.#entries.length === 0) return 0
    if (producer.clientId === null) return this.#match(null)
    const clientId = cut(producer.clientId)
    let index = this.#known.get(clientId)
    if (index === undefined) {
      index = this.#match(clientId)
      this.#known.set(clientId, index)
    }
    return index
  }

  #match(clientId: string | null): number {
    const found = this.#entries.findIndex(
      ({ clientIds }) => clientIds === null || (clientId !== null && clientIds.some((glob) => glob.matches(clientId)))
    )
    return found === -1 ? this.#entries.length : found
  }
}

/** Through bytes, because a slice would keep the whole text in memory for as long as it is remembered. */
function cut(clientId: string): string {
  if (clientId.length <= matchedCharacters) return clientId
  return Buffer.from(clientId.slice(0, matchedCharacters)).toString()
}

/**
 * Can any record of any producer be quarantined? A check in `reject` that could not run is quarantined where
 * `onUndecidable` says so.
 */
export function canQuarantine(model: PolicyModel): boolean {
  const own = ownModes(model)
  const holds: readonly Mode[] = model.onUndecidable === 'quarantine' ? ['quarantine', 'reject'] : ['quarantine']
  return [null, ...model.producers].some((entry) =>
    [...own.values()].some((mode) => holds.includes(effectiveMode(mode, entry)))
  )
}

function effectiveMode(own: Mode, entry: ProducerEntry | null): Mode {
  if (entry === null) return own
  return entry.override ? entry.mode : weaker(own, entry.mode)
}

function ownModes(model: PolicyModel): Map<string, Mode> {
  const modes = new Map<string, Mode>()
  for (const id of checkIdsOf(model)) modes.set(id, model.checkModes.get(id) ?? model.mode)
  for (const rule of model.rules) modes.set(rule.id, rule.mode ?? model.mode)
  return modes
}

function profile(
  own: ReadonlyMap<string, Mode>,
  entry: ProducerEntry | null,
  onUndecidable: PolicyModel['onUndecidable']
): ModeProfile {
  const modes = new Map<string, Mode>()
  let strongest: Mode = 'off'
  for (const [id, mode] of own) {
    const effective = effectiveMode(mode, entry)
    modes.set(id, effective)
    strongest = stricter(strongest, effective)
  }
  const quarantines =
    [...modes.values()].includes('quarantine') || (onUndecidable === 'quarantine' && strongest === 'reject')
  return { modeOf: (check) => modes.get(check) ?? 'off', strongest, quarantines }
}

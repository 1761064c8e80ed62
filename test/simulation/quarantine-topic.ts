/** The quarantine topic, and appends to it whose outcome may stay unknown. */
import type { QuarantinedBatch, QuarantineOutcome, QuarantineSink } from '../../src/enforcement/quarantine-port.ts'
import { always } from './world.ts'
import type { Life, World } from './world.ts'

/** From 0 to 1. */
export interface QuarantineFaults {
  /** Not stored; trying again may help. */
  refused: number
  /** Not stored, and never will be. */
  refusedForGood: number
  /** Told to have failed, and stored nevertheless, then or later. */
  unknown: number
}

export const noQuarantineFaults: QuarantineFaults = { refused: 0, refusedForGood: 0, unknown: 0 }

export class QuarantineTopic {
  readonly world: World
  readonly stored = new Set<string>()
  faults: QuarantineFaults = noQuarantineFaults
  /** Values it never takes. */
  readonly refuses = new Set<string>()
  /** Takes nothing for now. */
  closed = false

  constructor(world: World) {
    this.world = world
  }

  sinkOf(life: Life, name: string): QuarantineSink {
    return {
      store: (batch) =>
        new Promise((resolve) => {
          this.#arrive(batch, life, name, resolve)
        })
    }
  }

  #arrive(batch: QuarantinedBatch, life: Life, name: string, resolve: (outcome: QuarantineOutcome) => void): void {
    const { world } = this
    const values = batch.records.map(({ value }) => value?.toString() ?? '')
    const store = (): void => {
      for (const value of values) this.stored.add(value)
    }
    const answer = (outcome: QuarantineOutcome): void => {
      const told = outcome.kind === 'stored' ? 'stored' : `failed${outcome.lasting ? ' for good' : ''}`
      world.soon('quarantine-ack', life, `${name} hears that [${values.join(' ')}] is ${told}`, () => resolve(outcome))
    }
    const failed = (lasting: boolean): QuarantineOutcome => ({ kind: 'failed', lasting, message: 'as simulated' })
    world.soon('quarantine', always, `quarantine gets [${values.join(' ')}] of ${name}`, () => {
      const { faults, refuses, closed } = this
      // A dead instance's append may have left it or not.
      if (life.dead && world.random.chance(0.5)) return
      if (values.some((value) => refuses.has(value)) || world.random.chance(faults.refusedForGood)) answer(failed(true))
      else if (closed || world.random.chance(faults.refused)) answer(failed(false))
      else if (world.random.chance(faults.unknown)) {
        if (world.random.chance(0.5)) store()
        else world.soon('quarantine', always, `quarantine has [${values.join(' ')}] after all`, store)
        answer(failed(false))
      } else {
        store()
        answer({ kind: 'stored' })
      }
    })
  }
}

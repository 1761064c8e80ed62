/** The instances of kontrakt that are measured: started when a suite first needs one, looked at by their own metrics. */
import { startKontrakt, type Kontrakt } from '../test/support/kontrakt.ts'
import { policiesOf } from './suites.ts'

export interface ProcessFigures {
  readonly cpuSeconds: number
  readonly residentBytes: number
}

export class Instances {
  readonly #upstream: readonly string[]
  readonly #started = new Map<string, Kontrakt>()

  constructor(upstream: readonly string[]) {
    this.#upstream = upstream
  }

  async of(name: string): Promise<Kontrakt> {
    let instance = this.#started.get(name)
    if (instance === undefined) {
      instance = await startKontrakt({ upstream: this.#upstream, policies: policiesOf(name) })
      this.#started.set(name, instance)
    }
    return instance
  }

  async figuresOf(name: string): Promise<ProcessFigures> {
    const text = await (await this.of(name)).metrics()
    const read = (metric: string): number => {
      const match = new RegExp(`^${metric} (\\S+)$`, 'm').exec(text)
      if (match === null) throw new Error(`the metric ${metric} is missing`)
      return Number(match[1])
    }
    return { cpuSeconds: read('process_cpu_seconds_total'), residentBytes: read('process_resident_memory_bytes') }
  }

  /** Ends those that are not named. */
  async stopAllBut(...kept: readonly string[]): Promise<void> {
    for (const [name, instance] of this.#started) {
      if (kept.includes(name)) continue
      this.#started.delete(name)
      await instance.stop()
    }
  }
}

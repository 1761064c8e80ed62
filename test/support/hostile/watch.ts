/** The proxy under attack: what its own metrics say about memory, connections and handles. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kontrakt } from '../kontrakt.ts'

/** Resident memory that a proxy with the limits of these tests never needs, whatever is sent to it. */
export const memoryCapBytes = 400 * 1024 * 1024

export class Watch {
  readonly #kontrakt: Kontrakt

  constructor(kontrakt: Kontrakt) {
    this.#kontrakt = kontrakt
  }

  /** Sum over all series of the metric whose labels hold all these; 0 when there is none. */
  async metric(name: string, ...labels: readonly string[]): Promise<number> {
    return sumOf(await this.#kontrakt.metrics(), name, labels)
  }

  /** Waits for a process that died to be started again. */
  async untilServing(): Promise<void> {
    for (;;) {
      try {
        const { status } = await fetch(`${this.#kontrakt.admin}/ready`)
        if (status === 200) return
      } catch {
        // It is being started again.
      }
      await sleep(50)
    }
  }

  residentBytes(): Promise<number> {
    return this.metric('process_resident_memory_bytes')
  }

  /** Asks until it is so; a proxy that never gets there makes the test time out, with the last value in its log. */
  async until(name: string, labels: readonly string[], isSo: (value: number) => boolean): Promise<number> {
    for (;;) {
      const value = await this.metric(name, ...labels)
      if (isSo(value)) return value
      await sleep(50)
    }
  }

  /** Resolves when nobody but this many clients is connected and nothing is held for anyone. */
  async untilQuiet(connections = 0): Promise<void> {
    await this.until('kontrakt_client_connections_active', [], (count) => count <= connections)
    await this.until('kontrakt_inflight_bytes', [], (bytes) => bytes === 0)
  }
}

export function sumOf(text: string, name: string, labels: readonly string[] = []): number {
  let sum = 0
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name} `) && !line.startsWith(`${name}{`)) continue
    if (labels.every((label) => line.includes(label))) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

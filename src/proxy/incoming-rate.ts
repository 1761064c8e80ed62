/** How fast a frame under way comes in: a client that begins one and dawdles holds memory, or a place, others wait for. */
export class IncomingRate {
  #window: { readonly frame: number; readonly sinceMs: number; bytes: number } | null = null

  arrived(bytes: number): void {
    if (this.#window !== null) this.#window.bytes += bytes
  }

  /** Nothing is owed by the client, or it is not the client who keeps it: what has passed does not count. */
  rest(): void {
    this.#window = null
  }

  /** True when `windowMs` has passed with less than the minimum. `frame`: counts anew with every frame. */
  tooSlow(frame: number, nowMs: number, minBytesPerSecond: number, windowMs: number): boolean {
    const window = this.#window
    if (window?.frame === frame) {
      const elapsedMs = nowMs - window.sinceMs
      if (elapsedMs < windowMs) return false
      if (window.bytes < (minBytesPerSecond * elapsedMs) / 1_000) return true
    }
    this.#window = { frame, sinceMs: nowMs, bytes: 0 }
    return false
  }
}

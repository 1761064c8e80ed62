/** What happens to a record that breaks a check, from weakest to strictest. */
export const modes = ['off', 'observe', 'mark', 'quarantine', 'reject'] as const

export type Mode = (typeof modes)[number]

const rank: Readonly<Record<Mode, number>> = { off: 0, observe: 1, mark: 2, quarantine: 3, reject: 4 }

export function isStricter(a: Mode, b: Mode): boolean {
  return rank[a] > rank[b]
}

export function stricter(a: Mode, b: Mode): Mode {
  return isStricter(b, a) ? b : a
}

export function weaker(a: Mode, b: Mode): Mode {
  return isStricter(a, b) ? b : a
}

/** Quarantine and reject hold records back; everything below only watches. */
export function enforces(mode: Mode): boolean {
  return rank[mode] >= rank.quarantine
}

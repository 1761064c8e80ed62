/** "Did you mean": the nearest of the names that would have been right. */

/** Longer names are not compared: the cost is the product of the lengths, and nobody mistypes a name of that length. */
const longestComparedName = 100

/** The candidate that differs by the fewest edits, or null when none is near enough to be a slip of the pen. */
export function nearest(written: string, candidates: Iterable<string>): string | null {
  if (written.length > longestComparedName) return null
  let best: string | null = null
  let bestDistance = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const candidate of candidates) {
    if (candidate.length > longestComparedName) continue
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `did you mean "topics"?`, or the list of what is allowed. */
export function didYouMean(written: string, candidates: readonly string[]): string {
  const near = nearest(written, candidates)
  if (near !== null) return `did you mean ${near}?`
  const shown = candidates.slice(0, 20)
  const more = candidates.length > shown.length ? ', ...' : ''
  return `possible here: ${shown.join(', ')}${more}`
}

/** Insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  const width = b.length + 1
  const cells = new Uint16Array((a.length + 1) * width)
  for (let i = 0; i <= a.length; i++) cells[i * width] = i
  for (let j = 0; j <= b.length; j++) cells[j] = j
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(
        cells[(i - 1) * width + j]! + 1,
        cells[i * width + j - 1]! + 1,
        cells[(i - 1) * width + j - 1]! + (same ? 0 : 1)
      )
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, cells[(i - 2) * width + j - 2]! + 1)
      }
      cells[i * width + j] = cost
    }
  }
  return cells[a.length * width + b.length]!
}

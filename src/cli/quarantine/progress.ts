/** How far a walk through quarantine is, on a terminal. */
import type { WalkProgress } from '../../quarantine/walk.ts'
import type { CliIo } from '../io.ts'

/** Now and then is enough for eyes. */
const everyMs = 200

interface Progress extends WalkProgress {
  readonly quarantineTopic: string
  readonly sent?: number
}

export function progressOf(io: CliIo, doing: string): (progress: Progress) => void {
  let shownAtMs = 0
  return ({ quarantineTopic, done, total, sent }) => {
    const nowMs = Date.now()
    if (io.person === undefined || nowMs - shownAtMs < everyMs) return
    shownAtMs = nowMs
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
    const count = sent === undefined ? '' : `, ${sent} sent`
    io.person.progress(`${doing} ${quarantineTopic}: ${percent} % of ${total}${count}`)
  }
}

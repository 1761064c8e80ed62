/**
 * `kontrakt demo`: an embedded broker, the proxy, producers that keep and that break a contract, a consumer. Shows each
 * refusal as it happens, then what reached the topic, read back from the broker. Exit code 1 if anything bad did, if
 * anything good is missing, or if the consumer saw something else.
 *
 * Ctrl-C ends it at any time: what is under way is given up, and the process ends soon after `closeWithinMs` either way.
 */
import { formatDiagnostic } from '../contracts/diagnostic.ts'
import { pause, systemClock } from '../clock.ts'
import { StartError } from '../supervisor/start-error.ts'
import { CliError } from './io.ts'
import { lineText } from './why-text.ts'
import { buildStage, type Stage } from './demo/stage.ts'
import { Story, type Told } from './demo/story.ts'
import { readTopic } from './demo/tally.ts'
import { DemoText, type Addresses } from './demo/text.ts'

export interface DemoOptions {
  /** Stop when the story is told, instead of staying up. */
  readonly exit: boolean
  readonly colour: boolean
  readonly write: (text: string) => void
}

/** Longer than a group's long poll and a drain, shorter than a person's patience. */
const closeWithinMs = 1_500

const consumerPatienceMs = 5_000

/** How often new refusals are looked for while the demo stays up. */
const watchMs = 250

/** Resolves with the exit code. Takes SIGINT, SIGTERM and SIGHUP for itself while it runs. */
export async function runDemo({ exit, colour, write }: DemoOptions): Promise<number> {
  const stop = new AbortController()
  let isBuilt = false
  const onSignal = (): void => {
    // Nothing has been shown yet, and nothing is there that the end of the process does not take along.
    if (!isBuilt) process.exit(0)
    stop.abort()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, onSignal)
  const stage = await buildStageOrExplain()
  isBuilt = true
  const text = new DemoText(write, colour)
  const story = new Story({ proxy: stage.proxy, text, signal: stop.signal })
  let exitCode: 0 | 1 = 0
  try {
    const addresses = addressesOf(stage)
    text.opening(addresses)
    const told = await untilAborted(story.tell(), stop.signal)
    if (told === null) return exitCode
    exitCode = (await showOutcome(told, story, stage, text)) ? 0 : 1
    if (!exit) text.next(addresses)
    text.ownCluster()
    if (!exit) await watchRefusals(stage, { colour, write, signal: stop.signal })
    return exitCode
  } finally {
    stop.abort()
    // A library that still holds a timer or a socket must not hold the terminal.
    if (!(await closeAll(story, stage))) process.exit(exitCode)
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** Policies that somebody changed and broke are told like everywhere else. */
async function buildStageOrExplain(): Promise<Stage> {
  try {
    return await buildStage()
  } catch (error) {
    // What a start that failed half way has opened must not keep the process: it ends once the reason is told.
    setTimeout(() => process.exit(), closeWithinMs).unref()
    if (!(error instanceof StartError)) throw error
    throw new CliError(error.message, error.diagnostics.map(formatDiagnostic).join('\n    '))
  }
}

function addressesOf({ broker, proxy }: Stage): Addresses {
  return { broker: broker.address, bootstrap: proxy.bootstrap, admin: proxy.admin ?? '' }
}

async function showOutcome({ tallies, accepted }: Told, story: Story, stage: Stage, text: DemoText): Promise<boolean> {
  const { ids, bad } = await readTopic(stage.broker.address)
  await story.waitForConsumer(accepted.length, consumerPatienceMs)
  text.table(tallies)
  const isClean = bad === 0
  text.check(isClean, `the topic, read back from the broker: ${ids.length} records, ${bad} bad`)
  const isComplete = sameOrders(ids, accepted)
  text.check(isComplete, `every accepted order is there, once, in order: ${accepted.length}`)
  const isSeen = sameOrders(story.consumed, accepted)
  text.check(isSeen, `the consumer, through kontrakt, got the same: ${story.consumed.length}`)
  return isClean && isComplete && isSeen
}

function sameOrders(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}

/** Shows what else is refused, by whomever, until the demo is to end. */
async function watchRefusals(
  { proxy }: Stage,
  {
    colour,
    write,
    signal
  }: { readonly colour: boolean; readonly write: (text: string) => void; readonly signal: AbortSignal }
): Promise<void> {
  let lastId = proxy.journal.query({}, 0, 1).items[0]?.id ?? 0
  while (!signal.aborted) {
    await pause(systemClock, watchMs, signal)
    const seen = lastId
    const fresh = proxy.journal
      .query({}, 0, 20)
      .items.filter((entry) => entry.id > seen)
      .toReversed()
    for (const entry of fresh) write(lineText(entry, colour))
    lastId = fresh.at(-1)?.id ?? lastId
  }
}

/** Null when it was given up. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const aborted = new Promise<null>((resolve) => {
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
  const first = await Promise.race([work, aborted])
  // What is given up may still fail; nobody is interested any more.
  work.catch(() => undefined)
  return signal.aborted ? null : first
}

/** False when not all was closed in time. */
async function closeAll(story: Story, stage: Stage): Promise<boolean> {
  const closed = (async () => {
    await story.close()
    await stage.close()
  })().catch(() => undefined)
  const isLate = new Promise<false>((resolve) => {
    setTimeout(resolve, closeWithinMs, false).unref()
  })
  return Promise.race([closed.then(() => true), isLate])
}

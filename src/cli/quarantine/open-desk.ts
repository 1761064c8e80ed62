/** The desk of the command line: settings, policies, registry and cluster as the options name them. */
import { userInfo } from 'node:os'
import { formatAddress } from '../../address.ts'
import { systemClock } from '../../clock.ts'
import { PolicyFolder, PolicyStartError } from '../../config/policy-folder.ts'
import type { Settings } from '../../config/settings.ts'
import type { CompiledPolicy } from '../../contracts/compile.ts'
import { emptyContractSet } from '../../contracts/contract-set.ts'
import type { ContractSet } from '../../contracts/judgement.ts'
import { KafkaClient } from '../../kafka/client.ts'
import { ConnectionError, KafkaError, NoCommonVersionError } from '../../kafka/errors.ts'
import { QuarantineDesk } from '../../quarantine/desk.ts'
import { QuarantineError } from '../../quarantine/quarantine-error.ts'
import { plainWriters, requestTimeoutMs, transactionalWriters } from '../../quarantine/redrive-writer.ts'
import { ensureStateTopic } from '../../quarantine/state-topic.ts'
import { RegistrySchemaSource } from '../../registry/source.ts'
import type { OptionValues } from '../command.ts'
import { diagnosticText } from '../diagnostics.ts'
import type { CliIo } from '../io.ts'
import { CliError } from '../io.ts'
import { loadOrExplain } from '../load-or-explain.ts'
import { painter } from '../style.ts'

export interface OpenDesk {
  readonly desk: QuarantineDesk
  /** To say where a rule stands today; empty when the policies do not load. */
  readonly policies: readonly CompiledPolicy[]
  /** Aborts at Ctrl-C. */
  readonly signal: AbortSignal
}

export interface DeskNeeds {
  /** Records are judged: without policies nothing can be done. Looking is possible where the topic is named. */
  readonly judges: boolean
}

/** Resolves with the exit code. @throws {CliError} for what the user can mend */
export async function withDesk(
  options: OptionValues,
  io: CliIo,
  { judges }: DeskNeeds,
  run: (open: OpenDesk) => Promise<number>
): Promise<number> {
  const settings = loadOrExplain(options, io, false)
  if (settings === null) return 1
  const source = registryOf(settings)
  const client = new KafkaClient({
    bootstrapServers: settings.upstream.bootstrapServers.map(formatAddress),
    clientId: 'kontrakt-quarantine',
    connectTimeoutMs: settings.timings.connectTimeoutMs,
    requestTimeoutMs
  })
  const interrupts = io.watchInterrupts?.()
  try {
    const isNamed = typeof options['quarantineTopic'] === 'string'
    const { contracts, policies } = await loadPolicies(settings, source, judges || !isNamed, io)
    const desk = new QuarantineDesk({
      client,
      contracts: () => contracts,
      defaultPolicy: settings.defaultPolicy,
      stateTopic: settings.topics.quarantineState,
      ledgerTopic: settings.topics.ledger,
      ensureStateTopic: () => ensureStateTopic(client, settings.topics),
      writers: options['atLeastOnce'] === true ? plainWriters(client) : transactionalWriters(client),
      decideWaitMs: settings.timings.decideWaitMs,
      clock: systemClock
    })
    return await run({ desk, policies, signal: interrupts?.signal ?? new AbortController().signal })
  } catch (error) {
    throw forUser(error, settings)
  } finally {
    io.person?.progress('')
    interrupts?.end()
    client.close()
    source?.close()
  }
}

function registryOf({ registry, timings }: Settings): RegistrySchemaSource | null {
  if (registry === null) return null
  const timeoutMs = timings.registryTimeoutMs
  return new RegistrySchemaSource({ ...registry, timeoutMs, clock: systemClock, store: null })
}

async function loadPolicies(
  settings: Settings,
  source: RegistrySchemaSource | null,
  required: boolean,
  io: CliIo
): Promise<{ contracts: ContractSet; policies: readonly CompiledPolicy[] }> {
  const { policies, timings } = settings
  const { folder } = policies
  try {
    const { registryTimeoutMs } = timings
    const loaded = await PolicyFolder.start({ folder, strict: true, stateDir: null, source, registryTimeoutMs })
    loaded.stop()
    return { contracts: loaded.contracts, policies: loaded.policies }
  } catch (error) {
    if (!(error instanceof PolicyStartError)) throw error
    if (!required) return { contracts: emptyContractSet, policies: [] }
    for (const diagnostic of error.diagnostics) io.err(diagnosticText(diagnostic, painter(io.errColour)))
    throw new CliError('the policies do not load', 'mend them; `kontrakt check` shows what is wrong')
  }
}

/** What a cluster says is told without a stack. */
function forUser(error: unknown, settings: Settings): unknown {
  if (error instanceof QuarantineError) return new CliError(error.message, error.remedy)
  if (error instanceof KafkaError || error instanceof NoCommonVersionError) {
    return new CliError(error.message, 'see `kontrakt doctor`')
  }
  if (!(error instanceof ConnectionError)) return error
  const upstream = settings.upstream.bootstrapServers.map(formatAddress).join(', ')
  return new CliError(`the cluster at ${upstream} cannot be asked: ${error.message}`, 'see `kontrakt doctor`')
}

/** Who does it, as far as the operating system knows. */
export function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run under a number that has no name.
    return 'unknown'
  }
}

/** Asks a running instance over its admin API. */
import { formatAddress } from '../address.ts'
import type { Address } from '../address.ts'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { loadAdmin } from '../config/load.ts'
import type { OptionValues } from './command.ts'
import { settingsInputs } from './command.ts'
import { diagnosticText } from './diagnostics.ts'
import type { CliIo } from './io.ts'
import { CliError } from './io.ts'
import { painter } from './style.ts'

/** An instance answers from memory; longer than this and it is not well. */
const defaultTimeoutMs = 10_000

export interface AdminTarget {
  /** Without a slash at the end. */
  readonly url: string
  readonly token: string | null
}

/** @throws {CliError} when there is nothing to ask, or the token cannot be read */
export function adminTarget(options: OptionValues, io: CliIo): AdminTarget {
  const { admin: url, tokenFile, ...rest } = options
  const token = typeof tokenFile === 'string' ? readToken(resolve(io.cwd, tokenFile)) : null
  // The address may be another machine's, whose token is not in these settings.
  if (typeof url === 'string') return { url, token: token ?? io.env['KONTRAKT_ADMIN_TOKEN'] ?? null }
  const { admin, diagnostics } = loadAdmin(settingsInputs(rest, io))
  if (diagnostics.length > 0) {
    for (const diagnostic of diagnostics) io.err(diagnosticText(diagnostic, painter(io.errColour)))
    throw new CliError('the settings do not say where the instance is', 'give --admin http://127.0.0.1:9190')
  }
  if (admin === null) throw new CliError('the settings turn the admin server off', 'set admin.address, or give --admin')
  return { url: `http://${formatAddress(reachable(admin.address))}`, token: token ?? admin.token }
}

/** A server that listens everywhere is reached on loopback. */
function reachable({ host, port }: Address): Address {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port }
  return host === '::' ? { host: '::1', port } : { host, port }
}

function readToken(path: string): string {
  try {
    const token = readFileSync(path, 'utf8').trim()
    if (token !== '') return token
  } catch (error) {
    throw new CliError(
      `the token file ${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`
    )
  }
  throw new CliError(`the token file ${path} is empty`)
}

/** GET, as JSON. @throws {CliError} when there is no instance, or it refuses */
export async function askInstance(
  target: AdminTarget,
  path: string,
  query: Readonly<Record<string, string>> = {},
  timeoutMs = defaultTimeoutMs
): Promise<unknown> {
  const url = new URL(`${target.url}${path}`)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  let response: Response
  try {
    response = await fetch(url, {
      headers: target.token === null ? {} : { authorization: `Bearer ${target.token}` },
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error'
    })
  } catch (error) {
    throw unreachable(target, error, timeoutMs)
  }
  const body: unknown = await response.json().catch(() => null)
  if (response.ok) return body
  const said = (body as { readonly message?: unknown } | null)?.message
  const reason = typeof said === 'string' ? `: ${said}` : ''
  const message = `the instance at ${target.url} answered ${response.status}${reason}`
  throw new CliError(
    message,
    response.status === 401 ? 'give the token with --token-file, or set admin.token in the settings' : null
  )
}

function unreachable(target: AdminTarget, error: unknown, timeoutMs: number): CliError {
  const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } }
  const why =
    error instanceof Error && error.name === 'TimeoutError'
      ? `no answer in ${timeoutMs / 1_000} s`
      : (cause?.code ?? cause?.message ?? 'no answer')
  return new CliError(`no instance answers at ${target.url} (${why})`, 'is it running? --admin gives another address')
}

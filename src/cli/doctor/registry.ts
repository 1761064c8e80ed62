/** Does the registry answer, with these credentials? It is also the only one here that tells the time. */
import type { Settings } from '../../config/settings.ts'
import type { Finding } from './finding.ts'
import { fine, problem } from './finding.ts'

export interface RegistryFindings {
  readonly findings: readonly Finding[]
  /** Its clock minus ours, milliseconds; null when it did not say. */
  readonly clockSkewMs: number | null
}

export async function examineRegistry(settings: Settings): Promise<RegistryFindings> {
  const { registry, timings } = settings
  if (registry === null)
    return { findings: [fine('registry', 'none; policies take their schemas from files')], clockSkewMs: null }
  const { url, auth } = registry
  const authorization =
    auth === null
      ? {}
      : { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` }
  const askedAtMs = Date.now()
  let response: Response
  try {
    response = await fetch(`${url}/subjects`, {
      headers: { accept: 'application/vnd.schemaregistry.v1+json', ...authorization },
      signal: AbortSignal.timeout(timings.registryTimeoutMs),
      redirect: 'manual'
    })
  } catch (error) {
    const { cause, name, message } = error as Error & {
      readonly cause?: { readonly code?: string; readonly message?: string }
    }
    const why = name === 'TimeoutError' ? 'no answer in time' : (cause?.code ?? cause?.message ?? message)
    return {
      findings: [problem('registry', `${url} cannot be reached: ${why}`, 'is the address right, is it running?')],
      clockSkewMs: null
    }
  }
  await response.body?.cancel()
  const answeredAtMs = Date.now()
  const date = Date.parse(response.headers.get('date') ?? '')
  // The header has whole seconds: half of one is its error, and so is half of the way.
  const clockSkewMs = Number.isNaN(date) ? null : date + 500 - (askedAtMs + answeredAtMs) / 2
  return { findings: [findingOf(url, response.status)], clockSkewMs }
}

function findingOf(url: string, status: number): Finding {
  if (status === 200) return fine('registry', `${url} answers`)
  if (status === 401 || status === 403)
    return problem('registry', `${url} refuses these credentials (${status})`, 'set registry.auth')
  if (status >= 300 && status < 400)
    return problem('registry', `${url} sends us elsewhere (${status})`, 'set registry.url to where it leads')
  return problem(
    'registry',
    `${url} answers ${status} to /subjects`,
    'is this a registry with the Confluent API, and the path right?'
  )
}

/**
 * Who may ask the API. With a token: whoever sends it. Without one the server is on a loopback address, and still a
 * web page could make the operator's own browser ask it; a page can do so only under a host name, so those are
 * refused.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { AdminSettings } from '../config/settings.ts'

export type Access =
  { readonly allowed: true } | { readonly allowed: false; readonly status: 401 | 403; readonly message: string }

export interface AccessRequest {
  /** The `Authorization` header. */
  readonly authorization: string | undefined
  /** The `Host` header. */
  readonly host: string | undefined
}

const allowed: Access = { allowed: true }

export function checkAccess(admin: AdminSettings, request: AccessRequest): Access {
  if (admin.token !== null) return checkToken(admin.token, request.authorization)
  const host = hostOf(request.host)
  if (host !== null && (isIP(host) !== 0 || host === 'localhost' || host === admin.address.host.toLowerCase()))
    return allowed
  return { allowed: false, status: 403, message: 'ask by IP address or as localhost, or set admin.token' }
}

function checkToken(token: string, authorization: string | undefined): Access {
  const [, given] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? []
  if (given === undefined) return { allowed: false, status: 401, message: 'send the token: Authorization: Bearer ...' }
  // Digests have one length, so the comparison tells neither the token's content nor its length by its duration.
  if (timingSafeEqual(digest(given), digest(token))) return allowed
  return { allowed: false, status: 401, message: 'this is not the token' }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function hostOf(header: string | undefined): string | null {
  const [, v6, name] = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(header ?? '') ?? []
  return (v6 ?? name)?.toLowerCase() ?? null
}

/** Pages of the JSON API: `?limit=&offset=` in, `{ items, total, next }` out. */

export interface PageRequest {
  readonly limit: number
  /** Items to leave out before the first. */
  readonly offset: number
}

export interface PageAnswer<T> {
  readonly items: readonly T[]
  readonly total: number
  /** Path and query of the next page; null on the last. */
  readonly next: string | null
}

export const defaultPageLimit = 100

/** One page stays a few MiB whatever is in it. */
export const maxPageLimit = 1000

/** For fastify: what the query string of a paged route must look like. */
export const pageProperties = {
  limit: { type: 'integer', minimum: 1, maximum: maxPageLimit, default: defaultPageLimit },
  offset: { type: 'integer', minimum: 0, maximum: 1_000_000_000, default: 0 }
} as const

/** @param url path and query as they were asked for */
export function pageAnswer<T>(url: string, request: PageRequest, items: readonly T[], total: number): PageAnswer<T> {
  const end = request.offset + items.length
  if (end >= total || items.length === 0) return { items, total, next: null }
  const next = new URL(url, 'http://localhost')
  next.searchParams.set('limit', String(request.limit))
  next.searchParams.set('offset', String(end))
  return { items, total, next: `${next.pathname}${next.search}` }
}

export function cutPage<T>(url: string, request: PageRequest, all: readonly T[]): PageAnswer<T> {
  return pageAnswer(url, request, all.slice(request.offset, request.offset + request.limit), all.length)
}

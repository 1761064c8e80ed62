/**
 * The management server: metrics, health, API. Its own port, loopback unless a token guards it. Metrics and health
 * are open to whoever reaches the address, because neither Prometheus nor an orchestrator's probe has a token; the
 * API is not.
 */
import { formatAddress } from '../address.ts'
import type { Address } from '../address.ts'
import type { AddressInfo } from 'node:net'
import type { AnySchema } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fastify from 'fastify'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback } from '../config/consistency.ts'
import type { AdminSettings } from '../config/settings.ts'
import type { Logger } from '../observability/logger.ts'
import { errorFields } from '../observability/logger.ts'
import { checkAccess } from './access.ts'
import { apiRoutes } from './api-routes.ts'
import { quarantineRoutes } from './quarantine-routes.ts'
import type { InstanceView } from './view.ts'

export interface AdminServerOptions {
  readonly settings: AdminSettings
  readonly view: InstanceView
  readonly logger: Logger
  /** Largest body of a POST (`limits.adminBodyBytes`). */
  readonly bodyBytes: number
}

export interface AdminServer {
  /** Where it listens, with the port it really got. */
  readonly address: Address
  /** Closes at once; open requests are cut after a moment. */
  close(): Promise<void>
}

/** Sockets of operators, probes and scrapers; more is somebody's mistake. */
const maxConnections = 200

/** A request that takes longer to arrive is not from this network. */
const requestTimeoutMs = 10_000

/** @throws {Error} when the address cannot be listened on; the message names it and says what to do */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { host, port } = options.settings.address
  const server = buildAdminServer(options)
  try {
    await server.listen({ host, port })
  } catch (error) {
    await server.close()
    const { code } = error as NodeJS.ErrnoException
    const remedy =
      code === 'EADDRINUSE' ? 'another process has it; set admin.address (--admin)' : 'set admin.address (--admin)'
    throw new Error(
      `the admin server cannot listen on ${formatAddress({ host, port })} (${code ?? 'unknown error'}): ${remedy}`,
      {
        cause: error
      }
    )
  }
  const bound = server.server.address() as AddressInfo
  return { address: { host, port: bound.port }, close: () => server.close() }
}

/** The server without its socket. */
export function buildAdminServer(options: AdminServerOptions): FastifyInstance {
  const { settings, view, bodyBytes } = options
  if (settings.token === null && !isLoopback(settings.address.host)) {
    throw new Error(`the admin address ${formatAddress(settings.address)} is not loopback: it needs admin.token`)
  }
  const server = fastify({
    bodyLimit: bodyBytes,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    return503OnClosing: true
  })
  server.server.maxConnections = maxConnections
  // Query strings are text and are made numbers; bodies are JSON and must be what they are.
  const forQueries = new Ajv2020({ coerceTypes: true, useDefaults: true, allowUnionTypes: true })
  const forBodies = new Ajv2020({
    allowUnionTypes: true,
    strictTuples: false,
    strictTypes: false,
    strictRequired: false
  })
  server.setValidatorCompiler<AnySchema>(({ schema, httpPart }) =>
    (httpPart === 'body' ? forBodies : forQueries).compile(schema)
  )
  // JSON only: a web page can post text to anybody, but not JSON.
  server.removeContentTypeParser('text/plain')
  server.setErrorHandler((error: FastifyError, request, reply) => fail(options.logger, error, request, reply))
  server.setNotFoundHandler((request, reply) => notFound(request, reply))
  server.addHook('onSend', async (_request, reply) => {
    void reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
  })
  healthRoutes(server, view)
  void server.register(
    (api, _options, done) => {
      guard(api, options)
      apiRoutes(api, view)
      const hasToken = settings.token !== null
      if (view.quarantine !== null) quarantineRoutes(api, view.quarantine, { hasToken })
      done()
    },
    { prefix: '/api/v1' }
  )
  return server
}

function healthRoutes(server: FastifyInstance, view: InstanceView): void {
  server.get('/live', () => ({ live: true }))
  server.get('/ready', (_request, reply) => {
    const readiness = view.readiness()
    return reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
  server.get('/metrics', async (request, reply) => {
    const { contentType, body } = await view.scrape(request.headers.accept)
    return reply.header('content-type', contentType).send(body)
  })
}

function guard(api: FastifyInstance, { settings, logger }: AdminServerOptions): void {
  api.addHook('onRequest', async (request, reply) => {
    const { authorization, host } = request.headers
    const access = checkAccess(settings, { authorization, host })
    if (access.allowed) return
    logger.warn('admin request refused', {
      route: request.routeOptions.url ?? null,
      remoteAddress: request.ip,
      status: access.status
    })
    if (access.status === 401) void reply.header('www-authenticate', 'Bearer')
    await reply
      .code(access.status)
      .send({ error: access.status === 401 ? 'unauthorized' : 'forbidden', message: access.message })
  })
  api.addHook('onResponse', async (request, reply) => {
    if (request.method !== 'POST') return
    const { method, routeOptions } = request
    logger.info('admin request', {
      method,
      route: routeOptions.url ?? null,
      remoteAddress: request.ip,
      status: reply.statusCode
    })
  })
}

function fail(logger: Logger, error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500
  if (status >= 500) {
    logger.error('admin request failed', { route: request.routeOptions.url ?? null, ...errorFields(error) })
    return reply.code(500).send({ error: 'internal', message: 'the request failed here; the log says why' })
  }
  return reply.code(status).send({ error: status === 413 ? 'too-large' : 'bad-request', message: error.message })
}

function notFound(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const message =
    request.url === '/'
      ? 'this version has no console yet; try /ready, /metrics or /api/v1/status'
      : 'there is nothing here; docs/admin-api.md lists what there is'
  return reply.code(404).send({ error: 'not-found', message })
}

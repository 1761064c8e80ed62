/** Where what the proxy reports goes: metrics and logs. */
import { formatAddress } from '../address.ts'
import type { Address } from '../address.ts'
import type { LogLimiter } from '../observability/log-limiter.ts'
import { errorFields } from '../observability/logger.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { ConnectionInfo, ProxyEvents } from '../proxy/events.ts'
import type { CloseReason } from '../proxy/session/effects.ts'

export interface ProxyLogParts {
  readonly metrics: Metrics
  readonly logger: Logger
  readonly limiter: LogLimiter
  readonly nowMs: () => number
}

/** How a connection usually ends; not worth a line of its own above debug level. */
const ordinary: ReadonlySet<CloseReason> = new Set(['client-closed', 'upstream-closed', 'drained'])

export class ProxyLog implements ProxyEvents {
  readonly #parts: ProxyLogParts

  constructor(parts: ProxyLogParts) {
    this.#parts = parts
  }

  opened(info: ConnectionInfo): void {
    const { metrics, logger } = this.#parts
    metrics.connectionOpened()
    logger.debug('connection opened', { sessionId: info.id, remoteAddress: info.remoteAddress, nodeId: info.nodeId })
  }

  closed(info: ConnectionInfo, reason: CloseReason, detail: string | undefined): void {
    const { metrics, logger } = this.#parts
    metrics.connectionClosed(reason)
    const fields = {
      sessionId: info.id,
      remoteAddress: info.remoteAddress,
      nodeId: info.nodeId,
      clientId: info.clientId,
      cause: reason,
      reason: detail
    }
    if (ordinary.has(reason)) {
      logger.debug('connection closed', fields)
      return
    }
    const suppressed = this.#admit(`closed/${reason}`)
    if (suppressed !== null) logger.warn('connection closed', { ...fields, ...suppressed })
  }

  upstreamUnreachable(address: Address, message: string): void {
    const { metrics, logger } = this.#parts
    const upstream = formatAddress(address)
    metrics.upstreamConnectFailed(upstream)
    const suppressed = this.#admit(`unreachable/${upstream}`)
    if (suppressed !== null) logger.warn('broker cannot be reached', { upstream, error: message, ...suppressed })
  }

  counted(what: 'request' | 'response', apiKey: number, bytes: number): void {
    if (what === 'request') this.#parts.metrics.request(apiKey, bytes)
    else this.#parts.metrics.response(apiKey, bytes)
  }

  budgetWait(direction: 'request' | 'response'): void {
    this.#parts.metrics.budgetWaited(direction)
  }

  internalError(error: unknown): void {
    this.#parts.logger.error('fault of our own', errorFields(error))
  }

  listening(nodeId: number, address: Address): void {
    this.#parts.logger.info('listening for a broker', { nodeId, address: formatAddress(address) })
  }

  cannotListen(nodeId: number, message: string): void {
    const suppressed = this.#admit(`listen/${nodeId}`)
    if (suppressed === null) return
    const { logger } = this.#parts
    logger.error('the port of a broker cannot be had: clients are not told of it', {
      nodeId,
      error: message,
      ...suppressed
    })
  }

  brokerWithoutPort(nodeId: number): void {
    this.#parts.logger.error('a live broker has no port here: clients are not told of it; extend brokerPorts', {
      nodeId
    })
  }

  #admit(key: string): { suppressed?: number } | null {
    const suppressed = this.#parts.limiter.admit(key, this.#parts.nowMs())
    if (suppressed === null) return null
    return suppressed === 0 ? {} : { suppressed }
  }
}

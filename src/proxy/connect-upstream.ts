/** The connection to the broker: the first of some addresses that can be connected to. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Address } from '../address.ts'
import { Inlet } from './inlet.ts'
import type { ReadBuffers } from './read-buffers.ts'

export interface UpstreamOptions {
  /** Tried in order. */
  readonly addresses: readonly Address[]
  readonly connectTimeoutMs: number
  readonly buffers: ReadBuffers
  /** Whether sockets can read into memory of ours. */
  readonly onread: boolean
  /** True when nobody waits any more. */
  readonly gone: () => boolean
  readonly unreachable: (address: Address, message: string) => void
}

export interface Upstream {
  readonly address: Address
  readonly socket: Socket
  readonly inlet: Inlet
}

/** Null when none can be reached, or nobody waits any more. Never rejects. */
export async function connectUpstream(options: UpstreamOptions): Promise<Upstream | null> {
  for (const address of options.addresses) {
    if (options.gone()) return null
    const inlet = new Inlet(options.buffers)
    const onread = options.onread ? { onread: inlet.onread } : {}
    const socket = connect({ host: address.host, port: address.port, noDelay: true, keepAlive: true, ...onread })
    // Nothing is read before somebody takes it: brokers do not speak first, but whoever is there instead may.
    socket.pause()
    const failure = await new Promise<Error | null>((resolve) => {
      socket.setTimeout(options.connectTimeoutMs, () => resolve(new Error('timed out')))
      socket.once('connect', () => resolve(null))
      socket.once('error', resolve)
    })
    socket.setTimeout(0)
    socket.removeAllListeners('timeout')
    if (failure === null) {
      inlet.attach(socket, options.onread ? 'onread' : 'stream')
      return { address, socket, inlet }
    }
    socket.on('error', () => undefined)
    socket.destroy()
    options.unreachable(address, failure.message)
  }
  return null
}

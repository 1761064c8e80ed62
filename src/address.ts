/** `host:port`, as in `bootstrap.servers`: names, IPv4, and IPv6 in brackets. */

export interface Address {
  readonly host: string
  readonly port: number
}

/** Throws a plain Error that says what is wrong with the text. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim())
  const port = Number(match?.[3])
  if (match === null || port < 1 || port > 65_535) {
    throw new Error(`'${text}' is not an address: expected host:port, with the port from 1 to 65535`)
  }
  return { host: match[1] ?? match[2]!, port }
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

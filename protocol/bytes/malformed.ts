/** The errors of everything under `protocol/` that reads bytes from outside and finds them impossible. */

/**
 * The bytes are not what the protocol says they must be: cut short, left over, or a length that cannot be true.
 * The message names places and lengths, never contents. Whoever catches it closes the connection, as a broker does.
 */
export class MalformedMessageError extends Error {
  override readonly name: string = 'MalformedMessageError'
}

/** The bytes end before what they promise. Where more may still arrive, this says that it is worth waiting. */
export class TruncatedMessageError extends MalformedMessageError {
  override readonly name = 'TruncatedMessageError'
}

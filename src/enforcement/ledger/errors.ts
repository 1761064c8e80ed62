/** Why a batch with a place in a chain cannot go on from here, and no answer to it is safe. */

/** The chain belongs to another instance now. */
export class ChainMovedError extends Error {
  override readonly name = 'ChainMovedError'
}

/** Another owner's copy of the batch is in the topic, whole. */
export class ChainOvertakenError extends Error {
  override readonly name = 'ChainOvertakenError'
}

/** Sequence numbers of producers: 0 to 2^31 - 1, then 0 again (`DefaultRecordBatch.incrementSequence`). */

const space = 2 ** 31

export function addSequence(sequence: number, count: number): number {
  return (((sequence + count) % space) + space) % space
}

/**
 * How far `to` lies behind `from` in the order of sequences: negative when it comes before. Half of the space counts as
 * behind, so that a wrap is told from a rewind.
 */
export function sequenceDistance(from: number, to: number): number {
  const distance = (to - from + space) % space
  return distance < space / 2 ? distance : distance - space
}

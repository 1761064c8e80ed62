/** Sequence numbers as brokers count them, written for the model alone. */

const highest = 2_147_483_647

export function addSequence(sequence: number, count: number): number {
  return sequence > highest - count ? count - (highest - sequence) - 1 : sequence + count
}

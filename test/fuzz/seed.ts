import { seededRandom } from '@wrenmq/testkit';

/** The seed of `npm test`: the same in every run, or `WRENMQ_FUZZ_SEED`. fast-check prints it, with the path, when a property fails. */
export const fuzzSeed = Number(process.env['WRENMQ_FUZZ_SEED'] ?? 20_261_121);

/** A whole number in [0, below). */
export function integerFrom(seed: number): (below: number) => number {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}

/** `npm run test:fuzz -- --minutes 60 --seed 1`: the fuzz tests of this folder, round after round, each with the next seed. */
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { grammarScript, playGrammar } from './grammar.ts';
import { usedBytes } from './measure.ts';
import { FuzzHouse, script } from './scenario.ts';
import { SocketHouse } from './socket-house.ts';

const RUNS_PER_ROUND = 2000;
const SOCKET_RUNS_PER_ROUND = 200;
/** After the first rounds memory may grow by so much, however long the run. */
const GROWTH_BYTES_MAX = 32 * 1024 * 1024;
const SETTLED_AFTER_ROUNDS = 5;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: String(Date.now() % 2 ** 31) } },
});
const minutes = Number(values.minutes);
const firstSeed = Number(values.seed);
if (!(minutes > 0) || !Number.isInteger(firstSeed)) {
  console.error('usage: npm run test:fuzz -- [--minutes 60] [--seed 1]');
  process.exit(2);
}

await playRounds(minutes, firstSeed);

async function playRounds(forMinutes: number, seed: number): Promise<void> {
  const endsAtMs = Date.now() + forMinutes * 60_000;
  let settledBytes = Infinity;
  let round = 0;
  for (; Date.now() < endsAtMs; round += 1) {
    console.log(`round ${round}, seed ${seed + round}, ${Math.ceil((endsAtMs - Date.now()) / 60_000)} min left`);
    await playRound(seed + round);
    const bytes = await usedBytes();
    if (round === SETTLED_AFTER_ROUNDS) settledBytes = bytes;
    if (bytes > settledBytes + GROWTH_BYTES_MAX) {
      throw new Error(`memory grows: ${bytes} bytes after round ${round}, ${settledBytes} after round ${SETTLED_AFTER_ROUNDS}`);
    }
  }
  console.log(`fuzz: ${round} rounds passed, seeds ${seed} to ${seed + round - 1}`);
}

/** fast-check prints the seed and the path of what failed. */
async function playRound(seed: number): Promise<void> {
  {
    await using house = await FuzzHouse.open();
    await fc.assert(
      fc.asyncProperty(script, (one) => house.play([one])),
      { seed, numRuns: RUNS_PER_ROUND },
    );
    await fc.assert(
      fc.asyncProperty(script, script, (one, other) => house.play([one, other])),
      { seed, numRuns: RUNS_PER_ROUND },
    );
    // The model knows nothing of the subscriptions that are left.
    await house.checkNothingIsLeft();
    await fc.assert(
      fc.asyncProperty(grammarScript, (one) => playGrammar(house, one)),
      { seed, numRuns: RUNS_PER_ROUND },
    );
    await house.checkNothingIsLeft();
  }
  await using sockets = await SocketHouse.open();
  await fc.assert(
    fc.asyncProperty(script, script, (one, other) => sockets.play([one, other])),
    { seed, numRuns: SOCKET_RUNS_PER_ROUND },
  );
}

/** `npm run test:crash -- [--rounds N] [--seed N] [--target mosquitto] [--power-cuts N]`: the crash test, as long as one likes. */
import { parseArgs } from 'node:util';
import type { Target } from './broker-process.ts';
import { crash, describeFailure } from './crash.ts';

/** So many rounds share a data directory; then a new one begins. */
const ROUNDS_PER_RUN = 50;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string', default: 'wrenmq' },
  },
});

let failures = 0;
let kills = 0;
let acknowledged = 0;
for (let left = Number(values.rounds), seed = Number(values.seed); left > 0; left -= ROUNDS_PER_RUN, seed += 1) {
  const rounds = Math.min(left, ROUNDS_PER_RUN);
  const report = await crash({
    rounds,
    seed,
    target: values.target as Target,
    // What mosquitto has lost will not come.
    drainMs: values.target === 'mosquitto' ? 2000 : 60_000,
    onRound: (round, words) => process.stdout.write(`seed ${seed}, round ${round}/${rounds}: ${words}\n`),
  });
  kills += report.kills;
  acknowledged += report.acknowledged;
  if (report.problems.total > 0) {
    failures += 1;
    console.error(describeFailure(report));
  }
  console.log(`seed ${seed}: ${report.kills} kills, ${report.acknowledged} acknowledged, ${report.deliveries} deliveries, longest start ${Math.round(report.startMsMax)} ms, ${report.problems.total} problems`);
}
console.log(`${kills} kills, ${acknowledged} messages acknowledged, ${failures} runs with problems`);
process.exitCode = failures === 0 ? 0 : 1;

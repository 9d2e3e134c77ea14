/** `npm run test:crash -- [--rounds N] [--seed N] [--target mosquitto] [--power-cuts N]`: the crash test, as long as one likes. */
import { parseArgs } from 'node:util';
import type { Target } from './broker-process.ts';
import { crash, describeFailure } from './crash.ts';

/** So many rounds share a data directory; then a new one begins. */
const ROUNDS_PER_RUN = 50;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    'power-cuts': { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string', default: 'wrenmq' },
  },
});

const target: Target = values.target === 'mosquitto' ? 'mosquitto' : 'wrenmq';
const powerCuts = Number(values['power-cuts'] ?? 0);
const kills = Number(values.rounds ?? (powerCuts > 0 ? 0 : 50));
let seed = Number(values.seed);
let faults = 0;
let acknowledged = 0;
let failures = 0;
await runAll(kills, false);
await runAll(powerCuts, true);
console.log(`${faults} faults, ${acknowledged} messages acknowledged, ${failures} runs with problems`);
process.exitCode = failures === 0 ? 0 : 1;

async function runAll(rounds: number, isPowerCut: boolean): Promise<void> {
  for (let left = rounds; left > 0; left -= ROUNDS_PER_RUN) {
    await runOnce(Math.min(left, ROUNDS_PER_RUN), isPowerCut);
    seed += 1;
  }
}

async function runOnce(rounds: number, isPowerCut: boolean): Promise<void> {
  const name = `seed ${seed}${isPowerCut ? ', power cuts' : ''}`;
  const report = await crash({
    ...{ rounds, seed, target, powerCuts: isPowerCut },
    // What mosquitto has lost will not come.
    drainMs: target === 'mosquitto' ? 2000 : 60_000,
    onRound: (round, words) => console.log(`${name}, round ${round}/${rounds}: ${words}`),
  });
  faults += report.kills;
  acknowledged += report.acknowledged;
  if (report.problems.total > 0) {
    failures += 1;
    console.error(describeFailure(report));
  }
  const counts = `${report.kills} faults, ${report.acknowledged} acknowledged, ${report.deliveries} deliveries`;
  console.log(`${name}: ${counts}, longest start ${Math.round(report.startMsMax)} ms, ${report.problems.total} problems`);
}

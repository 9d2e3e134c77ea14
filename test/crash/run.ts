/** `npm run test:crash -- [--rounds N] [--power-cuts N] [--seed N] [--target mosquitto]`: the crash test, as long as one likes. */
import { parseArgs } from 'node:util';
import type { Target } from './broker-process.ts';
import { crash, describeFailure } from './crash.ts';

/** So many rounds share a data directory; then a new one begins. */
const ROUNDS_PER_RUN = 50;

/** Runs one after the other, each with the next seed. */
class Campaign {
  readonly #target: Target;
  #seed: number;
  #faults = 0;
  #acknowledged = 0;
  #failures = 0;

  constructor(target: Target, seed: number) {
    this.#target = target;
    this.#seed = seed;
  }

  get hasFailed(): boolean {
    return this.#failures > 0;
  }

  async run(rounds: number, powerCuts: boolean): Promise<void> {
    for (let left = rounds; left > 0; left -= ROUNDS_PER_RUN) {
      await this.#runOnce(Math.min(left, ROUNDS_PER_RUN), powerCuts);
      this.#seed += 1;
    }
  }

  toString(): string {
    return `${this.#faults} faults, ${this.#acknowledged} messages acknowledged, ${this.#failures} runs with problems`;
  }

  async #runOnce(rounds: number, powerCuts: boolean): Promise<void> {
    const name = `seed ${this.#seed}${powerCuts ? ', power cuts' : ''}`;
    const report = await crash({
      rounds,
      powerCuts,
      seed: this.#seed,
      target: this.#target,
      drainMs: this.#target === 'mosquitto' ? 2e3 : 6e4,
      onRound: (round, words) => console.log(`${name}, round ${round}/${rounds}: ${words}`),
    });
    this.#faults += report.kills;
    this.#acknowledged += report.acknowledged;
    if (report.problems.total > 0) {
      this.#failures += 1;
      console.error(describeFailure(report));
    }
    const counts = `${report.kills} faults, ${report.acknowledged} acknowledged, ${report.deliveries} deliveries`;
    console.log(`${name}: ${counts}, longest start ${Math.round(report.startMsMax)} ms, ${report.problems.total} problems`);
  }
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    'power-cuts': { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    target: { type: 'string', default: 'wrenmq' },
  },
});
const powerCuts = Number(values['power-cuts']);
const kills = Number(values.rounds ?? (powerCuts > 0 ? 0 : 50));
const campaign = new Campaign(values.target === 'mosquitto' ? 'mosquitto' : 'wrenmq', Number(values.seed));
await campaign.run(kills, false);
await campaign.run(powerCuts, true);
console.log(String(campaign));
process.exitCode = campaign.hasFailed ? 1 : 0;

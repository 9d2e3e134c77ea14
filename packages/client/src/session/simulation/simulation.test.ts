import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulationRun } from './test-run.ts';

const runs = Number(process.env.WRENMQ_SIMULATION_RUNS ?? 4_000);
const onlySeed = process.env.WRENMQ_SIMULATION_SEED;

test('no message is lost, doubled or out of order, whatever happens to connections, processes and sessions', () => {
  const seeds = onlySeed === undefined ? Array.from({ length: runs }, (_, index) => index + 1) : [Number(onlySeed)];
  let repeats = 0;
  let crashes = 0;
  for (const seed of seeds) {
    const run = new SimulationRun(seed);
    try {
      run.run();
    } catch (error) {
      throw new Error(`seed ${seed} (WRENMQ_SIMULATION_SEED=${seed} replays it): ${run.events.join(', ')}`, { cause: error });
    }
    repeats += run.repeats;
    crashes += run.crashes;
  }
  if (onlySeed !== undefined) return;
  assert.ok(repeats > runs / 10, `${repeats} packets were sent again`);
  assert.ok(crashes > runs / 10, `${crashes} crashes`);
});

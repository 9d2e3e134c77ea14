import { describe, test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit/seeded-random.ts';
import { World } from './test-world.ts';

const STEPS = 500;
const firstSeed = Number(process.env.WRENMQ_TEST_SEED ?? 1);
const seeds = Number(process.env.WRENMQ_TEST_SEEDS ?? 40);

/**
 * Clients come, go, acknowledge in any order and start clean; messages at QoS 1 and 2 are published; the disk takes its time,
 * is full at times; and the process dies at any moment, with the last commit on disk or not. Whatever happens, what was
 * acknowledged arrives, in order, at QoS 2 once, and sessions are as the last commit had them.
 */
describe('sessions keep their promises', () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    test(`whatever happens with seed ${seed} (D1, D2, D4, D5)`, async () => {
      const world = new World(seededRandom(seed), 3);
      for (let step = 0; step < STEPS; step += 1) await world.step();
      await world.finish();
      await world.check();
    });
  }
});

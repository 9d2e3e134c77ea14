import { describe, test } from 'node:test';
import { seededRandom } from '@wrenmq/testkit/seeded-random.ts';
import { GroupWorld } from './test-group-world.ts';

const STEPS = 600;
const firstSeed = Number(process.env.WRENMQ_TEST_SEED ?? 1);
const seeds = Number(process.env.WRENMQ_TEST_SEEDS ?? 40);

/**
 * Members of a durable group come, go for short or for long, start clean, subscribe once more, acknowledge in any order; the
 * disk takes its time and is full at times; the process dies at any moment. Whatever happens, what was acknowledged to the
 * publisher reaches a member, at QoS 2 one and once, and in the end nothing is left on disk.
 */
describe('durable groups keep their promises', () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
    test(`whatever happens with seed ${seed} (D1, D4, D5)`, async () => {
      const world = new GroupWorld(seededRandom(seed), 3);
      for (let step = 0; step < STEPS; step += 1) await world.step();
      await world.finish();
      await world.check();
    });
  }
});

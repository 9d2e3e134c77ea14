import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { fuzzSeed } from './seed.ts';
import { FuzzHouse, script } from './scenario.ts';

// Mutated packets of all versions, in any order, in pieces of any size. What must hold is in scenario.ts.

let house: FuzzHouse;

before(async () => {
  house = await FuzzHouse.open();
});

after(() => house[Symbol.asyncDispose]());

test('whatever a client sends ends at most its own connection, with a reason', async () => {
  await fc.assert(
    fc.asyncProperty(script, (one) => house.play([one])),
    { seed: fuzzSeed, numRuns: 4000 },
  );
  await house.checkNothingIsLeft();
});

test('whatever two clients send at the same time ends at most their own connections', async () => {
  await fc.assert(
    fc.asyncProperty(script, script, (one, other) => house.play([one, other])),
    { seed: fuzzSeed, numRuns: 2000 },
  );
  await house.checkNothingIsLeft();
});

import { test } from 'node:test';
import fc from 'fast-check';
import { grammarScript, playGrammar } from './grammar.ts';
import { FuzzHouse } from './scenario.ts';
import { fuzzSeed } from './seed.ts';

test('valid packets in any order get exactly the answers of a much simpler server', async () => {
  await using house = await FuzzHouse.open();
  await fc.assert(
    fc.asyncProperty(grammarScript, (one) => playGrammar(house, one)),
    { seed: fuzzSeed, numRuns: 4000 },
  );
  await house.checkNothingIsLeft();
});

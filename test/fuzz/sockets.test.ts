import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { script } from './scenario.ts';
import { fuzzSeed } from './seed.ts';
import { SocketHouse } from './socket-house.ts';

// The same over real sockets: fewer, since each costs a connection.

let house: SocketHouse;

before(async () => {
  house = await SocketHouse.open();
});

after(() => house[Symbol.asyncDispose]());

test('whatever two clients send over TCP at the same time, a third is served', async () => {
  await fc.assert(
    fc.asyncProperty(script, script, (one, other) => house.play([one, other])),
    { seed: fuzzSeed, numRuns: 200 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('within a turn it is one time, however long the turn is; the next turn has its own', async () => {
  await nextTurn();
  const clock = systemClock;
  const before = [clock.turnWallMs(), clock.turnMs()];
  const startMs = clock.monotonicMs();
  while (clock.monotonicMs() - startMs < 2);
  assert.deepEqual([clock.turnWallMs(), clock.turnMs()], before);
  await nextTurn();
  assert.ok(clock.turnMs() > before[1]);
});

test('the time of a turn is a whole number that is never 0', () => {
  assert.ok(Number.isInteger(systemClock.turnMs()) && systemClock.turnMs() > 0);
  assert.ok(Number.isInteger(systemClock.turnWallMs()));
});

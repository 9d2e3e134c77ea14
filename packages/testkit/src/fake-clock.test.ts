import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from './fake-clock.ts';

test('timers run in the order in which they fall due, each at its time', () => {
  const clock = new FakeClock(1000);
  const seen: [string, number][] = [];
  clock.after(30, () => seen.push(['late', clock.monotonicMs()]));
  clock.after(10, () => seen.push(['first', clock.monotonicMs()]));
  clock.after(10, () => seen.push(['second', clock.wallMs()]));
  clock.advance(20);
  assert.deepEqual(seen, [
    ['first', 10],
    ['second', 1010],
  ]);
  clock.advance(10);
  assert.deepEqual(seen.at(-1), ['late', 30]);
});

test('a timer that a timer starts runs in the same advance if it falls due', () => {
  const clock = new FakeClock();
  let count = 0;
  const again = (): void => {
    count += 1;
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.advance(35);
  assert.equal(count, 3);
  assert.equal(clock.pending, 1);
});

test('a cancelled timer does not run, and a jump of the wall clock moves no timer', () => {
  const clock = new FakeClock(0);
  const cancel = clock.after(5, () => assert.fail('it was cancelled'));
  cancel();
  let isDone = false;
  clock.after(5, () => {
    isDone = true;
  });
  clock.jumpWall(60_000);
  assert.equal(isDone, false);
  assert.equal(clock.wallMs(), 60_000);
  assert.equal(clock.monotonicMs(), 0);
  clock.advance(5);
  assert.equal(isDone, true);
});

test('a leap runs what fell due once, after it', () => {
  const clock = new FakeClock();
  const seen: number[] = [];
  const again = (): void => {
    seen.push(clock.monotonicMs());
    clock.after(10, again);
  };
  clock.after(10, again);
  clock.leap(1_000_000);
  assert.deepEqual(seen, [1_000_000]);
  clock.advance(10);
  assert.deepEqual(seen, [1_000_000, 1_000_010]);
});

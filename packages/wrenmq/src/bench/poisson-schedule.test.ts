import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PoissonSchedule } from './poisson-schedule.ts';
import { Schedule } from './schedule.ts';

const SEED = 20_261_121;

function gaps(schedule: PoissonSchedule, count: number): number[] {
  return Array.from({ length: count }, (_, i) => schedule.dueMs(i + 1) - schedule.dueMs(i));
}

test('the gaps between random moments are exponential: their mean is that of the rate, and so is their deviation', () => {
  const all = gaps(new PoissonSchedule(new Schedule(1000), SEED), 200_000);
  const mean = all.reduce((sum, gap) => sum + gap, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / all.length);
  assert.ok(all.every((gap) => gap >= 0));
  assert.ok(Math.abs(mean - 1) < 0.02, String(mean));
  assert.ok(Math.abs(deviation - 1) < 0.03, String(deviation));
});

test('a seed gives the same moments again, another one others', () => {
  const times = (seed: number): number[] => gaps(new PoissonSchedule(new Schedule(50), seed), 100);
  assert.deepEqual(times(7), times(7));
  assert.notDeepEqual(times(7), times(8));
});

test('what is due at a time is what has its moment before it, in any order of asking, also in a ramp', () => {
  const schedule = new PoissonSchedule(new Schedule(1000, 500), SEED);
  for (const ms of [2000, 0, 1, 250, 500, 1999.5, 20_000]) {
    const count = schedule.countAt(ms);
    assert.ok(count === 0 || schedule.dueMs(count - 1) <= ms);
    assert.ok(schedule.dueMs(count) > ms);
  }
  // In the ramp half as many.
  const ramped = schedule.countAt(500);
  assert.ok(ramped > 190 && ramped < 310, String(ramped));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Schedule } from './schedule.ts';

const rates = fc.double({ min: 0.1, max: 1e6, noNaN: true });
const ramps = fc.double({ min: 0, max: 1e5, noNaN: true });

test('an event is due when its time has come, and the next one is not yet', () => {
  fc.assert(
    fc.property(rates, ramps, fc.nat(1_000_000), (rate, rampMs, index) => {
      const schedule = new Schedule(rate, rampMs);
      const dueMs = schedule.dueMs(index);
      assert.ok(schedule.countAt(dueMs) >= index + 1);
      assert.ok(schedule.dueMs(index + 1) >= dueMs);
      const middle = (dueMs + schedule.dueMs(index + 1)) / 2;
      // Where the events are too close for a double to tell, there is no middle.
      if (schedule.dueMs(index + 1) - dueMs > dueMs * 1e-5 + 1e-5) assert.equal(schedule.countAt(middle), index + 1);
    }),
    { seed: 20_261_121 },
  );
});

test('without a ramp the events are evenly apart, and the first is due at once', () => {
  const schedule = new Schedule(1000);
  assert.deepEqual(
    [0, 1, 2, 500].map((index) => schedule.dueMs(index)),
    [0, 1, 2, 500],
  );
  assert.deepEqual(
    [-1, 0, 0.5, 1, 999.5].map((ms) => schedule.countAt(ms)),
    [0, 1, 1, 2, 1000],
  );
});

test('in a ramp half as many are due as at the full rate, and the full rate is reached at its end', () => {
  const schedule = new Schedule(1000, 10_000);
  assert.equal(schedule.countAt(10_000) - 1, 5000);
  assert.equal(schedule.countAt(5000) - 1, 1250);
  assert.equal(schedule.countAt(11_000) - schedule.countAt(10_000), 1000);
});

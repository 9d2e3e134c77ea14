import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { readPlan } from './bench-plan.ts';

test('times are seconds, or have a unit; rates may say that they are per second', () => {
  for (const [duration, ms] of [
    ['2.5', 2500],
    ['500ms', 500],
    ['60s', 60_000],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
  ] as const)
    assert.equal(readPlan('pubsub', { duration, ramp: duration }).durationMs, ms, duration);
  const { rate, connectRate, rampMs, warmupMs } = readPlan('pub', { rate: '20000/s', connectRate: '50/s', ramp: '10s', warmup: '0' });
  assert.deepEqual([rate, connectRate, rampMs, warmupMs], [20_000, 50, 10_000, 0]);
  for (const wrong of ['1d', '50ms', '31d', '1.2.3s', 'ms', '999h', '-1'])
    assert.throws(() => readPlan('pub', { duration: wrong }), { exitCode: 2, message: /^wrenmq: --duration / }, wrong);
  assert.throws(() => readPlan('pub', { rate: '5/m' }), { exitCode: 2 });
});

test('auto takes a thread less than there are cores, but one at least, and none without a client', () => {
  assert.equal(readPlan('pub', { workers: 'auto', clients: '1000' }).workers, Math.min(64, Math.max(1, availableParallelism() - 1)));
  assert.equal(readPlan('pub', { workers: 'auto', clients: '1' }).workers, 1);
  assert.equal(readPlan('pub', {}).workers, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backoff, backoffDelay } from './backoff.ts';

const backoff: Backoff = { minDelay: 500, maxDelay: 60_000, factor: 2, jitter: 'none' };

test('the delay doubles with every failure up to its maximum', () => {
  const delays = [1, 2, 3, 7, 8, 1_000].map((failures) => backoffDelay(backoff, failures, () => 0.5));
  assert.deepEqual(delays, [500, 1_000, 2_000, 32_000, 60_000, 60_000]);
});

test('full jitter is anything below the delay, equal jitter the upper half', () => {
  assert.equal(
    backoffDelay({ ...backoff, jitter: 'full' }, 2, () => 0),
    0,
  );
  assert.equal(
    backoffDelay({ ...backoff, jitter: 'full' }, 2, () => 0.75),
    750,
  );
  assert.equal(
    backoffDelay({ ...backoff, jitter: 'equal' }, 2, () => 0),
    500,
  );
  assert.equal(
    backoffDelay({ ...backoff, jitter: 'equal' }, 2, () => 0.5),
    750,
  );
});

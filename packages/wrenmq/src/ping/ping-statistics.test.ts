import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pingStatistics } from './ping-statistics.ts';

test('what was not answered counts as sent, and in no time', () => {
  assert.deepEqual(pingStatistics([3, null, 1, 2, null, 6]), {
    sent: 6,
    answered: 4,
    minMs: 1,
    meanMs: 3,
    p50Ms: 2,
    p99Ms: 6,
    maxMs: 6,
    standardDeviationMs: 1.871,
  });
});

test('no answer at all leaves zeros, not NaN', () => {
  const none = { minMs: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, maxMs: 0, standardDeviationMs: 0 };
  assert.deepEqual(pingStatistics([null]), { sent: 1, answered: 0, ...none });
  assert.deepEqual(pingStatistics([]), { sent: 0, answered: 0, ...none });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram.ts';

test('without durations every figure is 0', () => {
  assert.deepEqual(new LatencyHistogram().reading, { count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
});

test('percentiles are those of the durations, to within a sixteenth', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 200 }), (durations) => {
      const histogram = new LatencyHistogram();
      for (const ms of durations) histogram.record(ms);
      const sorted = durations.toSorted((a, b) => a - b);
      const { count, max, ...percentiles } = histogram.reading;
      assert.deepEqual([count, max], [durations.length, sorted.at(-1)]);
      for (const [name, share] of Object.entries({ p50: 0.5, p95: 0.95, p99: 0.99 })) {
        const exact = sorted[Math.ceil(sorted.length * share) - 1];
        const found = percentiles[name as keyof typeof percentiles];
        assert.ok(Math.abs(found - exact) <= exact / 16, `${name} is ${found}, not ${exact}`);
      }
    }),
    { seed: 11 },
  );
});

test('small durations are exact; what the wall clock makes negative or endless is bounded', () => {
  const histogram = new LatencyHistogram();
  for (const ms of [7, 7, 7, -5, 2 ** 40]) histogram.record(ms);
  const { count, p50, max } = histogram.reading;
  assert.deepEqual([count, p50, max], [5, 7, 2 ** 32 - 1]);
});

test('what is older than the last span of time is forgotten', () => {
  const histogram = new LatencyHistogram();
  histogram.record(100);
  histogram.turn();
  histogram.record(3);
  assert.deepEqual([histogram.reading.count, histogram.reading.max], [2, 100]);
  histogram.turn();
  assert.deepEqual(histogram.reading, { count: 1, p50: 3, p95: 3, p99: 3, max: 3 });
  histogram.turn();
  assert.equal(histogram.reading.count, 0);
});

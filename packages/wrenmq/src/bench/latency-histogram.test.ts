import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LatencyHistogram } from './latency-histogram.ts';

test('a percentile is that of the sorted values, exact to a thousandth', () => {
  const times = fc.array(fc.double({ min: 1e-5, max: 1e5, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(times, fc.constantFrom(50, 90, 99), (values, percent) => {
      const histogram = new LatencyHistogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((one, other) => one - other);
      // HDR histograms take the nearest rank, not the next.
      const exact = sorted[Math.max(1, Math.floor((values.length * percent) / 100 + 0.5)) - 1];
      assert.ok(Math.abs(histogram.percentile(percent) - exact) <= exact * 0.001 + 1e-6, `${histogram.percentile(percent)} for ${exact}`);
    }),
    { seed: 20_261_121 },
  );
});

test('p99.9 of few values is not told, and nothing recorded is nothing', () => {
  const histogram = new LatencyHistogram();
  assert.deepEqual(histogram.summary(), {
    count: 0,
    p50Ms: 0,
    p90Ms: 0,
    p95Ms: 0,
    p99Ms: 0,
    p99_9Ms: null,
    p99_99Ms: null,
    maxMs: 0,
    meanMs: 0,
  });
  for (let count = 0; count < 999; count += 1) histogram.record(2);
  assert.equal(histogram.summary().p99_9Ms, null);
  histogram.record(2);
  assert.ok(Math.abs(histogram.summary().p99_9Ms! - 2) < 0.003);
  assert.equal(histogram.summary().p99_99Ms, null);
  for (let count = 1000; count < 9_998; count += 1) histogram.record(2);
  for (const ms of [3, 4]) histogram.record(ms);
  assert.ok(Math.abs(histogram.summary().p99_99Ms! - 3) < 0.004);
});

test('a time before its own beginning counts as none, one beyond an hour as an hour', () => {
  const histogram = new LatencyHistogram();
  histogram.record(-1);
  histogram.record(1e9);
  assert.ok(histogram.percentile(1) < 0.001);
  assert.ok(Math.abs(histogram.percentile(100) - 3_600_000) < 3600 + 1);
});

test('a histogram that takes another has the values of both, and the other none', () => {
  const [total, second] = [new LatencyHistogram(), new LatencyHistogram()];
  for (let ms = 1; ms <= 1000; ms += 1) {
    second.record(ms);
    if (ms % 250 === 0) total.take(second);
  }
  const { count, p50Ms, p99Ms, maxMs, meanMs } = total.summary();
  assert.deepEqual([count, maxMs, meanMs, second.count, second.percentile(99)], [1000, 1000, 500.5, 0, 0]);
  assert.ok(Math.abs(p50Ms - 500) < 1 && Math.abs(p99Ms - 990) < 2, `${p50Ms} ${p99Ms}`);
});

test('a histogram that is encoded and added has lost nothing', () => {
  const [one, all] = [new LatencyHistogram(), new LatencyHistogram()];
  for (let ms = 1; ms <= 2000; ms += 1) (ms % 3 === 0 ? one : all).record(ms / 7);
  const sum = new LatencyHistogram();
  sum.addEncoded(structuredClone(one.encode()));
  sum.addEncoded(structuredClone(all.encode()));
  all.take(one);
  assert.deepEqual(sum.summary(), all.summary());
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchResult } from './bench-result.ts';
import { compareResults } from './compare-results.ts';
import { seededRandom } from './poisson-schedule.ts';
import type { MeasuredSecond } from './second-series.ts';

function resultOf(seed: number, p50Ms: number, seconds = 30, more: Partial<BenchResult> = {}): BenchResult {
  const random = seededRandom(seed);
  const series = Array.from({ length: seconds }, (): MeasuredSecond => {
    const noise = 0.8 + 0.4 * random();
    return { sent: 1000, acknowledged: 0, received: 1000, p50Ms: p50Ms * noise, p99Ms: 5 * noise, maxMs: 9 };
  });
  const head = { scenario: 'pubsub', isValid: true, invalid: [], options: { rate: 1000, seed }, environment: { cpu: 'one' } };
  return { ...head, series, ...more } as unknown as BenchResult;
}

const named = (result: ReturnType<typeof compareResults>, name: string) => result.differences.find((each) => each.name === name);

test('two runs of the same differ by chance only', () => {
  const comparison = compareResults(resultOf(1, 2), resultOf(2, 2));
  assert.deepEqual(comparison.warnings, []);
  assert.deepEqual(
    comparison.differences.map(({ name, isSignificant }) => [name, isSignificant]),
    [
      ['sent', false],
      ['received', false],
      ['p50Ms', false],
      ['p99Ms', false],
    ],
  );
});

test('a median that has grown by a quarter is told, with the interval in which the difference lies', () => {
  const comparison = compareResults(resultOf(1, 2), resultOf(2, 2.5));
  const { isSignificant, delta, interval } = named(comparison, 'p50Ms')!;
  assert.equal(isSignificant, true);
  assert.ok(interval![0] > 0.2 && interval![0] < delta && delta < interval![1] && interval![1] < 0.8, JSON.stringify(interval));
  assert.equal(named(comparison, 'p99Ms')!.isSignificant, false);
  assert.equal(named(compareResults(resultOf(1, 2.5), resultOf(2, 2)), 'p50Ms')!.isSignificant, true, 'also when it has become better');
  assert.deepEqual(compareResults(resultOf(1, 2), resultOf(2, 2.5)), comparison, 'the same runs give the same');
});

test('from four seconds nothing is concluded', () => {
  const { interval, isSignificant } = named(compareResults(resultOf(1, 2, 4), resultOf(2, 9, 30)), 'p50Ms')!;
  assert.deepEqual([interval, isSignificant], [null, false]);
});

test('runs that should not be compared are compared with a warning for each reason', () => {
  const other = resultOf(2, 2, 30, {
    scenario: 'fanout',
    isValid: false,
    invalid: ['it was busy'],
    options: { rate: 2000, seed: 9 },
    environment: { cpu: 'two' },
  });
  const { warnings } = compareResults(resultOf(1, 2), other);
  assert.equal(warnings.length, 4, warnings.join('\n'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchResult } from './bench-result.ts';
import type { LatencySummary } from './latency-histogram.ts';
import { brokenThresholds, readThreshold } from './thresholds.ts';

const latency: LatencySummary = {
  count: 500,
  p50Ms: 1,
  p90Ms: 5,
  p95Ms: 8,
  p99Ms: 20,
  p99_9Ms: null,
  p99_99Ms: null,
  maxMs: 30,
  meanMs: 2,
};
const parts = {
  scenario: 'pubsub',
  storm: { unserved: 0, elapsedMs: 40 },
  latency,
  acknowledgement: { ...latency, p50Ms: 7 },
  connect: latency,
};
const result = { ...parts, counts: { lost: 3 }, rates: { received: 900 } } as unknown as BenchResult;

const MET = [
  'p99>20ms',
  'p99 > 0.02s',
  'p50>1000us',
  'p50>=1.1ms',
  'max<30ms',
  'lost>3',
  'p95>8ms',
  'all-served>40ms',
  'received/s<900',
  ' mean<=1ms ',
];
const BROKEN: readonly (readonly [text: string, what: RegExp])[] = [
  ['p99>=20ms', /^p99>=20ms: it was 20$/],
  ['p50>999us', /: it was 1$/],
  ['lost>0', /: it was 3$/],
  ['received/s<901', /: it was 900$/],
  ['p99.9>1s', /: this run has no such figure$/],
  ['p99.99>1s', /: this run has no such figure$/],
  ['all-served>39ms', /: it was 40$/],
  ['duplicates>0', /: this run has no such figure$/],
];

for (const text of MET)
  test(`--fail-if '${text}' does not fail`, () => assert.deepEqual(brokenThresholds([readThreshold(text)], result), []));

for (const [text, what] of BROKEN)
  test(`--fail-if '${text}' fails`, () => assert.match(brokenThresholds([readThreshold(text)], result).join('\n'), what));

test('a storm after which somebody is missing has no time in which all were served', () => {
  const missing = { ...result, storm: { unserved: 1, elapsedMs: 40 } } as BenchResult;
  for (const each of [missing, { ...result, storm: null }])
    assert.match(brokenThresholds([readThreshold('all-served>1s')], each).join(), /no such figure/);
});

test('without deliveries a time is that of the acknowledgement, and connecting counts only where only that is done', () => {
  const unreceived = { ...result, latency: null };
  assert.match(brokenThresholds([readThreshold('p50>0ms')], unreceived).join(), /it was 7$/);
  const silent = { ...unreceived, acknowledgement: null };
  assert.match(brokenThresholds([readThreshold('p50>0ms')], silent).join(), /no such figure$/);
  assert.match(brokenThresholds([readThreshold('p50>0ms')], { ...silent, scenario: 'conn' }).join(), /it was 1$/);
});

for (const text of ['', 'p99', 'p99>20', 'p99>ms', 'p98>1ms', 'lost>1ms', 'lost=1', 'p99>1.2.3ms', 'constructor>1'])
  test(`--fail-if '${text}' is a usage error`, () => assert.throws(() => readThreshold(text), { exitCode: 2 }));

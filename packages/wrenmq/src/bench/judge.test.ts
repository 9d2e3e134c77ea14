import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GeneratorFacts, judgeGenerator } from './judge.ts';

const good: GeneratorFacts = {
  utilization: 0.5,
  cpu: 0.6,
  loopDelayP99Ms: 2,
  scheduleDelayP99Ms: 0.1,
  latencyP99Ms: 3,
  missed: 0,
  due: 10_000,
};

test('a generator within all bounds is valid', () => {
  assert.deepEqual(judgeGenerator(good), []);
  assert.deepEqual(judgeGenerator({ ...good, scheduleDelayP99Ms: null, latencyP99Ms: null }), []);
});

test('each bound has its reason, and all that are broken are named', () => {
  assert.deepEqual(judgeGenerator({ ...good, utilization: 0.71 }), [
    'the generator was busy 71 % of the time (bound: 70 %), with 60 % of a core',
  ]);
  assert.deepEqual(judgeGenerator({ ...good, loopDelayP99Ms: 12 }), ['its event loop was late by 12 ms at p99 (bound: 10 ms)']);
  assert.deepEqual(judgeGenerator({ ...good, missed: 101 }), ['it did not send 101 of the 10000 messages that were due']);
  assert.deepEqual(judgeGenerator({ ...good, scheduleDelayP99Ms: 2, latencyP99Ms: 4 }), [
    "it fell behind its schedule by 2.00 ms at p99, more than 10 % of the latency's 4.00 ms",
  ]);
  assert.equal(
    judgeGenerator({ utilization: 1, cpu: 1, loopDelayP99Ms: 99, scheduleDelayP99Ms: 9, latencyP99Ms: null, missed: 5, due: 10 }).length,
    4,
  );
});

test('being late by less than a millisecond, or by little beside the latency, is not the bottleneck', () => {
  assert.deepEqual(judgeGenerator({ ...good, scheduleDelayP99Ms: 0.9, latencyP99Ms: 1 }), []);
  assert.deepEqual(judgeGenerator({ ...good, scheduleDelayP99Ms: 9, latencyP99Ms: 100 }), []);
});

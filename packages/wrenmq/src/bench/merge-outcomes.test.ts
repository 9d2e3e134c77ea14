import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hdrIntervals } from './hdr-intervals.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import type { LoadOutcome } from './load-outcome.ts';
import { composeOutcome } from './run-outcome.ts';
import { SecondSeries } from './second-series.ts';

const idle = { utilization: 0.1, loopDelayP99Ms: 0, cpu: 0.1 };

/** A worker that measured one message of so many milliseconds in each of its seconds, and one in the rest. */
function worker(timesMs: readonly number[], load = idle): LoadOutcome {
  const series = new SecondSeries(true);
  const counts = { sent: 0, acknowledged: 0, received: 0 };
  series.start(counts);
  for (const [i, ms] of timesMs.entries()) {
    series.latency.record(ms);
    counts.received += 1;
    if (i < timesMs.length - 1) series.cut(counts);
  }
  const { latency, acknowledgement, seconds, rest } = series.end(counts);
  const none = new LatencyHistogram().encode();
  return {
    total: counts,
    measured: { ...counts, elapsedMs: 1000 * timesMs.length - 500 },
    expected: timesMs.length,
    duplicates: 1,
    outOfOrder: 2,
    heldBack: 3,
    due: 100,
    missed: 0,
    lostConnections: 0,
    reasonCodes: new Map([[0x97, 1]]),
    latency: latency.encode(),
    service: none,
    scheduleDelay: none,
    acknowledgement: acknowledgement.encode(),
    seconds,
    rest,
    load,
  };
}

function connected(): Parameters<typeof composeOutcome>[0][number] {
  const none = new LatencyHistogram().encode();
  return { connected: 2, failures: new Map(), elapsedMs: 5, latency: none, scheduleDelay: none, load: idle };
}

function composed(workers: readonly LoadOutcome[]): ReturnType<typeof composeOutcome> {
  return composeOutcome(
    workers.map(() => connected()),
    workers.map((messages) => ({ messages: structuredClone(messages), storm: null })),
  );
}

test('what workers have measured is added, second by second, and nothing is left out', () => {
  const { connections, messages } = composed([worker([1, 2, 3]), worker([10, 20])]);
  assert.equal(connections.connected, 4);
  assert.deepEqual(
    [messages!.total.received, messages!.expected, messages!.duplicates, messages!.reasonCodes, messages!.measured.elapsedMs],
    [5, 5, 2, new Map([[0x97, 2]]), 2500],
  );
  assert.deepEqual(
    [...messages!.seconds, messages!.rest].map(({ received, maxMs }) => [received, maxMs]),
    [
      [2, 10],
      [3, 20],
    ],
  );
  assert.equal(LatencyHistogram.of([messages!.latency]).summary().maxMs, 20);
});

test('the intervals of a log hold every value once', () => {
  const outcome = composed([worker([1, 2, 3, 4]), worker([5, 6, 7])]);
  const intervals = hdrIntervals(outcome);
  assert.deepEqual(
    intervals.map(({ tag, startMs, lengthMs, histogram }) => [tag, startMs, lengthMs, histogram.count]),
    [
      [undefined, 0, 1000, 2],
      [undefined, 1000, 1000, 2],
      [undefined, 2000, 1500, 3],
    ],
  );
  const all = LatencyHistogram.of(intervals.map(({ histogram }) => histogram));
  assert.deepEqual(all.summary(), LatencyHistogram.of([outcome.messages!.latency]).summary());
});

test('each worker is judged by itself, and named where there are several', () => {
  const busy = { ...idle, utilization: 0.9 };
  assert.deepEqual(composed([worker([1]), worker([1], busy)]).invalid, [
    'worker 2: the generator was busy 90 % of the time (bound: 70 %), with 10 % of a core',
  ]);
  assert.deepEqual(composed([worker([1], busy)]).invalid, ['the generator was busy 90 % of the time (bound: 70 %), with 10 % of a core']);
  assert.deepEqual(composed([worker([1]), worker([1])]).invalid, []);
});

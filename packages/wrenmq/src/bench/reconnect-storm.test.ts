import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyHistogram } from './latency-histogram.ts';
import { reconnectStorm, type StormClient } from './reconnect-storm.ts';
import { machineClockOffsetMs } from './stamp.ts';

const never = new AbortController().signal;
const now = (): number => performance.now() + machineClockOffsetMs();

test('all are cut before the first comes back, and who fails tries again until it is served', async () => {
  const events: string[] = [];
  const clients = [0, 1, 2].map((failures, name): StormClient => {
    let left = failures;
    return {
      cut: () => void events.push(`cut ${name}`),
      comeBack: async () => {
        events.push(`try ${name}`);
        if (left-- > 0) throw new Error('busy');
        return name === 0;
      },
    };
  });
  const storm = await reconnectStorm(clients, { window: 3, timeoutMs: 60_000, interrupted: never, startMs: now() });
  assert.deepEqual(events.slice(0, 6), ['cut 0', 'cut 1', 'cut 2', 'try 0', 'try 1', 'try 2']);
  assert.deepEqual([storm.clients, storm.served, storm.sessionsResumed, storm.failures], [3, 3, 1, new Map([['busy', 3]])]);
  const { count, maxMs } = LatencyHistogram.of([storm.latency]).summary();
  assert.deepEqual([count, Math.abs(maxMs - storm.elapsedMs) < 0.01], [3, true]);
});

test('no more than the window are under way at a time', async () => {
  let [underWay, most] = [0, 0];
  const comeBack = async (): Promise<boolean> => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise(setImmediate);
    underWay -= 1;
    return false;
  };
  const clients = Array.from({ length: 10 }, (): StormClient => ({ cut() {}, comeBack }));
  const { served } = await reconnectStorm(clients, { window: 4, timeoutMs: 60_000, interrupted: never, startMs: now() });
  assert.deepEqual([served, most], [10, 4]);
});

test('who is never served is given up, at the end of time or when somebody interrupts', async () => {
  const interruption = new AbortController();
  const hopeless: StormClient = {
    cut() {},
    comeBack: async () => {
      interruption.abort();
      throw new Error('gone');
    },
  };
  const options = { window: 1, interrupted: interruption.signal, startMs: now() };
  const storm = await reconnectStorm([hopeless, hopeless], { ...options, timeoutMs: 60_000 });
  assert.deepEqual([storm.clients, storm.served, storm.failures], [2, 0, new Map([['gone', 1]])]);
  const late = await reconnectStorm([hopeless], { ...options, interrupted: never, startMs: now() - 1000, timeoutMs: 500 });
  assert.deepEqual([late.served, late.failures.size], [0, 0]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeGenerator } from './judge.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { pace, type PacerClock } from './pacer.ts';
import { PreciseClock } from './precise-clock.ts';
import { Schedule } from './schedule.ts';

const TURN_MS = 0.01;

/** Time passes only where somebody waits for it, or where a test says so. */
class HeldClock implements PacerClock {
  ms = 0;
  sleeps = 0;
  #callbacks: (() => void)[] = [];

  now(): number {
    return this.ms;
  }

  later(delayMs: number, callback: () => void): void {
    this.sleeps += 1;
    this.ms += delayMs;
    this.#callbacks.push(callback);
  }

  soon(callback: () => void): void {
    this.ms += TURN_MS;
    this.#callbacks.push(callback);
  }

  /** Calls back until nobody waits. */
  run(): void {
    for (let callback = this.#callbacks.shift(); callback !== undefined; callback = this.#callbacks.shift()) callback();
  }
}

interface Paced {
  readonly delay: LatencyHistogram;
  readonly sent: number;
  readonly clock: HeldClock;
}

/** Sends a thousand messages a second for a second; `work` is called before each step, and may let time pass. */
function paceThousand(work: (clock: HeldClock) => void): Paced {
  const clock = new HeldClock();
  const schedule = new Schedule(1000);
  const delay = new LatencyHistogram();
  let sent = 0;
  const step = (): number | null => {
    work(clock);
    for (; sent < Math.min(1000, schedule.countAt(clock.now())); sent += 1) delay.record(clock.now() - schedule.dueMs(sent));
    return sent < 1000 ? schedule.dueMs(sent) : null;
  };
  void pace(clock, step);
  clock.run();
  return { delay, sent, clock };
}

function judge(delay: LatencyHistogram, latencyP99Ms: number): string[] {
  const facts = { utilization: 0.3, cpu: 1, loopDelayP99Ms: 0.5, missed: 0, due: 1000 };
  return judgeGenerator({ ...facts, scheduleDelayP99Ms: delay.percentile(99), latencyP99Ms });
}

test('a pacer that is given its time sends each message when it is due, and the result is valid', () => {
  const { delay, sent, clock } = paceThousand(() => {});
  assert.equal(sent, 1000);
  assert.ok(delay.percentile(100) <= TURN_MS * 1.01);
  assert.equal(clock.sleeps, 999, 'it sleeps from one message to the next');
  assert.deepEqual(judge(delay, 0.2), []);
});

test('a pacer that was stopped for 50 ms catches up, says how late it was, and the result is INVALID', () => {
  let stops = 1;
  const { delay, sent } = paceThousand((clock) => {
    if (clock.ms < 500 || stops === 0) return;
    stops -= 1;
    clock.ms += 50;
  });
  assert.equal(sent, 1000);
  assert.ok(delay.percentile(99) > 40, String(delay.percentile(99)));
  const [reason] = judge(delay, 60);
  assert.match(reason, /it fell behind its schedule by 4\d ms at p99, more than 10 % of the latency's 60 ms/);
  assert.deepEqual(judge(delay, 600), [], 'the same delay is a small part of a long latency');
});

test('what is due closer together goes in batches, and what is late without sleep', () => {
  const clock = new HeldClock();
  const next = [0.01, 0, -5, 100, null];
  const steps: number[] = [];
  void pace(clock, (now) => {
    steps.push(now);
    const wait = next[steps.length - 1];
    return wait === null ? null : now + wait;
  });
  clock.run();
  assert.equal(clock.sleeps, 2);
  assert.deepEqual(
    steps.slice(1).map((ms, index) => Math.round((ms - steps[index]) * 100) / 100),
    [0.25, TURN_MS, TURN_MS, 100],
  );
});

test('the clock of the machine calls back when it is time, again and again, and never early', async () => {
  using clock = await PreciseClock.open();
  for (const delayMs of [0.3, 0, 12.5, 0.25]) {
    const startedAt = clock.now();
    await new Promise<void>((resolve) => clock.later(delayMs, resolve));
    assert.ok(clock.now() - startedAt >= delayMs - 0.05, `${clock.now() - startedAt} of ${delayMs}`);
  }
});

test('a step that throws ends the pacing', async () => {
  const ended = pace(new HeldClock(), () => assert.fail('boom'));
  await assert.rejects(ended, /boom/);
});

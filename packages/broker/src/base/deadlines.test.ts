import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { type Deadline, Deadlines } from './deadlines.ts';

class Alarm implements Deadline {
  atMs = 0;
  place = -1;
  readonly name: number;
  readonly #onDeadline: (alarm: Alarm) => void;

  constructor(name: number, onDeadline: (alarm: Alarm) => void) {
    this.name = name;
    this.#onDeadline = onDeadline;
  }

  onDeadline(): void {
    this.#onDeadline(this);
  }
}

function create(count: number) {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const fired: number[] = [];
  const alarms = Array.from({ length: count }, (_, name) => new Alarm(name, (alarm) => void fired.push(alarm.name)));
  return { clock, deadlines, fired, alarms };
}

test('deadlines are called in the order of their times, once', () => {
  const { clock, deadlines, fired, alarms } = create(3);
  const now = clock.wallMs();
  deadlines.schedule(alarms[0], now + 300);
  deadlines.schedule(alarms[1], now + 100);
  deadlines.schedule(alarms[2], now + 200);
  clock.advance(100);
  assert.deepEqual(fired, [1]);
  clock.advance(1000);
  assert.deepEqual(fired, [1, 2, 0]);
  assert.equal(deadlines.size, 0);
  assert.equal(clock.pending, 0, 'without deadlines no timer runs');
});

test('a deadline that has passed is called at the next turn, not inside schedule', () => {
  const { clock, deadlines, fired, alarms } = create(1);
  deadlines.schedule(alarms[0], clock.wallMs() - 5000);
  assert.deepEqual(fired, []);
  clock.advance(0);
  assert.deepEqual(fired, [0]);
});

test('scheduling again moves, and cancelling twice does nothing', () => {
  const { clock, deadlines, fired, alarms } = create(2);
  const now = clock.wallMs();
  deadlines.schedule(alarms[0], now + 100);
  deadlines.schedule(alarms[0], now + 500);
  deadlines.schedule(alarms[1], now + 200);
  deadlines.cancel(alarms[1]);
  deadlines.cancel(alarms[1]);
  clock.advance(499);
  assert.deepEqual(fired, []);
  clock.advance(1);
  assert.deepEqual(fired, [0]);
});

test('a wall clock that is set forward is noticed within a minute, one that is set back delays', () => {
  const { clock, deadlines, fired, alarms } = create(2);
  const hourMs = 3_600_000;
  deadlines.schedule(alarms[0], clock.wallMs() + hourMs);
  clock.jumpWall(hourMs);
  clock.advance(60_000);
  assert.deepEqual(fired, [0]);
  deadlines.schedule(alarms[1], clock.wallMs() + 1000);
  clock.jumpWall(-hourMs);
  clock.advance(1000);
  assert.deepEqual(fired, [0]);
  clock.advance(hourMs);
  assert.deepEqual(fired, [0, 1]);
});

test('a deadline may schedule itself and cancel others while it is called', () => {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const fired: string[] = [];
  const victim = new Alarm(0, () => void fired.push('victim'));
  const repeater = new Alarm(1, (alarm) => {
    fired.push('repeater');
    deadlines.cancel(victim);
    if (fired.length < 3) deadlines.schedule(alarm, clock.wallMs() + 10);
  });
  deadlines.schedule(repeater, clock.wallMs() + 10);
  deadlines.schedule(victim, clock.wallMs() + 10);
  clock.advance(100);
  assert.deepEqual(fired, ['repeater', 'repeater', 'repeater']);
});

test('a deadline that throws keeps no other from being called', () => {
  const { clock, deadlines, fired, alarms } = create(2);
  const broken = new Alarm(9, () => {
    throw new Error('broken');
  });
  deadlines.schedule(broken, clock.wallMs() + 10);
  deadlines.schedule(alarms[0], clock.wallMs() + 20);
  assert.throws(() => clock.advance(10), /broken/);
  clock.advance(10);
  assert.deepEqual(fired, [0]);
});

test('after close nothing is called', () => {
  const { clock, deadlines, fired, alarms } = create(2);
  for (const alarm of alarms) deadlines.schedule(alarm, clock.wallMs() + 10);
  deadlines.close();
  clock.advance(1000);
  assert.deepEqual(fired, []);
  assert.deepEqual([deadlines.size, clock.pending], [0, 0]);
});

test('any sequence of schedule, cancel and passing time does what a sorted list does', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('schedule' as const), alarm: fc.nat(9), inMs: fc.integer({ min: -50, max: 200_000 }) }),
    fc.record({ kind: fc.constant('cancel' as const), alarm: fc.nat(9) }),
    fc.record({ kind: fc.constant('advance' as const), ms: fc.nat(100_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { clock, deadlines, fired, alarms } = create(10);
      const model = new Map<number, number>();
      for (const one of steps) {
        if (one.kind === 'schedule') {
          const atMs = clock.wallMs() + one.inMs;
          deadlines.schedule(alarms[one.alarm], atMs);
          model.set(one.alarm, atMs);
        } else if (one.kind === 'cancel') {
          deadlines.cancel(alarms[one.alarm]);
          model.delete(one.alarm);
        } else {
          clock.advance(one.ms);
          const due = [...model].filter(([, atMs]) => atMs <= clock.wallMs());
          for (const [name] of due) model.delete(name);
          assert.deepEqual(new Set(fired), new Set(due.map(([name]) => name)));
          assert.equal(fired.length, due.length);
          const times = fired.splice(0).map((name) => due.find((entry) => entry[0] === name)![1]);
          // What was overdue when it was scheduled comes when the next timer runs.
          assert.deepEqual(
            times.filter((atMs) => atMs > clock.wallMs() - one.ms),
            times.filter((atMs) => atMs > clock.wallMs() - one.ms).toSorted((a, b) => a - b),
          );
        }
        assert.equal(deadlines.size, model.size);
      }
    }),
    { seed: 20260, numRuns: 500 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit';
import { limitWait } from './wait-limit.ts';

function watch(options: { signal?: AbortSignal; timeout?: number }) {
  const clock = new FakeClock();
  const ends: string[] = [];
  const { monotonicMs, wallMs, after } = clock;
  const surroundings = { monotonicMs, wallMs, after, random: () => 0, soon: queueMicrotask };
  const stop = limitWait(surroundings, options, (error) => ends.push(error.code));
  return { clock, ends, stop };
}

test('time and signal end the waiting once, whichever comes first', () => {
  const abortion = new AbortController();
  const { clock, ends } = watch({ signal: abortion.signal, timeout: 1_000 });
  clock.advance(999);
  assert.deepEqual(ends, []);
  clock.advance(1);
  abortion.abort();
  assert.deepEqual(ends, ['TIMEOUT']);
});

test('an aborted signal ends it at once, and leaves no timer', () => {
  const { clock, ends } = watch({ signal: AbortSignal.abort(), timeout: 1_000 });
  assert.deepEqual(ends, ['ABORTED']);
  assert.equal(clock.pending, 0);
});

test('what is stopped never ends', () => {
  const abortion = new AbortController();
  const { clock, ends, stop } = watch({ signal: abortion.signal, timeout: 1_000 });
  stop();
  clock.advance(5_000);
  abortion.abort();
  assert.deepEqual(ends, []);
});

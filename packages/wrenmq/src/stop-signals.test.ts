import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { handleSignals } from './stop-signals.ts';

afterEach(() => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.removeAllListeners(signal);
  mock.reset();
});

function watch() {
  const calls: string[] = [];
  const clock = mock.method(performance, 'now', () => 0);
  handleSignals({
    onStop: (reason) => calls.push(`stop ${reason}`),
    onSecondStop: () => calls.push('second'),
    onReload: () => calls.push('reload'),
  });
  return { calls, passTime: (ms: number) => clock.mock.mockImplementation(() => ms) };
}

test('a second signal soon after the first is the same request', () => {
  const { calls, passTime } = watch();
  process.emit('SIGINT', 'SIGINT');
  passTime(400);
  process.emit('SIGINT', 'SIGINT');
  assert.deepEqual(calls, ['stop SIGINT']);
});

test('a second signal later asks for the end at once, whichever it is', () => {
  const { calls, passTime } = watch();
  process.emit('SIGTERM', 'SIGTERM');
  passTime(600);
  process.emit('SIGINT', 'SIGINT');
  assert.deepEqual(calls, ['stop SIGTERM', 'second']);
});

test('SIGHUP asks for a reload', () => {
  const { calls } = watch();
  process.emit('SIGHUP', 'SIGHUP');
  assert.deepEqual(calls, ['reload']);
});

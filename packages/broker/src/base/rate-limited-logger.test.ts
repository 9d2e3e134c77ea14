import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import type { LogFields, Logger } from './logger.ts';
import { RateLimitedLogger } from './rate-limited-logger.ts';

function create() {
  const lines: [string, LogFields, string][] = [];
  const record = (level: string) => (fields: LogFields, message: string) => void lines.push([level, fields, message]);
  const inner: Logger = {
    debug: record('debug'),
    info: record('info'),
    warn: record('warn'),
    error: record('error'),
    fatal: record('fatal'),
  };
  const clock = new FakeClock();
  return { lines, clock, log: new RateLimitedLogger(inner, clock, { linesMax: 2, windowMs: 1000 }) };
}

test('a flood of one message is cut, another message is not', () => {
  const { lines, log } = create();
  for (let peer = 0; peer < 5; peer += 1) log.warn({ peer }, 'refused');
  log.warn({}, 'something else');
  assert.deepEqual(lines, [
    ['warn', { peer: 0 }, 'refused'],
    ['warn', { peer: 1 }, 'refused'],
    ['warn', {}, 'something else'],
  ]);
});

test('the first line of the next window tells how many were left out', () => {
  const { lines, log, clock } = create();
  for (let peer = 0; peer < 5; peer += 1) log.info({ peer }, 'refused');
  clock.advance(1000);
  log.info({ peer: 5 }, 'refused');
  log.info({ peer: 6 }, 'refused');
  assert.deepEqual(lines.slice(2), [
    ['info', { peer: 5, suppressed: 3 }, 'refused'],
    ['info', { peer: 6 }, 'refused'],
  ]);
});

test('a fatal line is never left out', () => {
  const { lines, log } = create();
  for (let index = 0; index < 5; index += 1) log.fatal({}, 'disk');
  assert.equal(lines.length, 5);
});

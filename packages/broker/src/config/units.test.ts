import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { bytesPattern, durationPattern, Fault, parseBytes, parseDuration, parseRate, quote } from './units.ts';

test('durations are read with their unit, also composed and with fractions', () => {
  const cases: [string, number][] = [
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test('a duration without a unit is a fault that says what to write, never a guess', () => {
  for (const input of [5, '5', 0]) {
    const fault = parseDuration(input);
    assert.ok(fault instanceof Fault);
    assert.match(fault.message, new RegExp(`${input} has no unit: write ${input}s`));
  }
  for (const input of ['', 's', '5 s', '-1s', '1w', '1s ', null, true, {}, []])
    assert.ok(parseDuration(input) instanceof Fault, quote(input));
});

test('sizes are bytes, powers of 1000 or powers of 1024', () => {
  const cases: [unknown, number][] = [
    [0, 0],
    [4096, 4096],
    ['4096', 4096],
    ['10MB', 10_000_000],
    ['10 MB', 10_000_000],
    ['1kB', 1000],
    ['256MiB', 268_435_456],
    ['1.5KiB', 1536],
    ['16TiB', 16 * 1024 ** 4],
  ];
  for (const [input, bytes] of cases) assert.equal(parseBytes(input), bytes, String(input));
  for (const input of [-1, 1.5, Infinity, NaN, '', 'MB', '1mb', '1Mi', '999999999999TiB', null, true]) {
    assert.ok(parseBytes(input) instanceof Fault, String(input));
  }
});

test('rates are per second whatever unit they are written in, and never zero', () => {
  assert.equal(parseRate('100/s'), 100);
  assert.equal(parseRate('6000/m'), 100);
  assert.equal(parseRate('3600/h'), 1);
  for (const input of [100, '100', '100/d', '0/s', '/s', null]) assert.ok(parseRate(input) instanceof Fault, String(input));
});

test('whatever is read has the form that the JSON Schema states, and nothing makes a parser throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.anything()), (input) => {
      const [duration, bytes] = [parseDuration(input), parseBytes(input)];
      if (!(duration instanceof Fault)) assert.match(input as string, new RegExp(durationPattern));
      if (!(bytes instanceof Fault) && typeof input === 'string') assert.match(input, new RegExp(bytesPattern));
      parseRate(input);
    }),
  );
});

test('a value in a message is one short line', () => {
  assert.equal(quote('a\nb'), '"a\\nb"');
  assert.ok(quote('x'.repeat(1000)).length <= 60);
  assert.equal(quote([1]), 'a list');
  assert.equal(quote({}), 'a map');
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { now, strftime } from './strftime.ts';

const CONVERSIONS = 'aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%'.split('');

test('every conversion is what date(1) prints in the C locale', () => {
  // Beginnings and ends of years, where weeks belong to another year.
  const moments = ['2020-12-31T23:59:59Z', '2021-01-01T00:00:00Z', '2021-01-03T12:00:00Z', '2024-02-29T01:02:03Z', '2026-11-21T13:14:15Z'];
  for (const moment of moments) {
    const date = new Date(moment);
    const format = CONVERSIONS.map((letter) => `%${letter}`).join('|');
    const expected = execFileSync('date', ['-d', `@${date.getTime() / 1000}`, `+${format}`], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    const actual = CONVERSIONS.map((letter) => strftime(letter, date)).join('|');
    assert.equal(`${actual}\n`, expected);
  }
});

test('a letter that is no conversion is null', () => assert.equal(strftime('Q', new Date()), null));

test('now is between two readings of the clock, with its fraction', () => {
  const before = Date.now();
  const { date, nanoseconds } = now();
  assert.ok(date.getTime() >= before - 1 && date.getTime() <= Date.now() + 1);
  assert.equal(Math.floor(nanoseconds / 1e6), date.getMilliseconds());
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HistoryRange, isHistoryTopic, parseHistoryFilter } from './history-filter.ts';

const ranges: readonly [string, HistoryRange][] = [
  ['-500ms', { kind: 'ago', ms: 500 }],
  ['-90s', { kind: 'ago', ms: 90_000 }],
  ['-15m', { kind: 'ago', ms: 900_000 }],
  ['-1h', { kind: 'ago', ms: 3_600_000 }],
  ['-7d', { kind: 'ago', ms: 604_800_000 }],
  ['-0s', { kind: 'ago', ms: 0 }],
  ['last:1', { kind: 'last', count: 1 }],
  ['last:10', { kind: 'last', count: 10 }],
  ['last:10000', { kind: 'last', count: 10_000 }],
  ['since:1700000000123', { kind: 'since', atMs: 1_700_000_000_123 }],
  ['since:2026-11-21T19:08:10.123Z', { kind: 'since', atMs: Date.UTC(2026, 10, 21, 19, 8, 10, 123) }],
  ['since:2026-11-21T19:08:10Z', { kind: 'since', atMs: Date.UTC(2026, 10, 21, 19, 8, 10) }],
  ['since:2026-11-21T19:08Z', { kind: 'since', atMs: Date.UTC(2026, 10, 21, 19, 8) }],
  ['since:2026-11-21', { kind: 'since', atMs: Date.UTC(2026, 10, 21) }],
  ['offset:0', { kind: 'offset', offset: 0 }],
  ['offset:9007199254740991', { kind: 'offset', offset: Number.MAX_SAFE_INTEGER }],
];

for (const [text, range] of ranges) {
  test(`${text} is a range`, () => {
    const once = `$history/${text}/sensor/+/t`;
    assert.deepEqual(parseHistoryFilter(once, 8), { text: once, isLive: false, range, filter: 'sensor/+/t' });
    const live = `$history-live/${text}/#`;
    assert.deepEqual(parseHistoryFilter(live, 8), { text: live, isLive: true, range, filter: '#' });
  });
}

const nonsense = [
  '$history',
  '$history/',
  '$history/-1h',
  '$history/-1h/',
  '$history//t',
  '$history/#',
  '$history/+/t',
  '$history-live',
  '$history-live/t',
  '$history/1h/t',
  '$history/-1/t',
  '$history/-h/t',
  '$history/-1w/t',
  '$history/-1.5h/t',
  '$history/--1h/t',
  '$history/-1h30m/t',
  '$history/-1000000000000s/t',
  '$history/last:/t',
  '$history/last:0/t',
  '$history/last:10001/t',
  '$history/last:ten/t',
  '$history/last/t',
  '$history/offset:/t',
  '$history/offset:-1/t',
  '$history/offset:1e3/t',
  '$history/offset:9007199254740992/t',
  '$history/since:/t',
  '$history/since:yesterday/t',
  '$history/since:2026-11-21T19:08:10/t',
  '$history/since:2026-11-21T19:08:10+01:00/t',
  '$history/since:2026-02-30T00:00:00Z/t',
  '$history/since:2026-13-01/t',
  '$history/since:2026-11-21T25:00:00Z/t',
  '$history/-1h/a/#/b',
  '$history/-1h/a+',
  '$history/-1h/a\0',
  '$history/-1h/1/2/3/4/5/6/7/8/9',
  '$history/-1h/$SYS/#',
  '$history/-1h/$share/g/t',
  '$history/-1h/$exclusive/t',
  '$history/-1h/$history/-1h/t',
  '$history-live/-1h/$history-live/-1h/t',
  '$share/g/$history/-1h/t',
  '$share/g/$history-live/-1h/t',
  '$exclusive/$history/-1h/t',
  '$queue/$history/-1h/t',
  '$queue/$history',
];

for (const text of nonsense) {
  test(`${JSON.stringify(text)} is refused, and told why`, () => {
    const problem = parseHistoryFilter(text, 8);
    assert.equal(typeof problem, 'string');
    assert.match(problem as string, /^(has|is|contains) /);
  });
}

test('what only looks like it is an ordinary filter', () => {
  for (const text of [
    't',
    'history/-1h/t',
    '$histor/-1h/t',
    '$historyx/-1h/t',
    '$history-liv/-1h/t',
    '/$history/-1h/t',
    '$share/g/t',
    '#',
  ]) {
    assert.equal(parseHistoryFilter(text, 8), null, text);
    assert.equal(isHistoryTopic(text), false, text);
  }
});

test('the whole text counts against the limit on bytes', () => {
  assert.equal(typeof parseHistoryFilter(`$history/-1h/${'a'.repeat(80)}`, 8, 90), 'string');
  assert.equal(typeof parseHistoryFilter(`$history/-1h/${'a'.repeat(77)}`, 8, 90), 'object');
});

test('where nothing is published: both trees, and nothing beside them', () => {
  for (const topic of ['$history', '$history/end', '$history/-1h/t', '$history-live', '$history-live/x'])
    assert.equal(isHistoryTopic(topic), true);
});

test('no text is too strange', () => {
  const text = fc
    .tuple(fc.constantFrom('$history/', '$history-live/', '$share/g/$history/', ''), fc.string())
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, (one) => {
      const parsed = parseHistoryFilter(one, 8);
      if (parsed !== null && typeof parsed === 'object') assert.ok(one.endsWith(`/${parsed.filter}`));
    }),
    { seed: 20_261, numRuns: 2000 },
  );
});

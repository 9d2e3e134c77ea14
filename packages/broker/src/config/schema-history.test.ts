import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';

function history(settings: object) {
  return loadConfig({ overrides: { history: settings } }).config.history;
}

test('by default a week of everything is kept within a GiB, and a MiB of QoS 0 in a second', () => {
  const { rules, ...others } = history({});
  assert.deepEqual(Object.keys(rules), []);
  assert.deepEqual(others, {
    enabled: true,
    bytesMax: 2 ** 30,
    ageMaxMs: 7 * 86_400_000,
    qos0BytesPerSecond: 2 ** 20,
    exclude: [],
  });
});

test('rules have names, filters and budgets of their own, in the order in which they are written', () => {
  const { rules } = history({ rules: { b: { filter: 'b/#' }, a: { filter: '+/a', bytesMax: '8MiB', ageMax: '30d', enabled: false } } });
  assert.deepEqual(Object.entries(rules), [
    ['b', { filter: 'b/#', enabled: true, bytesMax: 2 ** 28, ageMaxMs: 7 * 86_400_000 }],
    ['a', { filter: '+/a', enabled: false, bytesMax: 2 ** 23, ageMaxMs: 30 * 86_400_000 }],
  ]);
});

test('what makes no sense is refused', () => {
  const wrong = [
    { bytesMax: '7MiB' },
    { ageMax: '10s' },
    { exclude: ['a/#/b'] },
    { exclude: ['$share/g/a'] },
    { rules: { 'a b': { filter: 'a' } } },
    { rules: { '7': { filter: 'a' } } },
    { rules: { a: {} } },
    { rules: { a: { filter: 'a+' } } },
    { rules: Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`r${index}`, { filter: 'a' }])) },
  ];
  for (const settings of wrong) assert.throws(() => history(settings), ConfigError, JSON.stringify(settings).slice(0, 80));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '#config/load-config.ts';
import { accessSettingsOf } from './access-plan.ts';

function settingsOf(overrides: object) {
  return accessSettingsOf(loadConfig({ overrides: { dataDirectory: '/data', ...overrides } }).config);
}

test('who is not named by a listener is nobody there: outside them anonymous clients never come in', () => {
  const { anonymous, certificate, listeners } = settingsOf({});
  assert.deepEqual([anonymous, certificate], ['never', 'off']);
  assert.deepEqual(listeners['tcp'], { anonymous: 'always', certificate: 'off', users: true });
});

test('a listener that denies anonymous clients denies them', () => {
  const { listeners } = settingsOf({ listeners: { tcp: { bind: '127.0.0.1:0', anonymous: 'deny' } } });
  assert.equal(listeners['tcp'].anonymous, 'never');
});

test('without rules the default ones hold and no match denies; with rules the configured default decides', () => {
  assert.deepEqual([settingsOf({}).rules, settingsOf({}).noMatch], [null, 'deny']);
  const rules = [{ permission: 'deny', action: 'publish', topics: ['a'] }];
  const configured = settingsOf({ authorization: { rules, default: 'allow' } });
  assert.equal(configured.rules?.length, 1);
  assert.equal(configured.noMatch, 'allow');
});

test('an empty list of rules is a list of rules', () => {
  const { rules, noMatch } = settingsOf({ authorization: { rules: [] } });
  assert.deepEqual([rules, noMatch], [[], 'deny']);
});

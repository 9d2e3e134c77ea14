import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from './config-error.ts';
import { loadConfig } from './load-config.ts';

function retained(settings: object) {
  return loadConfig({ overrides: { retained: settings } }).config.retained;
}

test('by default the standard holds, and nothing is limited but number and bytes', () => {
  const { historyMessagesMax, historyBytesMax, ...others } = retained({});
  assert.deepEqual(others, {
    payloadBytesMax: Infinity,
    storeRatePerSecond: Infinity,
    deliveryRatePerSecond: Infinity,
    expiryDefaultSeconds: 0xffff_ffff,
    expiryOverrideSeconds: null,
    stopPublishClearMessage: false,
    tellAuthor: false,
    history: [],
  });
  assert.deepEqual([historyMessagesMax, historyBytesMax], [10_000_000, 4 * 2 ** 30]);
});

test('topics that keep their last messages are named by filters', () => {
  assert.deepEqual(retained({ history: [{ filter: 'a/+/#', messages: 10, bytesMax: '64KiB' }] }).history, [
    { filter: 'a/+/#', messages: 10, bytesMax: 65_536 },
  ]);
  for (const filter of ['a/#/b', '', '$share/g/a']) {
    assert.throws(() => retained({ history: [{ filter, messages: 10 }] }), ConfigError, filter);
  }
  for (const messages of [0, 1001, 1.5]) assert.throws(() => retained({ history: [{ filter: 'a', messages }] }), ConfigError);
});

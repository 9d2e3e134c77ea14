import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from './config-error.ts';
import { diffConfig, reloadConfig } from './diff-config.ts';
import { loadConfig } from './load-config.ts';

const hash = '$7$1000$c2FsdA==$aGFzaA==';

test('each changed key says whether it holds now, for new connections, or after a restart', () => {
  const before = loadConfig({ set: [`authentication.users.old.passwordHash=${hash}`] });
  const after = loadConfig({
    set: [
      'log.level=debug',
      'limits.packetBytesMax=2MiB',
      'listeners.tcp.bind=127.0.0.1:0',
      'listeners.own={kind: tcp, bind: 0}',
      'authorization.rules=[]',
      `authentication.users.new.passwordHash=${hash}`,
    ],
  });
  const changes = diffConfig(before, after).map(({ path, kind, effect }) => `${path} ${kind} ${effect}`);
  assert.deepEqual(changes.toSorted(), [
    'authentication.users.new added live',
    'authentication.users.old removed live',
    'authorization.rules changed live',
    'limits.packetBytesMax changed new connections',
    'listeners.own added restart',
    'listeners.tcp.bind changed restart',
    'log.level changed live',
  ]);
});

test('the same value written otherwise is no change', () => {
  const before = loadConfig({ set: ['limits.connectTimeout=60s', 'listeners.tcp.bind=1883', 'limits.packetBytesMax=1MiB'] });
  const after = loadConfig({ set: ['limits.connectTimeout=1m', 'listeners.tcp.bind=127.0.0.1:1883', 'limits.packetBytesMax=1048576'] });
  assert.deepEqual(diffConfig(before, after), []);
});

test('a reload with a wrong configuration throws and leaves the old one as it is', () => {
  const current = loadConfig({ set: ['log.level=warn'] });
  assert.throws(() => reloadConfig(current, { set: ['log.level=loud'] }), ConfigError);
  assert.equal(current.config.log.level, 'warn');
  const { next, changes } = reloadConfig(current, { set: ['log.level=error'] });
  assert.equal(next.config.log.level, 'error');
  assert.deepEqual(changes, [{ path: 'log.level', kind: 'changed', effect: 'live' }]);
});

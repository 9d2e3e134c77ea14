import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QoS } from '#message/message.ts';
import type { AccessRule } from './access-rule.ts';
import { compileRules } from './access-rule.ts';
import type { Principal } from './client-identity.ts';
import { principalOf } from './test-identity.ts';
import { rule } from './test-rule.ts';

const alice = principalOf('alice');

test('a rule is about whom it names', () => {
  const cases: [NonNullable<AccessRule['who']>, Partial<Principal>, boolean][] = [
    [{ username: 'alice' }, {}, true],
    [{ username: ['bob', 'alice'] }, {}, true],
    [{ username: 'Alice' }, {}, false],
    [{ username: 'alice' }, { username: null }, false],
    [{ clientId: 'sensor-1' }, {}, true],
    [{ clientId: 'sensor-%' }, {}, false],
    [{ username: 'alice', clientId: 'other' }, {}, false],
    [{ listener: 'tcp.default' }, {}, true],
    [{ listener: 'tls.default' }, {}, false],
    [{ anonymous: true }, {}, false],
    [{ anonymous: true }, { isAnonymous: true }, true],
    [{ anonymous: false }, {}, true],
    [{ loopback: true }, {}, false],
    [{ loopback: true }, { peerAddress: '127.0.0.1' }, false],
    [{ loopback: true }, { isLoopbackListener: true }, true],
    [{ address: '192.0.2.0/24' }, {}, true],
    [{ address: ['10.0.0.1', '192.0.2.7'] }, {}, true],
    [{ address: '192.0.2.0/29' }, { peerAddress: '192.0.2.8' }, false],
    [{ address: '192.0.2.0/24' }, { peerAddress: '::ffff:192.0.2.9' }, true],
    [{ address: '2001:db8::/32' }, { peerAddress: '2001:db8::1' }, true],
    [{ address: '2001:db8::/32' }, { peerAddress: '192.0.2.7' }, false],
    [{ address: 'fe80::/10' }, { peerAddress: 'fe80::1%eth0' }, true],
    [{ address: '0.0.0.0/0' }, { peerAddress: '' }, false],
    [{}, {}, true],
  ];
  for (const [who, fields, expected] of cases) {
    const { rules } = compileRules([rule('allow publish a', { who })]);
    assert.equal(rules[0].isAbout({ ...alice, ...fields }), expected, JSON.stringify([who, fields]));
  }
});

test('rules that could mean something else than they say are refused, all at once', () => {
  const bad: [AccessRule, string][] = [
    [rule('permit all a'), '.permission'],
    [rule('allow read a'), '.action'],
    [{ permission: 'allow', action: 'all', topics: [] }, '.topics'],
    [rule('allow all ok a/b+'), '.topics[1]'],
    [rule('allow all a/#/b'), '.topics[0]'],
    [{ permission: 'allow', action: 'all', topics: [''] }, '.topics[0]'],
    [rule('allow all dev-%c/x'), '.topics[0]'],
    [rule('allow all a/%u%c'), '.topics[0]'],
    [rule('allow all a/${clientid}-x'), '.topics[0]'],
    [rule('allow all a/${zone}'), '.topics[0]'],
    [rule('allow all $share/g/a'), '.topics[0]'],
    [rule('allow all a', { qos: [] }), '.qos'],
    [rule('allow all a', { qos: [3 as QoS] }), '.qos'],
    [rule('allow all a', { retain: true }), '.retain'],
    [rule('allow all a', { who: { username: [] } }), '.who.username'],
    [rule('allow all a', { who: { clientId: '' } }), '.who.clientId'],
    [rule('allow all a', { who: { address: '10.0.0.0/33' } }), '.who.address'],
    [rule('allow all a', { who: { address: '10.0.0/8' } }), '.who.address'],
    [rule('allow all a', { who: { address: 'localhost' } }), '.who.address'],
    [rule('allow all a', { who: { address: '10.0.0.0/8/9' } }), '.who.address'],
  ];
  const { problems } = compileRules(bad.map(([one]) => one));
  assert.deepEqual(
    problems.map(({ path }) => path),
    bad.map(([, path], index) => `[${index}]${path}`),
  );
  assert.deepEqual(compileRules([rule('allow all a/50%/x %c %u/# a/${username}')]).problems, []);
});

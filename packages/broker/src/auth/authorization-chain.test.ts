import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '#base/logger.ts';
import type { QoS } from '#message/message.ts';
import { FakeClock } from '@wrenmq/testkit/fake-clock.ts';
import { covers, matches } from '#topic/topic-filter.ts';
import type { AccessRule } from './access-rule.ts';
import type { NoMatch } from './authorization-chain.ts';
import { AuthorizationChain } from './authorization-chain.ts';
import type { AuthorizationProvider, Decision, SubscribeDecision } from './authorizer.ts';
import type { Principal } from './client-identity.ts';
import { RulesProvider, defaultRules } from './rules-provider.ts';
import { principalOf } from './test-identity.ts';
import { rule } from './test-rule.ts';

const alice = principalOf('alice');
const nobody = principalOf(null);

function chainOf(providers: AuthorizationProvider[], noMatch: NoMatch = 'deny') {
  const clock = new FakeClock();
  const errors: object[] = [];
  const log = { ...silentLogger, error: (fields: object) => void errors.push(fields) };
  const chain = new AuthorizationChain({ clock, log, timeoutMs: 5000 });
  chain.replace(providers, noMatch);
  return { chain, clock, errors };
}

function rules(...list: (string | AccessRule)[]): AuthorizationChain {
  return chainOf([new RulesProvider(list.map((item) => (typeof item === 'string' ? rule(item) : item)))]).chain;
}

const mayPublish = (chain: AuthorizationChain, topic: string, who = alice, qos: QoS = 0, retain = false): unknown =>
  chain.authorizePublish(who, topic, qos, retain);
const maySubscribe = (chain: AuthorizationChain, filter: string, who = alice, qos: QoS = 0): unknown =>
  chain.authorizeSubscribe(who, filter, qos);

test('by default everybody may use everything outside the $ trees, and watch $SYS on loopback', () => {
  const chain = chainOf([new RulesProvider(defaultRules)]).chain;
  const local = principalOf(null, { isLoopbackListener: true });
  for (const who of [alice, nobody, local]) {
    for (const topic of ['a', 'a/b', '/', 'a$b', 'x/$SYS']) assert.equal(mayPublish(chain, topic, who), true, topic);
    for (const topic of ['$SYS/broker/uptime', '$CONTROL/x', '$', '$share/g/a', '$delayed/1/a'])
      assert.equal(mayPublish(chain, topic, who), false, topic);
    for (const filter of ['#', '+/#', 'a/+', '$share/g/#', '$share/g/a']) assert.equal(maySubscribe(chain, filter, who), 'allow', filter);
    for (const filter of [
      '$CONTROL/#',
      '$x',
      '$share/g/$CONTROL/#',
      '$share/g/$share/h/a',
      '$queue/a',
      '$exclusive/a',
      '$share/g/$exclusive/x',
    ]) {
      assert.equal(maySubscribe(chain, filter, who), 'deny', filter);
    }
  }
  assert.equal(maySubscribe(chain, '$SYS/#', local), 'allow');
  assert.equal(maySubscribe(chain, '$share/g/$SYS/#', local), 'allow');
  assert.equal(maySubscribe(chain, '$SYS/#', nobody), 'deny');
  assert.equal(chain.mayReceive(nobody, '$SYS/broker/uptime'), false);
});

test('an empty list of rules denies everything (A21, CVE-2018-12550)', () => {
  const chain = rules();
  assert.equal(mayPublish(chain, 'a'), false);
  assert.equal(maySubscribe(chain, 'a'), 'deny');
  assert.equal(chain.mayReceive(alice, 'a'), false);
});

test('the first rule that matches decides', () => {
  const chain = rules('deny publish a/secret', 'allow publish a/#', 'deny all #');
  assert.equal(mayPublish(chain, 'a/secret'), false);
  assert.equal(mayPublish(chain, 'a/open'), true);
  assert.equal(mayPublish(chain, 'b'), false);
});

test('a filter is allowed only when one rule covers all of it (A2)', () => {
  const chain = rules('allow subscribe a/b', 'allow subscribe c/+', 'allow subscribe d/#');
  const table: [string, string][] = [
    ['a/b', 'allow'],
    ['a/+', 'deny'],
    ['a/#', 'deny'],
    ['#', 'deny'],
    ['+/b', 'deny'],
    ['+/+', 'deny'],
    ['c/+', 'allow'],
    ['c/x', 'allow'],
    ['c/#', 'deny'],
    ['d', 'allow'],
    ['d/+/x/#', 'allow'],
    ['$share/g/c/+', 'allow'],
    ['$share/g/c/#', 'deny'],
    ['$share/a/b', 'deny'],
  ];
  for (const [filter, expected] of table) assert.equal(maySubscribe(chain, filter), expected, filter);
});

test('what an earlier rule denies of a wider filter is taken out of its deliveries (A1)', () => {
  const chain = rules('deny subscribe a/secret/#', 'allow subscribe #');
  for (const filter of ['#', '+/#', 'a/+', '+/secret', 'a/#', '$share/g/a/#'])
    assert.equal(maySubscribe(chain, filter), 'filtered', filter);
  for (const filter of ['a/secret', 'a/secret/+', 'a/secret/#']) assert.equal(maySubscribe(chain, filter), 'deny', filter);
  assert.equal(maySubscribe(chain, 'b/#'), 'allow');
  assert.equal(chain.mayReceive(alice, 'a/secret'), false);
  assert.equal(chain.mayReceive(alice, 'a/secret/x'), false);
  assert.equal(chain.mayReceive(alice, 'a/open'), true);
});

test('the order of rules holds inside a filtered subscription too', () => {
  const chain = rules('allow subscribe a/secret/mine', 'deny subscribe a/secret/#', 'allow subscribe a/#', 'deny subscribe a/late');
  assert.equal(maySubscribe(chain, 'a/#'), 'filtered');
  assert.equal(chain.mayReceive(alice, 'a/secret/mine'), true);
  assert.equal(chain.mayReceive(alice, 'a/secret/other'), false);
  assert.equal(chain.mayReceive(alice, 'a/late'), true);
  assert.equal(chain.mayReceive(alice, 'b'), false);
});

test('$ topics need a rule that names them (A8)', () => {
  const chain = rules('allow all #', 'allow all +/+', 'allow publish $SYS/mine', 'allow subscribe $SYS/#');
  assert.equal(mayPublish(chain, '$SYS/x'), false);
  assert.equal(mayPublish(chain, '$SYS/mine'), true);
  assert.equal(maySubscribe(chain, '$SYS/#'), 'allow');
  assert.equal(maySubscribe(chain, '$CONTROL/#'), 'deny');
  const open = chainOf([], 'allow').chain;
  assert.equal(mayPublish(open, 'a'), true);
  assert.equal(mayPublish(open, '$SYS/x'), false);
  assert.equal(maySubscribe(open, '#'), 'allow');
  assert.equal(maySubscribe(open, '$share/g/$SYS/#'), 'deny');
});

test('QoS and RETAIN narrow a rule (A13, A40)', () => {
  const chain = rules(
    rule('deny publish a/#', { retain: true }),
    rule('allow publish a/#', { qos: [0, 1] }),
    rule('allow subscribe s', { qos: [0] }),
    rule('deny subscribe t/secret', { qos: [2] }),
    rule('allow subscribe t/#'),
  );
  assert.equal(mayPublish(chain, 'a/b', alice, 1, false), true);
  assert.equal(mayPublish(chain, 'a/b', alice, 2, false), false);
  assert.equal(mayPublish(chain, 'a/b', alice, 0, true), false);
  assert.equal(maySubscribe(chain, 's', alice, 0), 'allow');
  assert.equal(maySubscribe(chain, 's', alice, 1), 'deny');
  assert.equal(maySubscribe(chain, 't/#', alice, 1), 'allow');
  assert.equal(maySubscribe(chain, 't/#', alice, 2), 'filtered');
  assert.equal(chain.mayReceive(alice, 't/secret', 1), true);
  assert.equal(chain.mayReceive(alice, 't/secret', 2), false);
  assert.equal(chain.mayReceive(alice, 't/secret'), false, 'without a QoS such a rule only takes away');
  assert.equal(chain.mayReceive(alice, 's'), false);
  assert.equal(chain.mayReceive(alice, 's', 0), true);
});

test('placeholders stand for whole levels', () => {
  const chain = rules('allow all devices/%c/#', 'allow all users/${username}/in', 'allow publish %u/x', 'allow publish c/${clientid}');
  assert.equal(mayPublish(chain, 'devices/sensor-1/temp'), true);
  assert.equal(mayPublish(chain, 'devices/sensor-12/temp'), false);
  assert.equal(mayPublish(chain, 'users/alice/in'), true);
  assert.equal(mayPublish(chain, 'alice/x'), true);
  assert.equal(mayPublish(chain, 'c/sensor-1'), true);
  assert.equal(maySubscribe(chain, 'devices/+/#'), 'deny');
  assert.equal(maySubscribe(chain, 'devices/sensor-1/#'), 'allow');
  assert.equal(mayPublish(chain, 'users/alice/in', nobody), false, 'no user name, no rule (A19)');
  assert.equal(mayPublish(chain, 'users//in', nobody), false);
  assert.equal(mayPublish(chain, 'users/null/in', nobody), false);
});

// CVE-2017-7650, A17
const badNames = ['+', '#', 'a/b', 'a/+', '../x', '/', 'x/#', 'sensor+', '#x', 'nul\0', ''];

test('names that are no level never widen a rule that allows, and never loosen one that denies (A17)', () => {
  const allowing = rules('allow all t/%c/#', 'allow all t/%u/#', 'allow all %c', 'allow all %u/#');
  const denying = rules('deny all t/%c/#', 'allow all #');
  for (const name of badNames) {
    for (const who of [principalOf(null, { clientId: name }), principalOf(name, { clientId: name })]) {
      for (const topic of ['t/x', 't/a/b', 't', 'a', 'a/b', 'x', name])
        assert.equal(mayPublish(allowing, topic, who), false, `${name}: ${topic}`);
      for (const filter of ['#', 't/#', 't/+/#', '+', 't/a/b'])
        assert.equal(maySubscribe(allowing, filter, who), 'deny', `${name}: ${filter}`);
      assert.equal(mayPublish(denying, `t/${name}/x`, who), false);
      assert.equal(mayPublish(denying, 'u', who), true);
      assert.equal(maySubscribe(denying, '#', who), 'filtered');
    }
  }
});

test('a name like $SYS at the front of a rule opens no $ tree', () => {
  const chain = rules('allow all %u/#', 'allow all %c');
  for (const name of ['$SYS', '$share', '$', '$CONTROL']) {
    const who = principalOf(name, { clientId: name });
    assert.equal(mayPublish(chain, `${name}/x`, who), false);
    assert.equal(mayPublish(chain, name, who), false);
    assert.equal(maySubscribe(chain, `${name}/#`, who), 'deny');
  }
});

test('property: whatever a client calls itself, a rule gives it its own level and nothing else (A17, A30)', () => {
  const awkward = fc.constantFrom('/', '+', '#', '$', '\0', '%c', '%u', '${username}', '..', 'é', 'e\u0301', '\ufeff', '漢', '\u202e', 'a');
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.array(awkward, { maxLength: 5 }).map((parts) => parts.join('')),
  );
  const topicOf = fc
    .array(name, { minLength: 1, maxLength: 3 })
    .map((levels) => levels.map((level) => level.replace(/[+#\0]/g, '')).join('/'));
  const chain = rules('allow all home/%c/#', 'allow all %u/out');
  fc.assert(
    fc.property(name, name, topicOf, fc.boolean(), (clientId, username, tail, isOwn) => {
      const who = principalOf(username === '' ? null : username, { clientId });
      const own = isOwn ? [`home/${clientId}/${tail}`, `${username}/out`] : [`home/${tail}`, `${tail}/out`, tail];
      for (const topic of own) {
        if (topic === '' || /[+#\0]/.test(topic) || !topic.isWellFormed()) continue;
        const levels = topic.split('/');
        const isHome = levels[0] === 'home' && levels.length > 1 && clientId !== '' && levels[1] === clientId;
        const isOut = levels.length === 2 && username !== '' && levels[0] === username && levels[1] === 'out' && !username.startsWith('$');
        assert.equal(mayPublish(chain, topic, who), isHome || isOut, JSON.stringify({ clientId, username, topic }));
      }
      for (const filter of ['#', '+/#', 'home/#', 'home/+/#', '+/out']) assert.equal(maySubscribe(chain, filter, who), 'deny');
    }),
    { seed: 7650, numRuns: 2000 },
  );
});

const level = fc.constantFrom('a', 'b', '+', '');
const filterOf = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([levels, isDeep]) => (isDeep ? [...levels, '#'] : levels).join('/'))
  .filter((filter) => filter !== '');
const everyTopic = ['a', 'b', ''].flatMap((x) => [
  x,
  ...['a', 'b', ''].flatMap((y) => [`${x}/${y}`, ...['a', 'b', ''].map((z) => `${x}/${y}/${z}`)]),
]);

test('property: a subscription delivers a topic only if the first rule that matches the topic allows it', () => {
  const oneRule = fc.record({
    permission: fc.constantFrom('allow' as const, 'deny' as const),
    topics: fc.array(filterOf, { minLength: 1, maxLength: 2 }),
  });
  fc.assert(
    fc.property(fc.array(oneRule, { maxLength: 5 }), filterOf, (list, filter) => {
      const chain = rules(...list.map((item) => ({ ...item, action: 'subscribe' as const })));
      const answer = maySubscribe(chain, filter);
      const granted = everyTopic.filter((topic) => topic !== '' && answer !== 'deny' && matches(filter, topic));
      for (const topic of granted) {
        const first = list.find(({ topics }) => topics.some((own) => matches(own, topic)));
        const isAllowed = first?.permission === 'allow';
        assert.equal(chain.mayReceive(alice, topic), isAllowed, topic);
        if (answer === 'allow') assert.equal(isAllowed, true, `${topic} slips through ${filter}`);
      }
      if (answer !== 'deny') assert.ok(list.some((item) => item.permission === 'allow' && item.topics.some((own) => covers(own, filter))));
    }),
    { seed: 45, numRuns: 3000 },
  );
});

test('superusers may do everything', () => {
  const root = principalOf('root', { isSuperuser: true });
  const chain = rules('deny all #');
  assert.equal(mayPublish(chain, '$SYS/x', root), true);
  assert.equal(maySubscribe(chain, '#', root), 'allow');
  assert.equal(chain.mayReceive(root, 'a'), true);
});

interface Script {
  publish?: () => Decision | Promise<Decision>;
  subscribe?: () => SubscribeDecision | Promise<SubscribeDecision>;
  receive?: (topic: string) => Decision;
}

function scripted(name: string, script: Script): AuthorizationProvider {
  const { publish, subscribe, receive } = script;
  return {
    name,
    authorizePublish: publish ?? (() => 'ignore'),
    authorizeSubscribe: subscribe ?? (() => 'ignore'),
    ...(receive === undefined ? {} : { mayReceive: (_principal: Principal, topic: string) => receive(topic) }),
  };
}

test('providers are asked in order, with or without a promise', async () => {
  const later =
    <T>(value: T) =>
    (): Promise<T> =>
      Promise.resolve(value);
  const at =
    <T>(value: T) =>
    (): T =>
      value;
  for (const wrap of [at, later] as const) {
    const one = scripted('one', { publish: wrap<Decision>('ignore'), subscribe: wrap<SubscribeDecision>('restrict') });
    const two = scripted('two', { publish: wrap<Decision>('allow'), subscribe: wrap<SubscribeDecision>('allow') });
    const three = scripted('three', { publish: () => assert.fail('not asked'), subscribe: () => assert.fail('not asked') });
    const { chain } = chainOf([one, two, three]);
    assert.equal(await chain.authorizePublish(alice, 'a', 0, false), true);
    assert.equal(await chain.authorizeSubscribe(alice, 'a/#', 0), 'filtered', 'what one restricts, two grants filtered');
    assert.equal(await chainOf([one]).chain.authorizePublish(alice, 'a', 0, false), false);
    assert.equal(await chainOf([one], 'allow').chain.authorizeSubscribe(alice, 'a', 0), 'filtered');
    const no = scripted('no', { publish: wrap<Decision>('deny'), subscribe: wrap<SubscribeDecision>('deny') });
    assert.equal(await chainOf([one, no, two]).chain.authorizePublish(alice, 'a', 0, false), false);
    assert.equal(await chainOf([one, no, two]).chain.authorizeSubscribe(alice, 'a', 0), 'deny');
  }
});

test('a provider that throws, hangs or makes no sense denies, and nobody else is asked (A25)', async () => {
  const hang = new Promise<never>(() => {});
  const bad: (() => never)[] = [
    () => assert.fail('broken'),
    () => Promise.reject(new Error('down')) as never,
    () => undefined as never,
    () => true as never,
    () => 'yes' as never,
    () => Promise.resolve('yes') as never,
    () => hang as never,
  ];
  const generous = scripted('generous', { publish: () => 'allow', subscribe: () => 'allow' });
  for (const answer of bad) {
    const { chain, clock, errors } = chainOf([scripted('bad', { publish: answer, subscribe: answer }), generous]);
    const published = chain.authorizePublish(alice, 'a', 0, false);
    const subscribed = chain.authorizeSubscribe(alice, 'a', 0);
    clock.advance(5000);
    assert.deepEqual([await published, await subscribed], [false, 'deny']);
    assert.equal(errors.length, 2);
  }
  const { chain, errors } = chainOf([scripted('bad', { receive: () => assert.fail('broken') }), generous], 'allow');
  assert.equal(chain.mayReceive(alice, 'a'), false);
  assert.equal(errors.length, 1);
  assert.equal(
    await chainOf([scripted('bad', { publish: () => 'filtered' as never })], 'allow').chain.authorizePublish(alice, 'a', 0, false),
    false,
  );
});

test('deliveries are judged by whoever can, in order', () => {
  const whole = scripted('whole', { subscribe: () => 'allow' });
  const denier = new RulesProvider([rule('deny subscribe a/secret')]);
  for (const providers of [
    [whole, denier],
    [denier, whole],
  ]) {
    const { chain } = chainOf(providers);
    assert.equal(chain.mayReceive(alice, 'a/secret'), false);
    assert.equal(chain.mayReceive(alice, 'a/open'), true);
  }
  assert.equal(chainOf([denier]).chain.mayReceive(alice, 'a/open'), false);
});

test('new rules hold at once and are seen by the epoch (A14)', () => {
  const { chain } = chainOf([new RulesProvider([rule('allow all #')])]);
  const before = chain.epoch;
  assert.equal(mayPublish(chain, 'a'), true);
  chain.replace([new RulesProvider([])], 'deny');
  assert.equal(mayPublish(chain, 'a'), false);
  assert.equal(chain.mayReceive(alice, 'a'), false);
  assert.ok(chain.epoch > before);
});

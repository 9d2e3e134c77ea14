import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { QoS } from '#message/message.ts';
import { matches } from '#topic/topic-filter.ts';
import type { Route } from './route.ts';
import { subscription, TestHouse, TestSession } from './test-house.ts';

const ascending = (a: number, b: number): number => a - b;

function reach({ targets, shares }: Route): number {
  return targets.length + shares.length;
}

test('a route has the sessions whose filters match, and no others', () => {
  const { router } = new TestHouse();
  const [a, b, c] = [new TestSession('a'), new TestSession('b'), new TestSession('c')];
  router.add(subscription(a, 'home/+/temperature'));
  router.add(subscription(b, 'home/#'));
  router.add(subscription(c, 'office/#'));
  assert.deepEqual(
    router
      .route('home/kitchen/temperature')
      .targets.map(({ session }) => session.clientId)
      .toSorted(),
    ['a', 'b'],
  );
  assert.equal(reach(router.route('nowhere')), 0);
});

test('overlapping subscriptions of a session come to one target with the highest QoS and all identifiers [MQTT-3.3.4-2] [MQTT-3.3.4-3]', () => {
  const { router } = new TestHouse();
  const a = new TestSession('a');
  router.add(subscription(a, 'a/b', { qos: 0, identifier: 7 }));
  router.add(subscription(a, 'a/+', { qos: 2, identifier: 8 }));
  router.add(subscription(a, 'a/#', { qos: 1, retainAsPublished: true }));
  router.add(subscription(a, 'b/#', { qos: 2, identifier: 9 }));
  const [target, ...others] = router.route('a/b').targets;
  assert.equal(others.length, 0);
  assert.equal(target.qos, 2);
  assert.equal(target.retainAsPublished, true);
  assert.deepEqual(target.subscriptionIdentifiers?.toSorted(ascending), [7, 8]);
});

test('without identifiers a target has none', () => {
  const { router } = new TestHouse();
  router.add(subscription(new TestSession('a'), 'a'));
  assert.equal(router.route('a').targets[0].subscriptionIdentifiers, null);
});

test('No Local leaves the publisher out [MQTT-3.8.3-3]', () => {
  const { router } = new TestHouse();
  router.add(subscription(new TestSession('a'), 'a', { noLocal: true }));
  assert.equal(router.route('a').targets[0].forPublisher, null);
});

test('with No Local on some subscriptions, the publisher gets what the others come to', () => {
  const { router } = new TestHouse();
  const a = new TestSession('a');
  router.add(subscription(a, 'a/b', { qos: 2, identifier: 1, noLocal: true }));
  router.add(subscription(a, 'a/+', { qos: 1, identifier: 2 }));
  const target = router.route('a/b').targets[0];
  assert.equal(target.qos, 2);
  assert.deepEqual([target.forPublisher!.qos, target.forPublisher!.subscriptionIdentifiers], [1, [2]]);
  const plain = router.route('a/x').targets[0];
  assert.equal(plain.forPublisher, plain, 'without No Local nothing is made twice');
});

test('a subscription that may not receive a topic has no part in its route', () => {
  const { router } = new TestHouse();
  const a = new TestSession('a');
  const wide = subscription(a, '#', { qos: 2, identifier: 1 });
  wide.mayReceive = (topic) => !topic.startsWith('secret/');
  router.add(wide);
  assert.equal(reach(router.route('secret/plan')), 0);
  assert.equal(router.route('public/plan').targets.length, 1);
  router.add(subscription(a, 'secret/plan', { qos: 0, identifier: 2 }));
  assert.deepEqual(router.route('secret/plan').targets[0].subscriptionIdentifiers, [2]);
});

test('wildcards at the front do not match topics that begin with $ [MQTT-4.7.2-1]', () => {
  const { router } = new TestHouse();
  const a = new TestSession('a');
  for (const filter of ['#', '+/b', '$share/g/#']) router.add(subscription(a, filter));
  assert.equal(reach(router.route('$SYS/b')), 0);
  router.add(subscription(a, '$SYS/#'));
  assert.equal(router.route('$SYS/b').targets.length, 1);
});

test('a route is kept, and is current until a subscription comes, goes, or a permission changes', () => {
  const { router } = new TestHouse();
  const one = subscription(new TestSession('a'), 'a');
  router.add(one);
  const changes = [
    () => router.add(subscription(new TestSession('b'), 'elsewhere')),
    () => router.remove(one),
    () => router.invalidate(),
    () => router.add(subscription(new TestSession('c'), '$share/g/a')),
  ];
  for (const change of changes) {
    const before = router.route('a');
    assert.equal(router.route('a'), before);
    assert.equal(before.isCurrent, true);
    change();
    assert.equal(before.isCurrent, false);
    assert.notEqual(router.route('a'), before);
  }
});

test('routes that are remembered are bounded', () => {
  const { router } = new TestHouse();
  const first = router.route('first');
  for (let number = 0; number < 20_000; number += 1) router.route(`topic/${number}`);
  assert.equal(first.isCurrent, false, 'the oldest were dropped, and say so');
});

test('subscriptions are counted, members of shared ones too', () => {
  const { router } = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  const made = [subscription(a, 'x'), subscription(a, '$share/g/x'), subscription(b, '$share/g/x'), subscription(b, '$share/h/x')];
  for (const one of made) router.add(one);
  assert.deepEqual([router.subscriptions, router.sharedSubscriptions], [4, 3]);
  for (const one of made) router.remove(one);
  assert.deepEqual([router.subscriptions, router.sharedSubscriptions], [0, 0]);
  assert.equal(reach(router.route('x')), 0);
});

test('a shared subscription is one entry, whatever the number of its members; another group is another', () => {
  const { router } = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  const first = subscription(a, '$share/g/x');
  const second = subscription(b, '$share/g/x');
  router.add(first);
  router.add(second);
  router.add(subscription(a, '$share/h/x'));
  assert.equal(router.route('x').shares.length, 2);
  assert.equal(router.shareOf(first), router.shareOf(second));
  router.remove(first);
  router.remove(second);
  assert.equal(router.route('x').shares.length, 1);
  assert.equal(router.shareOf(first), null);
});

test('a route knows whether a message at QoS 1 is owed to a session that outlives its connection', () => {
  const cases: [string, Partial<TestSession>, QoS, boolean][] = [
    ['a', { isDurable: true }, 1, true],
    ['a', { isDurable: true }, 0, false],
    ['a', { isDurable: false }, 2, false],
    ['$share/g/a', { isDurable: true }, 1, true],
    ['$share/g/a', { isDurable: true }, 0, false],
  ];
  for (const [filter, state, qos, expected] of cases) {
    const { router } = new TestHouse();
    router.add(subscription(new TestSession('s', state), filter, { qos }));
    assert.equal(router.route('a').hasDurable, expected, `${filter} ${JSON.stringify(state)} QoS ${qos}`);
  }
});

test('any set of subscriptions gives each session what asking each of its subscriptions gives', () => {
  const filter = fc.constantFrom('a', 'a/b', 'a/+', '+/b', 'a/#', '#', '+', '$SYS/#', '+/+', 'a/b/c');
  const made = fc.record({ session: fc.nat(3), filter, qos: fc.constantFrom<QoS>(0, 1, 2), identifier: fc.nat(3), noLocal: fc.boolean() });
  const topic = fc.constantFrom('a', 'a/b', 'b', '$SYS/x', 'a/b/c', 'x/b');
  fc.assert(
    fc.property(fc.uniqueArray(made, { selector: (one) => `${one.session} ${one.filter}`, maxLength: 20 }), topic, (requests, name) => {
      const { router } = new TestHouse();
      const sessions = [0, 1, 2, 3].map((number) => new TestSession(String(number)));
      for (const one of requests) router.add(subscription(sessions[one.session], one.filter, one));
      const { targets } = router.route(name);
      const summary = (own: typeof requests) => ({
        qos: Math.max(...own.map(({ qos }) => qos)),
        identifiers: own.flatMap(({ identifier }) => (identifier === 0 ? [] : [identifier])).toSorted(ascending),
      });
      for (const [number, session] of sessions.entries()) {
        const own = requests.filter((one) => one.session === number && matches(one.filter, name));
        const target = targets.find((one) => one.session === session.session);
        assert.equal(target === undefined, own.length === 0);
        if (target === undefined) continue;
        const actual = { qos: target.qos, identifiers: target.subscriptionIdentifiers?.toSorted(ascending) ?? [] };
        assert.deepEqual(actual, summary(own));
        const foreign = own.filter(({ noLocal }) => !noLocal);
        const forPublisher = target.forPublisher;
        assert.equal(forPublisher === null, foreign.length === 0);
        if (forPublisher !== null) assert.equal(forPublisher.qos, summary(foreign).qos);
      }
    }),
    { seed: 33041, numRuns: 500 },
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { EMBEDDER } from '#hooks/order.ts';
import { message, principalOf, TestHouse } from './test-house.ts';

test('each filter gets its own answer, in order [MQTT-3.8.4-6]', async () => {
  const house = await TestHouse.open({ maximumQoS: 1 });
  house.authorizer.denied.add('secret');
  const { client } = await house.connect('c');
  const options = { qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;
  const filters = ['a', 'secret', 'a/#/b', '$share//a', 'b'];
  const answers = await house.subscriber.subscribe(
    client,
    filters.map((filter) => ({ filter, options })),
  );
  const { NotAuthorized, TopicFilterInvalid } = ReasonCode;
  assert.deepEqual(
    answers.map(({ reasonCode }) => reasonCode),
    [1, NotAuthorized, TopicFilterInvalid, TopicFilterInvalid, 1],
  );
  assert.deepEqual(
    Array.from(client.session.state.subscriptions(), ({ text, options: { qos } }) => [text, qos]),
    [
      ['a', 1],
      ['b', 1],
    ],
  );
});

test('what the broker does not offer is refused with the code that says so', async () => {
  const house = await TestHouse.open({
    wildcardSubscriptionAvailable: false,
    sharedSubscriptionAvailable: false,
    subscriptionIdentifierAvailable: false,
  });
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'a/+'), ReasonCode.WildcardSubscriptionsNotSupported);
  assert.equal(await house.subscribe(client, '$share/g/a'), ReasonCode.SharedSubscriptionsNotSupported);
  assert.equal(await house.subscribe(client, 'a', { identifier: 1 }), ReasonCode.SubscriptionIdentifiersNotSupported);
  assert.equal(await house.subscribe(client, 'a'), 1);
  assert.equal(house.router.subscriptions, 1);
});

test('a client has at most so many subscriptions, and may replace those that it has', async () => {
  const house = await TestHouse.open({ subscriptionsPerClientMax: 2 });
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'a'), 1);
  assert.equal(await house.subscribe(client, 'b'), 1);
  assert.equal(await house.subscribe(client, 'c'), ReasonCode.QuotaExceeded);
  assert.equal(await house.subscribe(client, 'b', { qos: 0 }), 0);
  assert.deepEqual(house.subscriber.unsubscribe(client, ['a']), [ReasonCode.Success]);
  assert.equal(await house.subscribe(client, 'c'), 1);
});

test('a subscription to a filter that is subscribed replaces it [MQTT-3.8.4-3]', async () => {
  const house = await TestHouse.open();
  const { client, sink } = await house.connect('c');
  await house.subscribe(client, 'a', { qos: 2, identifier: 1 });
  await house.subscribe(client, 'a', { qos: 1, identifier: 2 });
  assert.equal(house.router.subscriptions, 1);
  house.publisher.publish(message({ topic: 'a', qos: 2 }), null, null);
  await house.base.settle();
  assert.deepEqual(
    sink.deliveries.map(({ qos, subscriptionIdentifiers }) => [qos, subscriptionIdentifiers]),
    [[1, [2]]],
  );
});

test('Retain Handling: 0 sends retained messages, 1 only when the subscription is new, 2 never [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]', async () => {
  const house = await TestHouse.open();
  house.publisher.publish(message({ topic: 'a', payload: 'kept', retain: true }), null, null);
  await house.base.settle();
  const expected = { 0: [1, 1], 1: [1, 0], 2: [0, 0] } as const;
  for (const retainHandling of [0, 1, 2] as const) {
    const { client, sink } = await house.connect(`c${retainHandling}`);
    const counts: number[] = [];
    for (let time = 0; time < 2; time += 1) {
      await house.subscribe(client, 'a', { retainHandling });
      counts.push(sink.take().length);
    }
    assert.deepEqual(counts, expected[retainHandling], `Retain Handling ${retainHandling}`);
  }
});

test('a shared subscription is sent no retained messages [MQTT-4.8.2-6]', async () => {
  const house = await TestHouse.open();
  house.publisher.publish(message({ topic: 'a', retain: true }), null, null);
  const { client, sink } = await house.connect('c');
  assert.equal(await house.subscribe(client, '$share/g/a'), 1);
  assert.deepEqual(sink.sent, []);
});

test('a hook rewrites the filter and the QoS before the filter is authorized; the client unsubscribes with the name that it knows', async () => {
  const house = await TestHouse.open();
  const told: string[] = [];
  house.hooks.register(EMBEDDER, 'subscription.inbound', ({ clientId }, { filter }) => ({
    filter: `tenant/${clientId}/${filter}`,
    qos: 0,
  }));
  house.hooks.register(EMBEDDER, 'subscription.added', (clientId, filter, qos) => void told.push(`+ ${clientId} ${filter} ${qos}`));
  house.hooks.register(EMBEDDER, 'subscription.removed', (clientId, filter) => void told.push(`- ${clientId} ${filter}`));
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'a'), 0);
  assert.deepEqual(house.authorizer.take(), ['subscribe c tenant/c/a']);
  assert.deepEqual(house.subscriber.unsubscribe(client, ['a', 'a']), [ReasonCode.Success, ReasonCode.NoSubscriptionExisted]);
  assert.deepEqual(told, ['+ c tenant/c/a 0', '- c tenant/c/a']);
  assert.equal(house.router.subscriptions, 0);
});

test('a hook that makes an invalid filter, or rejects, refuses the subscription', async () => {
  const house = await TestHouse.open();
  house.hooks.register(EMBEDDER, 'subscription.inbound', (_facts, request) =>
    request.filter === 'bad' ? { filter: 'a#', qos: 1 } : { reject: ReasonCode.QuotaExceeded },
  );
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'bad'), ReasonCode.TopicFilterInvalid);
  assert.equal(await house.subscribe(client, 'a'), ReasonCode.QuotaExceeded);
});

test('an authorization hook sees the filter without its group, and stands before the rules', async () => {
  const house = await TestHouse.open();
  const asked: string[] = [];
  house.hooks.register(EMBEDDER, 'client.authorize', (_facts, action, filter) => {
    asked.push(`${action} ${filter}`);
    if (filter === 'no') return { deny: ReasonCode.NotAuthorized };
    return filter === 'yes' ? 'allow' : 'abstain';
  });
  house.authorizer.denied.add('yes');
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, '$share/g/no'), ReasonCode.NotAuthorized);
  assert.equal(await house.subscribe(client, 'yes'), 1);
  assert.deepEqual(asked, ['subscribe no', 'subscribe yes']);
  assert.deepEqual(house.authorizer.take(), []);
});

test('where rules cut through a filter, each topic is asked', async () => {
  const house = await TestHouse.open();
  house.authorizer.filtered.add('a/#');
  house.authorizer.denied.add('a/secret');
  const { client, sink } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'a/#'), 1);
  for (const topic of ['a/open', 'a/secret']) house.publisher.publish(message({ topic, payload: topic }), null, null);
  assert.deepEqual(sink.sent, ['a/open']);
});

test('changed rules: what may not be read any more is not delivered any more, and what may be again is', async () => {
  const house = await TestHouse.open();
  const { client, sink } = await house.connect('c');
  await house.subscribe(client, 'a');
  const change = (isDenied: boolean): void => {
    if (isDenied) house.authorizer.denied.add('a');
    else house.authorizer.denied.delete('a');
    for (const one of client.session.state.subscriptions()) house.subscriber.reauthorize(one, principalOf('c'));
    house.router.invalidate();
    house.publisher.publish(message({ topic: 'a', payload: isDenied ? 'denied' : 'allowed' }), null, null);
  };
  change(true);
  change(false);
  assert.deepEqual(sink.sent, ['allowed']);
});

test('a restored subscription has the permissions of today', async () => {
  const house = await TestHouse.open();
  house.authorizer.denied.add('a');
  const { client } = await house.connect('c');
  const subscription = house.base.subscribe(client.session, 'a');
  house.subscriber.restore(subscription, principalOf('c'));
  assert.equal(house.router.subscriptions, 1, 'it stays, for the rules may change again');
  assert.deepEqual(house.router.route('a').targets, []);
});

test('an authorizer that needs time decides in the end; a session that ended meanwhile gets no subscription', async () => {
  const house = await TestHouse.open();
  const { client } = await house.connect('c');
  house.authorizer.isAsynchronous = true;
  assert.equal(await house.subscribe(client, 'a'), 1);
  const answer = house.subscribe(client, 'b');
  client.session.end();
  assert.equal(await answer, ReasonCode.UnspecifiedError);
  assert.equal(house.router.subscriptions, 0);
});

/** Filters that begin with `$mine/` are names: what is behind that is matched. */
function name(house: TestHouse): () => void {
  return house.hooks.register(EMBEDDER, 'subscription.inbound', (_client, request) =>
    request.filter.startsWith('$mine/') ? { ...request, match: request.filter.slice('$mine/'.length) } : request,
  );
}

test('a name is kept and ended as it is, what it matches is checked, authorized and delivered', async () => {
  const house = await TestHouse.open();
  name(house);
  house.publisher.publish(message({ topic: 't/1', payload: 'kept', retain: true }), null, null);
  const { client, sink } = await house.connect('c');
  house.authorizer.take();
  assert.equal(await house.subscribe(client, '$mine/t/+'), 1);
  assert.deepEqual(house.authorizer.take(), ['subscribe c t/+']);
  house.publisher.publish(message({ topic: 't/2', qos: 1 }), null, null);
  house.publisher.publish(message({ topic: '$mine/t/3', qos: 1 }), null, null);
  await house.base.settle();
  assert.deepEqual(
    sink.deliveries.map(({ message: { topic } }) => topic),
    ['t/1', 't/2'],
  );
  assert.deepEqual(house.subscriber.unsubscribe(client, ['t/+', '$mine/t/+']), [ReasonCode.NoSubscriptionExisted, ReasonCode.Success]);
  assert.equal(house.router.subscriptions, 0);
});

test('what a name matches is a valid filter without $share, and within the limits; a name takes no level of it', async () => {
  const house = await TestHouse.open({ topicLevelsMax: 3, topicBytesMax: 20 });
  name(house);
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, '$mine/a/b/c'), 1);
  for (const bad of ['$mine/', '$mine/a/b/c/d', '$mine/a/#/b', '$mine/$share/g/a', `$mine/${'x'.repeat(15)}`]) {
    assert.equal(await house.subscribe(client, bad), ReasonCode.TopicFilterInvalid, bad);
  }
  house.hooks.register(EMBEDDER, 'subscription.inbound', (_client, request) => ({ ...request, filter: '$share/g/a', match: 'b' }));
  assert.equal(await house.subscribe(client, 'x'), ReasonCode.TopicFilterInvalid, 'a group is known by its name');
});

test('changed rules are about what a name matches', async () => {
  const house = await TestHouse.open();
  name(house);
  const { client, sink } = await house.connect('c');
  await house.subscribe(client, '$mine/t');
  house.authorizer.denied.add('t');
  for (const subscription of client.session.state.subscriptions()) house.subscriber.reauthorize(subscription, principalOf('c'));
  house.router.invalidate();
  house.publisher.publish(message({ topic: 't', qos: 1 }), null, null);
  await house.base.settle();
  assert.deepEqual(sink.deliveries, []);
});

test('after a restart a subscription has its name and its match, also when no hook knows the name any more', async () => {
  const house = await TestHouse.open();
  const withdraw = name(house);
  const { client } = await house.connect('c');
  await house.subscribe(client, '$mine/t', { identifier: 7 });
  await house.subscribe(client, '$share/g/u');
  withdraw();
  await house.base.settle();
  const { subscriptions } = await house.base.restart();
  assert.deepEqual(
    subscriptions.map(({ text, filter, group, options }) => [
      text,
      filter,
      group,
      options.identifier,
      Object.keys(options).includes('match'),
    ]),
    [
      ['$mine/t', 't', null, 7, false],
      ['$share/g/u', 'u', 'g', 0, false],
    ],
  );
});

test('who accepts subscriptions is asked last, in the turn in which the subscription is made', async () => {
  const house = await TestHouse.open();
  house.authorizer.isAsynchronous = true;
  house.authorizer.denied.add('secret');
  const events: string[] = [];
  house.hooks.register(EMBEDDER, 'subscription.accept', ({ clientId }, { filter, match, qos }) => {
    events.push(`accept ${clientId} ${filter} ${match} ${qos}`);
    queueMicrotask(() => events.push('later'));
    return filter === 'taken' ? { deny: ReasonCode.QuotaExceeded } : 'abstain';
  });
  house.hooks.register(EMBEDDER, 'subscription.added', (_clientId, filter) => void events.push(`added ${filter}`));
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, 'secret'), ReasonCode.NotAuthorized);
  assert.equal(await house.subscribe(client, 'taken'), ReasonCode.QuotaExceeded);
  assert.equal(await house.subscribe(client, '$share/g/a'), 1);
  assert.deepEqual(events, ['accept c taken taken 1', 'later', 'accept c $share/g/a a 1', 'added $share/g/a', 'later']);
  assert.equal(house.router.subscriptions, 1);
});

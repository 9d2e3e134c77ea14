import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReasonCode } from '@wrenmq/codec';
import { EMBEDDER } from '#hooks/order.ts';
import type { Message } from '#message/message.ts';
import { Outcome } from '#publish/publisher.ts';
import { TestSink, turns } from '#session/test-house.ts';
import type { Client } from './client.ts';
import { factsOf, TestHouse } from './test-house.ts';

const { Success, NoSubscriptionExisted, NotAuthorized, QuotaExceeded, TopicFilterInvalid, TopicNameInvalid } = ReasonCode;

/** A house with `count` messages in the topics t/0, t/1 and t/2. */
async function houseOf(count: number): Promise<TestHouse> {
  const house = await TestHouse.open({ subscriptionsPerClientMax: 100 });
  for (let index = 0; index < count; index += 1) house.history.append({ topic: `t/${index % 3}`, qos: 1, publisher: `p${index % 2}` });
  return house;
}

/** Publishes as the house does: the message is kept, then routed. */
function publish(house: TestHouse, topic: string, qos: 0 | 1 | 2 = 1): number {
  const { message } = house.history.append({ topic, qos });
  return house.publisher.publish(message, null, null);
}

function userProperties(message: Message): Record<string, string> {
  return Object.fromEntries(message.properties.userProperties ?? []);
}

function payloads(sink: TestSink): string[] {
  return sink.deliveries.map(({ message }) => message.payload.toString());
}

async function settle(house: TestHouse): Promise<void> {
  for (let round = 0; round < 5; round += 1) {
    await turns(20);
    house.base.clock.advance(20);
    await house.base.settle();
  }
}

/** The client acknowledges what it was sent. */
function acknowledge({ session }: Client, sink: TestSink): void {
  for (const { packetId, qos } of sink.deliveries) if (qos === 1) session.acknowledge(packetId);
}

test('a reading brings what there is, with place and time, and an end mark; then it is over', async () => {
  const house = await houseOf(5);
  house.history.append({ topic: 't/0', qos: 2, retain: true, properties: { contentType: 'text/plain' } }, 7);
  const { client, sink } = await house.connect('c');
  assert.equal(await house.subscribe(client, '$history/offset:3/t/#', { qos: 1, identifier: 9 }), 1);
  publish(house, 't/0');
  await settle(house);
  assert.deepEqual(payloads(sink).slice(0, -1), ['3', '4', '5', '6']);
  for (const delivery of sink.deliveries) assert.deepEqual([delivery.subscriptionIdentifiers, delivery.retain], [[9], false]);
  const sixth = sink.deliveries[3];
  assert.deepEqual([sixth.message.topic, sixth.qos, sixth.message.properties.contentType], ['t/0', 1, 'text/plain']);
  assert.deepEqual(userProperties(sixth.message), {
    'history-offset': '6',
    'history-time': '1970-01-01T00:00:06.000Z',
    'history-missed': '7',
  });
  const end = sink.deliveries[4];
  assert.deepEqual([end.message.topic, end.qos], ['$history/end', 1]);
  const told = { filter: '$history/offset:3/t/#', messages: 4, next: 7 };
  assert.deepEqual(JSON.parse(end.message.payload.toString()), told);
  assert.deepEqual(userProperties(end.message), { 'history-end': told.filter });
  assert.deepEqual(house.subscriber.unsubscribe(client, [told.filter]), [NoSubscriptionExisted]);
  assert.deepEqual([client.session.state.subscriptionCount, house.router.subscriptions], [0, 0]);
});

test('MQTT 3 clients get the messages as they were published, and the mark', async () => {
  const house = await houseOf(2);
  const { client, sink } = await house.connect('c', { facts: { ...factsOf('c'), protocolVersion: 4 } });
  await house.subscribe(client, '$history/offset:0/t/+');
  await settle(house);
  assert.deepEqual(
    sink.deliveries.slice(0, 2).map(({ message }) => message.propertiesEnd - message.propertiesStart),
    [0, 0],
  );
  assert.equal(sink.deliveries[2].message.topic, '$history/end');
});

test('Retain As Published, No Local and the QoS that was granted hold for what is read', async () => {
  const house = await houseOf(4);
  house.history.append({ topic: 't/0', qos: 2, retain: true });
  house.history.append({ topic: 't/0', qos: 0 });
  // To a session that is stored, QoS 2 goes out when the disk has it, behind what follows.
  const { client, sink } = await house.connect('p1', { expiryInterval: 0 });
  await house.subscribe(client, '$history/offset:0/#', { qos: 2, noLocal: true, retainAsPublished: true });
  await settle(house);
  const seen = sink.deliveries.filter(({ message }) => message.topic !== '$history/end');
  assert.deepEqual(
    seen.map(({ message, qos, retain }) => [userProperties(message)['history-offset'], qos, retain]),
    [
      ['1', 1, false],
      ['3', 1, false],
      ['5', 2, true],
      ['6', 0, false],
    ],
  );
});

test('what has expired is left out, and what is missing before it is told with the next', async () => {
  const house = await houseOf(0);
  house.history.append({ topic: 't', properties: { messageExpiryInterval: 1 }, receivedAtMs: house.base.clock.wallMs() - 5000 }, 3);
  house.history.append({ topic: 't', properties: { messageExpiryInterval: 60 }, receivedAtMs: house.base.clock.wallMs() - 5000 }, 2);
  const { client, sink } = await house.connect('c');
  await house.subscribe(client, '$history/offset:0/t', { qos: 0 });
  await settle(house);
  const [{ message }] = sink.deliveries;
  assert.equal(userProperties(message)['history-missed'], '5');
  assert.equal(message.bytes.readUInt32BE(message.messageExpiryAt), 60);
  assert.equal(message.expiresAtMs, house.history.entries[1].message.expiresAtMs);
});

test('a client takes what it acknowledges, and nothing waits in its queue', async () => {
  const house = await houseOf(300);
  const sink = new TestSink();
  sink.receiveMaximum = 10;
  const { client } = await house.connect('c', { sink });
  await house.subscribe(client, '$history/offset:0/#');
  await settle(house);
  assert.deepEqual([sink.deliveries.length, client.session.waiting, house.history.pages], [10, 0, 1]);
  for (let round = 0; round < 60; round += 1) {
    acknowledge(client, sink);
    assert.equal(client.session.waiting, 0);
    await turns(10);
  }
  assert.deepEqual(
    payloads(sink).slice(0, -1),
    house.history.entries.map(({ offset }) => String(offset)),
  );
});

test('UNSUBSCRIBE stops a reading without a mark, and the same filter begins it again', async () => {
  const house = await houseOf(100);
  const sink = new TestSink();
  sink.receiveMaximum = 5;
  const { client } = await house.connect('c', { sink });
  const filter = '$history/offset:0/#';
  await house.subscribe(client, filter);
  await settle(house);
  assert.deepEqual(house.subscriber.unsubscribe(client, [filter, filter]), [Success, NoSubscriptionExisted]);
  acknowledge(client, sink);
  await settle(house);
  assert.equal(sink.deliveries.length, 5);
  await house.subscribe(client, filter);
  await settle(house);
  acknowledge(client, sink);
  assert.deepEqual(payloads(sink).slice(5, 10), ['1', '2', '3', '4', '5']);
  await house.subscribe(client, filter);
  await settle(house);
  assert.equal(payloads(sink)[10], '6', 'what was under way is the client’s');
});

test('a reading ends with the connection, and is nobody’s after a takeover', async () => {
  const house = await houseOf(100);
  const sink = new TestSink();
  sink.receiveMaximum = 5;
  await house.connect('c', { sink }).then(({ client }) => house.subscribe(client, '$history/offset:0/#', { qos: 0 }));
  const again = await house.connect('c');
  await settle(house);
  assert.deepEqual(payloads(again.sink), []);
  assert.equal(again.client.readings, null);
});

test('what is no reading is refused with 0x8F and words; a client has 32 at a time', async () => {
  const house = await houseOf(1);
  const { client, sink } = await house.connect('c');
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;
  const [answer] = await house.subscriber.subscribe(client, [{ filter: '$history/tomorrow/t', options }]);
  assert.equal(answer.reasonCode, TopicFilterInvalid);
  assert.match(answer.reason!, /^"\$history\/tomorrow\/t" has no range .* last:10/);
  sink.isWritable = false;
  for (let index = 0; index < 32; index += 1) assert.equal(await house.subscribe(client, `$history/-${index + 1}h/t`), 1);
  assert.equal(await house.subscribe(client, '$history/-40h/t'), QuotaExceeded);
  assert.equal(await house.subscribe(client, '$history-live/-40h/t'), QuotaExceeded);
  assert.equal(await house.subscribe(client, '$history/-1h/t'), 1, 'it replaces one');
  house.subscriber.unsubscribe(client, ['$history/-1h/t']);
  assert.equal(await house.subscribe(client, '$history/-40h/t'), 1);
});

test('no hook’s prefix stands before it, and the filter behind it is what hooks and rules are asked about', async () => {
  const house = await houseOf(3);
  const asked: string[] = [];
  house.hooks.register(EMBEDDER, 'subscription.accept', (_facts, { filter, match }) => {
    asked.push(`${filter} ${match}`);
    return 'abstain';
  });
  house.hooks.register(EMBEDDER, 'subscription.inbound', (_facts, request) => {
    if (!request.filter.startsWith('$mine/')) return request;
    return { ...request, match: request.filter.slice('$mine/'.length) };
  });
  house.hooks.register(EMBEDDER, 'client.authorize', (_facts, action, topic) => {
    asked.push(`${action} ${topic}`);
    return topic === 'secret' ? { deny: NotAuthorized } : 'abstain';
  });
  const { client } = await house.connect('c');
  assert.equal(await house.subscribe(client, '$mine/$history/-1h/t'), TopicFilterInvalid);
  assert.equal(await house.subscribe(client, '$share/g/$history/-1h/t'), TopicFilterInvalid);
  assert.equal(await house.subscribe(client, '$history/-1h/secret'), NotAuthorized);
  assert.equal(await house.subscribe(client, '$history-live/-1h/secret'), NotAuthorized);
  asked.length = 0;
  house.authorizer.take();
  assert.equal(await house.subscribe(client, '$history/-1h/t/+'), 1);
  assert.deepEqual(asked, ['subscribe t/+', '$history/-1h/t/+ t/+']);
  assert.deepEqual(house.authorizer.take(), ['subscribe c t/+']);
});

test('topics that the reader may not have are left out, also from the very moment at which a rule changes', async () => {
  const house = await houseOf(30);
  house.authorizer.filtered.add('t/+');
  house.authorizer.denied.add('t/1');
  const sink = new TestSink();
  sink.receiveMaximum = 4;
  const { client } = await house.connect('c', { sink });
  for (const prefix of ['$history', '$history-live']) await house.subscribe(client, `${prefix}/offset:0/t/+`);
  await settle(house);
  assert.ok(sink.deliveries.length > 0);
  house.authorizer.denied.add('t/2');
  house.port.reauthorizeReadings();
  for (const subscription of client.session.state.subscriptions()) house.subscriber.reauthorize(subscription, client.principal);
  const before = sink.deliveries.length;
  for (let round = 0; round < 30; round += 1) {
    acknowledge(client, sink);
    await settle(house);
  }
  const topics = sink.deliveries.map(({ message: { topic } }) => topic);
  assert.equal(topics.includes('t/1'), false);
  assert.equal(topics.slice(before).includes('t/2'), false);
  assert.equal(topics.filter((topic) => topic === 't/0').length, 20);
});

test('nobody publishes to the history, nor leaves a will there', async () => {
  const house = await houseOf(0);
  const { client } = await house.connect('c');
  for (const topic of ['$history/end', '$history/-1h/t', '$history-live/x', '$history']) {
    assert.equal(house.publish(client, { topic, qos: 1 }), -TopicNameInvalid);
  }
  const will = { message: house.history.append({ topic: '$history/end' }).message, delay: 0 };
  const answer = await house.open('dies', { will });
  assert.equal('reasonCode' in answer && answer.reasonCode, TopicNameInvalid);
});

test('a live subscription reads, gets what comes meanwhile once, in order, and is ordinary then', async () => {
  const house = await houseOf(200);
  const sink = new TestSink();
  sink.receiveMaximum = 8;
  const { client } = await house.connect('c', { sink, expiryInterval: 0 });
  house.history.memoryFrom = 150;
  assert.equal(await house.subscribe(client, '$history-live/offset:0/#'), 1);
  assert.deepEqual(
    Array.from(client.session.state.subscriptions(), ({ text, filter }) => [text, filter]),
    [['$history-live/offset:0/#', '#']],
  );
  for (let round = 0; round < 100; round += 1) {
    const outcome = publish(house, 't/0');
    assert.equal(outcome & Outcome.Matched, Outcome.Matched);
    acknowledge(client, sink);
    await turns(3);
  }
  for (let round = 0; round < 20; round += 1) {
    acknowledge(client, sink);
    await settle(house);
  }
  const [subscription] = client.session.state.subscriptions();
  assert.equal(subscription.catchUp, null);
  assert.equal(client.readings?.size, 0);
  publish(house, 't/0');
  acknowledge(client, sink);
  assert.deepEqual(
    payloads(sink),
    house.history.entries.map(({ offset }) => String(offset)),
  );
  assert.deepEqual(house.subscriber.unsubscribe(client, ['$history-live/offset:0/#']), [Success]);
});

test('asked for again, a live subscription goes on where it is, with the new options', async () => {
  const house = await houseOf(20);
  const sink = new TestSink();
  sink.receiveMaximum = 5;
  const { client } = await house.connect('c', { sink });
  const filter = '$history-live/offset:0/#';
  await house.subscribe(client, filter, { identifier: 1 });
  await settle(house);
  await house.subscribe(client, filter, { identifier: 2 });
  for (let round = 0; round < 10; round += 1) {
    acknowledge(client, sink);
    await settle(house);
  }
  await house.subscribe(client, filter, { identifier: 3 });
  await settle(house);
  assert.deepEqual(
    payloads(sink),
    house.history.entries.map(({ offset }) => String(offset)),
  );
  assert.deepEqual([sink.deliveries[0].subscriptionIdentifiers, sink.deliveries[19].subscriptionIdentifiers], [[1], [2]]);
});

test('a durable session whose client goes away in the middle goes on when it is back, across a restart, exactly once', async () => {
  const house = await houseOf(40);
  const sink = new TestSink();
  sink.receiveMaximum = 6;
  const { client } = await house.connect('c', { sink });
  await house.subscribe(client, '$history-live/offset:0/#', { qos: 2 });
  await settle(house);
  acknowledge(client, sink);
  await settle(house);
  house.port.close(client, true, 0);
  assert.equal(publish(house, 't/0'), Outcome.Matched | Outcome.Durable);
  assert.equal(publish(house, 't/0', 0), Outcome.Matched);
  await settle(house);
  const seen = payloads(sink);
  const back = await house.connect('c');
  for (let round = 0; round < 20; round += 1) {
    acknowledge(back.client, back.sink);
    await settle(house);
  }
  // What was not acknowledged comes again as it was, with its identifier; the rest is new.
  const fresh = back.sink.deliveries.filter((delivery) => !sink.deliveries.includes(delivery));
  seen.push(...fresh.map(({ message }) => message.payload.toString()));
  assert.deepEqual(
    seen,
    house.history.entries.map(({ offset }) => String(offset)),
  );
});

test('a subscription of a durable session is not read while the disk is full', async () => {
  const house = await houseOf(10);
  const { client, sink } = await house.connect('c');
  house.base.committer.isFull = true;
  sink.isWritable = true;
  const subscribed = house.subscriber.subscribe(client, [
    { filter: '$history/offset:0/#', options: { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } },
  ]);
  house.port.deliverStored(client, await subscribed);
  await turns(20);
  assert.equal(sink.deliveries.length, 0);
  house.base.committer.isFull = false;
  house.base.clock.advance(250);
  await settle(house);
  assert.equal(sink.deliveries.length, 11);
});

test('while the history is switched off, its filters are refused in words', async () => {
  const house = await houseOf(0);
  house.history.isEnabled = false;
  const { client } = await house.connect('c');
  const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0, identifier: 0 } as const;
  const [answer] = await house.subscriber.subscribe(client, [{ filter: '$history/-1h/t', options }]);
  assert.equal(answer.reasonCode, TopicFilterInvalid);
  assert.match(answer.reason!, /switched off/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMBEDDER } from '#hooks/order.ts';
import type { QoS } from '#message/message.ts';
import { Outcome } from './publisher.ts';
import { message, TestHouse, TestSession } from './test-house.ts';

const { Matched, Durable, Refused } = Outcome;

test('nothing that matches: no outcome, counted', () => {
  const house = new TestHouse();
  assert.equal(house.publish({ topic: 't', qos: 1 }), 0);
  assert.equal(house.counters.publishUnmatched, 1);
});

test('the QoS is the lower of the message and the subscription [MQTT-3.8.4-8]', () => {
  for (const published of [0, 1, 2] as const) {
    for (const granted of [0, 1, 2] as const) {
      const house = new TestHouse();
      const session = new TestSession('s');
      house.subscribe(session, 't', { qos: granted });
      house.publish({ topic: 't', qos: published });
      assert.deepEqual(session.offered, [{ topic: 't', qos: Math.min(published, granted), retain: false, identifiers: null }]);
    }
  }
});

test('RETAIN goes on only to subscriptions that ask for it as published [MQTT-3.3.1-12] [MQTT-3.3.1-13]', () => {
  for (const qos of [0, 1] as const) {
    const house = new TestHouse();
    const [plain, asPublished] = [new TestSession('plain'), new TestSession('as published')];
    house.subscribe(plain, 't');
    house.subscribe(asPublished, 't', { retainAsPublished: true });
    house.publish({ topic: 't', qos, retain: true });
    house.publish({ topic: 't', qos });
    assert.deepEqual(
      plain.offered.map(({ retain }) => retain),
      [false, false],
    );
    assert.deepEqual(
      asPublished.offered.map(({ retain }) => retain),
      [true, false],
    );
  }
});

test('the acknowledgement waits for the disk exactly when a durable session is owed the message at QoS 1 or 2', () => {
  const cases: [boolean, QoS, QoS, number][] = [
    [true, 1, 1, Matched | Durable],
    [true, 2, 1, Matched | Durable],
    [true, 1, 0, Matched],
    [true, 0, 1, Matched],
    [false, 2, 2, Matched],
  ];
  for (const [isDurable, published, granted, outcome] of cases) {
    const house = new TestHouse();
    house.subscribe(new TestSession('other'), 't');
    house.subscribe(new TestSession('s', { isDurable }), 't', { qos: granted });
    assert.equal(house.publish({ topic: 't', qos: published }), outcome, JSON.stringify([isDurable, published, granted]));
  }
});

test('a retained message at QoS 1 waits for the disk although nobody matches (D3), at QoS 0 it does not', () => {
  const house = new TestHouse();
  assert.equal(house.publish({ topic: 't', qos: 1, retain: true }), Durable);
  assert.equal(house.publish({ topic: 't', qos: 0, retain: true }), 0);
  assert.equal(house.retained.messages.length, 2);
});

test('a retained message beyond the limit is refused to its publisher at QoS 1; at QoS 0 those who are here get it', () => {
  const house = new TestHouse();
  const session = new TestSession('s');
  house.subscribe(session, 't');
  house.retained.answer = 'refused';
  assert.equal(house.publish({ topic: 't', qos: 1, retain: true }), Refused);
  assert.equal(house.publish({ topic: 't', qos: 0, retain: true }), Matched);
  assert.equal(session.offered.length, 1);
  assert.equal(house.counters.dropped['retained-full'], 2);
});

test('while the disk is full, what would need it is refused, and the rest goes on (D5)', () => {
  const house = new TestHouse();
  const [durable, fleeting] = [new TestSession('durable', { isDurable: true }), new TestSession('fleeting')];
  house.subscribe(durable, 'both');
  house.subscribe(fleeting, 'both');
  house.subscribe(fleeting, 'fleeting');
  house.committer.isFull = true;
  assert.equal(house.publish({ topic: 'both', qos: 1 }), Refused);
  assert.equal(house.publish({ topic: 'nobody', qos: 1, retain: true }), Refused);
  assert.equal(durable.offered.length + fleeting.offered.length + house.retained.messages.length, 0, 'nothing of it went anywhere');
  assert.equal(house.publish({ topic: 'both', qos: 0 }), Matched);
  assert.equal(house.publish({ topic: 'fleeting', qos: 1 }), Matched);
});

test('while the disk is full nothing is retained at QoS 0, which would have every batch refused, and clearing goes on', () => {
  const house = new TestHouse();
  const session = new TestSession('s');
  house.subscribe(session, 't');
  house.committer.isFull = true;
  assert.equal(house.publish({ topic: 't', qos: 0, retain: true }), Matched);
  assert.equal(session.offered.length, 1);
  assert.deepEqual([house.retained.messages.length, house.counters.dropped['store-full']], [0, 1]);
  house.retained.answer = 'cleared';
  assert.equal(house.publish({ topic: 't', qos: 0, retain: true, payload: '' }), Matched);
  assert.equal(house.publish({ topic: 't', qos: 1, retain: true, payload: '' }), Matched | Durable);
  assert.equal(house.retained.messages.length, 2);
});

test('with overflow: reject a full durable queue refuses the publisher (D6), before anybody gets the message', () => {
  const house = new TestHouse(true);
  const [full, other] = [new TestSession('full', { isDurable: true, weightMax: 2 }), new TestSession('other')];
  house.subscribe(other, 't');
  house.subscribe(full, 't', { qos: 1 });
  assert.equal(house.publish({ topic: 't', qos: 1, payload: 'xy' }), Refused);
  assert.equal(other.offered.length, 0);
  assert.equal(house.publish({ topic: 't', qos: 0, payload: 'xy' }), Matched, 'at QoS 0 nobody can be told');
  assert.equal(house.publish({ topic: 't', qos: 1, payload: 'x' }), Matched | Durable);
});

test('with overflow: reject a queue that the message is not for refuses nobody', () => {
  const house = new TestHouse(true);
  const publisher = new TestSession('publisher', { isDurable: true, weightMax: 0 });
  house.subscribe(publisher, 't', { noLocal: true });
  house.subscribe(new TestSession('QoS 0', { isDurable: true, weightMax: 0 }), 't', { qos: 0 });
  assert.equal(house.publish({ topic: 't', qos: 1 }, publisher), Matched);
});

test('No Local keeps a message from its own publisher only [MQTT-3.8.3-3]', () => {
  const house = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  for (const session of [a, b]) house.subscribe(session, 't', { noLocal: true });
  assert.equal(house.publish({ topic: 't' }, a), Matched);
  assert.deepEqual([a.offered.length, b.offered.length], [0, 1]);
});

test('a message that only its publisher subscribed to, with No Local, matched nobody', () => {
  const house = new TestHouse();
  const a = new TestSession('a');
  house.subscribe(a, 't', { noLocal: true });
  assert.equal(house.publish({ topic: 't', qos: 1 }, a), 0);
});

test('a route that the caller has is used while it is current, and looked up again when it is not', () => {
  const house = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  house.subscribe(a, 't');
  const route = house.router.route('t');
  house.publisher.publish(message({ topic: 't' }), null, route);
  house.subscribe(b, 't');
  house.publisher.publish(message({ topic: 't' }), null, route);
  assert.deepEqual([a.offered.length, b.offered.length], [2, 1]);
});

test('message.accept: what is taken or rejected goes no further', () => {
  const house = new TestHouse();
  const session = new TestSession('s');
  house.subscribe(session, '#');
  house.hooks.register(EMBEDDER, 'message.accept', ({ topic }) => {
    if (topic === 'taken' || topic === 'stored') return topic;
    if (topic === 'full') return { reject: 0x97 };
    return topic === 'rejected' ? { reject: 0x99 } : 'pass';
  });
  assert.equal(house.publish({ topic: 'stored', qos: 1, retain: true }), Matched | Durable);
  assert.equal(house.publish({ topic: 'full', qos: 1, retain: true }), Refused);
  assert.equal(house.publish({ topic: 'taken', qos: 1, retain: true }), Matched);
  assert.equal(house.publish({ topic: 'rejected', qos: 1, retain: true }), -0x99);
  assert.equal(house.publish({ topic: 'passed', qos: 1 }), Matched);
  assert.deepEqual(session.topics, ['passed']);
  assert.equal(house.retained.messages.length, 0);
});

test('message.published tells of every message that was routed, and whether anybody was there', () => {
  const house = new TestHouse();
  const told: unknown[] = [];
  house.hooks.register(EMBEDDER, 'message.published', ({ topic }, hasSubscribers) => void told.push([topic, hasSubscribers]));
  house.subscribe(new TestSession('s'), 'here');
  house.publish({ topic: 'here' });
  house.publish({ topic: 'nowhere' });
  assert.deepEqual(told, [
    ['here', true],
    ['nowhere', false],
  ]);
});

test('a hook that publishes while a message goes out mixes nothing up', () => {
  const house = new TestHouse();
  const [a, b] = [new TestSession('a'), new TestSession('b')];
  for (const session of [a, b]) house.subscribe(session, 'outer', { identifier: 1 });
  house.subscribe(b, 'inner', { retainAsPublished: true });
  house.hooks.register(EMBEDDER, 'message.outbound', (_clientId, one) => one);
  let seen = '';
  a.onOffer = (delivery) => {
    house.publish({ topic: 'inner', retain: true });
    seen = `${delivery.message.topic} ${delivery.retain} ${String(delivery.subscriptionIdentifiers)}`;
  };
  house.publish({ topic: 'outer' });
  assert.equal(seen, 'outer false 1');
  assert.deepEqual(b.topics, ['inner', 'outer']);
});

test('a value of the house reaches subscribers, is kept in memory for later ones, and never touches the disk', () => {
  const house = new TestHouse();
  const [plain, asPublished] = [new TestSession('plain'), new TestSession('as published')];
  house.subscribe(plain, '$SYS/#');
  house.subscribe(asPublished, '$SYS/#', { retainAsPublished: true });
  house.publisher.publishValue(message({ topic: '$SYS/a', payload: '1', retain: true }));
  house.publisher.publishValue(message({ topic: '$SYS/b', payload: '1', retain: true }));
  house.publisher.publishValue(message({ topic: '$SYS/a', payload: '2', retain: true }));
  assert.deepEqual(plain.topics, ['$SYS/a', '$SYS/b', '$SYS/a']);
  assert.deepEqual(
    asPublished.offered.map(({ retain }) => retain),
    [true, true, true],
  );
  assert.equal(house.retained.messages.length, 0);
  assert.equal(house.counters.publishUnmatched, 0);
  const { values } = house.publisher;
  assert.deepEqual(
    values.matching('$SYS/+').map(({ topic, payload }) => `${topic}=${payload.toString()}`),
    ['$SYS/a=2', '$SYS/b=1'],
  );
  assert.deepEqual(values.matching('#'), []);
  house.publisher.publishValue(message({ topic: '$SYS/a', payload: '', retain: true }));
  assert.deepEqual(
    values.matching('$SYS/#').map(({ topic }) => topic),
    ['$SYS/b'],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, testVersions, unique, useBroker } from './conformance.ts';

// Section 3.3.1.3 and the Retain Handling and Retain As Published of 3.8.3.1.

// Without rules nobody may use topics that begin with $.
const rules = [{ permission: 'allow', action: 'all', topics: ['#', '$dollar/#'] }];
const house = useBroker({ wrenmq: { authorization: { rules } } });
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-3.3.1-5] [MQTT-3.3.1-9] [MQTT311-3.3.1-5] [MQTT311-3.3.1-6] [MQTT311-3.3.1-7] [MQTT311-3.3.1-8] a new subscription gets the last retained message of each topic, with RETAIN and at most its QoS',
  {},
  async (t, version) => {
    const topic = unique('retained');
    const publisher = await house.client(t, version);
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish({ topic: `${topic}/${qos}`, payload: 'old', qos, retain: true });
      await publisher.publish({ topic: `${topic}/${qos}`, payload: `new ${qos}`, qos, retain: true });
    }
    await publisher.expectNothing();
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: `${topic}/+`, qos: 1 });
    const messages = [await subscriber.receive(), await subscriber.receive(), await subscriber.receive()];
    messages.sort((a, b) => a.topic.localeCompare(b.topic));
    assert.deepEqual(
      messages.map(({ payload, qos, retain, dup }) => [payload.toString(), qos, retain, dup]),
      [
        ['new 0', 0, true, false],
        ['new 1', 1, true, false],
        ['new 2', 1, true, false],
      ],
    );
    await subscriber.expectNothing();
  },
);

testVersions(all, '[MQTT-3.3.1-12] [MQTT311-3.3.1-9] an established subscription gets messages with RETAIN 0', {}, async (t, version) => {
  const topic = unique('live');
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  assert.equal((await subscriber.receive()).retain, false);
});

testVersions(
  all,
  '[MQTT-3.3.1-6] [MQTT-3.3.1-7] [MQTT311-3.3.1-10] [MQTT311-3.3.1-11] an empty retained message is delivered and removes the retained one',
  {},
  async (t, version) => {
    const topic = unique('removed');
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 1 });
    assert.equal((await subscriber.receive()).payload.toString(), 'x');
    await publisher.publish({ topic, qos: 1, retain: true });
    const empty = await subscriber.receive();
    assert.deepEqual([empty.payload.length, empty.retain], [0, false]);
    const later = await house.client(t, version);
    await later.subscribe({ filter: topic, qos: 1 });
    await later.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-3.3.1-8] [MQTT311-3.3.1-12] a message without RETAIN neither stores nor removes a retained one',
  {},
  async (t, version) => {
    const topic = unique('untouched');
    const publisher = await house.client(t, version);
    await publisher.publish({ topic: `${topic}/a`, payload: 'kept', qos: 1, retain: true });
    await publisher.publish({ topic: `${topic}/a`, payload: 'passing', qos: 1 });
    await publisher.publish({ topic: `${topic}/a`, qos: 1 });
    await publisher.publish({ topic: `${topic}/b`, payload: 'passing', qos: 1 });
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: `${topic}/#`, qos: 1 });
    assert.equal((await subscriber.receive()).payload.toString(), 'kept');
    await subscriber.expectNothing();
  },
);

test('[MQTT-3.3.1-10] Retain Handling 1 sends retained messages to new subscriptions only', {}, async (t) => {
  const topic = unique('handling');
  const publisher = await house.client(t);
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  const subscriber = await house.client(t);
  await subscriber.subscribe({ filter: topic, qos: 1, retainHandling: 1 });
  await subscriber.receive();
  await subscriber.subscribe({ filter: topic, qos: 0, retainHandling: 1 });
  await subscriber.expectNothing();
  await subscriber.unsubscribe(topic);
  await subscriber.subscribe({ filter: topic, qos: 1, retainHandling: 1 });
  await subscriber.receive();
});

test('[MQTT-3.3.1-11] Retain Handling 2 sends none', {}, async (t) => {
  const topic = unique('handling');
  const publisher = await house.client(t);
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  const subscriber = await house.client(t);
  await subscriber.subscribe({ filter: topic, qos: 1, retainHandling: 2 });
  await subscriber.expectNothing();
  await publisher.publish({ topic, payload: 'live', qos: 1 });
  assert.equal((await subscriber.receive()).payload.toString(), 'live');
});

testVersions(
  all,
  '[MQTT-3.3.1-9] [MQTT-3.8.4-4] [MQTT311-3.8.4-3] subscribing again with Retain Handling 0 sends retained messages again',
  {},
  async (t, version) => {
    const topic = unique('again');
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
    const subscriber = await house.client(t, version);
    for (let i = 0; i < 3; i += 1) {
      await subscriber.subscribe({ filter: topic, qos: 1 });
      assert.equal((await subscriber.receive()).retain, true);
    }
  },
);

test('[MQTT-3.3.1-13] Retain As Published 1 forwards RETAIN as it was received', {}, async (t) => {
  const topic = unique('published');
  const subscriber = await house.client(t);
  await subscriber.subscribe({ filter: topic, qos: 1, retainAsPublished: true });
  const publisher = await house.client(t);
  for (const retain of [true, false]) {
    await publisher.publish({ topic, payload: 'x', qos: 1, retain });
    assert.equal((await subscriber.receive()).retain, retain);
  }
  await publisher.publish({ topic, qos: 1, retain: true });
  assert.equal((await subscriber.receive()).retain, true);
});

test('retained messages carry their properties and the Subscription Identifier', {}, async (t) => {
  const topic = unique('properties');
  const publisher = await house.client(t);
  const properties = { payloadFormatIndicator: 1, contentType: 'text/plain', userProperties: [['k', 'v']] } as const;
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true, properties });
  const subscriber = await house.client(t);
  await subscriber.subscribe({ filter: topic, qos: 1 }, { subscriptionIdentifiers: [9] });
  assert.deepEqual((await subscriber.receive()).properties, { ...properties, subscriptionIdentifiers: [9] });
});

testVersions(
  all,
  'SUBACK comes before the retained messages of its subscription, and filters in one packet get them each',
  {},
  async (t, version) => {
    const topic = unique('several');
    const publisher = await house.client(t, version);
    await publisher.publish({ topic: `${topic}/a`, payload: 'a', qos: 1, retain: true });
    await publisher.publish({ topic: `${topic}/b`, payload: 'b', qos: 1, retain: true });
    const subscriber = await house.client(t, version);
    await subscriber.subscribe([
      { filter: `${topic}/a`, qos: 1 },
      { filter: `${topic}/b`, qos: 0 },
    ]);
    const messages = [await subscriber.receive(), await subscriber.receive()];
    assert.deepEqual(messages.map(({ payload, qos }) => `${payload.toString()}${qos}`).toSorted(), ['a1', 'b0']);
  },
);

test('[MQTT-4.7.2-1] a wildcard at the first level gets no retained messages of $ topics', {}, async (t) => {
  const publisher = await house.client(t);
  const topic = `$dollar/${unique('x')}`;
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  const direct = await house.client(t);
  await direct.subscribe({ filter: topic, qos: 0 });
  assert.equal((await direct.receive()).topic, topic);
  const subscriber = await house.client(t);
  await subscriber.subscribe({ filter: '+/+', qos: 0 });
  await publisher.publish({ topic: `plain/${unique('x')}`, payload: 'end', qos: 0 });
  for (let message = await subscriber.receive(); message.payload.toString() !== 'end'; message = await subscriber.receive()) {
    assert.ok(!message.topic.startsWith('$'), message.topic);
  }
});

testVersions(
  all,
  'many retained messages reach a subscriber that reads slowly, each once',
  deviation({ mosquitto: 'drops beyond its queue limit' }),
  async (t, version) => {
    const topic = unique('many');
    const publisher = await house.client(t, version);
    for (let i = 0; i < 2000; i += 1)
      publisher.send(publishBytes(version, { topic: `${topic}/${i}`, payload: 'x'.repeat(100), retain: true }));
    await publisher.expectNothing();
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: `${topic}/+`, qos: 1 });
    const seen = new Set<string>();
    while (seen.size < 2000) seen.add((await subscriber.receive()).topic);
    await subscriber.expectNothing();
  },
);

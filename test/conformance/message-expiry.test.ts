import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, publishBytes } from '@wrenmq/testkit';
import { deviation, persistent, unique, useBroker } from './conformance.ts';

// Section 3.3.2.3.3, and what expiry means for QoS 2 (4.3.3).

const house = useBroker();

test('[MQTT-3.3.2-6] the interval is forwarded, less the time that the message waited', {}, async (t) => {
  const topic = unique('expiry');
  const live = await house.client(t);
  await live.subscribe({ filter: topic, qos: 1 });
  const options = persistent(5, { clientId: unique('expiry') });
  const away = await house.client(t, 5, options);
  await away.subscribe({ filter: topic, qos: 1 });
  await away.cut();
  const publisher = await house.client(t);
  await publisher.publish({ topic, qos: 1, properties: { messageExpiryInterval: 100 } });
  assert.equal((await live.receive()).properties.messageExpiryInterval, 100);
  await house.passTime(2000);
  const back = await house.open(t);
  await back.connect(options);
  assert.equal((await back.receive()).properties.messageExpiryInterval, 98);
});

test('[MQTT-3.3.2-5] a message that expired in the queue is not delivered, and those after it are', {}, async (t) => {
  const topic = unique('expiry');
  const options = persistent(5, { clientId: unique('expiry') });
  const away = await house.client(t, 5, options);
  await away.subscribe({ filter: topic, qos: 2 });
  await away.cut();
  const publisher = await house.client(t);
  for (const qos of [1, 2] as const) {
    await publisher.publish({ topic, payload: 'short', qos, properties: { messageExpiryInterval: 1 } });
    await publisher.publish({ topic, payload: 'long', qos, properties: { messageExpiryInterval: 100 } });
    await publisher.publish({ topic, payload: 'forever', qos });
  }
  await house.passTime(2100);
  const back = await house.open(t);
  await back.connect(options);
  for (const expected of ['long', 'forever', 'long', 'forever']) assert.equal((await back.receive()).payload.toString(), expected);
  await back.expectNothing();
});

test('a retained message expires, and its interval counts down until then', {}, async (t) => {
  const topic = unique('expiry');
  const publisher = await house.client(t);
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true, properties: { messageExpiryInterval: 4 } });
  await house.passTime(2000);
  const early = await house.client(t);
  await early.subscribe({ filter: topic, qos: 1 });
  assert.equal((await early.receive()).properties.messageExpiryInterval, 2);
  await house.passTime(2500);
  const late = await house.client(t);
  await late.subscribe({ filter: topic, qos: 1 });
  await late.expectNothing();
});

test('a message that waits for the Receive Maximum can expire', deviation({ mosquitto: 'expires it, but sends no more' }), async (t) => {
  const topic = unique('expiry');
  const subscriber = await house.client(t, 5, { properties: { receiveMaximum: 1 } });
  await subscriber.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t);
  await publisher.publish({ topic, payload: 'first', qos: 1, properties: { messageExpiryInterval: 1 } });
  await publisher.publish({ topic, payload: 'second', qos: 1, properties: { messageExpiryInterval: 1 } });
  await publisher.publish({ topic, payload: 'third', qos: 1 });
  const first = await subscriber.expect('publish');
  await house.passTime(2100);
  await subscriber.acknowledge(first);
  assert.equal((await subscriber.receive()).payload.toString(), 'third');
});

test(
  '[MQTT-4.3.3-7] [MQTT-4.3.3-13] an exchange that has begun goes on though the message expires',
  deviation({ mosquitto: 'delivers QoS 2 when PUBREL has come' }),
  async (t) => {
    const topic = unique('expiry');
    const options = persistent(5, { clientId: unique('expiry') });
    const subscriber = await house.client(t, 5, options);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t);
    const packetId = publisher.packetId();
    publisher.send(publishBytes(5, { topic, payload: 'x', qos: 2, packetId, properties: { messageExpiryInterval: 1 } }));
    await publisher.expect('pubrec');
    const message = await subscriber.expect('publish');
    await house.passTime(3000);
    publisher.send(acknowledgementBytes('pubrel', packetId));
    await publisher.expect('pubcomp');
    await subscriber.cut();
    const back = await house.open(t);
    await back.connect(options);
    const again = await back.expect('publish');
    assert.deepEqual([again.packetId, again.dup], [message.packetId, true]);
    await back.acknowledge(again);
    await back.expectNothing();
  },
);

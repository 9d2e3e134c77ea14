import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disconnectBytes, publishBytes, type ProtocolVersion, type WireClient } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Sections 3.1.2.4, 3.1.2.11.2, 3.2.2.1.1 and 4.1.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

async function leave(client: WireClient): Promise<void> {
  client.send(disconnectBytes());
  await client.expectClose();
}

testVersions(
  all,
  '[MQTT-3.1.2-5] [MQTT-3.1.2-23] [MQTT-4.1.0-1] [MQTT-4.5.0-1] [MQTT311-3.1.2-4] [MQTT311-3.1.2-5] [MQTT311-4.1.0-1] [MQTT311-4.5.0-1] ' +
    'a session keeps subscriptions and QoS 1 and 2 messages while its client is away',
  {},
  async (t, version) => {
    const options = persistent(version, { clientId: unique('session') });
    const topic = unique('kept');
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: `${topic}/#`, qos: 2 });
    await leave(first);
    const publisher = await house.client(t, version);
    for (const qos of [1, 2] as const) await publisher.publish({ topic: `${topic}/${qos}`, payload: `${qos}`, qos });
    const second = await house.open(t, version);
    await second.connect(options);
    for (const qos of [1, 2]) {
      const message = await second.receive();
      assert.deepEqual([message.topic, message.qos, message.dup], [`${topic}/${qos}`, qos, false]);
    }
    await publisher.publish({ topic: `${topic}/live`, qos: 1 });
    assert.equal((await second.receive()).topic, `${topic}/live`);
  },
);

testVersions(
  [4, 5],
  '[MQTT-3.2.2-3] [MQTT311-3.2.2-2] [MQTT-3.1.3-2] [MQTT311-3.1.3-2] [MQTT-3.2.0-1] [MQTT311-3.2.0-1] CONNACK comes first and says that a session was there',
  {},
  async (t, version) => {
    const options = persistent(version, { clientId: unique('session') });
    const topic = unique('first');
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: topic, qos: 1 });
    await leave(first);
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, qos: 1 });
    const second = await house.open(t, version);
    assert.equal((await second.connect(options)).sessionPresent, true);
    await second.receive();
    const other = await house.open(t, version);
    assert.equal((await other.connect(persistent(version, { clientId: unique('session') }))).sessionPresent, false);
  },
);

testVersions(
  [4, 5],
  '[MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-3.1.4-4] [MQTT311-3.1.2-6] [MQTT311-3.2.2-1] [MQTT311-3.1.4-3] a clean start discards the session and says Session Present 0',
  {},
  async (t, version) => {
    const clientId = unique('clean');
    const topic = unique('gone');
    const first = await house.client(t, version, persistent(version, { clientId }));
    await first.subscribe({ filter: topic, qos: 1 });
    await leave(first);
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, qos: 1 });
    const second = await house.open(t, version);
    assert.equal((await second.connect({ clientId, clean: true })).sessionPresent, false);
    await publisher.publish({ topic, qos: 1 });
    await second.expectNothing();
    await leave(second);
    const third = await house.open(t, version);
    assert.equal((await third.connect({ clientId, clean: false })).sessionPresent, false, 'the clean session ended with its connection');
    await third.expectNothing();
  },
);

testVersions(
  [4, 5],
  '[MQTT-3.1.2-6] [MQTT-3.2.2-3] [MQTT311-3.2.2-3] Clean Start 0 without a session creates one and says Session Present 0',
  {},
  async (t, version) => {
    const client = await house.open(t, version);
    assert.equal((await client.connect(persistent(version, { clientId: unique('new') }))).sessionPresent, false);
  },
);

testVersions(
  all,
  '[MQTT-4.1.0-1] [MQTT311-4.1.0-2] a session lasts as long as its connection, whatever its expiry',
  {},
  async (t, version) => {
    const clientId = unique('open');
    const topic = unique('open');
    const client = await house.client(t, version, { clientId, clean: false });
    await client.subscribe({ filter: topic, qos: 1 });
    await house.passTime(1500);
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, qos: 1 });
    assert.equal((await client.receive()).topic, topic);
  },
);

test('[MQTT-4.1.0-2] a session whose expiry is absent or 0 ends with its connection', {}, async (t) => {
  for (const properties of [{}, { sessionExpiryInterval: 0 }]) {
    const clientId = unique('zero');
    const first = await house.client(t, 5, { clientId, clean: false, properties });
    await leave(first);
    const second = await house.open(t);
    assert.equal((await second.connect({ clientId, clean: false })).sessionPresent, false);
  }
});

test('[MQTT-4.1.0-2] a session ends when its Session Expiry Interval has passed, not before', {}, async (t) => {
  const clientId = unique('expiry');
  const topic = unique('expiry');
  const options = { clientId, clean: false, properties: { sessionExpiryInterval: 3 } };
  const first = await house.client(t, 5, options);
  await first.subscribe({ filter: topic, qos: 1 });
  await first.cut();
  await house.passTime(1000);
  const second = await house.open(t);
  assert.equal((await second.connect(options)).sessionPresent, true);
  await second.cut();
  await house.passTime(4500);
  const third = await house.open(t);
  assert.equal((await third.connect(options)).sessionPresent, false);
});

test('DISCONNECT may change the Session Expiry Interval', {}, async (t) => {
  const clientId = unique('change');
  const first = await house.client(t, 5, persistent(5, { clientId }));
  first.send(disconnectBytes(0, { sessionExpiryInterval: 0 }));
  await first.expectClose();
  const second = await house.open(t);
  assert.equal((await second.connect(persistent(5, { clientId }))).sessionPresent, false);
  second.send(disconnectBytes(0, { sessionExpiryInterval: 7200 }));
  await second.expectClose();
  const third = await house.open(t);
  assert.equal((await third.connect({ clientId, clean: false })).sessionPresent, true);
});

test('a DISCONNECT that raises a Session Expiry Interval of 0 is a Protocol Error', {}, async (t) => {
  const client = await house.client(t);
  client.send(disconnectBytes(0, { sessionExpiryInterval: 10 }));
  await expectRefusal(client, 0x82);
});

test('a session that never expires is there after a century', deviation({ mosquitto: 'a century cannot be waited for' }), async (t) => {
  const clientId = unique('never');
  const first = await house.client(t, 5, { clientId, clean: false, properties: { sessionExpiryInterval: 0xffff_ffff } });
  await leave(first);
  await house.passTime(100 * 365 * 24 * 3600 * 1000);
  const second = await house.open(t);
  assert.equal((await second.connect({ clientId, clean: false })).sessionPresent, true);
});

testVersions(all, 'the session moves to the connection that takes over, with what was not acknowledged', {}, async (t, version) => {
  const options = persistent(version, { clientId: unique('taken') });
  const topic = unique('taken');
  const first = await house.client(t, version, options);
  await first.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, payload: 'a', qos: 1 });
  const before = await first.expect('publish');
  const second = await house.open(t, version);
  await second.connect(options);
  const again = await second.receive();
  assert.deepEqual([again.payload.toString(), again.dup, again.packetId], ['a', true, before.packetId]);
  await publisher.publish({ topic, payload: 'b', qos: 1 });
  assert.equal((await second.receive()).payload.toString(), 'b');
  await expectRefusal(first, 0x8e);
});

testVersions(all, 'a session can be continued in another version of the protocol', {}, async (t, version) => {
  const clientId = unique('versions');
  const topic = unique('versions');
  const first = await house.client(t, version, persistent(version, { clientId }));
  await first.subscribe({ filter: topic, qos: 1 });
  await leave(first);
  const other = version === 5 ? 4 : 5;
  const publisher = await house.client(t, 5);
  await publisher.publish({ topic, payload: 'x', qos: 1, properties: { contentType: 'text/plain' } });
  const second = await house.open(t, other);
  assert.equal((await second.connect(persistent(other, { clientId }))).sessionPresent, true);
  const message = await second.receive();
  assert.equal(message.properties.contentType, other === 5 ? 'text/plain' : undefined);
});

testVersions(all, '[MQTT311-3.1.2-7] retained messages stay when the session of their publisher ends', {}, async (t, version) => {
  const topic = unique('stays');
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  await leave(publisher);
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 1 });
  assert.equal((await subscriber.receive()).retain, true);
});

testVersions(all, 'QoS 0 messages of a client that is connected are not lost when the session is resumed by it', {}, async (t, version) => {
  const options = persistent(version, { clientId: unique('zero') });
  const topic = unique('zero');
  const first = await house.client(t, version, options);
  await first.subscribe({ filter: topic, qos: 1 });
  await leave(first);
  const second = await house.client(t, version, options);
  const publisher = await house.client(t, version);
  publisher.send(publishBytes(version, { topic, payload: 'x' }));
  const message = await second.receive();
  assert.equal(message.qos, 0);
});

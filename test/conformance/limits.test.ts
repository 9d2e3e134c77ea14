import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, frame, publishBytes, subscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Maximum Packet Size both ways (3.1.2.11.4, 3.2.2.3.6), and the limits of the configuration.

const house = useBroker();
const tight = useBroker({
  wrenmq: {
    limits: {
      packetBytesMax: '2KiB',
      topicBytesMax: 100,
      topicLevelsMax: 5,
      clientIdBytesMax: 30,
      subscriptionsPerClientMax: 4,
      retainedMessagesMax: 2,
    },
    session: { queueMessagesMax: 3 },
  },
  mosquitto: ['max_packet_size 2048'],
});
const refusing = useBroker({ wrenmq: { session: { queueMessagesMax: 2, overflow: 'reject' } } });
const crowded = useBroker({ wrenmq: { limits: { connectionsMax: 3 } } });
const ours = deviation({ mosquitto: 'has other limits' });
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-3.2.2-15] a packet above the Maximum Packet Size of the broker gets 0x95',
  deviation({ mosquitto: 'does not count the fixed header' }),
  async (t, version) => {
    const client = await tight.open(t, version);
    const { properties } = await client.connect({ clientId: unique('large') });
    assert.equal(properties.maximumPacketSize, version === 5 ? 2048 : undefined);
    const topic = unique('large');
    const overhead = publishBytes(version, { topic, payload: Buffer.alloc(200) }).length - 200;
    await client.subscribe({ filter: topic, qos: 0 });
    client.send(publishBytes(version, { topic, payload: Buffer.alloc(2048 - overhead) }));
    assert.equal((await client.receive()).payload.length, 2048 - overhead, 'a packet of just this size is taken');
    client.send(publishBytes(version, { topic, payload: Buffer.alloc(2049 - overhead) }));
    await expectRefusal(client, 0x95);
  },
);

testVersions(
  all,
  'a packet that only says that it is too large gets 0x95 before its rest has come',
  deviation({ mosquitto: 'waits' }),
  async (t, version) => {
    const client = await tight.client(t, version);
    client.send(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x01]));
    await expectRefusal(client, 0x95);
  },
);

test(
  '[MQTT-3.1.2-24] [MQTT-3.1.2-25] a message too large for a client is not sent to it, and counts as done',
  deviation({ mosquitto: 'does not free the place' }),
  async (t) => {
    const topic = unique('small');
    const options = persistent(5, { clientId: unique('small'), properties: { maximumPacketSize: 60, receiveMaximum: 1 } });
    const small = await house.client(t, 5, options);
    await small.subscribe({ filter: topic, qos: 2 });
    const other = await house.client(t);
    await other.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t);
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish({ topic, payload: 'x'.repeat(100), qos });
      assert.equal((await other.receive()).payload.length, 100);
      await publisher.publish({ topic, payload: 'fits', qos });
      assert.equal((await other.receive()).payload.length, 4);
      assert.equal((await small.receive()).payload.toString(), 'fits');
    }
    await small.cut();
    const back = await house.open(t);
    await back.connect(options);
    await back.expectNothing();
  },
);

test('[MQTT-3.1.2-24] the limit holds to the byte', deviation({ mosquitto: 'does not count the fixed header' }), async (t) => {
  const topic = unique('byte');
  const size = publishBytes(5, { topic, payload: 'x'.repeat(50), qos: 1, packetId: 1 }).length;
  const client = await house.client(t, 5, { properties: { maximumPacketSize: size } });
  await client.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t);
  await publisher.publish({ topic, payload: 'x'.repeat(51), qos: 1 });
  await publisher.publish({ topic, payload: 'x'.repeat(50), qos: 1 });
  const message = await client.receive();
  assert.deepEqual([message.payload.length, message.raw.length], [50, size]);
});

test(
  '[MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.4.2-2] [MQTT-3.4.2-3] [MQTT-3.5.2-2] [MQTT-3.5.2-3] [MQTT-3.9.2-1] [MQTT-3.9.2-2] [MQTT-3.11.2-1] [MQTT-3.11.2-2] [MQTT-3.14.2-3] [MQTT-3.14.2-4] ' +
    '[MQTT-3.6.2-2] [MQTT-3.6.2-3] [MQTT-3.7.2-2] [MQTT-3.7.2-3] no answer is larger than the Maximum Packet Size of the client',
  ours,
  async (t) => {
    const maximumPacketSize = 24;
    const client = await house.client(t, 5, { properties: { maximumPacketSize } });
    const topic = unique('tiny');
    await client.publish({ topic, payload: Buffer.from([0xff]), qos: 1, properties: { payloadFormatIndicator: 1 } });
    await client.publish({ topic, payload: Buffer.from([0xff]), qos: 2, properties: { payloadFormatIndicator: 1 } });
    await client.subscribe([{ filter: 'a/b#' }]);
    await client.unsubscribe('a/b#');
    client.send(Buffer.from('50020309', 'hex'), Buffer.from('62020309', 'hex'));
    await client.expect('pubrel');
    await client.expect('pubcomp');
    client.send(frame(0x00));
    await expectRefusal(client, 0x81);
    assert.ok(client.received.length >= 6);
    for (const packet of client.received.slice(1)) assert.ok(packet.raw.length <= maximumPacketSize, packet.raw.toString('hex'));
  },
);

test('[MQTT-3.1.3-8] [MQTT-3.2.2-7] a Client Identifier above the limit is refused with 0x85', ours, async () => {
  const answer = await tight.exchange(connectBytes(5, { clientId: 'x'.repeat(31) }));
  assert.deepEqual([...answer.subarray(0, 1), ...answer.subarray(2, 4)], [0x20, 0, 0x85]);
});

testVersions([3, 4], '[MQTT311-3.1.3-9] a Client Identifier above the limit is refused with 0x02', ours, async (_t, version) => {
  assert.deepEqual(await tight.exchange(connectBytes(version, { clientId: 'x'.repeat(31) })), Buffer.from('20020002', 'hex'));
});

testVersions(all, 'a topic above the limits of length or levels gets 0x90, a filter 0x8F', ours, async (t, version) => {
  for (const topic of ['x'.repeat(101), 'a/b/c/d/e/f']) {
    const publisher = await tight.client(t, version);
    publisher.send(publishBytes(version, { topic }));
    await expectRefusal(publisher, 0x90);
    const subscriber = await tight.client(t, version);
    subscriber.send(subscribeBytes(version, 1, [{ filter: topic }]));
    assert.deepEqual((await subscriber.expect('suback')).reasonCodes, [version === 5 ? 0x8f : 0x80]);
  }
});

testVersions(all, 'subscriptions above the limit get 0x97', ours, async (t, version) => {
  const client = await tight.client(t, version);
  const codes = await client.subscribe(['a', 'b', 'c', 'd', 'e'].map((filter) => ({ filter, qos: 1 as const })));
  assert.deepEqual(codes, [1, 1, 1, 1, version === 5 ? 0x97 : 0x80]);
  assert.deepEqual(await client.subscribe({ filter: 'a', qos: 0 }), [0], 'replacing one is no more');
});

test('retained messages above the limit get 0x97, and the topics that are there may change', ours, async (t) => {
  const client = await tight.client(t);
  for (const topic of ['kept/1', 'kept/2']) assert.equal(await client.publish({ topic, payload: 'x', qos: 1, retain: true }), 0x10);
  assert.equal(await client.publish({ topic: 'kept/3', payload: 'x', qos: 1, retain: true }), 0x97);
  assert.equal(await client.publish({ topic: 'kept/1', payload: 'y', qos: 1, retain: true }), 0x10);
  await client.publish({ topic: 'kept/1', qos: 1, retain: true });
  assert.equal(await client.publish({ topic: 'kept/3', payload: 'x', qos: 1, retain: true }), 0x10);
});

testVersions(all, 'a full queue drops its oldest messages', ours, async (t, version) => {
  const topic = unique('full');
  const options = persistent(version, { clientId: unique('full') });
  const away = await tight.client(t, version, options);
  await away.subscribe({ filter: topic, qos: 1 });
  await away.cut();
  await tight.passTime(0);
  const publisher = await tight.client(t, version);
  for (let i = 0; i < 6; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
  const back = await tight.open(t, version);
  await back.connect(options);
  for (const expected of ['3', '4', '5']) assert.equal((await back.receive()).payload.toString(), expected);
  await back.expectNothing();
});

test('with overflow: reject a full queue refuses the publisher with 0x97', ours, async (t) => {
  const topic = unique('full');
  const options = persistent(5, { clientId: unique('full') });
  const away = await refusing.client(t, 5, options);
  await away.subscribe({ filter: topic, qos: 2 });
  await away.cut();
  await refusing.passTime(0);
  const publisher = await refusing.client(t);
  for (let i = 0; i < 2; i += 1) assert.equal(await publisher.publish({ topic, payload: `${i}`, qos: 1 }), 0);
  assert.equal(await publisher.publish({ topic, payload: 'no', qos: 1 }), 0x97);
  assert.equal(await publisher.publish({ topic, payload: 'no', qos: 2 }), 0x97);
  const back = await refusing.open(t);
  await back.connect(options);
  for (const expected of ['0', '1']) assert.equal((await back.receive()).payload.toString(), expected);
  await back.expectNothing();
});

testVersions(
  [3, 4],
  '[MQTT311-4.8.0-2] with overflow: reject a publisher that cannot be told is disconnected',
  ours,
  async (t, version) => {
    const topic = unique('full');
    const away = await refusing.client(t, version, { clientId: unique('full'), clean: false });
    await away.subscribe({ filter: topic, qos: 1 });
    await away.cut();
    await refusing.passTime(0);
    const publisher = await refusing.client(t, version);
    for (let i = 0; i < 2; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
    publisher.send(publishBytes(version, { topic, payload: 'no', qos: 1, packetId: 9 }));
    await publisher.expectClose();
  },
);

testVersions(all, 'connections above the limit are refused with 0x89', ours, async (t, version) => {
  const clients = [];
  for (let i = 0; i < 3; i += 1) clients.push(await crowded.client(t, version));
  const answer = await crowded.exchange(connectBytes(version, { clientId: unique('crowd') })).catch(() => Buffer.alloc(0));
  if (answer.length > 0) assert.equal(answer[3], version === 5 ? 0x89 : 0x03);
  for (const client of clients) await client.expectNothing();
  for (const client of clients) await client.cut();
});

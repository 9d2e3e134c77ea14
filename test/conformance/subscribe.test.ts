import assert from 'node:assert/strict';
import { test } from 'node:test';
import { byte, frame, publishBytes, subscribeBytes, uint16, utf8, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Sections 3.8 and 3.9.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];
const nothing = Buffer.alloc(0);

testVersions(
  all,
  '[MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.2.1-6] [MQTT311-3.8.4-1] [MQTT311-3.8.4-2] [MQTT311-2.3.1-7] SUBACK has the identifier of its SUBSCRIBE',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    for (const packetId of [1, 65_535, 256]) {
      client.send(subscribeBytes(version, packetId, [{ filter: unique('id') }]));
      assert.equal((await client.expect('suback')).packetId, packetId);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.8.4-5] [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1] [MQTT-3.9.3-2] [MQTT311-3.8.4-4] [MQTT311-3.8.4-5] [MQTT311-3.9.3-1] [MQTT311-3.9.3-2] ' +
    'several filters get one SUBACK with a code for each, in their order',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    const topic = unique('several');
    const codes = await client.subscribe([2, 0, 1, 0, 2].map((qos, i) => ({ filter: `${topic}/${i}`, qos: qos as 0 })));
    assert.deepEqual(codes, [2, 0, 1, 0, 2]);
    for (let i = 0; i < 5; i += 1) {
      client.send(publishBytes(version, { topic: `${topic}/${i}` }));
      assert.equal((await client.receive()).topic, `${topic}/${i}`);
    }
  },
);

testVersions(all, 'the same filter twice in one SUBSCRIBE is one subscription with the later options', {}, async (t, version) => {
  const client = await house.client(t, version);
  const topic = unique('twice');
  const codes = await client.subscribe([
    { filter: topic, qos: 2 },
    { filter: topic, qos: 0 },
  ]);
  assert.deepEqual(codes, [2, 0]);
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, qos: 1 });
  assert.equal((await client.receive()).qos, 0);
  await client.expectNothing();
});

testVersions(
  all,
  '[MQTT-3.8.4-8] [MQTT311-3.8.4-6] a delivery has the minimum of the QoS published and granted',
  {},
  async (t, version) => {
    const publisher = await house.client(t, version);
    for (const granted of [0, 1, 2] as const) {
      const topic = unique('minimum');
      const subscriber = await house.client(t, version);
      await subscriber.subscribe({ filter: topic, qos: granted });
      for (const published of [0, 1, 2] as const) {
        await publisher.publish({ topic, qos: published });
        assert.equal((await subscriber.receive()).qos, Math.min(granted, published));
      }
    }
  },
);

testVersions(all, '[MQTT-3.8.4-3] [MQTT311-3.8.4-3] an identical filter replaces the subscription and its QoS', {}, async (t, version) => {
  const client = await house.client(t, version);
  const topic = unique('replace');
  await client.subscribe({ filter: topic, qos: 0 });
  await client.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, qos: 1 });
  assert.equal((await client.receive()).qos, 1);
  await client.expectNothing();
  await client.unsubscribe(topic);
  await publisher.publish({ topic, qos: 1 });
  await client.expectNothing();
});

testVersions(all, '[MQTT-3.8.4-4] [MQTT311-3.8.4-3] no message is lost while a subscription is replaced', {}, async (t, version) => {
  const client = await house.client(t, version);
  const topic = unique('replace');
  await client.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t, version);
  const count = 100;
  for (let i = 0; i < count; i += 1) {
    publisher.send(publishBytes(version, { topic, payload: `${i}`, qos: 1, packetId: i + 1 }));
    if (i % 10 === 0) client.send(subscribeBytes(version, 1000 + i, [{ filter: topic, qos: 1 }]));
  }
  for (let i = 0; i < count;) {
    const packet = await client.next();
    if (packet.type !== 'publish') continue;
    assert.equal(packet.payload.toString(), `${i}`);
    await client.acknowledge(packet);
    i += 1;
  }
});

testVersions(
  all,
  '[MQTT-3.8.3-2] [MQTT311-3.8.3-3] a SUBSCRIBE without a filter closes the connection',
  deviation({ mosquitto: 'answers in 3.1' }),
  async (t, version) => {
    const client = await house.client(t, version);
    client.send(frame(0x82, uint16(1), version === 5 ? byte(0) : nothing));
    await expectRefusal(client, 0x82, 0x81);
  },
);

testVersions(
  all,
  '[MQTT-3.8.3-5] [MQTT311-3.8.3-4] reserved bits of the options, or a QoS of 3, close the connection',
  {},
  async (t, version) => {
    // Of the options only the QoS exists before MQTT 5.
    for (const options of version === 5 ? [0x40, 0x80, 0x03] : [0x04, 0x08, 0x10, 0x80, 0x03]) {
      const client = await house.client(t, version);
      client.send(subscribeBytes(version, 1, [{ filter: 'a', options }]));
      await expectRefusal(client, 0x81, 0x82);
    }
  },
);

test('a Retain Handling of 3 is a Protocol Error', {}, async (t) => {
  const client = await house.client(t);
  client.send(subscribeBytes(5, 1, [{ filter: 'a', options: 0x30 }]));
  await expectRefusal(client, 0x82, 0x81);
});

testVersions(all, '[MQTT-3.8.3-1] a filter that is cut off closes the connection', {}, async (t, version) => {
  const properties = version === 5 ? byte(0) : nothing;
  for (const payload of [utf8('abc'), Buffer.concat([utf8('abc'), byte(0), byte(0)]), utf8('abc').subarray(0, 3)]) {
    const client = await house.client(t, version);
    client.send(frame(0x82, uint16(1), properties, payload));
    await expectRefusal(client, 0x81);
  }
});

test('[MQTT-3.8.3-3] No Local keeps messages from the client that published them', {}, async (t) => {
  const topic = unique('local');
  const client = await house.client(t);
  await client.subscribe({ filter: `${topic}/#`, qos: 1, noLocal: true });
  await client.publish({ topic: `${topic}/own`, qos: 1 });
  await client.expectNothing();
  const other = await house.client(t);
  await other.publish({ topic: `${topic}/other`, qos: 1 });
  assert.equal((await client.receive()).topic, `${topic}/other`);
});

test('[MQTT-3.8.3-3] No Local is a matter of the subscription and of the Client Identifier', {}, async (t) => {
  const topic = unique('local');
  const options = persistent(5, { clientId: unique('local') });
  const first = await house.client(t, 5, options);
  await first.subscribe([
    { filter: `${topic}/+`, qos: 1, noLocal: true },
    { filter: `${topic}/a`, qos: 1 },
  ]);
  await first.cut();
  const second = await house.client(t, 5, options);
  await second.publish({ topic: `${topic}/b`, qos: 1 });
  await second.expectNothing();
  second.send(publishBytes(5, { topic: `${topic}/a`, payload: 'x', qos: 1, packetId: 50 }));
  const packets = [await second.next(), await second.next()];
  assert.deepEqual(packets.map(({ type }) => type).toSorted(), ['puback', 'publish']);
});

test('[MQTT-3.8.3-4] No Local on a shared subscription is a Protocol Error', deviation({ mosquitto: 'takes it' }), async (t) => {
  const client = await house.client(t);
  client.send(subscribeBytes(5, 1, [{ filter: '$share/g/a', noLocal: true }]));
  await expectRefusal(client, 0x82);
});

testVersions(all, 'an invalid filter among others fails alone, or closes the connection', {}, async (t, version) => {
  const topic = unique('mixed');
  const client = await house.client(t, version);
  client.send(subscribeBytes(version, 1, [{ filter: topic }, { filter: 'a/#/b' }, { filter: `${topic}/x` }]));
  const answer = await client.next().catch(() => null);
  if (answer?.type === 'suback') assert.deepEqual(answer.reasonCodes, [0, version === 5 ? 0x8f : 0x80, 0]);
  else if (version === 5 && answer !== null) assert.ok(answer.type === 'disconnect' && [0x81, 0x82, 0x8f].includes(answer.reasonCode));
});

testVersions(all, 'a thousand filters fit into one SUBSCRIBE', deviation({}), async (t, version) => {
  const topic = unique('thousand');
  const client = await house.client(t, version);
  const codes = await client.subscribe(Array.from({ length: 1000 }, (_, i) => ({ filter: `${topic}/${i}/+`, qos: 1 as const })));
  assert.equal(codes.length, 1000);
  assert.ok(codes.every((code) => code === 1));
  client.send(publishBytes(version, { topic: `${topic}/777/x` }));
  assert.equal((await client.receive()).topic, `${topic}/777/x`);
});

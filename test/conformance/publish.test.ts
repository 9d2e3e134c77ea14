import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, byte, publishBytes, subscribeBytes, utf8, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Section 3.3, but for retained messages, topic aliases and expiry, which have files of their own.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(all, '[MQTT-3.3.4-1] [MQTT311-3.3.4-1] a PUBLISH is answered as its QoS demands', {}, async (t, version) => {
  const client = await house.client(t, version);
  const topic = unique('answer');
  client.send(publishBytes(version, { topic }));
  await client.expectNothing();
  client.send(publishBytes(version, { topic, qos: 1, packetId: 77 }));
  assert.equal((await client.expect('puback')).packetId, 77);
  client.send(publishBytes(version, { topic, qos: 2, packetId: 78 }));
  assert.equal((await client.expect('pubrec')).packetId, 78);
  client.send(acknowledgementBytes('pubrel', 78));
  assert.equal((await client.expect('pubcomp')).packetId, 78);
  await client.expectNothing();
});

testVersions(all, '[MQTT-3.3.1-4] [MQTT311-3.3.1-4] a PUBLISH with both QoS bits set closes the connection', {}, async (t, version) => {
  const client = await house.client(t, version);
  const bytes = publishBytes(version, { topic: 'a', qos: 2, packetId: 1 });
  bytes[0] = 0x36;
  client.send(bytes);
  await expectRefusal(client, 0x81);
});

testVersions(
  all,
  '[MQTT-3.3.1-2] [MQTT311-3.3.1-2] a QoS 0 PUBLISH with DUP is refused',
  deviation({ mosquitto: 'takes it' }),
  async (t, version) => {
    const client = await house.client(t, version);
    client.send(publishBytes(version, { topic: 'a', dup: true }));
    await expectRefusal(client, 0x81);
  },
);

testVersions(all, '[MQTT-3.3.1-3] [MQTT311-3.3.1-3] DUP of an incoming PUBLISH is not forwarded', {}, async (t, version) => {
  const topic = unique('dup');
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t, version);
  for (const qos of [1, 2] as const) {
    await publisher.publish({ topic, qos, dup: true });
    assert.equal((await subscriber.receive()).dup, false);
  }
});

testVersions(
  all,
  '[MQTT-3.3.2-2] [MQTT-4.7.0-1] [MQTT311-3.3.2-2] [MQTT311-4.7.1-1] a Topic Name with wildcards is refused',
  {},
  async (t, version) => {
    for (const topic of ['a/#', '+', 'a/+/b', 'a+', '#b']) {
      const client = await house.client(t, version);
      client.send(publishBytes(version, { topic, qos: 1, packetId: 1 }));
      if (version === 5) {
        const packet = await client.next().catch(() => null);
        if (packet?.type === 'puback') assert.equal(packet.reasonCode, 0x90);
        else if (packet !== null) assert.ok(packet.type === 'disconnect' && [0x81, 0x82, 0x90].includes(packet.reasonCode));
      } else await expectRefusal(client);
    }
  },
);

testVersions(all, '[MQTT-4.7.3-1] [MQTT311-4.7.3-1] an empty Topic Name is refused', {}, async (t, version) => {
  const client = await house.client(t, version);
  client.send(publishBytes(version, { topic: '' }));
  await expectRefusal(client, 0x82, 0x81, 0x90);
});

testVersions(
  all,
  '[MQTT-3.3.2-1] [MQTT-3.3.2-3] [MQTT311-3.3.2-3] payloads of any bytes and length arrive as they were, under their topic',
  {},
  async (t, version) => {
    const topic = unique('any');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: `${topic}/#`, qos: 2 });
    const publisher = await house.client(t, version);
    for (const size of [0, 1, 2, 127, 128, 16_383, 16_384, 70_000, 900_000]) {
      const payload = Buffer.alloc(size, size % 251);
      await publisher.publish({ topic: `${topic}/${size}`, payload, qos: 1 });
      const message = await subscriber.receive();
      assert.equal(message.topic, `${topic}/${size}`);
      assert.ok(message.payload.equals(payload));
    }
  },
);

test(
  '[MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] properties are forwarded unaltered, user properties in order',
  {},
  async (t) => {
    const topic = unique('properties');
    const properties = {
      payloadFormatIndicator: 1,
      contentType: 'text/plain; charset=utf-8',
      responseTopic: 'answers/here',
      correlationData: Buffer.from([0, 1, 255]),
      userProperties: [
        ['z', '1'],
        ['a', ''],
        ['', 'é'],
        ['z', '1'],
        ['z', '0'],
      ],
    } as const;
    const options = persistent(5, { clientId: unique('properties') });
    const live = await house.client(t);
    const away = await house.client(t, 5, options);
    for (const subscriber of [live, away]) await subscriber.subscribe({ filter: topic, qos: 2 });
    await away.cut();
    const publisher = await house.client(t);
    for (const qos of [0, 1, 2] as const) {
      await publisher.publish({ topic, payload: 'x', qos, properties });
      assert.deepEqual((await live.receive()).properties, properties);
    }
    const back = await house.open(t);
    await back.connect(options);
    for (const qos of [1, 2]) {
      const message = await back.receive();
      assert.deepEqual([message.qos, message.properties], [qos, properties]);
    }
  },
);

test('properties do not reach clients of MQTT 3, and messages of MQTT 3 have none', {}, async (t) => {
  const topic = unique('mixed');
  const clients = await Promise.all(all.map((version) => house.client(t, version)));
  for (const client of clients) await client.subscribe({ filter: topic, qos: 1 });
  for (const publisher of clients) {
    const properties = { contentType: 'x', userProperties: [['k', 'v']] as const };
    publisher.send(publishBytes(publisher.version, { topic, payload: 'x', qos: 0, ...(publisher.version === 5 ? { properties } : {}) }));
    for (const client of clients) {
      const message = await client.receive();
      assert.equal(message.payload.toString(), 'x');
      assert.deepEqual(message.properties, client.version === 5 && publisher.version === 5 ? properties : {});
    }
  }
});

test('[MQTT-3.3.2-14] a Response Topic with wildcards is a Protocol Error', deviation({ mosquitto: 'takes it' }), async (t) => {
  for (const responseTopic of ['a/#', '+']) {
    const client = await house.client(t);
    client.send(publishBytes(5, { topic: 'a', properties: { responseTopic } }));
    await expectRefusal(client, 0x82, 0x81, 0x90);
  }
});

test(
  '[MQTT-3.3.4-6] a PUBLISH of a client with a Subscription Identifier is a Protocol Error',
  deviation({ mosquitto: 'takes it' }),
  async (t) => {
    const client = await house.client(t);
    client.send(publishBytes(5, { topic: 'a', properties: { subscriptionIdentifiers: [1] } }));
    await expectRefusal(client, 0x82, 0x81);
  },
);

test(
  'a payload that is not UTF-8 though its Payload Format Indicator says so is refused with 0x99',
  deviation({ mosquitto: 'does not look' }),
  async (t) => {
    const topic = unique('format');
    const subscriber = await house.client(t);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const payload = Buffer.from([0xc3, 0x28]);
    const properties = { payloadFormatIndicator: 1 };
    const client = await house.client(t);
    assert.equal(await client.publish({ topic, payload, qos: 1, properties }), 0x99);
    assert.equal(await client.publish({ topic, payload, qos: 2, properties }), 0x99);
    assert.equal(await client.publish({ topic, payload, qos: 1 }), 0x00);
    assert.ok((await subscriber.receive()).payload.equals(payload));
    client.send(publishBytes(5, { topic, payload, properties }));
    await expectRefusal(client, 0x99);
    await subscriber.expectNothing();
  },
);

test(
  'a QoS 1 or 2 PUBLISH that nobody subscribed to is acknowledged with 0x10',
  deviation({ mosquitto: 'does not always say so' }),
  async (t) => {
    const client = await house.client(t);
    const topic = unique('nobody');
    assert.equal(await client.publish({ topic, qos: 1 }), 0x10);
    assert.equal(await client.publish({ topic, qos: 2 }), 0x10);
    await client.subscribe({ filter: topic, qos: 0 });
    assert.equal(await client.publish({ topic: unique('other'), qos: 1 }), 0x10);
    client.send(publishBytes(5, { topic, qos: 1, packetId: 9 }));
    const answers = [await client.next(), await client.next()];
    const puback = answers.find((packet) => packet.type === 'puback');
    assert.equal(puback?.type === 'puback' ? puback.reasonCode : -1, 0);
  },
);

testVersions(
  all,
  '[MQTT-3.3.4-2] [MQTT311-3.3.5-1] overlapping subscriptions deliver with the maximum QoS of those that match',
  deviation({ mosquitto: 'delivers with a lower one' }),
  async (t, version) => {
    const topic = unique('overlap');
    const client = await house.client(t, version);
    await client.subscribe([
      { filter: `${topic}/#`, qos: 0 },
      { filter: `${topic}/+`, qos: 2 },
      { filter: `${topic}/a`, qos: 1 },
    ]);
    const publisher = await house.client(t, version);
    await publisher.publish({ topic: `${topic}/a`, qos: 2 });
    const messages = [await client.receive()];
    await publisher.publish({ topic: `${topic}/b/c`, payload: 'end', qos: 0 });
    for (let last = await client.receive(); last.payload.length === 0; last = await client.receive()) messages.push(last);
    assert.equal(Math.max(...messages.map((message) => message.qos)), 2);
  },
);

test(
  '[MQTT-3.3.4-3] [MQTT-3.3.4-4] [MQTT-3.3.4-5] a delivery carries the Subscription Identifiers of the subscriptions it belongs to',
  {},
  async (t) => {
    const topic = unique('identifier');
    const client = await house.client(t);
    await client.subscribe({ filter: `${topic}/#`, qos: 1 }, { subscriptionIdentifiers: [1] });
    await client.subscribe({ filter: `${topic}/+`, qos: 1 }, { subscriptionIdentifiers: [268_435_455] });
    await client.subscribe({ filter: `${topic}/a`, qos: 1 });
    const publisher = await house.client(t);
    await publisher.publish({ topic: `${topic}/a`, qos: 1 });
    await publisher.publish({ topic: `${topic}/a/b`, payload: 'end', qos: 1 });
    const seen: number[] = [];
    let copies = 0;
    for (let message = await client.receive(); message.payload.length === 0; message = await client.receive()) {
      copies += 1;
      seen.push(...(message.properties.subscriptionIdentifiers ?? []));
    }
    // One copy has them all; three copies have their own.
    assert.ok(copies === 1 || copies === 3, `${copies} copies`);
    assert.deepEqual(
      seen.toSorted((a, b) => a - b),
      [1, 268_435_455],
    );
  },
);

test('a new subscription with the same filter replaces the Subscription Identifier', {}, async (t) => {
  const topic = unique('identifier');
  const client = await house.client(t);
  await client.subscribe({ filter: topic, qos: 0 }, { subscriptionIdentifiers: [5] });
  await client.subscribe({ filter: topic, qos: 0 }, { subscriptionIdentifiers: [6] });
  client.send(publishBytes(5, { topic }));
  assert.deepEqual((await client.receive()).properties.subscriptionIdentifiers, [6]);
  await client.subscribe({ filter: topic, qos: 0 });
  client.send(publishBytes(5, { topic }));
  assert.equal((await client.receive()).properties.subscriptionIdentifiers, undefined);
});

test('Subscription Identifiers are kept with a session', {}, async (t) => {
  const topic = unique('identifier');
  const options = persistent(5, { clientId: unique('identifier') });
  const first = await house.client(t, 5, options);
  await first.subscribe({ filter: topic, qos: 1 }, { subscriptionIdentifiers: [42] });
  await first.cut();
  const publisher = await house.client(t);
  await publisher.publish({ topic, qos: 1 });
  const second = await house.open(t);
  await second.connect(options);
  assert.deepEqual((await second.receive()).properties.subscriptionIdentifiers, [42]);
});

test('a Subscription Identifier of 0 is a Protocol Error', {}, async (t) => {
  const client = await house.client(t);
  client.send(subscribeBytes(5, 1, [{ filter: 'a' }], { subscriptionIdentifiers: [0] }));
  await expectRefusal(client, 0x82, 0x81);
});

test('a QoS 1 PUBLISH property that is out of place closes the connection before it is acknowledged', {}, async (t) => {
  const topic = unique('place');
  const watcher = await house.client(t);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.client(t);
  client.send(publishBytes(5, { topic, qos: 1, packetId: 1, properties: Buffer.concat([byte(0x1f), utf8('reason')]) }));
  await expectRefusal(client, 0x81, 0x82);
  await watcher.expectNothing();
});

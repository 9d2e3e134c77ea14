import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, disconnectBytes, publishBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Sections 3.4 to 3.7, 4.3 and 4.4.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(all, '[MQTT-4.3.1-1] [MQTT311-4.3.1-1] a QoS 0 delivery has QoS 0 and DUP 0 and is not sent again', {}, async (t, version) => {
  const topic = unique('qos0');
  const options = persistent(version, { clientId: unique('qos0') });
  const subscriber = await house.client(t, version, options);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t, version);
  publisher.send(publishBytes(version, { topic, payload: 'x' }));
  const message = await subscriber.expect('publish');
  assert.deepEqual([message.qos, message.dup], [0, false]);
  await subscriber.cut();
  const back = await house.open(t, version);
  await back.connect(options);
  await back.expectNothing();
});

testVersions(
  all,
  '[MQTT-4.3.2-2] [MQTT-4.3.2-3] [MQTT-4.4.0-1] [MQTT-3.3.1-1] [MQTT311-4.3.2-1] [MQTT311-4.4.0-1] [MQTT311-3.3.1-1] ' +
    'a QoS 1 delivery is sent again with DUP and its identifier when the client is back, until it is acknowledged',
  {},
  async (t, version) => {
    const topic = unique('qos1');
    const options = persistent(version, { clientId: unique('qos1') });
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: topic, qos: 1 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: 'x', qos: 1 });
    const sent = await first.expect('publish');
    assert.deepEqual([sent.qos, sent.dup], [1, false]);
    await first.cut();
    let last = sent;
    for (let i = 0; i < 2; i += 1) {
      const again = await house.open(t, version);
      await again.connect(options);
      last = await again.expect('publish');
      assert.deepEqual([last.packetId, last.dup, last.qos, last.payload.toString()], [sent.packetId, true, 1, 'x']);
      if (i === 1) {
        await again.acknowledge(last);
        await again.expectNothing();
      }
      await again.cut();
    }
    const done = await house.open(t, version);
    await done.connect(options);
    await done.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-4.3.2-4] [MQTT-4.3.2-5] [MQTT311-4.3.2-2] after its PUBACK an identifier means a new message, whatever DUP says',
  {},
  async (t, version) => {
    const topic = unique('qos1');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 1 });
    const publisher = await house.client(t, version);
    for (const dup of [false, true, true]) {
      await publisher.publish({ topic, payload: `${dup}`, qos: 1, packetId: 5, dup });
      assert.equal((await subscriber.receive()).payload.toString(), `${dup}`);
    }
  },
);

testVersions(
  all,
  '[MQTT-2.2.1-5] [MQTT311-2.3.1-6] many publications in flight are each acknowledged with their identifier, in order',
  {},
  async (t, version) => {
    const publisher = await house.client(t, version);
    const topic = unique('flight');
    const identifiers = Array.from({ length: 200 }, (_, i) => 65_535 - i * 7);
    publisher.send(...identifiers.map((packetId) => publishBytes(version, { topic, qos: 1, packetId })));
    for (const packetId of identifiers) assert.equal((await publisher.expect('puback')).packetId, packetId);
  },
);

testVersions(
  all,
  '[MQTT-4.3.3-2] [MQTT-4.3.3-3] [MQTT-4.3.3-4] [MQTT-4.3.3-1] [MQTT311-4.3.3-1] a QoS 2 delivery is PUBLISH, PUBREC, PUBREL, PUBCOMP with one identifier',
  {},
  async (t, version) => {
    const topic = unique('qos2');
    const options = persistent(version, { clientId: unique('qos2') });
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: 'x', qos: 2 });
    const sent = await first.expect('publish');
    assert.deepEqual([sent.qos, sent.dup], [2, false]);
    await first.cut();
    // Without a PUBREC it comes again.
    const second = await house.open(t, version);
    await second.connect(options);
    const again = await second.expect('publish');
    assert.deepEqual([again.packetId, again.dup], [sent.packetId, true]);
    second.send(acknowledgementBytes('pubrec', again.packetId));
    assert.equal((await second.expect('pubrel')).packetId, sent.packetId);
    second.send(acknowledgementBytes('pubcomp', again.packetId));
    await second.expectNothing();
    await second.cut();
    const third = await house.open(t, version);
    await third.connect(options);
    await third.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-4.3.3-5] [MQTT-4.3.3-6] [MQTT-4.4.0-1] [MQTT311-4.3.3-1] [MQTT311-4.4.0-1] after PUBREC only PUBREL is sent again, until PUBCOMP',
  {},
  async (t, version) => {
    const topic = unique('qos2');
    const options = persistent(version, { clientId: unique('qos2') });
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: 'x', qos: 2 });
    const { packetId } = await first.expect('publish');
    first.send(acknowledgementBytes('pubrec', packetId));
    await first.expect('pubrel');
    await first.cut();
    for (let i = 0; i < 2; i += 1) {
      const again = await house.open(t, version);
      await again.connect(options);
      assert.equal((await again.expect('pubrel')).packetId, packetId);
      if (i === 1) again.send(acknowledgementBytes('pubcomp', packetId));
      await again.expectNothing();
      await again.cut();
    }
    const done = await house.open(t, version);
    await done.connect(options);
    await done.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12] [MQTT311-4.3.3-2] ' +
    'until PUBREL a repeated QoS 2 PUBLISH gets PUBREC and is not delivered again; after PUBCOMP it is new',
  deviation({ mosquitto: 'takes a repeated PUBLISH for an error' }),
  async (t, version) => {
    const topic = unique('qos2');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    for (const dup of [false, true, true]) {
      publisher.send(publishBytes(version, { topic, payload: 'x', qos: 2, packetId: 3, dup }));
      const { packetId, reasonCode } = await publisher.expect('pubrec');
      assert.equal(packetId, 3);
      assert.ok(reasonCode === 0 || reasonCode === 0x10 || reasonCode === 0x91);
    }
    await subscriber.receive();
    await subscriber.expectNothing();
    publisher.send(acknowledgementBytes('pubrel', 3));
    assert.equal((await publisher.expect('pubcomp')).packetId, 3);
    await publisher.publish({ topic, payload: 'new', qos: 2, packetId: 3, dup: true });
    assert.equal((await subscriber.receive()).payload.toString(), 'new');
  },
);

testVersions(
  all,
  '[MQTT-4.3.3-10] [MQTT311-4.3.3-2] the identifier of a QoS 2 PUBLISH is remembered while the publisher is away',
  {},
  async (t, version) => {
    const topic = unique('qos2');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const options = persistent(version, { clientId: unique('qos2') });
    const first = await house.client(t, version, options);
    first.send(publishBytes(version, { topic, payload: 'once', qos: 2, packetId: 11 }));
    await first.expect('pubrec');
    await first.cut();
    const second = await house.client(t, version, options);
    second.send(publishBytes(version, { topic, payload: 'once', qos: 2, packetId: 11, dup: true }));
    await second.expect('pubrec');
    second.send(acknowledgementBytes('pubrel', 11));
    await second.expect('pubcomp');
    assert.equal((await subscriber.receive()).payload.toString(), 'once');
    await subscriber.expectNothing();
  },
);

testVersions(all, 'a QoS 2 PUBLISH with DUP that the broker never saw is delivered', {}, async (t, version) => {
  const topic = unique('unseen');
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t, version, persistent(version, { clientId: unique('unseen') }));
  await publisher.publish({ topic, payload: 'x', qos: 2, packetId: 4, dup: true });
  assert.equal((await subscriber.receive()).payload.toString(), 'x');
});

testVersions(
  all,
  'a PUBREL for an unknown identifier is answered by PUBCOMP, in MQTT 5 with 0x92',
  deviation({ mosquitto: 'says 0x00' }),
  async (t, version) => {
    const client = await house.client(t, version);
    client.send(acknowledgementBytes('pubrel', 999));
    const { packetId, reasonCode } = await client.expect('pubcomp');
    assert.deepEqual([packetId, reasonCode], [999, version === 5 ? 0x92 : 0]);
  },
);

test('a PUBREC for an unknown identifier is answered by PUBREL 0x92', deviation({ mosquitto: 'says 0x00' }), async (t) => {
  const client = await house.client(t);
  client.send(acknowledgementBytes('pubrec', 999));
  const { packetId, reasonCode } = await client.expect('pubrel');
  assert.deepEqual([packetId, reasonCode], [999, 0x92]);
});

testVersions(all, 'acknowledgements for unknown identifiers do not end the connection', {}, async (t, version) => {
  const client = await house.client(t, version);
  client.send(acknowledgementBytes('puback', 999), acknowledgementBytes('pubcomp', 999));
  await client.expectNothing();
});

test(
  'a PUBLISH whose identifier belongs to an unfinished QoS 2 exchange is refused with 0x91',
  deviation({ mosquitto: 'takes it as another' }),
  async (t) => {
    const topic = unique('inuse');
    const client = await house.client(t);
    client.send(publishBytes(5, { topic, payload: 'a', qos: 2, packetId: 8 }));
    await client.expect('pubrec');
    client.send(publishBytes(5, { topic, payload: 'b', qos: 1, packetId: 8 }));
    const answer = await client.next();
    if (answer.type === 'puback') assert.equal(answer.reasonCode, 0x91);
    else assert.ok(answer.type === 'disconnect' && answer.reasonCode === 0x82, answer.type);
  },
);

test('[MQTT-4.4.0-2] a PUBACK or PUBREC of 0x80 or more ends the exchange', {}, async (t) => {
  const topic = unique('refused');
  const options = persistent(5, { clientId: unique('refused') });
  const subscriber = await house.client(t, 5, options);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t);
  for (const qos of [1, 2] as const) {
    await publisher.publish({ topic, payload: 'x', qos });
    const { packetId } = await subscriber.expect('publish');
    subscriber.send(acknowledgementBytes(qos === 1 ? 'puback' : 'pubrec', packetId, 0x83));
  }
  await subscriber.expectNothing();
  await subscriber.cut();
  const back = await house.open(t);
  await back.connect(options);
  await back.expectNothing();
});

test(
  '[MQTT-4.3.3-9] after a PUBREC of 0x80 or more the identifier means a new message',
  deviation({ mosquitto: 'refuses none' }),
  async (t) => {
    const topic = unique('again');
    const subscriber = await house.client(t);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t);
    const properties = { payloadFormatIndicator: 1 };
    assert.equal(await publisher.publish({ topic, payload: Buffer.from([0xff]), qos: 2, packetId: 21, properties }), 0x99);
    assert.equal(await publisher.publish({ topic, payload: 'fine', qos: 2, packetId: 21, properties }), 0);
    assert.equal((await subscriber.receive()).payload.toString(), 'fine');
  },
);

test(
  '[MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] acknowledgements are understood with and without Reason Code and properties',
  {},
  async (t) => {
    const topic = unique('forms');
    const subscriber = await house.client(t);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t);
    const properties = { reasonString: 'fine', userProperties: [['k', 'v']] } as const;
    const forms: [number?, object?][] = [[], [0], [0, {}], [0, properties]];
    for (const [reasonCode, extra] of forms) {
      await publisher.publish({ topic, qos: 1 });
      subscriber.send(acknowledgementBytes('puback', (await subscriber.expect('publish')).packetId, reasonCode, extra));
      await publisher.publish({ topic, qos: 2 });
      const { packetId } = await subscriber.expect('publish');
      subscriber.send(acknowledgementBytes('pubrec', packetId, reasonCode, extra));
      await subscriber.expect('pubrel');
      subscriber.send(acknowledgementBytes('pubcomp', packetId, reasonCode, extra));
      const own = publisher.packetId();
      publisher.send(publishBytes(5, { topic: unique('own'), qos: 2, packetId: own }));
      await publisher.expect('pubrec');
      publisher.send(acknowledgementBytes('pubrel', own, reasonCode, extra));
      await publisher.expect('pubcomp');
      await subscriber.expectNothing();
    }
  },
);

test(
  'a Reason Code that an acknowledgement does not have is a Protocol Error',
  deviation({ mosquitto: 'says 0x81 for some' }),
  async (t) => {
    for (const packet of [
      acknowledgementBytes('puback', 1, 0x8e),
      acknowledgementBytes('pubrel', 1, 0x10),
      acknowledgementBytes('pubcomp', 1, 0x87),
    ]) {
      const client = await house.client(t);
      client.send(packet);
      await expectRefusal(client, 0x82, 0x81);
    }
  },
);

testVersions(all, '[MQTT-4.4.0-1] nothing is sent again on a connection that lives', {}, async (t, version) => {
  const topic = unique('patient');
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t, version);
  await publisher.publish({ topic, qos: 1 });
  await publisher.publish({ topic, qos: 2 });
  await subscriber.expect('publish');
  const second = await subscriber.expect('publish');
  subscriber.send(acknowledgementBytes('pubrec', second.packetId));
  await subscriber.expect('pubrel');
  await house.passTime(5000);
  await subscriber.expectNothing();
});

testVersions(
  all,
  'identifiers wrap around, and those in use are left out',
  deviation({ mosquitto: 'takes minutes' }),
  async (t, version) => {
    const topic = unique('wrap');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 1 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, qos: 1 });
    const held = await subscriber.expect('publish');
    const batch = 64;
    const seen = new Set<number>();
    for (let i = 0; i < 66_000; i += batch) {
      publisher.send(...Array.from({ length: batch }, (_, j) => publishBytes(version, { topic, qos: 1, packetId: j + 1 })));
      const messages = [];
      for (let j = 0; j < batch; j += 1) messages.push(await subscriber.expect('publish'));
      for (const message of messages) {
        assert.notEqual(message.packetId, held.packetId);
        seen.add(message.packetId);
      }
      subscriber.send(...messages.map(({ packetId }) => acknowledgementBytes('puback', packetId)));
      for (let j = 0; j < batch; j += 1) await publisher.expect('puback');
    }
    assert.ok(seen.size <= 65_534);
    await subscriber.acknowledge(held);
    await subscriber.expectNothing();
  },
);

testVersions(all, 'what was published just before DISCONNECT is delivered', {}, async (t, version) => {
  const topic = unique('hasty');
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t, version);
  publisher.send(
    publishBytes(version, { topic, payload: '0' }),
    publishBytes(version, { topic, payload: '1', qos: 1, packetId: 1 }),
    disconnectBytes(),
  );
  const payloads = [];
  for (let i = 0; i < 2; i += 1) payloads.push((await subscriber.receive()).payload.toString());
  assert.deepEqual(payloads.toSorted(), ['0', '1']);
});

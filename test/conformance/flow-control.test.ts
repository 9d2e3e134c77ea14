import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementBytes, pingreqBytes, publishBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Section 4.9 and Receive Maximum.

const house = useBroker();
const narrow = useBroker({ wrenmq: { session: { receiveMaximum: 3, awaitingPubrelMax: 3 } } });
const all: readonly ProtocolVersion[] = [3, 4, 5];

test(
  '[MQTT-3.3.4-9] [MQTT-4.9.0-1] [MQTT-4.9.0-2] no more than Receive Maximum deliveries are unacknowledged',
  deviation({ mosquitto: 'exceeds the window' }),
  async (t) => {
    const topic = unique('window');
    for (const receiveMaximum of [1, 3]) {
      const subscriber = await house.client(t, 5, { properties: { receiveMaximum } });
      await subscriber.subscribe({ filter: topic, qos: 2 });
      const publisher = await house.client(t);
      for (let i = 0; i < 9; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: i % 2 === 0 ? 1 : 2 });
      for (let got = 0; got < 9;) {
        const open = [];
        for (let i = 0; i < Math.min(receiveMaximum, 9 - got); i += 1) open.push(await subscriber.expect('publish'));
        await subscriber.expectNothing();
        got += open.length;
        for (const message of open) {
          if (message.qos === 1) subscriber.send(acknowledgementBytes('puback', message.packetId));
          else {
            subscriber.send(acknowledgementBytes('pubrec', message.packetId));
            await subscriber.expectFor('pubrel', message.packetId);
            // PUBREC is half of it: the place is free after PUBCOMP.
            subscriber.send(acknowledgementBytes('pubcomp', message.packetId));
          }
        }
      }
    }
  },
);

test('a PUBREC with an error frees a place, a PUBREC without does not', {}, async (t) => {
  const topic = unique('window');
  const subscriber = await house.client(t, 5, { properties: { receiveMaximum: 1 } });
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t);
  for (let i = 0; i < 3; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 2 });
  const first = await subscriber.expect('publish');
  subscriber.send(acknowledgementBytes('pubrec', first.packetId, 0x83));
  const second = await subscriber.expect('publish');
  assert.equal(second.payload.toString(), '1');
  subscriber.send(acknowledgementBytes('pubrec', second.packetId));
  await subscriber.expect('pubrel');
  await subscriber.expectNothing();
  subscriber.send(acknowledgementBytes('pubcomp', second.packetId));
  assert.equal((await subscriber.expect('publish')).payload.toString(), '2');
});

test(
  '[MQTT-3.3.4-10] [MQTT-4.9.0-3] a full window holds back nothing but QoS 1 and 2',
  deviation({ mosquitto: 'queues QoS 0 too' }),
  async (t) => {
    const topic = unique('window');
    const subscriber = await house.client(t, 5, { properties: { receiveMaximum: 1 } });
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t);
    await publisher.publish({ topic, qos: 1 });
    await publisher.publish({ topic, qos: 1 });
    const held = await subscriber.expect('publish');
    publisher.send(publishBytes(5, { topic, payload: 'zero' }));
    await publisher.expectNothing();
    assert.equal((await subscriber.expect('publish')).payload.toString(), 'zero');
    assert.deepEqual(await subscriber.subscribe({ filter: unique('other'), qos: 1 }), [1]);
    assert.equal(await subscriber.publish({ topic: unique('own'), qos: 2 }), 0x10);
    subscriber.send(pingreqBytes());
    await subscriber.expect('pingresp');
    await subscriber.acknowledge(held);
    await subscriber.receive();
  },
);

test('the window counts also after a session was resumed', deviation({ mosquitto: 'sends all of them again' }), async (t) => {
  const topic = unique('window');
  const options = { clientId: unique('window'), clean: false, properties: { sessionExpiryInterval: 100, receiveMaximum: 10 } };
  const first = await house.client(t, 5, options);
  await first.subscribe({ filter: topic, qos: 1 });
  const publisher = await house.client(t);
  for (let i = 0; i < 8; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: 1 });
  for (let i = 0; i < 8; i += 1) await first.expect('publish');
  await first.cut();
  const second = await house.open(t);
  await second.connect({ ...options, properties: { sessionExpiryInterval: 100, receiveMaximum: 2 } });
  for (let got = 0; got < 8; got += 2) {
    const open = [await second.expect('publish'), await second.expect('publish')];
    await second.expectNothing();
    for (const message of open) {
      assert.equal(message.dup, true);
      await second.acknowledge(message);
    }
  }
});

test(
  '[MQTT-3.3.4-7] a client that exceeds the Receive Maximum of the broker gets 0x93',
  deviation({ mosquitto: 'has another maximum' }),
  async (t) => {
    const client = await narrow.open(t);
    const { receiveMaximum } = (await client.connect({ clientId: unique('greedy') })).properties;
    assert.equal(receiveMaximum, 3);
    const topic = unique('greedy');
    for (let packetId = 1; packetId <= 3; packetId += 1) client.send(publishBytes(5, { topic, qos: 2, packetId }));
    for (let i = 0; i < 3; i += 1) await client.expect('pubrec');
    client.send(publishBytes(5, { topic, qos: 2, packetId: 4 }));
    await expectRefusal(client, 0x93);
  },
);

test('a place is free again after PUBCOMP', {}, async (t) => {
  const client = await narrow.client(t);
  const topic = unique('freed');
  for (let round = 0; round < 5; round += 1) {
    for (let packetId = 1; packetId <= 3; packetId += 1) client.send(publishBytes(5, { topic, qos: 2, packetId }));
    for (let packetId = 1; packetId <= 3; packetId += 1) {
      await client.expectFor('pubrec', packetId);
      client.send(acknowledgementBytes('pubrel', packetId));
      await client.expectFor('pubcomp', packetId);
    }
  }
});

testVersions(all, 'a burst of QoS 1 within the Receive Maximum is acknowledged, all of it', {}, async (t, version) => {
  const client = await house.client(t, version);
  const topic = unique('burst');
  client.send(...Array.from({ length: 20 }, (_, i) => publishBytes(version, { topic, qos: 1, packetId: i + 1 })));
  for (let i = 0; i < 20; i += 1) await client.expect('puback');
});

testVersions(
  all,
  'a client that does not read its deliveries does not delay others',
  deviation({ mosquitto: 'not tried' }),
  async (t, version) => {
    const topic = unique('stuck');
    const stuck = await house.client(t, version);
    await stuck.subscribe({ filter: topic, qos: 0 });
    const healthy = await house.client(t, version);
    await healthy.subscribe({ filter: topic, qos: 0 });
    stuck.transport.pause();
    const publisher = await house.client(t, version);
    const payload = Buffer.alloc(100_000);
    for (let i = 0; i < 200; i += 1) {
      publisher.send(publishBytes(version, { topic, payload }));
      assert.equal((await healthy.receive()).payload.length, payload.length);
    }
    stuck.transport.resume();
  },
);

import assert from 'node:assert/strict';
import { acknowledgementBytes, publishBytes, type ProtocolVersion, type Publish } from '@wrenmq/testkit';
import { deviation, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Section 4.6.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];
const count = 300;

function inOrder(messages: readonly Publish[]): void {
  for (const qos of [0, 1, 2]) {
    const numbers = messages.filter((message) => message.qos === qos).map((message) => Number(message.payload.toString()));
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      `QoS ${qos}`,
    );
  }
}

testVersions(
  all,
  '[MQTT-4.6.0-5] [MQTT-4.6.0-6] [MQTT311-4.6.0-5] [MQTT311-4.6.0-6] messages of one client, topic and QoS arrive in the order they were sent',
  deviation({ mosquitto: 'takes 20 in flight' }),
  async (t, version) => {
    const topic = unique('order');
    const subscriber = await house.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    publisher.send(
      ...Array.from({ length: count }, (_, i) => {
        const qos = (i % 3) as 0 | 1 | 2;
        return publishBytes(version, { topic, payload: `${i}`, qos, packetId: i + 1 });
      }),
    );
    for (let i = 0; i < count; i += 1) {
      const qos = i % 3;
      if (qos === 1) await publisher.expectFor('puback', i + 1);
      if (qos !== 2) continue;
      await publisher.expectFor('pubrec', i + 1);
      publisher.send(acknowledgementBytes('pubrel', i + 1));
    }
    const messages: Publish[] = [];
    while (messages.length < count) messages.push(await subscriber.receive());
    inOrder(messages);
  },
);

testVersions(
  all,
  '[MQTT-4.6.0-5] [MQTT311-4.6.0-6] order is kept in the queue of a client that is away, and on redelivery',
  {},
  async (t, version) => {
    const topic = unique('order');
    const options = persistent(version, { clientId: unique('order') });
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    const publishSome = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += 1) await publisher.publish({ topic, payload: `${i}`, qos: i % 2 === 0 ? 1 : 2 });
    };
    await publishSome(0, 15);
    const begun: number[] = [];
    for (let i = 0; i < 15; i += 1) begun.push(Number((await first.expect('publish')).payload.toString()));
    await first.cut();
    await publishSome(15, 60);
    const second = await house.open(t, version);
    await second.connect(options);
    const messages: Publish[] = [];
    while (messages.length < 60) messages.push(await second.receive());
    inOrder(messages);
    assert.deepEqual(
      messages.slice(0, 15).map((message) => Number(message.payload.toString())),
      begun,
      'what was sent before comes first, in its order',
    );
  },
);

testVersions(
  all,
  '[MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT311-4.6.0-2] [MQTT311-4.6.0-3] acknowledgements leave in the order of the PUBLISH packets',
  {},
  async (t, version) => {
    const topic = unique('order');
    const publisher = await house.client(t, version);
    for (const [qos, answer] of [
      [1, 'puback'],
      [2, 'pubrec'],
    ] as const) {
      publisher.send(...Array.from({ length: 50 }, (_, i) => publishBytes(version, { topic, qos, packetId: 100 * qos + i })));
      for (let i = 0; i < 50; i += 1) assert.equal((await publisher.expect(answer)).packetId, 100 * qos + i);
    }
  },
);

testVersions(all, '[MQTT-4.6.0-4] [MQTT311-4.6.0-4] PUBRELs leave in the order of the PUBRECs', {}, async (t, version) => {
  const topic = unique('order');
  const subscriber = await house.client(t, version);
  await subscriber.subscribe({ filter: topic, qos: 2 });
  const publisher = await house.client(t, version);
  for (let i = 0; i < 10; i += 1) await publisher.publish({ topic, qos: 2 });
  const identifiers = [];
  for (let i = 0; i < 10; i += 1) identifiers.push((await subscriber.expect('publish')).packetId);
  subscriber.send(...identifiers.map((packetId) => acknowledgementBytes('pubrec', packetId)));
  for (const packetId of identifiers) assert.equal((await subscriber.expect('pubrel')).packetId, packetId);
});

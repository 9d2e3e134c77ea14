import assert from 'node:assert/strict';
import { acknowledgementBytes, byte, frame, publishBytes, uint16, unsubscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Sections 3.10 and 3.11.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.3-2] [MQTT311-3.10.4-4] [MQTT311-3.10.4-5] UNSUBACK comes with the identifier, whether anything was deleted or not',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    const topic = unique('unsubscribe');
    await client.subscribe(topic);
    for (const [packetId, code] of [
      [500, 0x00],
      [501, 0x11],
    ] as const) {
      client.send(unsubscribeBytes(version, packetId, [topic]));
      const unsuback = await client.expect('unsuback');
      assert.deepEqual([unsuback.packetId, unsuback.reasonCodes], [packetId, version === 5 ? [code] : []]);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.10.4-1] [MQTT-3.10.4-2] [MQTT311-3.10.4-1] [MQTT311-3.10.4-2] only the subscription with exactly this filter ends',
  deviation({ mosquitto: 'refuses some of them' }),
  async (t, version) => {
    const client = await house.client(t, version);
    const topic = unique('exactly');
    await client.subscribe([{ filter: `${topic}/#` }, { filter: `${topic}/+` }, { filter: `${topic}/A` }]);
    await client.unsubscribe(`${topic}/a`, topic, `${topic}/+/`);
    client.send(publishBytes(version, { topic: `${topic}/A`, payload: '1' }));
    await client.receive();
    await client.unsubscribe(`${topic}/#`);
    client.send(publishBytes(version, { topic: `${topic}/A/b` }), publishBytes(version, { topic: `${topic}/b`, payload: 'plus' }));
    for (let message = await client.receive(); message.payload.toString() !== 'plus'; message = await client.receive()) {
      assert.notEqual(message.topic, `${topic}/A/b`);
    }
    await client.unsubscribe(`${topic}/+`, `${topic}/A`);
    client.send(publishBytes(version, { topic: `${topic}/A` }), publishBytes(version, { topic: `${topic}/b` }));
    await client.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-3.10.4-6] [MQTT-3.11.3-1] [MQTT311-3.10.4-6] several filters get one UNSUBACK, with codes in their order',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    const topic = unique('several');
    await client.subscribe([{ filter: `${topic}/a` }, { filter: `${topic}/b` }]);
    const codes = await client.unsubscribe(`${topic}/none`, `${topic}/b`, `${topic}/a`, `${topic}/b`);
    assert.deepEqual(codes, version === 5 ? [0x11, 0, 0, 0x11] : []);
    await client.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-3.10.4-3] [MQTT311-3.10.4-3] deliveries that have begun are completed after UNSUBSCRIBE',
  {},
  async (t, version) => {
    const topic = unique('begun');
    const options = persistent(version, { clientId: unique('begun') });
    const first = await house.client(t, version, options);
    await first.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    await publisher.publish({ topic, payload: '1', qos: 1 });
    await publisher.publish({ topic, payload: '2', qos: 2 });
    const [one, two] = [await first.expect('publish'), await first.expect('publish')];
    await first.unsubscribe(topic);
    first.send(acknowledgementBytes('pubrec', two.packetId));
    assert.equal((await first.expect('pubrel')).packetId, two.packetId);
    await first.cut();
    const second = await house.open(t, version);
    await second.connect(options);
    const again = await second.expect('publish');
    assert.deepEqual([again.packetId, again.dup], [one.packetId, true]);
    assert.equal((await second.expect('pubrel')).packetId, two.packetId);
    await publisher.publish({ topic, payload: '3', qos: 1 });
    await second.expectNothing();
  },
);

testVersions(
  all,
  '[MQTT-3.10.3-2] [MQTT311-3.10.3-2] an UNSUBSCRIBE without a filter closes the connection',
  deviation({ mosquitto: 'answers in 3.1' }),
  async (t, version) => {
    const client = await house.client(t, version);
    client.send(frame(0xa2, uint16(1), version === 5 ? byte(0) : Buffer.alloc(0)));
    await expectRefusal(client, 0x82, 0x81);
  },
);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, disconnectBytes, frame, publishBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Section 3.14 and the orderly end of the broker.

const house = useBroker();
const ending = [useBroker(), useBroker(), useBroker()];
const waiting = useBroker();
const moving = useBroker({ wrenmq: { drain: { reasonCode: 'useAnotherServer', serverReference: 'next.example:1883' } } });
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-3.14.4-1] [MQTT-3.14.4-2] [MQTT311-3.14.4-1] [MQTT311-3.14.4-2] after DISCONNECT the broker closes, and what follows is not processed',
  {},
  async (t, version) => {
    const topic = unique('after');
    const watcher = await house.client(t, version);
    await watcher.subscribe(topic);
    const client = await house.client(t, version);
    client.send(disconnectBytes(), publishBytes(version, { topic, payload: 'late' }));
    await client.expectClose();
    await watcher.expectNothing();
  },
);

test('[MQTT-3.14.2-1] DISCONNECT is understood with every Reason Code that a client may send', {}, async (t) => {
  for (const code of [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]) {
    const client = await house.client(t);
    client.send(disconnectBytes(code, { reasonString: 'enough', userProperties: [['k', 'v']] }));
    await client.expectClose();
  }
});

test('a DISCONNECT with a Reason Code that does not exist is refused', deviation({ mosquitto: 'closes silently' }), async (t) => {
  const client = await house.client(t);
  client.send(disconnectBytes(0x01));
  await expectRefusal(client, 0x82, 0x81);
});

testVersions([3, 4], 'a DISCONNECT with a body before MQTT 5 closes the connection and publishes the will', {}, async (t, version) => {
  const topic = unique('body');
  const watcher = await house.client(t, version);
  await watcher.subscribe(topic);
  const client = await house.client(t, version, { will: { topic, payload: 'x' } });
  client.send(frame(0xe0, Buffer.of(0)));
  await client.expectClose();
  assert.equal((await watcher.receive()).payload.toString(), 'x');
});

testVersions(
  all,
  '[MQTT-3.14.2-2] a broker that shuts down says 0x8B and closes, after what it had to send',
  deviation({ mosquitto: 'only closes' }),
  async (t, version) => {
    const broker = ending[version - 3];
    const topic = unique('end');
    const subscriber = await broker.client(t, version);
    await subscriber.subscribe({ filter: topic, qos: 1 });
    const publisher = await broker.client(t, version);
    await publisher.publish({ topic, payload: 'last', qos: 1 });
    const stopped = broker.broker.shutDown();
    assert.equal((await subscriber.expect('publish')).payload.toString(), 'last');
    await expectRefusal(subscriber, 0x8b);
    await expectRefusal(publisher, 0x8b);
    await stopped;
  },
);

test('a broker that is drained names the server to use instead', deviation({ mosquitto: 'only closes' }), async (t) => {
  const client = await moving.client(t);
  const stopped = moving.broker.shutDown();
  const packet = await client.expect('disconnect');
  assert.deepEqual([packet.reasonCode, packet.properties.serverReference], [0x9c, 'next.example:1883']);
  await client.expectClose();
  await stopped;
});

test('a broker that shuts down closes connections that have not finished CONNECT, and ends', async (t) => {
  const silent = await waiting.open(t);
  const half = await waiting.open(t);
  half.send(connectBytes(5, { clientId: unique('half') }).subarray(0, 6));
  await waiting.passTime(0);
  await waiting.broker.shutDown();
  await silent.whenClosed;
  await half.whenClosed;
  // Neither has said which version it speaks: there is nothing to answer.
  assert.deepEqual([silent.received, half.received], [[], []]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, pingreqBytes, publishBytes, subscribeBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, testVersions, unique, useBroker } from './conformance.ts';

// Section 6, and the transports of section 4.2.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-6.0.0-3] [MQTT-6.0.0-4] [MQTT311-6.0.0-3] [MQTT311-6.0.0-4] [MQTT-4.2.0-1] [MQTT311-7.1.1-1] the broker selects the sub-protocol mqtt and speaks MQTT',
  {},
  async (t, version) => {
    const client = await house.open(t, version, house.broker.webSocketTarget);
    assert.equal(client.transport.webSocket?.protocol, 'mqtt');
    await client.connect({ clientId: unique('ws') });
    const topic = unique('ws');
    await client.subscribe({ filter: topic, qos: 1 });
    await client.publish({ topic, payload: 'x', qos: 0 });
    assert.equal((await client.receive()).payload.toString(), 'x');
  },
);

test('the sub-protocol mqttv3.1 is selected for clients that offer only that', deviation({ mosquitto: 'version dependent' }), async (t) => {
  const client = await house.open(t, 3, { ...house.broker.webSocketTarget, webSocketProtocols: ['mqttv3.1'] });
  assert.equal(client.transport.webSocket?.protocol, 'mqttv3.1');
  await client.connect({ clientId: unique('ws') });
});

test('a client that offers another sub-protocol is refused', deviation({ mosquitto: 'refuses otherwise' }), async (t) => {
  await assert.rejects(house.open(t, 5, { ...house.broker.webSocketTarget, webSocketProtocols: ['amqp'] }));
});

test('another path is refused', deviation({ mosquitto: 'serves every path' }), async (t) => {
  await assert.rejects(house.open(t, 5, { ...house.broker.webSocketTarget, webSocketPath: '/other' }));
});

testVersions(
  all,
  '[MQTT-6.0.0-1] [MQTT311-6.0.0-1] a text frame closes the connection',
  deviation({ mosquitto: 'ignores it' }),
  async (t, version) => {
    const client = await house.open(t, version, house.broker.webSocketTarget);
    await client.connect({ clientId: unique('ws') });
    client.transport.webSocket!.send('text');
    await client.whenClosed;
  },
);

testVersions(all, '[MQTT-6.0.0-1] [MQTT311-6.0.0-1] the broker sends binary frames only', {}, async (t, version) => {
  const client = await house.open(t, version, house.broker.webSocketTarget);
  const kinds: boolean[] = [];
  client.transport.webSocket!.on('message', (_data, isBinary) => kinds.push(isBinary));
  await client.connect({ clientId: unique('ws') });
  await client.expectNothing();
  assert.deepEqual(kinds, [true, true]);
});

testVersions(all, '[MQTT-6.0.0-2] [MQTT311-6.0.0-2] packets may be spread over frames and share frames', {}, async (t, version) => {
  const client = await house.open(t, version, house.broker.webSocketTarget);
  const topic = unique('ws');
  const bytes = Buffer.concat([
    connectBytes(version, { clientId: unique('ws') }),
    subscribeBytes(version, 1, [{ filter: topic, qos: 0 }]),
    publishBytes(version, { topic, payload: 'x'.repeat(300) }),
  ]);
  for (const byte of bytes) client.send(Buffer.of(byte));
  await client.expect('connack');
  await client.expect('suback');
  assert.equal((await client.receive()).payload.length, 300);
  // Several packets in a frame, and a frame that ends inside a packet.
  const more = Buffer.concat([pingreqBytes(), publishBytes(version, { topic, payload: 'y' }), pingreqBytes()]);
  client.send(more.subarray(0, 6));
  client.send(more.subarray(6));
  const types = [];
  for (let i = 0; i < 3; i += 1) types.push((await client.next()).type);
  assert.deepEqual(types.toSorted(), ['pingresp', 'pingresp', 'publish']);
  // One packet as a message of several WebSocket fragments, with an empty one.
  const webSocket = client.transport.webSocket!;
  webSocket.send(more.subarray(0, 1), { fin: false, binary: true });
  webSocket.send(Buffer.alloc(0), { fin: false, binary: true });
  webSocket.send(more.subarray(1, 2), { fin: true, binary: true });
  await client.expect('pingresp');
});

testVersions(all, 'a WebSocket client that closes orderly without DISCONNECT has its will published', {}, async (t, version) => {
  const topic = unique('ws');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const client = await house.open(t, version, house.broker.webSocketTarget);
  await client.connect({ clientId: unique('ws'), will: { topic, payload: 'gone', qos: 1 } });
  client.transport.end();
  assert.equal((await watcher.receive()).payload.toString(), 'gone');
});

test('WebSocket and TCP clients share sessions and messages', {}, async (t) => {
  const options = { clientId: unique('ws'), clean: false, properties: { sessionExpiryInterval: 60 } };
  const topic = unique('ws');
  const first = await house.open(t, 5, house.broker.webSocketTarget);
  await first.connect(options);
  await first.subscribe({ filter: topic, qos: 1 });
  await first.cut();
  const publisher = await house.client(t);
  await publisher.publish({ topic, payload: 'x', qos: 1 });
  const second = await house.open(t);
  assert.equal((await second.connect(options)).sessionPresent, true);
  assert.equal((await second.receive()).payload.toString(), 'x');
});

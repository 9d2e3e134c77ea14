import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBytes, pingreqBytes, publishBytes, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Sections 3.1.2.10, 3.1.4 (time for CONNECT), 3.2.2.3.14 and 3.12.

const house = useBroker();
const strict = useBroker({ wrenmq: { session: { serverKeepAlive: '2s' } } });
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-3.1.2-22] [MQTT-3.2.2-22] [MQTT311-3.1.2-24] a silent client is disconnected after one and a half times its Keep Alive',
  {},
  async (t, version) => {
    const client = await house.client(t, version, { keepAlive: 2 });
    await house.passTime(2500);
    await client.expectNothing();
    // The PINGREQ above was a sign of life.
    await house.passTime(2500);
    client.send(publishBytes(version, { topic: unique('alive') }));
    await house.passTime(2500);
    assert.equal(client.isClosed, false);
    await house.passTime(1600);
    await expectRefusal(client, 0x8d);
  },
);

testVersions(all, 'Keep Alive 0 means no limit', deviation({ mosquitto: 'an hour cannot be waited for' }), async (t, version) => {
  const client = await house.client(t, version, { keepAlive: 0 });
  await house.passTime(100 * 3600 * 1000);
  await client.expectNothing();
});

testVersions(
  all,
  '[MQTT-3.1.2-20] [MQTT311-3.1.2-23] a client that sends PINGREQ stays, though it says nothing else',
  {},
  async (t, version) => {
    const client = await house.client(t, version, { keepAlive: 1 });
    for (let i = 0; i < 4; i += 1) {
      await house.passTime(1000);
      await client.expectNothing();
    }
  },
);

testVersions(all, 'what the broker sends is no sign of life of the client', deviation({ mosquitto: 'counts it' }), async (t, version) => {
  const topic = unique('deaf');
  const client = await house.client(t, version, { keepAlive: 2 });
  await client.subscribe({ filter: topic, qos: 0 });
  const publisher = await house.client(t, version);
  for (let i = 0; i < 4; i += 1) {
    publisher.send(publishBytes(version, { topic }));
    await publisher.expectNothing();
    await house.passTime(750);
  }
  // The broker looks at its connections about once a second.
  await house.passTime(1100);
  while (!client.isClosed) {
    const packet = await client.next().catch(() => null);
    if (packet === null) break;
    if (packet.type === 'disconnect') assert.equal(packet.reasonCode, 0x8d);
  }
  await client.whenClosed;
});

test(
  '[MQTT-3.1.2-21] [MQTT-3.2.2-21] a Server Keep Alive is announced and holds',
  deviation({ mosquitto: 'allows no less than 10 s' }),
  async (t) => {
    const client = await strict.open(t);
    const { properties } = await client.connect({ clientId: unique('server'), keepAlive: 600 });
    assert.equal(properties.serverKeepAlive, 2);
    await strict.passTime(2000);
    await client.expectNothing();
    await strict.passTime(4200);
    await expectRefusal(client, 0x8d);
  },
);

test('a connection that does not send CONNECT is closed', deviation({ mosquitto: 'takes much longer' }), async (t) => {
  const silent = await house.open(t);
  const slow = await house.open(t);
  slow.send(connectBytes(5, { clientId: unique('slow') }).subarray(0, 5));
  // Both are accepted before the time runs: one that connected after them is served.
  await house.client(t);
  await house.passTime(10_500);
  await silent.expectClose();
  await slow.expectClose();
});

testVersions(all, '[MQTT-3.12.4-1] [MQTT311-3.12.4-1] PINGREQ is answered by PINGRESP, each by one', {}, async (t, version) => {
  const client = await house.client(t, version);
  client.send(pingreqBytes(), pingreqBytes(), pingreqBytes());
  for (let i = 0; i < 3; i += 1) assert.deepEqual((await client.expect('pingresp')).raw, Buffer.from('d000', 'hex'));
  await client.expectNothing();
});

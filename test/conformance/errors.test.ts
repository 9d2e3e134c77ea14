import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, publishBytes, seededRandom, subscribeBytes, utf8, type ProtocolVersion } from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Section 4.13 (4.8 of MQTT 3.1.1), and how the connection of a client that broke the rules ends.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];

testVersions(
  all,
  '[MQTT-4.13.1-1] [MQTT-4.13.2-1] [MQTT311-4.8.0-1] a violation closes the connection that it came on, and no other',
  {},
  async (t, version) => {
    const others = await Promise.all(all.map((each) => house.client(t, each)));
    const client = await house.client(t, version);
    client.send(frame(0x30));
    await expectRefusal(client, 0x81);
    for (const other of others) await other.expectNothing();
  },
);

testVersions(
  all,
  'what came before the violation is done and answered, what comes after it is not',
  deviation({ mosquitto: 'drops answers that are not written yet' }),
  async (t, version) => {
    const topic = unique('before');
    const watcher = await house.client(t, version);
    await watcher.subscribe({ filter: topic, qos: 1 });
    const client = await house.client(t, version);
    client.send(
      publishBytes(version, { topic, payload: 'before', qos: 1, packetId: 1 }),
      subscribeBytes(version, 2, [{ filter: unique('x') }]),
      frame(0x30),
      publishBytes(version, { topic, payload: 'after', qos: 1, packetId: 3 }),
    );
    assert.equal((await watcher.receive()).payload.toString(), 'before');
    await watcher.expectNothing();
    const types = [];
    for (;;) {
      const packet = await client.next().catch(() => null);
      if (packet === null) break;
      types.push(packet.type);
    }
    assert.ok(types.includes('puback') && types.includes('suback'), types.join());
    await client.whenClosed;
  },
);

test('a DISCONNECT for a violation has a Reason String unless the client wants none', deviation({ mosquitto: 'sends none' }), async (t) => {
  const told = await house.client(t);
  told.send(frame(0x30));
  assert.ok((await told.expect('disconnect')).properties.reasonString);
});

testVersions(all, 'a client that is cut off inside a packet leaves nothing behind', {}, async (t, version) => {
  const topic = unique('half');
  const watcher = await house.client(t, version);
  await watcher.subscribe({ filter: topic, qos: 1 });
  const whole = publishBytes(version, { topic, payload: 'x'.repeat(100), qos: 1, packetId: 1 });
  for (let length = 1; length < whole.length; length += 7) {
    const client = await house.client(t, version);
    client.send(whole.subarray(0, length));
    await client.cut();
  }
  await house.passTime(0);
  await watcher.expectNothing();
});

testVersions(all, 'random bytes in place of packets never harm another client', {}, async (t, version) => {
  const witness = await house.client(t, version);
  const random = seededRandom(version);
  for (let round = 0; round < 100; round += 1) {
    const client = await house.client(t, version);
    const bytes = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 256)));
    client.send(bytes);
    client.transport.end();
  }
  await house.passTime(0);
  await witness.expectNothing();
});

testVersions(
  all,
  'the reason of a refusal comes before the end, also when more bytes are on their way',
  deviation({ mosquitto: 'sends none' }),
  async (t, version) => {
    const client = await house.client(t, version);
    const payload = 'x'.repeat(50_000);
    client.send(frame(0x30), ...Array.from({ length: 20 }, () => publishBytes(version, { topic: 'a', payload })));
    await expectRefusal(client, 0x81);
  },
);

testVersions(
  all,
  '[MQTT-3.2.2-8] a CONNECT whose properties or fields are wrong never gets a CONNACK that accepts',
  {},
  async (_t, version) => {
    const name = utf8(version === 3 ? 'MQIsdp' : 'MQTT');
    for (const tail of ['', '02', '0200', '020000', '020000ff', '02000000', '0200000001', '020000000001']) {
      const received = await house.exchange(frame(0x10, name, Buffer.of(version), Buffer.from(tail, 'hex')));
      assert.ok(received.length === 0 || (received[0] === 0x20 && received[3] !== 0), `${tail}: ${received.toString('hex')}`);
    }
  },
);

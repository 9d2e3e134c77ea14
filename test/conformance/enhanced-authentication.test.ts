import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { authBytes, connectBytes, publishBytes, type Properties, type WireClient } from '@wrenmq/testkit';
import { passwordHash, scramCredential, ScramClient } from './credentials.ts';
import { deviation, expectRefusal, unique, useBroker } from './conformance.ts';

// Sections 3.15 and 4.12.

const ours = deviation({ mosquitto: 'has no method of its own' });
const house = useBroker({
  wrenmq: {
    authentication: {
      anonymous: 'never',
      users: {
        alice: { scram: scramCredential('secret') },
        bob: { scram: scramCredential('other') },
        plain: { passwordHash: passwordHash('plain') },
      },
    },
  },
});
const authenticationMethod = 'SCRAM-SHA-256';

/** Sends CONNECT with a first message and returns the AUTH that comes back. */
async function begin(client: WireClient, scram: ScramClient, properties: Properties = {}): Promise<Buffer> {
  const connect = { authenticationMethod, authenticationData: scram.first(), ...properties };
  client.send(connectBytes(5, { clientId: unique('scram'), properties: connect }));
  const auth = await client.expect('auth');
  assert.equal(auth.reasonCode, 0x18);
  assert.equal(auth.properties.authenticationMethod, authenticationMethod);
  return auth.properties.authenticationData!;
}

function answer(client: WireClient, authenticationData: Buffer, reasonCode = 0x18, method = authenticationMethod): void {
  client.send(authBytes(reasonCode, { authenticationMethod: method, authenticationData }));
}

async function connected(t: TestContext): Promise<WireClient> {
  const client = await house.open(t);
  const scram = new ScramClient('alice', 'secret');
  answer(client, scram.final(await begin(client, scram)));
  assert.equal((await client.expect('connack')).reasonCode, 0);
  return client;
}

test(
  '[MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5] [MQTT-3.15.2-1] [MQTT-3.2.0-1] an exchange of AUTH packets ends in a CONNACK that names the method',
  ours,
  async (t) => {
    const client = await house.open(t);
    const scram = new ScramClient('alice', 'secret');
    answer(client, scram.final(await begin(client, scram)));
    const connack = await client.expect('connack');
    assert.equal(connack.reasonCode, 0);
    assert.equal(connack.properties.authenticationMethod, authenticationMethod);
    assert.ok(scram.isServer(connack.properties.authenticationData));
    await client.expectNothing();
  },
);

test('[MQTT-4.12.0-4] [MQTT-4.13.2-1] a failed exchange is refused and closed', ours, async (t) => {
  for (const [user, password] of [
    ['alice', 'wrong'],
    ['nobody', 'secret'],
    ['plain', 'plain'],
  ] as const) {
    const client = await house.open(t);
    const scram = new ScramClient(user, password);
    answer(client, scram.final(await begin(client, scram)));
    const connack = await client.expect('connack');
    assert.ok([0x86, 0x87].includes(connack.reasonCode));
    await client.expectClose();
  }
});

test('[MQTT-4.12.0-1] an unknown Authentication Method is refused with 0x8C', {}, async () => {
  const received = await house.exchange(connectBytes(5, { clientId: unique('method'), properties: { authenticationMethod: 'NO-SUCH' } }));
  assert.deepEqual([...received.subarray(0, 1), ...received.subarray(2, 4)], [0x20, 0, 0x8c]);
});

test('[MQTT-3.1.2-30] a packet other than AUTH or DISCONNECT before CONNACK is refused', ours, async (t) => {
  const client = await house.open(t);
  await begin(client, new ScramClient('alice', 'secret'));
  client.send(publishBytes(5, { topic: 'a' }));
  const packet = await client.next().catch(() => null);
  if (packet !== null) {
    assert.equal(packet.type, 'connack');
    assert.ok(packet.type === 'connack' && packet.reasonCode >= 0x80);
  }
  await client.expectClose();
});

test('[MQTT-4.12.0-5] an AUTH with another method is refused', ours, async (t) => {
  const client = await house.open(t);
  const scram = new ScramClient('alice', 'secret');
  answer(client, scram.final(await begin(client, scram)), 0x18, 'OTHER');
  const connack = await client.expect('connack');
  assert.ok([0x82, 0x8c, 0x87].includes(connack.reasonCode));
  await client.expectClose();
});

test('[MQTT-4.12.0-6] without a method there is no AUTH and no method in CONNACK', ours, async (t) => {
  const client = await house.open(t);
  const connack = await client.connect({ clientId: unique('plain'), userName: 'plain', password: 'plain' });
  assert.equal(connack.properties.authenticationMethod, undefined);
});

test('[MQTT-4.12.0-7] an AUTH of a client without a method is a Protocol Error', ours, async (t) => {
  const client = await house.client(t, 5, { userName: 'plain', password: 'plain' });
  client.send(authBytes(0x19, { authenticationMethod }));
  await expectRefusal(client, 0x82);
});

test('[MQTT-4.12.1-1] a client may authenticate again, and other packets go on meanwhile', ours, async (t) => {
  const client = await connected(t);
  const scram = new ScramClient('alice', 'secret');
  answer(client, scram.first(), 0x19);
  const auth = await client.expect('auth');
  assert.equal(auth.reasonCode, 0x18);
  await client.expectNothing();
  answer(client, scram.final(auth.properties.authenticationData!));
  const done = await client.expect('auth');
  assert.deepEqual([done.reasonCode, done.properties.authenticationMethod], [0x00, authenticationMethod]);
  assert.ok(scram.isServer(done.properties.authenticationData));
  await client.expectNothing();
});

test('[MQTT-4.12.1-2] a failed re-authentication says why and closes', ours, async (t) => {
  const client = await connected(t);
  const scram = new ScramClient('alice', 'wrong');
  answer(client, scram.first(), 0x19);
  answer(client, scram.final((await client.expect('auth')).properties.authenticationData!));
  await expectRefusal(client, 0x87, 0x8c);
});

test('[MQTT-4.12.1-1] re-authentication with another method is refused', ours, async (t) => {
  const client = await connected(t);
  answer(client, Buffer.from('x'), 0x19, 'OTHER');
  await expectRefusal(client, 0x82, 0x8c);
});

test('[MQTT-3.15.2-1] an AUTH that nobody waits for, or with a code that is not its own, is refused', ours, async (t) => {
  for (const reasonCode of [0x18, 0x00, 0x87]) {
    const client = await connected(t);
    answer(client, Buffer.from('x'), reasonCode);
    await expectRefusal(client, 0x82, 0x81);
  }
});

test('re-authentication as somebody else is refused', ours, async (t) => {
  const client = await connected(t);
  const scram = new ScramClient('bob', 'other');
  answer(client, scram.first(), 0x19);
  const first = await client.next();
  if (first.type === 'auth') {
    answer(client, scram.final(first.properties.authenticationData!));
    await expectRefusal(client, 0x87, 0x82, 0x8c);
  } else assert.equal(first.type, 'disconnect');
});

test('[MQTT-3.15.2-2] [MQTT-3.15.2-3] AUTH keeps to the Maximum Packet Size of the client, or the connection ends', ours, async (t) => {
  const client = await house.open(t);
  const scram = new ScramClient('alice', 'secret');
  client.send(
    connectBytes(5, {
      clientId: unique('tiny'),
      properties: { authenticationMethod, authenticationData: scram.first(), maximumPacketSize: 40 },
    }),
  );
  const packet = await client.next().catch(() => null);
  if (packet !== null) assert.ok(packet.raw.length <= 40, `${packet.type} has ${packet.raw.length} bytes`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  binary,
  byte,
  connectBytes,
  disconnectBytes,
  encodeProperties,
  frame,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
  uint16,
  utf8,
  type ProtocolVersion,
} from '@wrenmq/testkit';
import { targetName } from './broker-under-test.ts';
import { deviation, expectRefusal, persistent, testVersions, unique, useBroker } from './conformance.ts';

// Section 3.1.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];
const nothing = Buffer.alloc(0);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A refused CONNECT: a CONNACK with this code in MQTT 5, nothing but the end before it. */
async function expectMalformedConnect(version: ProtocolVersion, bytes: Buffer, reasonCode = 0x81): Promise<void> {
  const answer = await house.exchange(bytes);
  if (targetName !== 'wrenmq') return;
  if (version < 5) {
    assert.deepEqual(answer, nothing, 'no CONNACK');
    return;
  }
  assert.equal(answer[0], 0x20, `a CONNACK instead of ${answer.toString('hex')}`);
  assert.equal(answer[2], 0, 'Session Present');
  assert.equal(answer[3], reasonCode);
}

testVersions(
  all,
  '[MQTT-3.1.0-1] [MQTT311-3.1.0-1] [MQTT-3.14.0-1] a first packet that is not CONNECT is not answered',
  {},
  async (_t, version) => {
    const packets = [
      pingreqBytes(),
      publishBytes(version, { topic: 'a' }),
      subscribeBytes(version, 1, [{ filter: 'a' }]),
      disconnectBytes(),
    ];
    for (const packet of packets) assert.deepEqual(await house.exchange(packet), nothing);
  },
);

testVersions(
  all,
  '[MQTT-3.1.0-2] [MQTT311-3.1.0-2] [MQTT-3.2.0-2] a second CONNECT is a Protocol Error and gets no CONNACK',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    client.send(connectBytes(version, { clientId: unique('second') }));
    await expectRefusal(client, 0x82);
  },
);

test('[MQTT-3.1.2-1] [MQTT311-3.1.2-1] a protocol name that is not MQTT is not processed', {}, async () => {
  for (const protocolName of ['mqtt', 'MQTTT', 'MQIsdpp', 'HTTP', '']) {
    for (const version of [4, 5] as const) {
      const answer = await house.exchange(connectBytes(version, { clientId: unique('name'), protocolName }));
      // Either nothing or a refusal in whichever form.
      if (answer.length > 0) assert.ok(answer[0] === 0x20 && [0x84, 0x01].includes(answer[3]), answer.toString('hex'));
    }
  }
});

test('[MQTT-3.1.2-2] [MQTT311-3.1.2-2] an unsupported protocol level is refused with a CONNACK that says so', {}, async () => {
  for (const protocolLevel of [0, 1, 2, 6, 127, 255]) {
    const answer = await house.exchange(connectBytes(4, { clientId: unique('level'), protocolLevel }));
    // In the form of MQTT 3.1.1, or of MQTT 5 for a level above it.
    const isOldForm = answer.equals(hex('20 02 00 01'));
    assert.ok(isOldForm || (protocolLevel > 5 && answer[0] === 0x20 && answer[3] === 0x84), `${protocolLevel}: ${answer.toString('hex')}`);
  }
});

testVersions([4, 5], '[MQTT-3.1.2-3] [MQTT311-3.1.2-3] the reserved Connect Flag must be 0', {}, async (_t, version) => {
  await expectMalformedConnect(version, connectBytes(version, { clientId: unique('flag'), flags: 0x03 }));
});

const wrongFlags: readonly [string, number][] = [
  ['[MQTT-3.1.2-12] [MQTT311-3.1.2-14] a Will QoS of 3', 0x1e],
  ['[MQTT-3.1.2-11] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13] a Will QoS without a will', 0x0a],
  ['[MQTT-3.1.2-13] [MQTT311-3.1.2-15] Will Retain without a will', 0x22],
];
for (const [what, flags] of wrongFlags) {
  testVersions(all, `${what} is refused`, {}, async (_t, version) => {
    const will = (flags & 0x04) === 0 ? {} : { will: { topic: 'a', payload: 'x' } };
    await expectMalformedConnect(version, connectBytes(version, { clientId: unique('flag'), flags, ...will }));
  });
}

testVersions([4], '[MQTT311-3.1.2-22] a password without a user name is refused', {}, async (_t, version) => {
  await expectMalformedConnect(version, connectBytes(version, { clientId: unique('flag'), password: 'secret' }));
});

test('a password without a user name is allowed in MQTT 5', {}, async (t) => {
  await house.client(t, 5, { password: 'token' });
});

testVersions(
  all,
  '[MQTT-3.1.2-9] [MQTT-3.1.2-17] [MQTT-3.1.2-19] [MQTT311-3.1.2-9] [MQTT311-3.1.2-19] [MQTT311-3.1.2-21] flags that announce what is not there are refused',
  deviation({ mosquitto: 'takes a missing user name in 3.1 and answers nothing in 5' }),
  async (_t, version) => {
    // MQTT 3.1 let the user name and the password be missing at the end.
    const flags = version === 3 ? [0x06] : [0x06, 0x82, 0xc2];
    for (const flag of flags) await expectMalformedConnect(version, connectBytes(version, { clientId: unique('missing'), flags: flag }));
  },
);

testVersions(
  all,
  '[MQTT-3.1.2-16] [MQTT-3.1.2-18] [MQTT311-3.1.2-18] [MQTT311-3.1.2-20] [MQTT-3.1.4-1] [MQTT311-3.1.4-1] fields that no flag announces are refused',
  deviation({ mosquitto: 'ignores them' }),
  async (_t, version) => {
    await expectMalformedConnect(version, connectBytes(version, { clientId: unique('more'), userName: 'u', flags: 0x02 }));
    await expectMalformedConnect(version, connectBytes(version, { clientId: unique('more'), userName: 'u', password: 'p', flags: 0x82 }));
  },
);

testVersions(
  all,
  '[MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT311-3.1.3-1] [MQTT311-3.1.3-3] [MQTT311-3.2.2-6] a CONNECT that is cut off anywhere is refused',
  {},
  async (_t, version) => {
    const whole = connectBytes(version, { clientId: unique('cut'), will: { topic: 'a', payload: 'x' }, userName: 'user' });
    const body = whole.subarray(2);
    // What is left must still be a CONNECT of a known version; after that, each end is tried.
    const start = version === 3 ? 9 : 7;
    // MQTT 3.1 lets the user name be missing.
    const end = version === 3 ? body.length - 6 : body.length;
    for (let length = start; length < end; length += 1) await expectMalformedConnect(version, frame(0x10, body.subarray(0, length)));
  },
);

testVersions(
  all,
  '[MQTT-3.1.3-4] [MQTT311-3.1.3-4] a Client Identifier that is ill-formed UTF-8 is refused',
  deviation({ mosquitto: 'answers 0x85 or 0x02' }),
  async (_t, version) => {
    await expectMalformedConnect(version, connectBytes(version, { clientId: hex('61 c3 28') }));
    await expectMalformedConnect(version, connectBytes(version, { clientId: hex('61 00 62') }));
  },
);

testVersions(
  all,
  '[MQTT-3.1.3-11] [MQTT-3.1.3-12] [MQTT311-3.1.3-10] [MQTT311-3.1.3-11] a Will Topic or User Name that is ill-formed UTF-8 is refused',
  {},
  async (_t, version) => {
    await expectMalformedConnect(version, connectBytes(version, { clientId: unique('utf8'), userName: hex('61 c3 28') }));
    const properties = version === 5 ? encodeProperties() : nothing;
    const name = version === 3 ? 'MQIsdp' : 'MQTT';
    const head = [utf8(name), byte(version), byte(0x06), uint16(0), properties, utf8(unique('utf8'))];
    await expectMalformedConnect(version, frame(0x10, ...head, properties, utf8(hex('61 c3 28')), binary(nothing)));
  },
);

testVersions(all, 'a will whose topic has wildcards or is empty is refused', {}, async (_t, version) => {
  for (const topic of ['a/+', '#', '']) {
    const answer = await house.exchange(connectBytes(version, { clientId: unique('will'), will: { topic, payload: 'x' } }));
    if (version < 5 || answer.length === 0) assert.deepEqual([version < 5 || targetName !== 'wrenmq', answer], [true, nothing]);
    else assert.ok(answer[0] === 0x20 && [0x81, 0x82, 0x90].includes(answer[3]), answer.toString('hex'));
  }
});

test('CONNECT properties with values that are not allowed are Protocol Errors', {}, async () => {
  const properties = ['21 0000', '27 00000000', '17 02', '19 02', '16 0001 61', '11 00000001 11 00000001', '21 0001 21 0001'];
  for (const property of properties)
    await expectMalformedConnect(5, connectBytes(5, { clientId: unique('value'), properties: hex(property) }), 0x82);
});

test('properties that CONNECT does not have are malformed', {}, async () => {
  for (const property of ['01 01', '23 0001', '7f', '12 0001 61']) {
    await expectMalformedConnect(5, connectBytes(5, { clientId: unique('value'), properties: hex(property) }), 0x81);
  }
});

testVersions(
  all,
  '[MQTT-3.1.3-5] [MQTT311-3.1.3-5] Client Identifiers of 1 to 23 letters and digits are allowed',
  {},
  async (t, version) => {
    for (const clientId of ['0', '0123456789abcdefghijklm', 'nopqrstuvwxyzABCDEFGHIJ', 'KLMNOPQRSTUVWXYZ'])
      await house.client(t, version, { clientId });
  },
);

testVersions([4, 5], 'Client Identifiers may have 65,535 bytes of any characters', {}, async (t, version) => {
  const clientId = '/+#é€𝄞'.repeat(2000).padEnd(40_000, 'x');
  const padded = clientId + 'y'.repeat(65_535 - Buffer.byteLength(clientId));
  const first = await house.client(t, version, persistent(version, { clientId: padded }));
  first.send(disconnectBytes());
  await first.expectClose();
  const second = await house.open(t, version);
  assert.equal((await second.connect(persistent(version, { clientId: padded }))).sessionPresent, true);
});

test(
  '[MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.2.2-16] an empty Client Identifier is replaced by one that is returned and works',
  {},
  async (t) => {
    const assigned = new Set<string>();
    for (const clean of [true, false]) {
      const client = await house.open(t);
      const connack = await client.connect({ clientId: '', clean, properties: { sessionExpiryInterval: 60 } });
      assert.equal(connack.sessionPresent, false);
      assert.ok(connack.properties.assignedClientIdentifier);
      assigned.add(connack.properties.assignedClientIdentifier);
      const again = await house.open(t);
      const resumed = await again.connect({ clientId: connack.properties.assignedClientIdentifier, clean: false });
      assert.equal(resumed.sessionPresent, true);
      await expectRefusal(client, 0x8e);
    }
    assert.equal(assigned.size, 2);
  },
);

test('[MQTT311-3.1.3-6] an empty Client Identifier is accepted with Clean Session 1', {}, async (t) => {
  const [one, two] = [await house.open(t, 4), await house.open(t, 4)];
  await one.connect({ clientId: '' });
  await two.connect({ clientId: '' });
  await one.expectNothing();
});

test(
  '[MQTT311-3.1.3-7] [MQTT311-3.1.3-8] [MQTT311-3.1.3-9] [MQTT311-3.2.2-4] [MQTT311-3.2.2-5] an empty Client Identifier with Clean Session 0 gets 0x02',
  {},
  async () => {
    assert.deepEqual(await house.exchange(connectBytes(4, { clientId: '', clean: false })), hex('20 02 00 02'));
  },
);

test('an empty Client Identifier is refused in MQTT 3.1', {}, async () => {
  for (const clean of [true, false]) assert.deepEqual(await house.exchange(connectBytes(3, { clientId: '', clean })), hex('20 02 00 02'));
});

testVersions(
  all,
  '[MQTT-3.1.4-3] [MQTT311-3.1.4-2] [MQTT-3.14.4-2] a client that connects twice loses its first connection with 0x8E',
  {},
  async (t, version) => {
    const clientId = unique('twice');
    const first = await house.client(t, version, { clientId });
    const second = await house.client(t, version, { clientId });
    await expectRefusal(first, 0x8e);
    await second.expectNothing();
  },
);

testVersions(all, 'a take-over works between all versions and leaves only one connection alive', {}, async (t, version) => {
  const clientId = unique('race');
  const contenders = await Promise.all(Array.from({ length: 20 }, (_, i) => house.open(t, all[(i + version) % 3])));
  for (const contender of contenders) contender.send(connectBytes(contender.version, { clientId }));
  for (const contender of contenders) assert.equal((await contender.expect('connack')).reasonCode, 0);
  const last = await house.client(t, version, { clientId });
  for (const contender of contenders) await contender.whenClosed;
  await last.expectNothing();
});

testVersions(
  all,
  '[MQTT-3.1.4-5] [MQTT311-3.1.4-4] packets that are sent before CONNACK came are processed after it',
  {},
  async (t, version) => {
    const client = await house.open(t, version);
    const topic = unique('eager');
    client.send(
      connectBytes(version, { clientId: unique('eager') }),
      subscribeBytes(version, 1, [{ filter: topic }]),
      publishBytes(version, { topic, payload: 'x' }),
      pingreqBytes(),
    );
    assert.equal((await client.expect('connack')).reasonCode, 0);
    await client.expect('suback');
    const rest = [(await client.next()).type, (await client.next()).type];
    assert.deepEqual(rest.toSorted(), ['pingresp', 'publish']);
  },
);

testVersions(all, '[MQTT-3.1.4-6] [MQTT311-3.1.4-5] what follows a rejected CONNECT is not processed', {}, async (t, version) => {
  const topic = unique('rejected');
  const watcher = await house.client(t, version);
  await watcher.subscribe(topic);
  await house.exchange(
    Buffer.concat([connectBytes(version, { clientId: unique('bad'), protocolLevel: 9 }), publishBytes(version, { topic, payload: 'x' })]),
  );
  await house.exchange(
    Buffer.concat([connectBytes(version, { clientId: unique('bad'), flags: 0x1e }), publishBytes(version, { topic, payload: 'x' })]),
  );
  await watcher.expectNothing();
});

test('[MQTT-3.1.2-28] no Response Information is returned to a client that does not ask', {}, async (t) => {
  for (const properties of [{}, { requestResponseInformation: 0 }]) {
    const client = await house.open(t);
    const connack = await client.connect({ clientId: unique('info'), properties });
    assert.equal(connack.properties.responseInformation, undefined);
  }
});

test('[MQTT-3.1.2-29] Request Problem Information 0 keeps Reason Strings off acknowledgements', {}, async (t) => {
  const client = await house.client(t, 5, { properties: { requestProblemInformation: 0 } });
  const acknowledgements = [];
  client.send(publishBytes(5, { topic: unique('nobody'), qos: 1, packetId: 1 }));
  acknowledgements.push(await client.expect('puback'));
  client.send(subscribeBytes(5, 2, [{ filter: 'a/#/b' }]));
  const answer = await client.next();
  if (answer.type === 'suback') acknowledgements.push(answer);
  for (const { properties } of acknowledgements) assert.deepEqual(properties, {});
});

test('a CONNECT with every property is accepted', {}, async (t) => {
  const client = await house.client(t, 5, {
    userName: 'user',
    will: {
      topic: unique('will'),
      payload: 'gone',
      qos: 1,
      properties: {
        willDelayInterval: 5,
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: 'text/plain',
        responseTopic: 'answer',
        correlationData: Buffer.from('c'),
        userProperties: [['k', 'v']],
      },
    },
    properties: {
      sessionExpiryInterval: 60,
      receiveMaximum: 10,
      maximumPacketSize: 1000,
      topicAliasMaximum: 5,
      requestResponseInformation: 1,
      requestProblemInformation: 1,
      userProperties: [
        ['k', 'v'],
        ['k', 'w'],
      ],
    },
  });
  await client.expectNothing();
  client.send(disconnectBytes());
  await client.expectClose();
});

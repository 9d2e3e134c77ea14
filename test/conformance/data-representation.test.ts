import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  acknowledgementBytes,
  authBytes,
  byte,
  connectBytes,
  disconnectBytes,
  frame,
  pingreqBytes,
  publishBytes,
  subscribeBytes,
  uint16,
  unsubscribeBytes,
  utf8,
  type ProtocolVersion,
} from '@wrenmq/testkit';
import { deviation, expectRefusal, testVersions, unique, useBroker } from './conformance.ts';

// Sections 1.5 and 2: what every packet has in common.

const house = useBroker();
const all: readonly ProtocolVersion[] = [3, 4, 5];
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const illFormed: readonly [string, Buffer][] = [
  ['a continuation byte that is none', hex('61 c3 28')],
  ['a surrogate', hex('61 ed a0 80')],
  ['an overlong encoding', hex('61 c0 af')],
  ['a sequence that is cut off', hex('61 e2 82')],
  ['a code point beyond U+10FFFF', hex('61 f4 90 80 80')],
  ['a byte that never occurs', hex('61 ff')],
];
const withNull = hex('61 00 62');

for (const [what, text] of illFormed) {
  testVersions(
    all,
    `[MQTT-1.5.4-1] [MQTT311-1.5.3-1] [MQTT-3.3.2-1] [MQTT311-3.3.2-1] a Topic Name with ${what} closes the connection`,
    {},
    async (t, version) => {
      const client = await house.client(t, version);
      client.send(publishBytes(version, { topic: text }));
      await expectRefusal(client, 0x81);
    },
  );
}

testVersions(
  all,
  '[MQTT-3.8.3-1] [MQTT311-3.8.3-1] an ill-formed Topic Filter in SUBSCRIBE closes the connection',
  {},
  async (t, version) => {
    for (const [, filter] of illFormed) {
      const client = await house.client(t, version);
      client.send(subscribeBytes(version, 1, [{ filter }]));
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.10.3-1] [MQTT311-3.10.3-1] an ill-formed Topic Filter in UNSUBSCRIBE closes the connection',
  {},
  async (t, version) => {
    for (const [, filter] of illFormed) {
      const client = await house.client(t, version);
      client.send(unsubscribeBytes(version, 1, [filter]));
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(
  all,
  '[MQTT-1.5.4-2] [MQTT311-1.5.3-2] [MQTT-4.7.3-2] [MQTT311-4.7.3-2] U+0000 in a topic closes the connection',
  {},
  async (t, version) => {
    const packets = [
      publishBytes(version, { topic: withNull }),
      subscribeBytes(version, 1, [{ filter: withNull }]),
      unsubscribeBytes(version, 1, [withNull]),
    ];
    for (const packet of packets) {
      const client = await house.client(t, version);
      client.send(packet);
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(all, '[MQTT-1.5.4-3] [MQTT311-1.5.3-3] a zero width no-break space is kept as it is', {}, async (t, version) => {
  const client = await house.client(t, version);
  const topic = unique('bom');
  await client.subscribe([{ filter: topic }, { filter: `\uFEFF${topic}` }]);
  client.send(publishBytes(version, { topic: `\uFEFF${topic}`, payload: 'x' }));
  assert.equal((await client.receive()).topic, `\uFEFF${topic}`);
  await client.expectNothing();
});

test('[MQTT-1.5.5-1] a Property Length that is longer than it must be is malformed', deviation({ mosquitto: 'accepts it' }), async (t) => {
  const client = await house.client(t);
  client.send(frame(0x30, utf8('a'), hex('80 00')));
  await expectRefusal(client, 0x81);
});

testVersions(all, 'a Remaining Length of more than four bytes closes the connection', {}, async (t, version) => {
  const client = await house.client(t, version);
  client.send(hex('30 ff ff ff ff 01'));
  await expectRefusal(client, 0x81);
});

test('[MQTT-1.5.7-1] both strings of a User Property are checked', {}, async (t) => {
  for (const [, text] of illFormed) {
    for (const pair of [Buffer.concat([utf8(text), utf8('v')]), Buffer.concat([utf8('k'), utf8(text)])]) {
      const client = await house.client(t);
      client.send(publishBytes(5, { topic: 'a', properties: Buffer.concat([byte(0x26), pair]) }));
      await expectRefusal(client, 0x81);
    }
  }
});

test('[MQTT-3.3.2-13] [MQTT-3.3.2-19] an ill-formed Response Topic or Content Type is malformed', {}, async (t) => {
  for (const id of [0x08, 0x03]) {
    const client = await house.client(t);
    client.send(publishBytes(5, { topic: 'a', properties: Buffer.concat([byte(id), utf8(hex('61 c3 28'))]) }));
    await expectRefusal(client, 0x81);
  }
});

const wrongFlags: readonly [string, (version: ProtocolVersion) => Buffer, number][] = [
  ['PUBACK', () => acknowledgementBytes('puback', 1), 0x41],
  ['PUBREC', () => acknowledgementBytes('pubrec', 1), 0x51],
  ['PUBCOMP', () => acknowledgementBytes('pubcomp', 1), 0x71],
  ['PINGREQ', () => pingreqBytes(), 0xc1],
];

for (const [name, packet, first] of wrongFlags) {
  testVersions(
    all,
    `[MQTT-2.1.3-1] [MQTT311-2.2.2-1] [MQTT311-2.2.2-2] ${name} with reserved flags set closes the connection`,
    deviation({ mosquitto: 'ignores the flags' }),
    async (t, version) => {
      const client = await house.client(t, version);
      const bytes = Buffer.from(packet(version));
      bytes[0] = first;
      client.send(bytes);
      await expectRefusal(client, 0x81);
    },
  );
}

testVersions(
  all,
  '[MQTT-3.6.1-1] [MQTT311-3.6.1-1] PUBREL with flags other than 0010 closes the connection',
  deviation({ mosquitto: 'ignores them in 3.1' }),
  async (t, version) => {
    // MQTT 3.1 had a DUP flag there, and in SUBSCRIBE and UNSUBSCRIBE.
    for (const first of version === 3 ? [0x60, 0x64, 0x66] : [0x60, 0x63, 0x66, 0x6a]) {
      const client = await house.client(t, version);
      client.send(frame(first, uint16(1)));
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.8.1-1] [MQTT311-3.8.1-1] SUBSCRIBE with flags other than 0010 closes the connection',
  deviation({ mosquitto: 'ignores them in 3.1' }),
  async (t, version) => {
    for (const first of version === 3 ? [0x80, 0x84, 0x86] : [0x80, 0x83, 0x86, 0x8a]) {
      const client = await house.client(t, version);
      const bytes = subscribeBytes(version, 1, [{ filter: 'a' }]);
      bytes[0] = first;
      client.send(bytes);
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.10.1-1] [MQTT311-3.10.1-1] UNSUBSCRIBE with flags other than 0010 closes the connection',
  deviation({ mosquitto: 'ignores them in 3.1' }),
  async (t, version) => {
    for (const first of version === 3 ? [0xa0, 0xa4, 0xa6] : [0xa0, 0xa3, 0xa6, 0xaa]) {
      const client = await house.client(t, version);
      const bytes = unsubscribeBytes(version, 1, ['a']);
      bytes[0] = first;
      client.send(bytes);
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(
  all,
  '[MQTT-3.14.1-1] [MQTT311-3.14.1-1] DISCONNECT with reserved bits set is answered as malformed',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    const bytes = disconnectBytes();
    bytes[0] = 0xe1;
    client.send(bytes);
    await expectRefusal(client, 0x81);
  },
);

testVersions([3], 'MQTT 3.1 allows a DUP flag on SUBSCRIBE, PUBREL and UNSUBSCRIBE', {}, async (t, version) => {
  const client = await house.client(t, version);
  const subscribe = subscribeBytes(version, 1, [{ filter: unique('dup') }]);
  subscribe[0] = 0x8a;
  client.send(subscribe);
  await client.expect('suback');
  client.send(frame(0x6a, uint16(9)));
  await client.expect('pubcomp');
  const unsubscribe = unsubscribeBytes(version, 2, [unique('dup')]);
  unsubscribe[0] = 0xaa;
  client.send(unsubscribe);
  await client.expect('unsuback');
});

test('[MQTT-3.15.1-1] AUTH with reserved flags set is malformed', {}, async (t) => {
  const client = await house.client(t);
  const bytes = authBytes(0x19, { authenticationMethod: 'x' });
  bytes[0] = 0xf1;
  client.send(bytes);
  await expectRefusal(client, 0x81);
});

testVersions(all, 'packet types that do not exist close the connection', {}, async (t, version) => {
  for (const first of version === 5 ? [0x00] : [0x00, 0xf0]) {
    const client = await house.client(t, version);
    client.send(frame(first, uint16(1)));
    await expectRefusal(client, 0x81);
  }
});

testVersions(all, 'packets that only a server sends close the connection', deviation({ mosquitto: 'ignores some' }), async (t, version) => {
  for (const packet of ['20 02 00 00', '90 03 00 01 00', 'b0 02 00 01', 'd0 00']) {
    const client = await house.client(t, version);
    client.send(hex(packet));
    await expectRefusal(client, 0x81, 0x82);
  }
});

testVersions(all, '[MQTT-2.2.1-3] [MQTT311-2.3.1-1] a Packet Identifier of 0 closes the connection', {}, async (t, version) => {
  const packets = [
    publishBytes(version, { topic: 'a', qos: 1, packetId: 0 }),
    publishBytes(version, { topic: 'a', qos: 2, packetId: 0 }),
    subscribeBytes(version, 0, [{ filter: 'a' }]),
    unsubscribeBytes(version, 0, ['a']),
  ];
  for (const packet of packets) {
    const client = await house.client(t, version);
    client.send(packet);
    // The standard gives no code of its own; both are true.
    await expectRefusal(client, 0x81, 0x82);
  }
});

testVersions(
  all,
  '[MQTT-2.2.1-2] [MQTT311-2.3.1-5] [MQTT-2.2.2-1] a QoS 0 delivery has no Packet Identifier, and no properties say so',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    const topic = unique('plain');
    await client.subscribe({ filter: topic, qos: 2 });
    client.send(publishBytes(version, { topic, payload: 'x' }));
    const { raw } = await client.receive();
    assert.deepEqual(raw, frame(0x30, utf8(topic), version === 5 ? byte(0) : Buffer.alloc(0), Buffer.from('x')));
  },
);

testVersions(
  all,
  '[MQTT-2.2.1-4] [MQTT311-2.3.1-4] [MQTT-4.3.2-1] deliveries have Packet Identifiers that are not in use',
  {},
  async (t, version) => {
    const client = await house.client(t, version);
    const topic = unique('ids');
    await client.subscribe({ filter: topic, qos: 2 });
    const publisher = await house.client(t, version);
    for (let i = 0; i < 10; i += 1) await publisher.publish({ topic, qos: i % 2 === 0 ? 1 : 2 });
    const seen = new Set<number>();
    for (let i = 0; i < 10; i += 1) seen.add((await client.expect('publish')).packetId);
    assert.equal(seen.size, 10);
  },
);

const singleProperties: readonly [string, Buffer][] = [
  ['Payload Format Indicator', hex('01 01')],
  ['Message Expiry Interval', hex('02 00000001')],
  ['Content Type', hex('03 0001 61')],
  ['Response Topic', hex('08 0001 61')],
  ['Correlation Data', hex('09 0001 61')],
  ['Topic Alias', hex('23 0001')],
];

for (const [name, property] of singleProperties) {
  test(`a PUBLISH with two ${name} properties is a Protocol Error`, {}, async (t) => {
    const client = await house.client(t);
    client.send(publishBytes(5, { topic: 'a', properties: Buffer.concat([property, property]) }));
    await expectRefusal(client, 0x82);
  });
}

test('a property that does not belong to its packet, or does not exist, is malformed', {}, async (t) => {
  for (const property of ['11 00000001', '21 0001', '7f 00', '00', '1f 0001 61', '12 0001 61']) {
    const client = await house.client(t);
    client.send(publishBytes(5, { topic: 'a', properties: hex(property) }));
    await expectRefusal(client, 0x81);
  }
});

test('a Property Length that does not fit the packet or its properties is malformed', {}, async (t) => {
  const bodies = [
    // Longer than the packet.
    Buffer.concat([utf8('a'), byte(9), hex('01 01')]),
    // Ends inside a property.
    Buffer.concat([utf8('a'), byte(3), hex('02 00 00 00 01')]),
  ];
  for (const body of bodies) {
    const client = await house.client(t);
    client.send(frame(0x30, body));
    await expectRefusal(client, 0x81);
  }
});

testVersions(
  all,
  'bytes that follow the last field of a packet close the connection',
  deviation({ mosquitto: 'ignores some' }),
  async (t, version) => {
    for (const packet of [frame(0x40, uint16(1), hex('00 00 00')), frame(0xc0, byte(0)), frame(0x62, uint16(1), hex('00 00 00'))]) {
      const client = await house.client(t, version);
      client.send(packet);
      await expectRefusal(client, 0x81);
    }
  },
);

testVersions(all, 'a packet that ends before its last field closes the connection', {}, async (t, version) => {
  const packets = [frame(0x32, utf8('a')), frame(0x30, byte(0)), frame(0x82, uint16(1).subarray(0, 1)), frame(0x40, byte(0)), frame(0x62)];
  for (const packet of packets) {
    const client = await house.client(t, version);
    client.send(packet);
    await expectRefusal(client, 0x81);
  }
});

testVersions(all, 'a packet that comes byte by byte is understood', {}, async (t, version) => {
  const client = await house.open(t, version);
  for (const part of connectBytes(version, { clientId: unique('slow') })) client.send(Buffer.of(part));
  assert.equal((await client.expect('connack')).reasonCode, 0);
  for (const part of subscribeBytes(version, 1, [{ filter: unique('slow') }])) client.send(Buffer.of(part));
  await client.expect('suback');
});

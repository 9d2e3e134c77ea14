import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { byte, connectBytes, frame, type ProtocolVersion, publishBytes, subscribeBytes, uint16, utf8 } from '@wrenmq/testkit';
import { turns } from './memory-client.ts';
import { versions } from './packets.ts';
import { FuzzHouse } from './scenario.ts';

// Faults whose reason code the standard fixes, and input that has ended other servers.

let house: FuzzHouse;

before(async () => {
  house = await FuzzHouse.open();
});

after(async () => {
  await house.checkNothingIsLeft();
  await house[Symbol.asyncDispose]();
});

interface Fault {
  readonly name: string;
  readonly code: number;
  /** Null where a version has no such packet. */
  readonly bytes: (version: ProtocolVersion) => Buffer | null;
}

const properties = (version: ProtocolVersion, ...bytes: readonly Buffer[]): Buffer =>
  version === 5 ? Buffer.concat([byte(Buffer.concat(bytes).length), ...bytes]) : Buffer.alloc(0);
const only5 = (bytes: Buffer) => (version: ProtocolVersion) => (version === 5 ? bytes : null);
const everywhere = (bytes: Buffer) => () => bytes;
const publishWith = (...list: readonly Buffer[]) => only5(publishBytes(5, { topic: 't', properties: Buffer.concat(list) }));

const faults: readonly Fault[] = [
  { name: 'a Remaining Length of five bytes', code: 0x81, bytes: everywhere(Buffer.from('30ffffffff01', 'hex')) },
  { name: 'a Remaining Length that is longer than needed', code: 0x81, bytes: everywhere(Buffer.from('c08000', 'hex')) },
  { name: 'packet type 0', code: 0x81, bytes: everywhere(Buffer.from('0000', 'hex')) },
  { name: 'packet type 15', code: 0x81, bytes: (version) => (version === 5 ? null : Buffer.from('f000', 'hex')) },
  { name: 'a PUBLISH with QoS 3', code: 0x81, bytes: (version) => frame(0x36, utf8('t'), uint16(1), properties(version)) },
  { name: 'a PUBLISH with DUP at QoS 0', code: 0x81, bytes: (version) => frame(0x38, utf8('t'), properties(version)) },
  {
    name: 'a PUBLISH with Packet Identifier 0',
    code: 0x82,
    bytes: (version) => publishBytes(version, { topic: 't', qos: 1, packetId: 0 }),
  },
  { name: 'a PUBLISH without a topic', code: 0x82, bytes: (version) => publishBytes(version, { topic: '' }) },
  { name: 'a PUBLISH to a wildcard', code: 0x90, bytes: (version) => publishBytes(version, { topic: 'a/+' }) },
  { name: 'a topic that is ill-formed UTF-8', code: 0x81, bytes: (version) => publishBytes(version, { topic: Buffer.from([0xc3, 0x28]) }) },
  { name: 'a topic with a surrogate', code: 0x81, bytes: (version) => publishBytes(version, { topic: Buffer.from([0xed, 0xa0, 0x80]) }) },
  {
    name: 'a topic over the end of its packet',
    code: 0x81,
    bytes: (version) => frame(0x30, uint16(100), Buffer.from('t'), properties(version)),
  },
  {
    name: 'a SUBSCRIBE with reserved flags',
    code: 0x81,
    bytes: (version) => Buffer.concat([byte(0x80), subscribeBytes(version, 1, [{ filter: 't' }]).subarray(1)]),
  },
  { name: 'a SUBSCRIBE without a filter', code: 0x82, bytes: (version) => subscribeBytes(version, 1, []) },
  { name: 'a SUBSCRIBE with Packet Identifier 0', code: 0x82, bytes: (version) => subscribeBytes(version, 0, [{ filter: 't' }]) },
  { name: 'a SUBSCRIBE for QoS 3', code: 0x82, bytes: (version) => subscribeBytes(version, 1, [{ filter: 't', options: 3 }]) },
  {
    name: 'a SUBSCRIBE with reserved option bits',
    code: 0x81,
    bytes: (version) => subscribeBytes(version, 1, [{ filter: 't', options: 0xc0 }]),
  },
  { name: 'No Local on a shared subscription', code: 0x82, bytes: only5(subscribeBytes(5, 1, [{ filter: '$share/g/t', noLocal: true }])) },
  { name: 'Retain Handling 3', code: 0x82, bytes: only5(subscribeBytes(5, 1, [{ filter: 't', retainHandling: 3 }])) },
  { name: 'an UNSUBSCRIBE without a filter', code: 0x82, bytes: (version) => frame(0xa2, uint16(1), properties(version)) },
  { name: 'a PUBREL with reserved flags', code: 0x81, bytes: everywhere(Buffer.from('60020001', 'hex')) },
  { name: 'a PUBACK with Packet Identifier 0', code: 0x82, bytes: everywhere(Buffer.from('40020000', 'hex')) },
  { name: 'a PUBACK of one byte', code: 0x81, bytes: everywhere(Buffer.from('400100', 'hex')) },
  { name: 'a PINGREQ with a body', code: 0x81, bytes: everywhere(Buffer.from('c00100', 'hex')) },
  { name: 'a second CONNECT', code: 0x82, bytes: (version) => connectBytes(version, { clientId: 'again' }) },
  {
    name: 'a CONNACK from a client',
    code: 0x82,
    bytes: (version) => (version === 5 ? Buffer.from('2003000000', 'hex') : Buffer.from('20020000', 'hex')),
  },
  { name: 'a SUBACK from a client', code: 0x82, bytes: (version) => frame(0x90, uint16(1), properties(version), byte(0)) },
  { name: 'an AUTH where CONNECT named no method', code: 0x82, bytes: only5(Buffer.from('f0051903150000', 'hex')) },
  { name: 'an unknown property', code: 0x81, bytes: publishWith(Buffer.from('7f00', 'hex')) },
  { name: 'a property of another packet', code: 0x81, bytes: publishWith(Buffer.from('210001', 'hex')) },
  { name: 'a property twice', code: 0x82, bytes: publishWith(Buffer.from('01000100', 'hex')) },
  { name: 'a Property Length over the end', code: 0x81, bytes: only5(frame(0x30, utf8('t'), byte(50))) },
  { name: 'a Subscription Identifier from a client', code: 0x82, bytes: publishWith(Buffer.from('0b01', 'hex')) },
  { name: 'Topic Alias 0', code: 0x94, bytes: publishWith(Buffer.from('230000', 'hex')) },
  { name: 'a Topic Alias over the maximum', code: 0x94, bytes: publishWith(Buffer.from('230004', 'hex')) },
  {
    name: 'a Topic Alias that stands for nothing',
    code: 0x82,
    bytes: only5(publishBytes(5, { topic: '', properties: { topicAlias: 1 } })),
  },
  {
    name: 'a payload that is not the UTF-8 that it claims to be',
    code: 0x99,
    bytes: only5(publishBytes(5, { topic: 't', payload: Buffer.from([0xff]), properties: { payloadFormatIndicator: 1 } })),
  },
  { name: 'a packet of 256 MiB', code: 0x95, bytes: everywhere(Buffer.from('30ffffff7f', 'hex')) },
  {
    name: 'a Session Expiry Interval in DISCONNECT where CONNECT had none',
    code: 0x82,
    bytes: only5(Buffer.from('e00700051100000001', 'hex')),
  },
];

for (const version of versions) {
  for (const { name, code, bytes } of faults) {
    const packet = bytes(version);
    if (packet === null) continue;
    test(`${name} ends the connection with 0x${code.toString(16)} (version ${version})`, async () => {
      for (const isBytewise of [false, true]) {
        const client = await house.house.connect(version);
        if (isBytewise) for (const one of packet) client.send(Buffer.of(one));
        else client.send(packet);
        await client.refused(code);
      }
      await house.checkHealth();
    });
  }
}

test('bytes that are not MQTT are not answered', async () => {
  const inputs = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'SSH-2.0-x\r\n',
    'PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n',
    '\xc0\x00',
  ];
  for (const input of inputs) {
    const client = house.house.client();
    client.send(Buffer.from(input, 'latin1'));
    await turns();
    assert.equal(client.packets.length, 0, input);
    // A ClientHello begins as a CONNECT would go on: it waits for the connect timeout.
    if (!client.link.isEnded) client.link.cut();
    await client.link.whenClosed;
  }
  await house.checkHealth();
});

test('names that mean something to JavaScript are names like others', async () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '$share/__proto__/__proto__']) {
    const client = await house.house.connect(5, { clientId: name, properties: { userProperties: [[name, name]] } });
    const topic = name.replace('$share/__proto__/', '');
    client.send(subscribeBytes(5, 1, [{ filter: name, qos: 1 }]));
    assert.deepEqual((await client.packet('suback')).reasonCodes, [1]);
    client.send(publishBytes(5, { topic, payload: name, retain: true, properties: { userProperties: [['__proto__', name]] } }));
    const message = await client.packet('publish');
    assert.deepEqual([message.topic, message.properties.userProperties], [topic, [['__proto__', name]]]);
    client.send(publishBytes(5, { topic, retain: true }));
    await client.alive();
    client.link.cut();
    await client.link.whenClosed;
  }
  await house.checkHealth();
});

test('a client that takes no packet as large as any CONNACK is told nothing, and its session is free', async () => {
  for (const clean of [true, false]) {
    const client = house.house.client(5);
    client.send(connectBytes(5, { clientId: 'tiny', clean, properties: { maximumPacketSize: 1, sessionExpiryInterval: 60 } }));
    await client.link.whenClosed;
    const again = await house.house.connect(5, { clientId: 'tiny', clean });
    await again.alive();
    again.link.cut();
    await again.link.whenClosed;
  }
  await house.checkHealth();
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodePacket } from './encode-packet.ts';
import { packetCases } from './packet-cases.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { ConnectPacket, Packet, PublishPacket } from './packet.ts';

describe('encodePacket writes', () => {
  for (const { name, version, bytes, packet, isShortest = true } of packetCases) {
    it(name, () => {
      const encoded = encodePacket(packet, version);
      if (isShortest) assert.deepEqual(encoded, bytes);
      else assert.ok(encoded.length <= bytes.length);
    });
  }

  it('lengths of two, three and four bytes in the shortest form [MQTT-1.5.5-1]', () => {
    const headerOf = (payloadBytes: number) => [...encodePacket(publish({ payload: new Uint8Array(payloadBytes) }), 4).subarray(0, 5)];
    assert.deepEqual(headerOf(127 - 3).slice(0, 2), [0x30, 0x7f]);
    assert.deepEqual(headerOf(128 - 3).slice(0, 3), [0x30, 0x80, 0x01]);
    assert.deepEqual(headerOf(16383 - 3).slice(0, 3), [0x30, 0xff, 0x7f]);
    assert.deepEqual(headerOf(16384 - 3).slice(0, 4), [0x30, 0x80, 0x80, 0x01]);
    assert.deepEqual(headerOf(2097152 - 3), [0x30, 0x80, 0x80, 0x80, 0x01]);
  });
});

describe('encodePacket for MQTT 3', () => {
  it('turns reason codes of CONNACK into return codes', () => {
    const connack: Packet = { type: PacketType.CONNACK, sessionPresent: false, reasonCode: 0x87, properties: { reasonString: 'no' } };
    assert.deepEqual(encodePacket(connack, 4), Uint8Array.of(0x20, 2, 0, 5));
  });

  it('sends no session present to 3.1, where its bit is reserved', () => {
    assert.deepEqual(encodePacket({ type: PacketType.CONNACK, sessionPresent: true, reasonCode: 0 }, 3), Uint8Array.of(0x20, 2, 0, 0));
  });

  it('turns every failure in SUBACK into 0x80 [MQTT311-3.9.3-2]', () => {
    const suback: Packet = { type: PacketType.SUBACK, packetId: 1, reasonCodes: [2, 0x87, 0x9e] };
    assert.deepEqual(encodePacket(suback, 4), Uint8Array.of(0x90, 5, 0, 1, 2, 0x80, 0x80));
  });

  it('leaves reasons, properties and subscription options out', () => {
    const puback: Packet = { type: PacketType.PUBACK, packetId: 1, reasonCode: 0x87, properties: { reasonString: 'no' } };
    assert.deepEqual(encodePacket(puback, 3), Uint8Array.of(0x40, 2, 0, 1));
    const filters = [{ filter: 'a', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }] as const;
    const subscribe: Packet = { type: PacketType.SUBSCRIBE, packetId: 1, filters: [...filters] };
    assert.deepEqual(encodePacket(subscribe, 4), Uint8Array.of(0x82, 6, 0, 1, 0, 1, 0x61, 1));
    assert.deepEqual(encodePacket(publish({ properties: { contentType: 'c' } }), 4), Uint8Array.of(0x30, 3, 0, 1, 0x61));
  });
});

describe('encodePacket refuses', () => {
  const refusals: [name: string, version: ProtocolVersion, packet: Packet, clause: string][] = [
    ['DUP at QoS 0 [MQTT-3.3.1-2] [MQTT-4.3.1-1] [MQTT311-3.3.1-2]', 4, publish({ dup: true }), 'MQTT-3.3.1-2'],
    ['QoS 3 [MQTT-3.3.1-4]', 4, publish({ qos: 3 as 2 }), 'MQTT-3.3.1-4'],
    ['packet identifier 0 at QoS 1 [MQTT-2.2.1-3] [MQTT311-2.3.1-1]', 4, publish({ qos: 1 }), 'MQTT-2.2.1-3'],
    ['a packet identifier above 65535', 4, publish({ qos: 1, packetId: 65536 }), '1.5'],
    ['a packet identifier that is no integer', 4, publish({ qos: 1, packetId: 1.5 }), '1.5'],
    ['wildcards in a topic name [MQTT-3.3.2-2] [MQTT311-3.3.2-2]', 5, publish({ topic: 'a/#' }), 'MQTT-3.3.2-2'],
    ['an empty topic without an alias [MQTT-4.7.3-1]', 5, publish({ topic: '' }), 'MQTT-4.7.3-1'],
    ['an empty topic in MQTT 3, alias or not', 4, publish({ topic: '', properties: { topicAlias: 1 } }), 'MQTT-4.7.3-1'],
    ['a topic alias 0 [MQTT-3.3.2-8]', 5, publish({ properties: { topicAlias: 0 } }), 'MQTT-3.3.2-8'],
    ['U+0000 [MQTT-1.5.4-2] [MQTT311-1.5.3-2]', 5, publish({ topic: 'a\0' }), 'MQTT-1.5.4-2'],
    ['a lone surrogate [MQTT-1.5.4-1] [MQTT311-1.5.3-1]', 5, publish({ topic: 'a\ud800' }), 'MQTT-1.5.4-1'],
    ['a topic over 65535 bytes [MQTT-4.7.3-3] [MQTT311-4.7.3-3]', 5, publish({ topic: '€'.repeat(21846) }), '1.5.6'],
    ['an expiry above four bytes', 5, publish({ properties: { messageExpiryInterval: 2 ** 32 } }), '1.5'],
    ['a response topic with wildcards [MQTT-3.3.2-14]', 5, publish({ properties: { responseTopic: '+' } }), 'MQTT-3.3.2-14'],
    ['SUBSCRIBE without filters [MQTT-3.8.3-2]', 5, { type: PacketType.SUBSCRIBE, packetId: 1, filters: [] }, 'MQTT-3.8.3-2'],
    ['UNSUBSCRIBE without filters [MQTT-3.10.3-2]', 5, { type: PacketType.UNSUBSCRIBE, packetId: 1, filters: [] }, 'MQTT-3.10.3-2'],
    ['a reason code that PUBACK has not [MQTT-3.4.2-1]', 5, { type: PacketType.PUBACK, packetId: 1, reasonCode: 0x92 }, 'MQTT-3.4.2-1'],
    ['AUTH for MQTT 3', 4, { type: PacketType.AUTH, reasonCode: 0 }, '2.1.2'],
    ['AUTH without a method', 5, { type: PacketType.AUTH, reasonCode: 0x18 }, '3.15.2.2.2'],
    ['a password without a username in MQTT 3 [MQTT311-3.1.2-22]', 4, connect({ password: new Uint8Array(1) }), 'MQTT311-3.1.2-22'],
    ['a will topic with wildcards', 4, connect({ will: { topic: '#', payload: new Uint8Array(), qos: 0, retain: false } }), 'MQTT-4.7.0-1'],
  ];
  for (const [name, version, packet, clause] of refusals) {
    it(name, () => {
      assert.throws(() => encodePacket(packet, version), { name: 'ProtocolError', clause });
    });
  }
});

function publish(fields: Partial<PublishPacket>): PublishPacket {
  const packet = {
    type: PacketType.PUBLISH,
    topic: 'a',
    payload: new Uint8Array(),
    qos: 0,
    retain: false,
    dup: false,
    packetId: 0,
  } as const;
  return { ...packet, ...fields };
}

function connect(fields: Partial<ConnectPacket>): ConnectPacket {
  return { type: PacketType.CONNECT, version: 4, clientId: '', cleanStart: true, keepAlive: 0, ...fields };
}

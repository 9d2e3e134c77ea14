import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import * as oracle from 'mqtt-packet';
import { decodePacket } from './decode-packet.ts';
import { encodePacket } from './encode-packet.ts';
import { anyPacket } from './packet-arbitraries.test.ts';
import { packetCases } from './packet-cases.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { Packet } from './packet.ts';
import type { Properties } from './properties.ts';
import { readVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts';

/*
 * mqtt-packet, the codec of MQTT.js, as an independent oracle: what we encode it must read as the same packet, and what it
 * encodes we must read.
 */

type Fields = Record<string, unknown>;

/** Our properties under mqtt-packet's names. */
function theirProperties(properties: Properties): Fields {
  const { userProperties, subscriptionIdentifierAvailable, subscriptionIdentifiers, ...same } = properties;
  const renamed: Fields = {};
  for (const [name, value] of Object.entries(same)) renamed[name] = value instanceof Uint8Array ? Buffer.from(value) : value;
  if (properties.payloadFormatIndicator !== undefined) renamed['payloadFormatIndicator'] = properties.payloadFormatIndicator === 1;
  if (subscriptionIdentifierAvailable !== undefined) renamed['subscriptionIdentifiersAvailable'] = subscriptionIdentifierAvailable;
  if (subscriptionIdentifiers !== undefined) {
    renamed['subscriptionIdentifier'] = subscriptionIdentifiers.length === 1 ? subscriptionIdentifiers[0] : subscriptionIdentifiers;
  }
  if (userProperties === undefined) return renamed;
  // It groups equal names, so that only the order within a name survives.
  const groups: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of userProperties) {
    const before = groups[name];
    groups[name] = before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value];
  }
  renamed['userProperties'] = groups;
  return renamed;
}

/** Our packet as mqtt-packet would have it; only the fields that it must agree on. */
function theirs(packet: Packet, version: ProtocolVersion): Fields {
  const fields = theirFields(packet, version);
  if ('properties' in packet && packet.properties !== undefined) fields['properties'] = theirProperties(packet.properties);
  return fields;
}

function theirFields(packet: Packet, version: ProtocolVersion): Fields {
  const is5 = version === 5;
  switch (packet.type) {
    case PacketType.CONNECT: {
      const { clientId, cleanStart: clean, keepAlive: keepalive, will, username, password } = packet;
      const fields: Fields = {
        cmd: 'connect',
        protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
        protocolVersion: version,
        clientId,
        clean,
        keepalive,
      };
      if (username !== undefined) fields['username'] = username;
      if (password !== undefined) fields['password'] = Buffer.from(password);
      if (will !== undefined) {
        const { topic, payload, qos, retain, properties } = will;
        fields['will'] = {
          topic,
          payload: Buffer.from(payload),
          qos,
          retain,
          ...(properties && { properties: theirProperties(properties) }),
        };
      }
      return fields;
    }
    case PacketType.CONNACK: {
      const { sessionPresent, reasonCode } = packet;
      return { cmd: 'connack', sessionPresent, [is5 ? 'reasonCode' : 'returnCode']: reasonCode };
    }
    case PacketType.PUBLISH: {
      const { topic, payload, qos, retain, dup, packetId } = packet;
      return { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain, dup, ...(qos > 0 && { messageId: packetId }) };
    }
    case PacketType.SUBSCRIBE: {
      const subscriptions = packet.filters.map(({ filter: topic, qos, noLocal: nl, retainAsPublished: rap, retainHandling: rh }) =>
        is5 ? { topic, qos, nl, rap, rh } : { topic, qos },
      );
      return { cmd: 'subscribe', messageId: packet.packetId, subscriptions };
    }
    case PacketType.SUBACK:
      return { cmd: 'suback', messageId: packet.packetId, granted: packet.reasonCodes };
    case PacketType.UNSUBSCRIBE:
      return { cmd: 'unsubscribe', messageId: packet.packetId, unsubscriptions: packet.filters };
    case PacketType.UNSUBACK:
      return { cmd: 'unsuback', messageId: packet.packetId, ...(is5 && { granted: packet.reasonCodes }) };
    case PacketType.PINGREQ:
      return { cmd: 'pingreq' };
    case PacketType.PINGRESP:
      return { cmd: 'pingresp' };
    case PacketType.DISCONNECT:
      return { cmd: 'disconnect', ...(is5 && { reasonCode: packet.reasonCode }) };
    case PacketType.AUTH:
      return { cmd: 'auth', reasonCode: packet.reasonCode };
    case PacketType.PUBACK:
    case PacketType.PUBREC:
    case PacketType.PUBREL:
    case PacketType.PUBCOMP: {
      const cmd = ({ 4: 'puback', 5: 'pubrec', 6: 'pubrel', 7: 'pubcomp' } as const)[packet.type];
      return { cmd, messageId: packet.packetId, ...(is5 && { reasonCode: packet.reasonCode }) };
    }
  }
}

function readByOracle(bytes: Uint8Array, version: ProtocolVersion): unknown {
  const parser = oracle.parser({ protocolVersion: version });
  let parsed: unknown;
  parser.on('packet', (packet) => (parsed = packet));
  parser.on('error', (error) => assert.fail(error));
  parser.parse(Buffer.from(bytes));
  return parsed;
}

/** What mqtt-packet does not write: a password alone, and the bridge bit by our name for it. */
function isBeyondOracle(packet: Packet): boolean {
  if (packet.type !== PacketType.CONNECT) return false;
  return packet.isBridge === true || (packet.password !== undefined && packet.username === undefined);
}

describe('mqtt-packet reads what we encode', () => {
  for (const version of [3, 4, 5] as const) {
    it(`as the same packet, version ${version}`, () => {
      fc.assert(
        fc.property(anyPacket(version), (packet) => {
          assert.partialDeepStrictEqual(readByOracle(encodePacket(packet, version), version), theirs(packet, version));
        }),
        { numRuns: 1000, seed: 8 },
      );
    });
  }
});

describe('We read what mqtt-packet encodes', () => {
  for (const version of [3, 4, 5] as const) {
    it(`as the same packet, version ${version}`, () => {
      for (const { packet, version: speaks } of packetCases) {
        if (speaks !== version || isBeyondOracle(packet)) continue;
        const bytes = oracle.generate(theirs(packet, version) as unknown as oracle.Packet, { protocolVersion: version });
        const body = 1 + variableByteIntegerSize(readVariableByteInteger(bytes, 1, bytes.length));
        assert.partialDeepStrictEqual(
          decodePacket(version, bytes[0], bytes, body, bytes.length),
          withoutOrder(packet),
          bytes.toString('hex'),
        );
      }
    });
  }
});

/** It sends user properties by name, hence in another order. */
function withoutOrder(packet: Packet): Packet {
  if (packet.type !== PacketType.PUBLISH || packet.properties?.userProperties === undefined) return packet;
  const properties = structuredClone(packet.properties);
  delete properties.userProperties;
  return { ...packet, properties };
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodePacket } from './encode-packet.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion, QoS } from './packet-type.ts';
import { encodePublishProperties } from './publish.ts';
import {
  acknowledgementBytes,
  dupBit,
  publishFirstByte,
  publishRemainingLength,
  publishSize,
  subscriptionIdentifierSize,
  topicAliasBytes,
  writeAcknowledgement,
  writeFixedHeader,
  writeSubscriptionIdentifier,
  writeTopicAlias,
  writeUint16,
  writeUint32,
} from './publish-writer.ts';
import { variableByteIntegerSize, writeVariableByteInteger } from './variable-byte-integer.ts';

const topic = 'a/topic';
const payload = new Uint8Array(200).fill(7);

/** Composes a PUBLISH as an outbox does, from slices. */
function compose(version: ProtocolVersion, qos: QoS, identifiers: readonly number[]): Uint8Array {
  const topicBytes = new TextEncoder().encode(topic);
  let propertiesBytes = 0;
  for (const identifier of identifiers) propertiesBytes += subscriptionIdentifierSize(identifier);
  const length = publishRemainingLength(version, topicBytes.length, propertiesBytes, payload.length, qos);
  const size = publishSize(version, topicBytes.length, propertiesBytes, payload.length, qos);
  const target = new Uint8Array(size);
  let at = writeFixedHeader(target, 0, publishFirstByte(qos, true, qos > 0), length);
  at = writeUint16(target, at, topicBytes.length);
  target.set(topicBytes, at);
  at += topicBytes.length;
  if (qos > 0) at = writeUint16(target, at, 0xfffe);
  if (version === 5) {
    at = writeVariableByteInteger(target, at, propertiesBytes);
    for (const identifier of identifiers) at = writeSubscriptionIdentifier(target, at, identifier);
  }
  target.set(payload, at);
  assert.equal(at + payload.length, size);
  return target;
}

describe('The writers of the outbox', () => {
  for (const version of [3, 4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      it(`compose the PUBLISH that encodePacket makes, version ${version}, QoS ${qos}`, () => {
        for (const identifiers of version === 5 ? [[], [1], [127, 128, 268435455]] : [[]]) {
          const properties = { subscriptionIdentifiers: identifiers };
          const packetId = qos > 0 ? 0xfffe : 0;
          const fields = { type: PacketType.PUBLISH, topic, payload, qos, packetId, retain: true, dup: qos > 0, properties };
          assert.deepEqual(compose(version, qos, identifiers), encodePacket(fields, version));
        }
      });
    }
  }

  it('write a topic alias and an expiry as encodePublishProperties does', () => {
    const target = new Uint8Array(5 + topicAliasBytes);
    target[0] = 2;
    const at = writeUint32(target, 1, 0xfffffffe);
    assert.equal(writeTopicAlias(target, at, 65535), target.length);
    assert.deepEqual(target, encodePublishProperties({ messageExpiryInterval: 0xfffffffe, topicAlias: 65535 }));
  });

  it('write acknowledgements as encodePacket does', () => {
    for (const [type, first] of [
      [PacketType.PUBACK, 0x40],
      [PacketType.PUBREC, 0x50],
    ] as const) {
      for (const reasonCode of [0, 0x10]) {
        const target = new Uint8Array(acknowledgementBytes + (reasonCode === 0 ? 0 : 1));
        assert.equal(writeAcknowledgement(target, 0, first, 513, reasonCode), target.length);
        assert.deepEqual(target, encodePacket({ type, packetId: 513, reasonCode }, 5));
      }
    }
  });

  it('know the DUP bit and the sizes', () => {
    assert.equal(publishFirstByte(1, false, false) | dupBit, publishFirstByte(1, false, true));
    assert.equal(publishSize(4, 1, 0, 0, 0), 5);
    assert.equal(variableByteIntegerSize(128), 2);
  });
});

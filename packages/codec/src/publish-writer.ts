// HOT
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion, QoS } from './packet-type.ts';
import { PublishPropertyId } from './property-id.ts';
import { variableByteIntegerSize, writeVariableByteInteger } from './variable-byte-integer.ts';

/*
 * What an outbox needs to put packets into a chunk without allocating: sizes first, then writers that return the position
 * after what they wrote. The caller has made room.
 */

/** Bytes of an acknowledgement without properties and with reason code 0; one more with another reason code. */
export const acknowledgementBytes = 4;

/** The bit of the first byte that says that a PUBLISH is sent again. */
export const dupBit = 0x08;

/** The value of a PUBLISH's remaining length. `propertiesBytes` counts the properties without their length. */
export function publishRemainingLength(
  version: ProtocolVersion,
  topicBytes: number,
  propertiesBytes: number,
  payloadBytes: number,
  qos: QoS,
): number {
  const fixed = qos > 0 ? 4 : 2;
  const properties = version === 5 ? variableByteIntegerSize(propertiesBytes) + propertiesBytes : 0;
  return fixed + topicBytes + properties + payloadBytes;
}

/** Bytes of a whole PUBLISH: what is compared with a Maximum Packet Size. */
export function publishSize(version: ProtocolVersion, topicBytes: number, propertiesBytes: number, payloadBytes: number, qos: QoS): number {
  const length = publishRemainingLength(version, topicBytes, propertiesBytes, payloadBytes, qos);
  return 1 + variableByteIntegerSize(length) + length;
}

/** The first byte of a PUBLISH. */
export function publishFirstByte(qos: QoS, retain: boolean, dup: boolean): number {
  return (PacketType.PUBLISH << 4) | (dup ? dupBit : 0) | (qos << 1) | (retain ? 1 : 0);
}

/** First byte and remaining length. */
export function writeFixedHeader(target: Uint8Array, at: number, first: number, remainingLength: number): number {
  target[at] = first;
  return writeVariableByteInteger(target, at + 1, remainingLength);
}

export function writeUint16(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 8;
  target[at + 1] = value;
  return at + 2;
}

export function writeUint32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}

/** Bytes of a subscription identifier property. */
export function subscriptionIdentifierSize(subscriptionIdentifier: number): number {
  return 1 + variableByteIntegerSize(subscriptionIdentifier);
}

export function writeSubscriptionIdentifier(target: Uint8Array, at: number, subscriptionIdentifier: number): number {
  target[at] = PublishPropertyId.SubscriptionIdentifier;
  return writeVariableByteInteger(target, at + 1, subscriptionIdentifier);
}

/** Bytes of a topic alias property. */
export const topicAliasBytes = 3;

export function writeTopicAlias(target: Uint8Array, at: number, topicAlias: number): number {
  target[at] = PublishPropertyId.TopicAlias;
  return writeUint16(target, at + 1, topicAlias);
}

/**
 * PUBACK, PUBREC, PUBREL or PUBCOMP without properties; in MQTT 3 the reason code must be 0. Writes `acknowledgementBytes`,
 * one more when `reasonCode` is not 0.
 *
 *     type, flags | 2 or 3 | packet identifier (2) | reason code, when it is not 0
 */
export function writeAcknowledgement(target: Uint8Array, at: number, first: number, packetId: number, reasonCode: number): number {
  target[at] = first;
  target[at + 1] = reasonCode === 0 ? 2 : 3;
  target[at + 2] = packetId >>> 8;
  target[at + 3] = packetId;
  if (reasonCode === 0) return at + 4;
  target[at + 4] = reasonCode;
  return at + 5;
}

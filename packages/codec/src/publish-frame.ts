// HOT
import type { ProtocolVersion } from './packet-type.ts';
import { PublishPropertyId } from './property-id.ts';
import { ProtocolError, malformed, violation } from './protocol-error.ts';
import { ReasonCode } from './reason-code.ts';
import { isValidUtf8 } from './utf8.ts';
import { readVariableByteInteger, variableByteIntegerSize } from './variable-byte-integer.ts';

/** Where the parts of one PUBLISH stand in the bytes it was decoded from. Reused from packet to packet. */
export class PublishFrame {
  qos: 0 | 1 | 2 = 0;
  retain = false;
  dup = false;
  /** The topic name's UTF-8, not checked. Empty when a topic alias stands for it. */
  topicStart = 0;
  topicEnd = 0;
  /** 0 at QoS 0. */
  packetId = 0;
  /** The index of the packet identifier's two bytes, or -1 at QoS 0. */
  packetIdAt = -1;
  /** The property bytes without their length; empty in MQTT 3. */
  propertiesStart = 0;
  propertiesEnd = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** 0 when there is none. */
  topicAlias = 0;
  /** Seconds, or -1. */
  messageExpiryInterval = -1;
  /** The index of the interval's four bytes, or -1. */
  messageExpiryAt = -1;
  /** 1 when the payload claims to be UTF-8. */
  payloadFormatIndicator = 0;
  hasSubscriptionIdentifier = false;
  /** True when the property bytes may be passed on as they are: they hold neither topic alias nor subscription identifier. */
  isForwardable = true;
}

/**
 * Finds the parts of a PUBLISH and checks all of it but the topic's UTF-8 and wildcards: the caller remembers topics.
 * Must not allocate. PERF: bench/micro/codec.ts
 *
 *     0011 dup qos qos retain | length | topic name (string) | packet identifier (2, QoS > 0)
 *     | MQTT 5: properties' length (variable byte integer), properties | payload
 */
export function decodePublish(
  into: PublishFrame,
  version: ProtocolVersion,
  first: number,
  bytes: Uint8Array,
  body: number,
  end: number,
): void {
  const qos = (first >> 1) & 3;
  const dup = (first & 8) !== 0;
  if (qos === 3) throw malformed('MQTT-3.3.1-4', 'a PUBLISH has QoS 3'); // [MQTT-3.3.1-4] [MQTT311-3.3.1-4]
  if (dup && qos === 0) throw malformed('MQTT-3.3.1-2', 'a PUBLISH with QoS 0 has DUP'); // [MQTT-3.3.1-2] [MQTT311-3.3.1-2]
  if (end - body < 2) throw cutOff();
  into.qos = qos as 0 | 1 | 2;
  into.dup = dup;
  into.retain = (first & 1) !== 0;
  into.topicStart = body + 2;
  let at = body + 2 + ((bytes[body] << 8) | bytes[body + 1]); // [MQTT-3.3.2-1] [MQTT311-3.3.2-1]
  into.topicEnd = at;
  into.packetId = 0;
  into.packetIdAt = -1;
  if (qos > 0) {
    if (at + 2 > end) throw cutOff();
    into.packetIdAt = at;
    into.packetId = (bytes[at] << 8) | bytes[at + 1];
    if (into.packetId === 0) throw violation('MQTT-2.2.1-4', 'a PUBLISH has packet identifier 0'); // [MQTT-2.2.1-3] [MQTT-2.2.1-4]
    at += 2;
  } else if (at > end) {
    throw cutOff();
  }
  into.topicAlias = 0;
  into.messageExpiryInterval = -1;
  into.messageExpiryAt = -1;
  into.payloadFormatIndicator = 0;
  into.hasSubscriptionIdentifier = false;
  into.isForwardable = true;
  into.propertiesStart = at;
  into.propertiesEnd = at;
  if (version === 5) at = decodePropertyPositions(into, bytes, at, end);
  if (into.topicStart === into.topicEnd && into.topicAlias === 0) {
    throw violation('MQTT-4.7.3-1', 'a PUBLISH has neither topic name nor topic alias'); // [MQTT-4.7.3-1] [MQTT311-4.7.3-1]
  }
  into.payloadStart = at;
  into.payloadEnd = end;
}

/** Checks the properties and notes those that the broker acts on; returns the position of the payload. */
function decodePropertyPositions(into: PublishFrame, bytes: Uint8Array, start: number, end: number): number {
  const length = readVariableByteInteger(bytes, start, end); // [MQTT-2.2.2-1]
  const propertiesStart = start + variableByteIntegerSize(length);
  const propertiesEnd = propertiesStart + length;
  if (propertiesEnd > end) throw cutOff();
  into.propertiesStart = propertiesStart;
  into.propertiesEnd = propertiesEnd;
  let seen = 0;
  for (let at = propertiesStart; at < propertiesEnd;) {
    const identifier = bytes[at];
    const value = at + 1;
    at = propertyEnd(bytes, at, propertiesEnd);
    if (identifier === PublishPropertyId.UserProperty) continue;
    if (identifier === PublishPropertyId.SubscriptionIdentifier) {
      if (bytes[value] === 0) throw violation('3.3.2.3.8', 'a subscription identifier is 0');
      into.hasSubscriptionIdentifier = true;
      into.isForwardable = false;
      continue;
    }
    // The identifiers of a PUBLISH stay distinct when 0x23, the only one above 31 that is not handled above, becomes 0.
    const bit = 1 << (identifier === PublishPropertyId.TopicAlias ? 0 : identifier);
    if ((seen & bit) !== 0) throw violation('3.3.2.3', `property 0x${identifier.toString(16)} occurs twice`);
    seen |= bit;
    notePropertyValue(into, bytes, value, at);
  }
  return propertiesEnd;
}

function notePropertyValue(into: PublishFrame, bytes: Uint8Array, at: number, end: number): void {
  const identifier = bytes[at - 1];
  if (identifier === PublishPropertyId.PayloadFormatIndicator) {
    if (bytes[at] > 1) throw violation('3.3.2.3.2', `the payload format indicator is ${bytes[at]}`);
    into.payloadFormatIndicator = bytes[at];
  } else if (identifier === PublishPropertyId.MessageExpiryInterval) {
    into.messageExpiryAt = at;
    into.messageExpiryInterval = ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  } else if (identifier === PublishPropertyId.TopicAlias) {
    into.topicAlias = (bytes[at] << 8) | bytes[at + 1];
    if (into.topicAlias === 0) throw new ProtocolError(ReasonCode.TopicAliasInvalid, 'MQTT-3.3.2-8', 'topic alias 0'); // [MQTT-3.3.2-8]
    into.isForwardable = false;
  } else if (identifier === PublishPropertyId.ResponseTopic) {
    checkResponseTopic(bytes, at + 2, end);
  }
}

function checkResponseTopic(bytes: Uint8Array, start: number, end: number): void {
  if (start === end) throw violation('MQTT-4.7.3-1', 'a response topic is empty'); // [MQTT-4.7.3-1]
  for (let at = start; at < end; at++) {
    if (bytes[at] === 0x23 || bytes[at] === 0x2b) throw violation('MQTT-3.3.2-14', 'a response topic has wildcards'); // [MQTT-3.3.2-14]
  }
}

/** The position after the property at `at`, whose identifier is one of PUBLISH, whose value fits and whose strings are UTF-8. */
function propertyEnd(bytes: Uint8Array, at: number, end: number): number {
  const value = at + 1;
  let next: number;
  switch (bytes[at]) {
    case PublishPropertyId.PayloadFormatIndicator:
      next = value + 1;
      break;
    case PublishPropertyId.TopicAlias:
      next = value + 2;
      break;
    case PublishPropertyId.MessageExpiryInterval:
      next = value + 4;
      break;
    case PublishPropertyId.SubscriptionIdentifier:
      next = value + variableByteIntegerSize(readVariableByteInteger(bytes, value, end));
      break;
    case PublishPropertyId.CorrelationData:
      next = fieldEnd(bytes, value, end);
      break;
    case PublishPropertyId.ContentType: // [MQTT-3.3.2-19]
    case PublishPropertyId.ResponseTopic: // [MQTT-3.3.2-13]
      next = stringEnd(bytes, value, end);
      break;
    case PublishPropertyId.UserProperty:
      next = stringEnd(bytes, stringEnd(bytes, value, end), end); // [MQTT-1.5.7-1]
      break;
    default:
      throw malformed('2.2.2.2', `property 0x${bytes[at].toString(16)} is unknown or not allowed in PUBLISH`);
  }
  if (next > end) throw cutOff();
  return next;
}

function fieldEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) throw cutOff();
  const next = at + 2 + ((bytes[at] << 8) | bytes[at + 1]);
  if (next > end) throw cutOff();
  return next;
}

function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  const next = fieldEnd(bytes, at, end);
  if (!isValidUtf8(bytes, at + 2, next)) throw malformed('MQTT-1.5.4-1', 'a property is not valid UTF-8'); // [MQTT-1.5.4-1]
  return next;
}

function cutOff(): ProtocolError {
  return malformed('2.1.4', 'a field reaches over the end of its packet');
}

/** Property bytes that may be passed on, and where the interval's four bytes stand in them, or -1. */
export interface ForwardableProperties {
  readonly properties: Uint8Array;
  readonly messageExpiryAt: number;
}

/**
 * Copies the property bytes of a decoded PUBLISH without topic alias and subscription identifiers, which belong to one
 * connection; the rest unaltered and in order.
 * [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
 */
export function forwardableProperties(bytes: Uint8Array, frame: PublishFrame): ForwardableProperties {
  const { propertiesStart, propertiesEnd } = frame;
  const kept = new Uint8Array(propertiesEnd - propertiesStart);
  let length = 0;
  let messageExpiryAt = -1;
  for (let at = propertiesStart; at < propertiesEnd;) {
    const next = propertyEnd(bytes, at, propertiesEnd);
    if (bytes[at] !== PublishPropertyId.TopicAlias && bytes[at] !== PublishPropertyId.SubscriptionIdentifier) {
      if (bytes[at] === PublishPropertyId.MessageExpiryInterval) messageExpiryAt = length + 1;
      kept.set(bytes.subarray(at, next), length);
      length += next - at;
    }
    at = next;
  }
  return { properties: kept.subarray(0, length), messageExpiryAt };
}

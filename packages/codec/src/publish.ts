// HOT
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import type { PublishPacket, PublishProperties } from './packet.ts';
import { decodeProperties, encodeProperties, writeProperties } from './properties.ts';
import { malformed, violation } from './protocol-error.ts';
import { PublishFrame, decodePublish } from './publish-frame.ts';
import { publishFirstByte } from './publish-writer.ts';
import { decodeUtf8 } from './utf8.ts';

/** Decodes the properties of a PUBLISH from their bytes without the length; the values are copies. */
export function decodePublishProperties(bytes: Uint8Array, start: number, end: number): PublishProperties {
  return decodeProperties(new PacketReader(bytes, start, end), PacketType.PUBLISH);
}

/**
 * Encodes the properties of a PUBLISH without their length: first the payload format indicator, then the message expiry
 * interval, then the rest (the position of the interval follows from that).
 */
export function encodePublishProperties(properties: PublishProperties): Uint8Array {
  const writer = new PacketWriter();
  encodeProperties(writer, PacketType.PUBLISH, properties);
  return writer.content();
}

/** A PUBLISH as an object of its own, checked completely; the broker uses `decodePublish` instead. */
export function decodePublishPacket(version: ProtocolVersion, first: number, bytes: Uint8Array, body: number, end: number): PublishPacket {
  const frame = new PublishFrame();
  decodePublish(frame, version, first, bytes, body, end);
  const topic = decodeUtf8(bytes, frame.topicStart, frame.topicEnd);
  if (/[+#]/.test(topic)) throw malformed('MQTT-3.3.2-2', 'a topic name has wildcards'); // [MQTT-3.3.2-2] [MQTT311-3.3.2-2]
  const payload = new PacketReader(bytes, frame.payloadStart, frame.payloadEnd).rest();
  const { qos, retain, dup, packetId } = frame;
  const packet: PublishPacket = { type: PacketType.PUBLISH, topic, payload, qos, retain, dup, packetId };
  if (frame.propertiesStart < frame.propertiesEnd) {
    packet.properties = decodePublishProperties(bytes, frame.propertiesStart, frame.propertiesEnd);
  }
  return packet;
}

/** Grammar: see `decodePublish`. */
export function encodePublish(packet: PublishPacket, version: ProtocolVersion): Uint8Array {
  const { topic, payload, qos, retain, dup, packetId, properties } = packet;
  if (qos > 2) throw malformed('MQTT-3.3.1-4', `a PUBLISH has QoS ${qos}`); // [MQTT-3.3.1-4] [MQTT311-3.3.1-4]
  if (dup && qos === 0) throw malformed('MQTT-3.3.1-2', 'a PUBLISH with QoS 0 has DUP'); // [MQTT-3.3.1-2] [MQTT-4.3.1-1] [MQTT311-3.3.1-2]
  if (/[+#]/.test(topic)) throw malformed('MQTT-3.3.2-2', 'a topic name has wildcards'); // [MQTT-3.3.2-2] [MQTT311-3.3.2-2]
  if (topic.length === 0 && (version < 5 || properties?.topicAlias === undefined)) {
    throw violation('MQTT-4.7.3-1', 'a PUBLISH has neither topic name nor topic alias'); // [MQTT-4.7.3-1] [MQTT311-4.7.3-1]
  }
  const writer = new PacketWriter(payload.length + topic.length + (properties === undefined ? 5 : 64));
  writer.string(topic); // [MQTT-3.3.2-1] [MQTT311-3.3.2-1]
  if (qos > 0) writer.packetId(packetId); // [MQTT-2.2.1-2] [MQTT311-2.3.1-5]
  if (version === 5) writeProperties(writer, PacketType.PUBLISH, properties);
  writer.rest(payload);
  return writer.packet(publishFirstByte(qos, retain, dup));
}

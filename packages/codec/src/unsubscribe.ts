import { firstByte } from './fixed-header.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { UnsubscribePacket } from './packet.ts';
import { readProperties, writeProperties } from './properties.ts';
import { violation } from './protocol-error.ts';
import { checkTopicFilter } from './topic-filter-field.ts';

/**
 *     1010 0010 | length | packet identifier (2) | MQTT 5: properties | { topic filter (string) }+
 */
export function decodeUnsubscribe(version: ProtocolVersion, bytes: Uint8Array, body: number, end: number): UnsubscribePacket {
  const reader = new PacketReader(bytes, body, end);
  const packetId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, PacketType.UNSUBSCRIBE) : undefined;
  const filters: string[] = [];
  while (!reader.isAtEnd) filters.push(reader.string()); // [MQTT-3.10.3-1] [MQTT311-3.10.3-1]
  checkFilters(filters);
  const packet: UnsubscribePacket = { type: PacketType.UNSUBSCRIBE, packetId, filters };
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

/** Grammar: see `decodeUnsubscribe`. */
export function encodeUnsubscribe(packet: UnsubscribePacket, version: ProtocolVersion): Uint8Array {
  const { packetId, filters, properties } = packet;
  checkFilters(filters);
  const writer = new PacketWriter();
  writer.packetId(packetId);
  if (version === 5) writeProperties(writer, PacketType.UNSUBSCRIBE, properties);
  for (const filter of filters) writer.string(filter); // [MQTT-3.10.3-1] [MQTT311-3.10.3-1]
  return writer.packet(firstByte(PacketType.UNSUBSCRIBE));
}

function checkFilters(filters: readonly string[]): void {
  if (filters.length === 0) throw violation('MQTT-3.10.3-2', 'an UNSUBSCRIBE without a topic filter'); // [MQTT-3.10.3-2] [MQTT311-3.10.3-2]
  for (const filter of filters) checkTopicFilter(filter);
}

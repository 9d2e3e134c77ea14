import { firstByte } from './fixed-header.ts';
import { checkReasonCode } from './packet-reason.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { UnsubackPacket } from './packet.ts';
import { readProperties, writeProperties } from './properties.ts';
import { violation } from './protocol-error.ts';

/**
 *     1011 0000 | length | packet identifier (2) | MQTT 5: properties, { reason code (1) }+
 */
export function decodeUnsuback(version: ProtocolVersion, bytes: Uint8Array, body: number, end: number): UnsubackPacket {
  const reader = new PacketReader(bytes, body, end);
  const packetId = reader.packetId();
  const packet: UnsubackPacket = { type: PacketType.UNSUBACK, packetId, reasonCodes: [] };
  if (version === 5) {
    const properties = readProperties(reader, PacketType.UNSUBACK);
    packet.reasonCodes = [...reader.rest()];
    checkCodes(packet.reasonCodes);
    if (properties !== undefined) packet.properties = properties;
  }
  reader.finish('3.11.2');
  return packet;
}

/** Grammar: see `decodeUnsuback`. */
export function encodeUnsuback(packet: UnsubackPacket, version: ProtocolVersion): Uint8Array {
  const { packetId, reasonCodes, properties } = packet;
  const writer = new PacketWriter();
  writer.packetId(packetId);
  if (version === 5) {
    checkCodes(reasonCodes);
    writeProperties(writer, PacketType.UNSUBACK, properties);
    for (const code of reasonCodes) writer.uint8(code); // [MQTT-3.11.3-1]
  }
  return writer.packet(firstByte(PacketType.UNSUBACK));
}

function checkCodes(codes: readonly number[]): void {
  if (codes.length === 0) throw violation('3.11.3', 'an UNSUBACK without a reason code');
  for (const code of codes) checkReasonCode(PacketType.UNSUBACK, code); // [MQTT-3.11.3-2]
}

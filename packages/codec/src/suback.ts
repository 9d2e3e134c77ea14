import { firstByte } from './fixed-header.ts';
import { checkReasonCode } from './packet-reason.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { SubackPacket } from './packet.ts';
import { readProperties, writeProperties } from './properties.ts';
import { malformed, violation } from './protocol-error.ts';
import { ReasonCode } from './reason-code.ts';

/**
 *     1001 0000 | length | packet identifier (2) | MQTT 5: properties | { reason code (1) }+
 */
export function decodeSuback(version: ProtocolVersion, bytes: Uint8Array, body: number, end: number): SubackPacket {
  const reader = new PacketReader(bytes, body, end);
  const packetId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, PacketType.SUBACK) : undefined;
  const reasonCodes = [...reader.rest()];
  checkCodes(version, reasonCodes);
  const packet: SubackPacket = { type: PacketType.SUBACK, packetId, reasonCodes };
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

/** Grammar: see `decodeSuback`. For MQTT 3 every failure becomes 0x80. */
export function encodeSuback(packet: SubackPacket, version: ProtocolVersion): Uint8Array {
  const { packetId, properties } = packet;
  const reasonCodes = version === 5 ? packet.reasonCodes : packet.reasonCodes.map(returnCode);
  checkCodes(version, reasonCodes);
  const writer = new PacketWriter();
  writer.packetId(packetId);
  if (version === 5) writeProperties(writer, PacketType.SUBACK, properties);
  for (const code of reasonCodes) writer.uint8(code); // [MQTT-3.9.3-1] [MQTT311-3.9.3-1]
  return writer.packet(firstByte(PacketType.SUBACK));
}

function returnCode(reasonCode: number): number {
  return reasonCode >= 0x80 ? ReasonCode.UnspecifiedError : reasonCode; // [MQTT311-3.9.3-2]
}

function checkCodes(version: ProtocolVersion, codes: readonly number[]): void {
  if (codes.length === 0) throw violation('3.9.3', 'a SUBACK without a reason code');
  for (const code of codes) {
    if (version === 5) checkReasonCode(PacketType.SUBACK, code); // [MQTT-3.9.3-2]
    else if (code > 2 && code !== ReasonCode.UnspecifiedError) throw malformed('MQTT311-3.9.3-2', `code ${code}`); // [MQTT311-3.9.3-2]
  }
}

import { firstByte } from './fixed-header.ts';
import { readReason, writeReason } from './packet-reason.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { AuthPacket } from './packet.ts';
import { malformed, violation } from './protocol-error.ts';

/**
 *     1111 0000 | length | reason code (1), properties; see `readReason`
 */
export function decodeAuth(bytes: Uint8Array, body: number, end: number): AuthPacket {
  const packet: AuthPacket = { type: PacketType.AUTH, ...readReason(new PacketReader(bytes, body, end), PacketType.AUTH) };
  checkMethod(packet);
  return packet;
}

/** Grammar: see `decodeAuth`. */
export function encodeAuth(packet: AuthPacket, version: ProtocolVersion): Uint8Array {
  if (version < 5) throw malformed('2.1.2', 'MQTT 3 has no AUTH');
  const writer = new PacketWriter();
  checkMethod(packet);
  writeReason(writer, PacketType.AUTH, packet);
  return writer.packet(firstByte(PacketType.AUTH));
}

function checkMethod(packet: AuthPacket): void {
  // Success without properties, which may travel without any content, has no method.
  if (packet.reasonCode === 0 && packet.properties === undefined) return;
  if (packet.properties?.authenticationMethod === undefined) throw violation('3.15.2.2.2', 'an AUTH without an authentication method');
}

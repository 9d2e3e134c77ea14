import { firstByte } from './fixed-header.ts';
import { readReason, writeReason } from './packet-reason.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { DisconnectPacket } from './packet.ts';

/**
 *     1110 0000 | length | MQTT 5: reason code (1), properties; see `readReason`
 */
export function decodeDisconnect(version: ProtocolVersion, bytes: Uint8Array, body: number, end: number): DisconnectPacket {
  const reader = new PacketReader(bytes, body, end);
  const reason = version === 5 ? readReason(reader, PacketType.DISCONNECT) : { reasonCode: 0 };
  reader.finish('3.14.1');
  return { type: PacketType.DISCONNECT, ...reason };
}

/** Grammar: see `decodeDisconnect`. */
export function encodeDisconnect(packet: DisconnectPacket, version: ProtocolVersion): Uint8Array {
  const writer = new PacketWriter();
  if (version === 5) writeReason(writer, PacketType.DISCONNECT, packet);
  return writer.packet(firstByte(PacketType.DISCONNECT));
}

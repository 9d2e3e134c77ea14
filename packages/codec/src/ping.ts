import { firstByte } from './fixed-header.ts';
import { PacketType } from './packet-type.ts';
import type { PingreqPacket, PingrespPacket } from './packet.ts';
import { malformed } from './protocol-error.ts';

/**
 *     1100 0000 | 0      PINGREQ
 *     1101 0000 | 0      PINGRESP
 */
export function decodePing(first: number, body: number, end: number): PingreqPacket | PingrespPacket {
  if (body !== end) throw malformed('3.12.1', `${end - body} bytes after the end of the packet`);
  return { type: first >> 4 === PacketType.PINGREQ ? PacketType.PINGREQ : PacketType.PINGRESP };
}

export function encodePing(packet: PingreqPacket | PingrespPacket): Uint8Array {
  return new Uint8Array([firstByte(packet.type), 0]);
}

// HOT
import type { ProtocolVersion } from './packet-type.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolError } from './protocol-error.ts';
import { malformed } from './protocol-error.ts';

/** The lower four bits of the first byte, by packet type. PUBLISH gives them a meaning of its own. */
const flagsOf: readonly number[] = Array.from({ length: 16 }, (_, type) =>
  type === PacketType.PUBREL || type === PacketType.SUBSCRIBE || type === PacketType.UNSUBSCRIBE ? 2 : 0,
);

/** The DUP bit, which MQTT 3.1 also allows on PUBREL, SUBSCRIBE and UNSUBSCRIBE. */
const dupBit = 0x08;

/** Checks packet type and reserved bits of the first byte of any packet but PUBLISH. */
export function checkFixedHeader(version: ProtocolVersion, first: number): void {
  const type = first >> 4;
  if (type === 0 || (type === PacketType.AUTH && version < 5)) throw malformed('2.1.2', `packet type ${type} is reserved`);
  const flags = version === 3 ? first & 0x0f & ~dupBit : first & 0x0f;
  if (flags !== flagsOf[type]) throw reservedBits(type); // [MQTT-2.1.3-1] [MQTT311-2.2.2-1] [MQTT311-2.2.2-2]
}

/** The first byte of any packet but PUBLISH. */
export function firstByte(type: PacketType): number {
  return (type << 4) | flagsOf[type]; // [MQTT-2.1.3-1] [MQTT311-2.2.2-1]
}

function reservedBits(type: number): ProtocolError {
  // Section 3.n of the standard is about packet type n. [MQTT-3.6.1-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1] [MQTT-3.14.1-1] [MQTT-3.15.1-1]
  const clause = flagsOf[type] === 2 || type >= PacketType.DISCONNECT ? `MQTT-3.${type}.1-1` : 'MQTT-2.1.3-1'; // [MQTT311-3.6.1-1] [MQTT311-3.8.1-1] [MQTT311-3.10.1-1] [MQTT311-3.14.1-1]
  return malformed(clause, `reserved bits of the first byte, packet type ${type}`);
}

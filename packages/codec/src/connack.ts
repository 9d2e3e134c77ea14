import { firstByte } from './fixed-header.ts';
import { checkReasonCode } from './packet-reason.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion } from './packet-type.ts';
import type { ConnackPacket } from './packet.ts';
import { readProperties, writeProperties } from './properties.ts';
import { malformed, violation } from './protocol-error.ts';
import { connackReturnCode } from './reason-code.ts';

const returnCodeMax = 5;

/**
 *     0010 0000 | length | 0000000, session present (1; reserved in MQTT 3.1) | reason code (1) | MQTT 5: properties
 */
export function decodeConnack(version: ProtocolVersion, bytes: Uint8Array, body: number, end: number): ConnackPacket {
  const reader = new PacketReader(bytes, body, end);
  const flags = reader.uint8() & (version === 3 ? 0 : 0xff);
  if (flags > 1) throw malformed('MQTT-3.2.2-1', 'reserved acknowledge flags are set'); // [MQTT-3.2.2-1]
  const reasonCode = reader.uint8();
  checkCode(version, reasonCode);
  const sessionPresent = flags === 1;
  checkSessionPresent(sessionPresent, reasonCode);
  const packet: ConnackPacket = { type: PacketType.CONNACK, sessionPresent, reasonCode };
  if (version === 5) {
    const properties = readProperties(reader, PacketType.CONNACK);
    if (properties !== undefined) packet.properties = properties;
  }
  reader.finish('3.2.3');
  return packet;
}

/** Grammar: see `decodeConnack`. For MQTT 3 a reason code of 0x80 and above becomes a return code. */
export function encodeConnack(packet: ConnackPacket, version: ProtocolVersion): Uint8Array {
  const { sessionPresent, properties } = packet;
  const reasonCode = version < 5 && packet.reasonCode >= 0x80 ? connackReturnCode(packet.reasonCode) : packet.reasonCode;
  checkCode(version, reasonCode);
  checkSessionPresent(sessionPresent, reasonCode);
  const writer = new PacketWriter();
  writer.uint8(sessionPresent && version > 3 ? 1 : 0); // [MQTT-3.2.2-1]
  writer.uint8(reasonCode);
  if (version === 5) writeProperties(writer, PacketType.CONNACK, properties);
  return writer.packet(firstByte(PacketType.CONNACK));
}

function checkCode(version: ProtocolVersion, code: number): void {
  if (version === 5) checkReasonCode(PacketType.CONNACK, code); // [MQTT-3.2.2-8]
  else if (code > returnCodeMax) throw malformed('3.2.2.3', `return code ${code} is reserved`);
}

function checkSessionPresent(sessionPresent: boolean, reasonCode: number): void {
  if (sessionPresent && reasonCode !== 0) {
    throw violation('MQTT-3.2.2-6', 'session present in a refusal'); // [MQTT-3.2.2-6] [MQTT311-3.2.2-4]
  }
}

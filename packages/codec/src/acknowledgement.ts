// HOT
import { checkFixedHeader, firstByte } from './fixed-header.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { checkReasonCode, readReason, writeReason } from './packet-reason.ts';
import type { AcknowledgementType, PacketType, ProtocolVersion } from './packet-type.ts';
import type { AcknowledgementPacket, AcknowledgementProperties } from './packet.ts';
import { malformed, violation } from './protocol-error.ts';

/** What a PUBACK, PUBREC, PUBREL or PUBCOMP says. Reused from packet to packet. */
export class AcknowledgementFrame {
  packetId = 0;
  /** 0 in MQTT 3. */
  reasonCode = 0;
  properties: AcknowledgementProperties | undefined = undefined;
}

/**
 * Checks a PUBACK, PUBREC, PUBREL or PUBCOMP completely and notes what the broker acts on. Must not allocate unless the
 * packet has properties. PERF: bench/micro/codec.ts
 *
 *     type, flags | length | packet identifier (2) | MQTT 5: reason code (1), properties' length, properties; see `readReason`
 */
export function decodeAcknowledgement(
  into: AcknowledgementFrame,
  version: ProtocolVersion,
  first: number,
  bytes: Uint8Array,
  body: number,
  end: number,
): void {
  checkFixedHeader(version, first);
  const length = end - body;
  if (length < 2) throw malformed('2.1.4', 'a field reaches over the end of its packet');
  into.packetId = (bytes[body] << 8) | bytes[body + 1];
  if (into.packetId === 0) throw violation('MQTT-2.2.1-5', 'packet identifier 0');
  into.reasonCode = 0;
  into.properties = undefined;
  if (length === 2) return;
  if (version < 5) throw malformed('2.1.4', `${length - 2} bytes after the end of the packet`);
  const type = (first >> 4) as PacketType;
  if (length === 3) checkReasonCode(type, bytes[body + 2]);
  else into.properties = readReason(new PacketReader(bytes, body + 2, end), type).properties;
  into.reasonCode = bytes[body + 2];
}

/** The same as an object of its own, with its properties. */
export function decodeAcknowledgementPacket(
  version: ProtocolVersion,
  first: number,
  bytes: Uint8Array,
  body: number,
  end: number,
): AcknowledgementPacket {
  const frame = new AcknowledgementFrame();
  decodeAcknowledgement(frame, version, first, bytes, body, end);
  const type = (first >> 4) as AcknowledgementType;
  const { packetId, reasonCode, properties } = frame;
  return properties === undefined ? { type, packetId, reasonCode } : { type, packetId, reasonCode, properties };
}

/** Grammar: see `decodeAcknowledgement`. */
export function encodeAcknowledgement(packet: AcknowledgementPacket, version: ProtocolVersion): Uint8Array {
  const writer = new PacketWriter();
  writer.packetId(packet.packetId);
  if (version === 5) writeReason(writer, packet.type, packet);
  return writer.packet(firstByte(packet.type));
}

import { PacketType } from './packet-type.ts';
import type { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { encodeProperties, readProperties } from './properties.ts';
import type { Properties } from './properties.ts';
import { violation } from './protocol-error.ts';
import { reasonName } from './reason-code.ts';

const publish = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const release = [0x00, 0x92];

/** The codes that each packet may carry, in both directions (2.4, table 2-6). */
const reasonCodesOf: Readonly<Partial<Record<PacketType, readonly number[]>>> = {
  [PacketType.CONNACK]: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ],
  [PacketType.PUBACK]: publish,
  [PacketType.PUBREC]: publish,
  [PacketType.PUBREL]: release,
  [PacketType.PUBCOMP]: release,
  [PacketType.SUBACK]: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  [PacketType.UNSUBACK]: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  // Table 2-6 gives 0x8c to DISCONNECT, though its own table 3-10 forgets it.
  [PacketType.DISCONNECT]: [
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
    0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
  [PacketType.AUTH]: [0x00, 0x18, 0x19],
};

/** The clause of each packet; those of all others end alike. */
const clauseOf: Readonly<Partial<Record<PacketType, string>>> = {
  [PacketType.CONNACK]: '2.2-8', // [MQTT-3.2.2-8]
  [PacketType.SUBACK]: '9.3-2', // [MQTT-3.9.3-2]
  [PacketType.UNSUBACK]: '11.3-2', // [MQTT-3.11.3-2]
};

/** Whether MQTT 5 lets packets of `type` carry `code`. */
export function canCarryReasonCode(type: PacketType, code: number): boolean {
  return reasonCodesOf[type]?.includes(code) === true;
}

/** Throws when MQTT 5 does not let packets of `type` carry `code`. */
export function checkReasonCode(type: PacketType, code: number): void {
  if (canCarryReasonCode(type, code)) return;
  // Section 3.n of the standard is about packet type n. [MQTT-3.4.2-1] [MQTT-3.5.2-1] [MQTT-3.6.2-1] [MQTT-3.7.2-1] [MQTT-3.14.2-1] [MQTT-3.15.2-1]
  throw violation(`MQTT-3.${clauseOf[type] ?? `${type}.2-1`}`, `packet type ${type} cannot carry reason code ${reasonName(code)}`);
}

export interface Reason {
  reasonCode: number;
  properties?: Properties;
}

/**
 * The end of PUBACK, PUBREC, PUBREL, PUBCOMP, DISCONNECT and AUTH in MQTT 5; each part may be missing with all that follows.
 *
 *     reason code (1) | properties' length (variable byte integer), properties
 */
export function readReason(reader: PacketReader, type: PacketType): Reason {
  if (reader.isAtEnd) return { reasonCode: 0 };
  const reasonCode = reader.uint8();
  checkReasonCode(type, reasonCode);
  if (reader.isAtEnd) return { reasonCode };
  const properties = readProperties(reader, type);
  reader.finish('2.1.4');
  return properties === undefined ? { reasonCode } : { reasonCode, properties };
}

/** Writes the shortest form of what `readReason` reads. */
export function writeReason(writer: PacketWriter, type: PacketType, reason: Reason): void {
  const { reasonCode, properties = {} } = reason;
  checkReasonCode(type, reasonCode);
  const content = new PacketWriter();
  encodeProperties(content, type, properties);
  const bytes = content.content();
  if (reasonCode === 0 && bytes.length === 0) return;
  writer.uint8(reasonCode);
  if (bytes.length === 0) return;
  writer.variableByteInteger(bytes.length);
  writer.rest(bytes);
}

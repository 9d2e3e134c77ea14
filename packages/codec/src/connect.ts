import { firstByte } from './fixed-header.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion, QoS } from './packet-type.ts';
import type { ConnectPacket, Will } from './packet.ts';
import { readProperties, willContext, writeProperties } from './properties.ts';
import { ProtocolError, malformed, violation } from './protocol-error.ts';
import { ReasonCode } from './reason-code.ts';

const usernameBit = 0x80;
const passwordBit = 0x40;
const willRetainBit = 0x20;
const willQoSShift = 3;
const willBit = 0x04;
const cleanStartBit = 0x02;
const reservedBit = 0x01;
/** In the level, by mosquitto's custom. */
const bridgeBit = 0x80;

/**
 * Decodes a CONNECT of any version from what follows its fixed header (which `decodePacket` checks too). A ProtocolError
 * says in `connectVersion` how to answer.
 *
 *     0001 0000 | length | protocol name (string) | level (1) | flags (1) | keep alive (2) | MQTT 5: properties
 *     | client identifier (string) | will flag: MQTT 5: will properties; will topic (string), will payload (binary)
 *     | username flag: username (string) | password flag: password (binary)
 */
export function decodeConnect(bytes: Uint8Array, body: number, end: number): ConnectPacket {
  const reader = new PacketReader(bytes, body, end);
  const name = reader.string();
  const level = reader.uint8();
  const version = versionOf(name, level);
  try {
    return decodeFields(reader, version, level);
  } catch (error) {
    if (error instanceof ProtocolError) {
      error.version = version;
      error.connectVersion = version;
    }
    throw error;
  }
}

/** What the author of a CONNECT speaks, of which perhaps only the start has come; undefined when that is not known. */
export function connectVersionOf(bytes: Uint8Array, body: number, end: number): ProtocolVersion | undefined {
  const reader = new PacketReader(bytes, body, end);
  try {
    return versionOf(reader.string(), reader.uint8());
  } catch {
    return undefined;
  }
}

function versionOf(name: string, level: number): ProtocolVersion {
  const isOldName = name === 'MQIsdp';
  if (!isOldName && name !== 'MQTT') {
    throw unsupported('MQTT-3.1.2-1', 'the protocol name is not MQTT', level < 5 ? 4 : 5); // [MQTT-3.1.2-1] [MQTT311-3.1.2-1]
  }
  if (isOldName && (level === 3 || level === (3 | bridgeBit))) return 3;
  if (!isOldName && (level === 4 || level === (4 | bridgeBit))) return 4;
  if (!isOldName && level === 5) return 5;
  const nearest = isOldName ? 3 : level < 5 ? 4 : 5;
  throw unsupported('MQTT-3.1.2-2', `protocol ${name} has no level ${level}`, nearest); // [MQTT-3.1.2-2] [MQTT311-3.1.2-2]
}

function unsupported(clause: string, detail: string, connectVersion: ProtocolVersion): ProtocolError {
  const error = new ProtocolError(ReasonCode.UnsupportedProtocolVersion, clause, detail);
  error.connectVersion = connectVersion;
  return error;
}

function decodeFields(reader: PacketReader, version: ProtocolVersion, level: number): ConnectPacket {
  const flags = reader.uint8();
  checkFlags(version, flags);
  const keepAlive = reader.uint16();
  const properties = version === 5 ? readProperties(reader, PacketType.CONNECT) : undefined;
  const clientId = reader.string(); // [MQTT-3.1.3-1] [MQTT-3.1.3-3] [MQTT-3.1.3-4] [MQTT311-3.1.3-1] [MQTT311-3.1.3-3] [MQTT311-3.1.3-4]
  const cleanStart = (flags & cleanStartBit) !== 0;
  const packet: ConnectPacket = { type: PacketType.CONNECT, version, clientId, cleanStart, keepAlive };
  if ((level & bridgeBit) !== 0) packet.isBridge = true;
  if ((flags & willBit) !== 0) packet.will = decodeWill(reader, version, flags); // [MQTT-3.1.2-9] [MQTT311-3.1.2-9]
  // MQTT 3.1 lets the length of the packet win over the flags: a username or password may be missing.
  const isMissing = () => version === 3 && reader.isAtEnd;
  if ((flags & usernameBit) !== 0 && !isMissing()) {
    packet.username = reader.string(); // [MQTT-3.1.2-17] [MQTT-3.1.3-12] [MQTT311-3.1.2-19] [MQTT311-3.1.3-11]
  }
  if ((flags & passwordBit) !== 0 && !isMissing()) {
    packet.password = reader.binary(); // [MQTT-3.1.2-19] [MQTT311-3.1.2-21]
  }
  if (properties !== undefined) packet.properties = properties;
  reader.finish('3.1.3'); // [MQTT-3.1.2-16] [MQTT-3.1.2-18] [MQTT311-3.1.2-18] [MQTT311-3.1.2-20]
  return packet;
}

/** [MQTT-3.1.4-1] [MQTT311-3.1.4-1] */
function checkFlags(version: ProtocolVersion, flags: number): void {
  const willQoS = (flags >> willQoSShift) & 3;
  if ((flags & reservedBit) !== 0 && version > 3) {
    throw malformed('MQTT-3.1.2-3', 'the reserved connect flag is set'); // [MQTT-3.1.2-3] [MQTT311-3.1.2-3]
  }
  if ((flags & willBit) === 0) {
    if (willQoS !== 0) throw malformed('MQTT-3.1.2-11', 'will QoS without a will'); // [MQTT-3.1.2-11] [MQTT311-3.1.2-11] [MQTT311-3.1.2-13]
    if ((flags & willRetainBit) !== 0) throw malformed('MQTT-3.1.2-13', 'will retain without a will'); // [MQTT-3.1.2-13] [MQTT311-3.1.2-15]
  } else {
    checkWillQoS(willQoS);
  }
  checkCredentials(version, flags);
}

function checkWillQoS(qos: number): void {
  if (qos > 2) throw malformed('MQTT-3.1.2-12', `will QoS ${qos}`); // [MQTT-3.1.2-12] [MQTT311-3.1.2-14]
}

function checkCredentials(version: ProtocolVersion, flags: number): void {
  if (version < 5 && (flags & passwordBit) !== 0 && (flags & usernameBit) === 0) {
    throw malformed('MQTT311-3.1.2-22', 'a password without a username'); // [MQTT311-3.1.2-22]
  }
}

function decodeWill(reader: PacketReader, version: ProtocolVersion, flags: number): Will {
  const properties = version === 5 ? readProperties(reader, willContext) : undefined;
  const topic = reader.string(); // [MQTT-3.1.3-11] [MQTT311-3.1.3-10]
  const payload = reader.binary();
  checkWillTopic(topic);
  const qos = ((flags >> willQoSShift) & 3) as QoS;
  const will: Will = { topic, payload, qos, retain: (flags & willRetainBit) !== 0 };
  if (properties !== undefined) will.properties = properties;
  return will;
}

function checkWillTopic(topic: string): void {
  if (topic.length === 0) throw violation('MQTT-4.7.3-1', 'a will topic is empty'); // [MQTT-4.7.3-1] [MQTT311-4.7.3-1]
  if (/[+#]/.test(topic)) throw malformed('MQTT-4.7.0-1', 'a will topic has wildcards'); // [MQTT-4.7.0-1] [MQTT311-4.7.1-1]
}

/** Grammar: see `decodeConnect`. The version is the packet's own. */
export function encodeConnect(packet: ConnectPacket): Uint8Array {
  const { version, will } = packet;
  const writer = new PacketWriter();
  const flags = connectFlags(packet);
  checkCredentials(version, flags);
  writer.string(version === 3 ? 'MQIsdp' : 'MQTT'); // [MQTT-3.1.2-1]
  writer.uint8(version < 5 && packet.isBridge === true ? version | bridgeBit : version);
  writer.uint8(flags);
  writer.uint16(packet.keepAlive);
  if (version === 5) writeProperties(writer, PacketType.CONNECT, packet.properties);
  writer.string(packet.clientId); // [MQTT-3.1.3-3] [MQTT311-3.1.3-3]
  if (will !== undefined) {
    checkWillTopic(will.topic);
    checkWillQoS(will.qos);
    if (version === 5) writeProperties(writer, willContext, will.properties);
    writer.string(will.topic);
    writer.binary(will.payload);
  }
  if (packet.username !== undefined) writer.string(packet.username);
  if (packet.password !== undefined) writer.binary(packet.password);
  return writer.packet(firstByte(PacketType.CONNECT));
}

function connectFlags(packet: ConnectPacket): number {
  const { will } = packet;
  let flags = packet.cleanStart ? cleanStartBit : 0;
  if (will !== undefined) flags |= willBit | (will.qos << willQoSShift) | (will.retain ? willRetainBit : 0);
  if (packet.username !== undefined) flags |= usernameBit;
  if (packet.password !== undefined) flags |= passwordBit;
  return flags;
}

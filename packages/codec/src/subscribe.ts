import { firstByte } from './fixed-header.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import { PacketType } from './packet-type.ts';
import type { ProtocolVersion, QoS } from './packet-type.ts';
import type { SubscribePacket, Subscription } from './packet.ts';
import { readProperties, writeProperties } from './properties.ts';
import { malformed, violation } from './protocol-error.ts';
import { checkTopicFilter } from './topic-filter-field.ts';

const noLocalBit = 0x04;
const retainAsPublishedBit = 0x08;
const retainHandlingShift = 4;

/**
 *     1000 0010 | length | packet identifier (2) | MQTT 5: properties | { topic filter (string) | options (1) }+
 *
 *     options: 00, retain handling (2 bits), retain as published, no local, QoS (2 bits); in MQTT 3: 000000, QoS
 */
export function decodeSubscribe(version: ProtocolVersion, bytes: Uint8Array, body: number, end: number): SubscribePacket {
  const reader = new PacketReader(bytes, body, end);
  const packetId = reader.packetId();
  const properties = version === 5 ? readProperties(reader, PacketType.SUBSCRIBE) : undefined;
  const filters: Subscription[] = [];
  while (!reader.isAtEnd) {
    const filter = reader.string(); // [MQTT-3.8.3-1] [MQTT311-3.8.3-1]
    const options = reader.uint8();
    filters.push(checkSubscription(version, filter, options));
  }
  checkCount(filters.length);
  const packet: SubscribePacket = { type: PacketType.SUBSCRIBE, packetId, filters };
  if (properties !== undefined) packet.properties = properties;
  return packet;
}

/** Grammar: see `decodeSubscribe`. The options that MQTT 3 does not have are left out there. */
export function encodeSubscribe(packet: SubscribePacket, version: ProtocolVersion): Uint8Array {
  const { packetId, filters, properties } = packet;
  checkCount(filters.length);
  const writer = new PacketWriter();
  writer.packetId(packetId);
  if (version === 5) writeProperties(writer, PacketType.SUBSCRIBE, properties);
  for (const subscription of filters) {
    const options = version === 5 ? subscriptionOptions(subscription) : subscription.qos;
    checkSubscription(version, subscription.filter, options);
    writer.string(subscription.filter); // [MQTT-3.8.3-1] [MQTT311-3.8.3-1]
    writer.uint8(options);
  }
  return writer.packet(firstByte(PacketType.SUBSCRIBE));
}

/** The options of a subscription as one byte of a SUBSCRIBE. */
export function subscriptionOptions(subscription: Subscription): number {
  const { qos, noLocal, retainAsPublished, retainHandling } = subscription;
  return qos | (noLocal ? noLocalBit : 0) | (retainAsPublished ? retainAsPublishedBit : 0) | (retainHandling << retainHandlingShift);
}

function checkCount(filters: number): void {
  if (filters === 0) throw violation('MQTT-3.8.3-2', 'a SUBSCRIBE without a topic filter'); // [MQTT-3.8.3-2] [MQTT311-3.8.3-3]
}

function checkSubscription(version: ProtocolVersion, filter: string, options: number): Subscription {
  checkTopicFilter(filter);
  const qos = options & 3;
  if (version < 5 && options > 2) throw malformed('MQTT311-3.8.3-4', `requested QoS ${options}`); // [MQTT311-3.8.3-4]
  if (qos === 3) throw violation('3.8.3.1', 'requested QoS 3');
  if (options > 0x3f) throw malformed('MQTT-3.8.3-5', 'reserved subscription options are set'); // [MQTT-3.8.3-5]
  const retainHandling = options >> retainHandlingShift;
  if (retainHandling === 3) throw violation('3.8.3.1', 'retain handling 3');
  const noLocal = (options & noLocalBit) !== 0;
  if (noLocal && filter.startsWith('$share/')) throw violation('MQTT-3.8.3-4', 'no local on a shared subscription'); // [MQTT-3.8.3-4]
  return {
    filter,
    qos: qos as QoS,
    noLocal,
    retainAsPublished: (options & retainAsPublishedBit) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}

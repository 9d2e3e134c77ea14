// HOT
import {
  publishFirstByte,
  publishRemainingLength,
  type ProtocolVersion,
  subscriptionIdentifierSize,
  topicAliasBytes,
  variableByteIntegerSize,
  writeFixedHeader,
  writeSubscriptionIdentifier,
  writeTopicAlias,
  writeUint16,
  writeUint32,
  writeVariableByteInteger,
} from '@wrenmq/codec';
import type { Clock } from '#base/clock.ts';
import type { Delivery } from '#message/delivery.ts';
import { BodyKind, type Message, NEVER } from '#message/message.ts';
import type { OutgoingAliases } from './outgoing-aliases.ts';
import type { Outbox } from './outbox.ts';

/** What decides how a client gets its PUBLISH packets. */
export interface PublishFormat {
  readonly version: ProtocolVersion;
  /** The client's Maximum Packet Size, bytes. */
  readonly packetBytesMax: number;
  /** Null when the client takes no aliases. */
  readonly aliases: OutgoingAliases | null;
}

/** Writes PUBLISH packets: copies of the message's bytes with a few patched. */
export class PublishWriter {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False when the packet would be larger than the client takes [MQTT-3.1.2-24]; then nothing was written. */
  write(outbox: Outbox, format: PublishFormat, delivery: Delivery): boolean {
    const { message, qos } = delivery;
    const kind = (format.version === 5 ? BodyKind.V5QoS0 : BodyKind.V3QoS0) + (qos > 0 ? 1 : 0);
    if (message.bodyKind !== kind || delivery.subscriptionIdentifiers !== null || format.aliases !== null) {
      return this.#compose(outbox, format, delivery);
    }
    const from = message.topicStart - 2;
    const length = message.payloadEnd - from;
    const size = 1 + variableByteIntegerSize(length) + length;
    if (size > format.packetBytesMax) return false;
    let at = outbox.reserve(size);
    const chunk = outbox.chunk!;
    at = writeFixedHeader(chunk, at, publishFirstByte(qos, delivery.retain, delivery.isDuplicate), length);
    message.bytes.copy(chunk, at, from, message.payloadEnd);
    if (qos > 0) writeUint16(chunk, at + message.topicEnd - from, delivery.packetId);
    if (message.expiresAtMs !== NEVER && format.version === 5) {
      writeUint32(chunk, at + message.messageExpiryAt - from, this.#remainingSeconds(message));
    }
    return true;
  }

  #compose(outbox: Outbox, format: PublishFormat, delivery: Delivery): boolean {
    const { message, qos } = delivery;
    const isV5 = format.version === 5;
    const alias = format.aliases === null ? 0 : format.aliases.aliasOf(message.topic);
    const isTopicSent = alias === 0 || format.aliases!.isNew;
    const topicBytes = isTopicSent ? message.topicEnd - message.topicStart : 0;
    const propertiesBytes = isV5 ? this.#propertiesBytes(delivery, alias) : 0;
    const length = publishRemainingLength(format.version, topicBytes, propertiesBytes, message.payloadBytes, qos);
    const size = 1 + variableByteIntegerSize(length) + length;
    if (size > format.packetBytesMax) {
      if (alias !== 0 && isTopicSent) format.aliases!.forget(message.topic);
      return false;
    }
    let at = outbox.reserve(size);
    const chunk = outbox.chunk!;
    at = writeFixedHeader(chunk, at, publishFirstByte(qos, delivery.retain, delivery.isDuplicate), length);
    at = writeUint16(chunk, at, topicBytes);
    if (isTopicSent) at += message.bytes.copy(chunk, at, message.topicStart, message.topicEnd);
    if (qos > 0) at = writeUint16(chunk, at, delivery.packetId);
    if (isV5) at = this.#writeProperties(chunk, at, delivery, { alias, propertiesBytes });
    message.bytes.copy(chunk, at, message.payloadStart, message.payloadEnd);
    return true;
  }

  #propertiesBytes({ message, subscriptionIdentifiers }: Delivery, alias: number): number {
    let bytes = message.propertiesEnd - message.propertiesStart + (alias === 0 ? 0 : topicAliasBytes);
    if (subscriptionIdentifiers === null) return bytes;
    for (let i = 0; i < subscriptionIdentifiers.length; i += 1) bytes += subscriptionIdentifierSize(subscriptionIdentifiers[i]);
    return bytes;
  }

  #writeProperties(chunk: Buffer, start: number, delivery: Delivery, extra: { alias: number; propertiesBytes: number }): number {
    const { message, subscriptionIdentifiers } = delivery;
    let at = writeVariableByteInteger(chunk, start, extra.propertiesBytes);
    const copied = at;
    at += message.bytes.copy(chunk, at, message.propertiesStart, message.propertiesEnd);
    if (message.messageExpiryAt >= 0) {
      writeUint32(chunk, copied + message.messageExpiryAt - message.propertiesStart, this.#remainingSeconds(message));
    }
    if (extra.alias !== 0) at = writeTopicAlias(chunk, at, extra.alias);
    if (subscriptionIdentifiers === null) return at;
    for (let i = 0; i < subscriptionIdentifiers.length; i += 1) {
      at = writeSubscriptionIdentifier(chunk, at, subscriptionIdentifiers[i]);
    }
    return at;
  }

  /** The interval as received minus the time that the message has waited [MQTT-3.3.2-6]. */
  #remainingSeconds(message: Message): number {
    return Math.max(Math.ceil((message.expiresAtMs - this.#clock.wallMs()) / 1000), 0);
  }
}

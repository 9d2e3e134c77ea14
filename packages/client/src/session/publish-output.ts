// HOT
import {
  PublishPropertyId,
  publishFirstByte,
  publishRemainingLength,
  publishSize,
  topicAliasBytes,
  writeFixedHeader,
  writeTopicAlias,
  writeUint16,
  writeUint32,
  writeVariableByteInteger,
} from '@wrenmq/codec';
import type { QoS } from '@wrenmq/codec';
import { packetBytesMax } from './broker-limits.ts';
import type { ConnectionState } from './connection-state.ts';
import type { OutboundEntry } from './outbound-entry.ts';
import type { OutboundTopic } from './outbound-topics.ts';
import type { OutputBuffer } from './output-buffer.ts';

/** A shorter topic gains nothing from an alias. */
const aliasedBytesMin = 12;
const expiryBytes = 5;
const headerBytesMax = 5;

/** What an OutboundMessage and an OutboundEntry have in common. */
export interface PublishSource {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payload: Uint8Array;
  readonly expiresAt: number | undefined;
}

/** Writes PUBLISH packets, with topic aliases where the broker takes them. */
export class PublishOutput {
  readonly #connection: ConnectionState;
  readonly #output: OutputBuffer;
  /** How many aliases the connection `#aliasesOf` has. */
  #aliases = 0;
  #aliasesOf = 0;

  constructor(connection: ConnectionState, output: OutputBuffer) {
    this.#connection = connection;
    this.#output = output;
  }

  /** Whether the broker takes a packet of this size. [MQTT-3.2.2-15] */
  fits(topic: OutboundTopic, source: PublishSource, properties: Uint8Array): boolean {
    const { version } = this.#connection;
    const { maxPacketSize } = this.#connection.limits;
    if (maxPacketSize === packetBytesMax) return true;
    const propertyBytes = properties.length + (source.expiresAt === undefined ? 0 : expiryBytes);
    return publishSize(version, topic.bytes.length, propertyBytes, source.payload.length, source.qos) <= maxPacketSize;
  }

  /** `properties` are bytes without their length. `entry` at QoS 1 and 2. */
  write(topic: OutboundTopic, source: PublishSource, properties: Uint8Array, entry: OutboundEntry | undefined): void {
    const { qos, payload, expiresAt } = source;
    const { version } = this.#connection;
    const output = this.#output;
    let topicBytes = topic.bytes.length;
    let propertyBytes = properties.length + (expiresAt === undefined ? 0 : expiryBytes);
    let alias = 0;
    if (this.#connection.limits.topicAliasMaximum > 0 && topicBytes >= aliasedBytesMin) {
      const isKnown = topic.connection === this.#connection.number && topic.alias > 0;
      alias = this.#alias(topic, topicBytes + propertyBytes + payload.length);
      if (alias > 0) propertyBytes += topicAliasBytes;
      if (isKnown) topicBytes = 0;
    }
    const length = publishRemainingLength(version, topicBytes, propertyBytes, payload.length, qos);
    output.reserve(headerBytesMax + length);
    const { bytes } = output;
    const isRepeated = entry !== undefined && entry.isRepeated;
    let at = writeFixedHeader(bytes, output.at, publishFirstByte(qos, source.retain, isRepeated), length); // [MQTT-3.3.1-1] [MQTT-3.3.1-2]
    at = writeUint16(bytes, at, topicBytes);
    output.at = at;
    if (topicBytes > 0) output.copy(topic.bytes);
    at = output.at;
    if (entry !== undefined) at = writeUint16(bytes, at, entry.packetId);
    if (version === 5) {
      at = writeVariableByteInteger(bytes, at, propertyBytes);
      if (expiresAt !== undefined) {
        bytes[at] = PublishPropertyId.MessageExpiryInterval;
        at = writeUint32(bytes, at + 1, this.#secondsLeft(expiresAt));
      }
      if (alias > 0) at = writeTopicAlias(bytes, at, alias);
      output.at = at;
      if (properties.length > 0) output.copy(properties);
    } else {
      output.at = at;
    }
    output.copy(payload);
  }

  /** The topic's alias from now on; 0 when it has none. A topic gets one when it is published to for the second time. */
  #alias(topic: OutboundTopic, bytes: number): number {
    const { number } = this.#connection;
    const { topicAliasMaximum, maxPacketSize } = this.#connection.limits;
    if (this.#aliasesOf !== number) {
      this.#aliasesOf = number;
      this.#aliases = 0; // [MQTT-3.3.2-7]
    }
    if (topic.connection !== number) {
      topic.connection = number;
      topic.alias = 0;
    } else if (topic.alias === 0 && this.#aliases < topicAliasMaximum && bytes + 20 <= maxPacketSize) {
      topic.alias = ++this.#aliases; // [MQTT-3.3.2-9]
    }
    return topic.alias;
  }

  /** Never 0: some brokers take that for no expiry. */
  #secondsLeft(expiresAt: number): number {
    return Math.min(0xffffffff, Math.max(1, Math.ceil((expiresAt - this.#connection.now) / 1_000)));
  }
}

// HOT
import type { PublishProperties } from '@wrenmq/codec';
import { decodePublishProperties, encodePublishProperties } from '@wrenmq/codec';

export type QoS = 0 | 1 | 2;

/** Offset of a message that is in no log. */
export const NOT_LOGGED = -1;
/** Deadline of a message that does not expire. */
export const NEVER = 0;

const empty = Buffer.alloc(0);

/**
 * An Application Message inside the house: slices of one buffer, in the form in which MQTT 5 carries them, so that a
 * delivery copies bytes instead of encoding fields.
 *
 * The buffer of a message that just came in is the connection's read buffer, valid until its callback returns: whoever
 * keeps a message longer calls `hold` first.
 */
export class Message {
  /** The complete topic name, valid and without wildcards. */
  readonly topic: string;
  bytes: Buffer;
  /** The topic name's UTF-8 bytes: `bytes[topicStart..topicEnd)`. */
  topicStart: number;
  topicEnd: number;
  /** MQTT 5 properties without their length, without topic alias and subscription identifiers; empty when there are none. */
  propertiesStart: number;
  propertiesEnd: number;
  payloadStart: number;
  payloadEnd: number;
  /** Where the four bytes of the Message Expiry Interval stand in `bytes`, or -1. */
  expiryAt: number;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Wall clock deadline in milliseconds, or NEVER. */
  readonly expiresAtMs: number;
  /** Wall clock, milliseconds. */
  readonly receivedAtMs: number;
  /** The publishing client, or the name of the part of the house that published (`$SYS`, a feature). */
  readonly publisher: string;
  /** Position in the log, or NOT_LOGGED. */
  offset = NOT_LOGGED;
  /** True when `bytes` belongs to this message. */
  isHeld = false;
  /** Set by the log: how many readers still need the stored form. */
  readers = 0;

  constructor(
    topic: string,
    bytes: Buffer,
    slices: MessageSlices,
    qos: QoS,
    retain: boolean,
    expiresAtMs: number,
    receivedAtMs: number,
    publisher: string,
  ) {
    this.topic = topic;
    this.bytes = bytes;
    this.topicStart = slices.topicStart;
    this.topicEnd = slices.topicEnd;
    this.propertiesStart = slices.propertiesStart;
    this.propertiesEnd = slices.propertiesEnd;
    this.payloadStart = slices.payloadStart;
    this.payloadEnd = slices.payloadEnd;
    this.expiryAt = slices.expiryAt;
    this.qos = qos;
    this.retain = retain;
    this.expiresAtMs = expiresAtMs;
    this.receivedAtMs = receivedAtMs;
    this.publisher = publisher;
  }

  get payloadBytes(): number {
    return this.payloadEnd - this.payloadStart;
  }

  /** What the message weighs against a queue's limit: topic, properties and payload in bytes. */
  get weight(): number {
    return this.topicEnd - this.topicStart + (this.propertiesEnd - this.propertiesStart) + (this.payloadEnd - this.payloadStart);
  }

  /** A view of the payload, valid as long as `bytes` is. */
  get payload(): Buffer {
    return this.bytes.subarray(this.payloadStart, this.payloadEnd);
  }

  /** Decodes the MQTT 5 properties; an empty object when there are none. */
  get properties(): PublishProperties {
    return decodePublishProperties(this.bytes, this.propertiesStart, this.propertiesEnd);
  }

  isExpired(wallMs: number): boolean {
    return this.expiresAtMs !== NEVER && wallMs >= this.expiresAtMs;
  }

  /** Copies what the message needs into a buffer of its own, once. */
  hold(): this {
    if (this.isHeld) return this;
    const from = this.topicStart;
    // A PUBLISH lies in one piece: topic, then packet identifier and property length, then properties and payload.
    const own = Buffer.allocUnsafeSlow(this.payloadEnd - from);
    this.bytes.copy(own, 0, from, this.payloadEnd);
    this.bytes = own;
    this.topicStart -= from;
    this.topicEnd -= from;
    this.propertiesStart -= from;
    this.propertiesEnd -= from;
    this.payloadStart -= from;
    this.payloadEnd -= from;
    if (this.expiryAt >= 0) this.expiryAt -= from;
    this.isHeld = true;
    return this;
  }
}

/** Where the parts of a message stand in its buffer, in the order topic, properties, payload. */
export interface MessageSlices {
  readonly topicStart: number;
  readonly topicEnd: number;
  readonly propertiesStart: number;
  readonly propertiesEnd: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly expiryAt: number;
}

/** What a part of the house, an embedder or a gateway says when it makes a message. */
export interface MessageFields {
  readonly topic: string;
  readonly payload?: Uint8Array | string;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly properties?: PublishProperties;
  readonly publisher: string;
  readonly receivedAtMs: number;
}

/** Makes a held message from fields. The topic must be a valid topic name; properties are encoded as MQTT 5 has them. */
export function createMessage(fields: MessageFields): Message {
  const topic = Buffer.from(fields.topic);
  const properties = fields.properties === undefined ? empty : encodePublishProperties(fields.properties);
  const payload = typeof fields.payload === 'string' ? Buffer.from(fields.payload) : (fields.payload ?? empty);
  const bytes = Buffer.concat([topic, properties, payload]);
  const interval = fields.properties?.messageExpiryInterval;
  const propertiesEnd = topic.length + properties.length;
  const slices = {
    topicStart: 0,
    topicEnd: topic.length,
    propertiesStart: topic.length,
    propertiesEnd,
    payloadStart: propertiesEnd,
    payloadEnd: bytes.length,
    // encodePublishProperties writes the Message Expiry Interval second at most, after the one-byte payload format.
    expiryAt: interval === undefined ? -1 : topic.length + (fields.properties?.payloadFormatIndicator === undefined ? 1 : 3),
  };
  const expiresAtMs = interval === undefined ? NEVER : fields.receivedAtMs + interval * 1000;
  const message = new Message(
    fields.topic,
    bytes,
    slices,
    fields.qos ?? 0,
    fields.retain ?? false,
    expiresAtMs,
    fields.receivedAtMs,
    fields.publisher,
  );
  message.isHeld = true;
  return message;
}

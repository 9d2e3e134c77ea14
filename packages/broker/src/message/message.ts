// HOT
import type { PublishProperties } from '@wrenmq/codec';
import { decodePublishProperties, encodePublishProperties } from '@wrenmq/codec';
import type { NameHash } from '#base/name-hash.ts';

export type QoS = 0 | 1 | 2;

/**
 * Whether `bytes` from two before the topic to the payload's end is the variable header and payload of a PUBLISH as some
 * receivers need it: then a delivery is one copy. None: the parts stand apart.
 */
export const BodyKind = { None: 0, V3QoS0: 1, V3: 2, V5QoS0: 3, V5: 4 } as const;
export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

/** Offset of a message that is in no log. */
export const NOT_LOGGED = -1;
/** `routedAtMs` of a message whose deliveries nobody times, or that is older than the question, such as one that was read from disk. */
export const UNTIMED = 0;
/** `observedFromMs` of a message all of whose deliveries are observed, and of one of whose deliveries none is. */
export const OBSERVED_ALWAYS = -1;
export const OBSERVED_NEVER = 0x7fff_ffff;
/** Deadline of a message that does not expire. */
export const NEVER = 0;
/** Delay of a message that is published as it comes. */
export const NO_DELAY = 0;
/** A delay of this many seconds (497 days) or more is a moment: seconds since 1970. */
export const ABSOLUTE_DELAY = 42_949_670;

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
  messageExpiryAt: number;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Wall clock deadline in milliseconds, or NEVER. */
  readonly expiresAtMs: number;
  /** Wall clock, milliseconds. */
  readonly receivedAtMs: number;
  /** The publishing client, or the name of the part of the house that published (`$SYS`, a feature). */
  readonly publisher: string;
  readonly bodyKind: BodyKind;
  /** NO_DELAY, or when to publish it: in so many seconds; from ABSOLUTE_DELAY on at that second since 1970. */
  delay = NO_DELAY;
  /** Position in the log, or NOT_LOGGED. */
  offset = NOT_LOGGED;
  /** True when `bytes` belongs to this message. */
  isHeld = false;
  /** True while the history keeps it under its `offset` in the log: then the log holds its record until the history is flushed. */
  isKept = false;
  /** The log's: first offset of the stored record that holds the message, or NOT_LOGGED while it is not written. */
  recordBase = NOT_LOGGED;
  /** The log's: how many durable readers need the message while it is not written. */
  readers = 0;
  /** When the message was routed, by the clock's `turnMs`, while somebody observes deliveries of its topic; or UNTIMED. */
  routedAtMs: number = UNTIMED;
  /** Its deliveries are observed when they have taken so long, milliseconds; or OBSERVED_ALWAYS, OBSERVED_NEVER. */
  observedFromMs: number = OBSERVED_ALWAYS;
  /** Of the topic, for those who remember what became of the message; null as long as nobody has asked. */
  topicHash: NameHash | null = null;

  constructor(topic: string, bytes: Buffer, slices: MessageSlices, origin: MessageOrigin) {
    this.topic = topic;
    this.bytes = bytes;
    this.topicStart = slices.topicStart;
    this.topicEnd = slices.topicEnd;
    this.propertiesStart = slices.propertiesStart;
    this.propertiesEnd = slices.propertiesEnd;
    this.payloadStart = slices.payloadStart;
    this.payloadEnd = slices.payloadEnd;
    this.messageExpiryAt = slices.messageExpiryAt;
    this.bodyKind = origin.bodyKind;
    this.qos = origin.qos;
    this.retain = origin.retain;
    this.expiresAtMs = origin.expiresAtMs;
    this.receivedAtMs = origin.receivedAtMs;
    this.publisher = origin.publisher;
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
    // A PUBLISH lies in one piece: topic with its length, packet identifier and property length, properties, payload.
    const from = this.topicStart - 2;
    const own = Buffer.allocUnsafe(this.payloadEnd - from);
    this.bytes.copy(own, 0, from, this.payloadEnd);
    this.bytes = own;
    this.topicStart -= from;
    this.topicEnd -= from;
    this.propertiesStart -= from;
    this.propertiesEnd -= from;
    this.payloadStart -= from;
    this.payloadEnd -= from;
    if (this.messageExpiryAt >= 0) this.messageExpiryAt -= from;
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
  readonly messageExpiryAt: number;
}

/** Whence a message came and how it is to be treated. */
export interface MessageOrigin {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly expiresAtMs: number;
  readonly receivedAtMs: number;
  readonly publisher: string;
  readonly bodyKind: BodyKind;
}

/** What a part of the house, an embedder or a gateway says when it makes a message. */
export interface MessageFields {
  readonly topic: string;
  readonly payload?: Uint8Array | string;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly properties?: PublishProperties;
  readonly delay?: number;
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
    messageExpiryAt: interval === undefined ? -1 : topic.length + (fields.properties?.payloadFormatIndicator === undefined ? 1 : 3),
  };
  const expiresAtMs = interval === undefined ? NEVER : fields.receivedAtMs + interval * 1000;
  const message = new Message(fields.topic, bytes, slices, {
    qos: fields.qos ?? 0,
    retain: fields.retain ?? false,
    expiresAtMs,
    receivedAtMs: fields.receivedAtMs,
    publisher: fields.publisher,
    bodyKind: BodyKind.None,
  });
  message.isHeld = true;
  message.delay = fields.delay ?? NO_DELAY;
  return message;
}

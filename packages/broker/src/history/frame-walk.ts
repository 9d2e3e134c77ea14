// HOT
import { BodyKind, Message, NEVER, type QoS } from '#message/message.ts';
import { FRAME_HEADER_BYTES, RecordFlag, readFrameHeader } from './frame.ts';
import { unfoldSign, VarintReader } from './varint.ts';

/** Walks over the records of a sound frame, from the first on, and makes messages of those that are wanted. */
export class FrameWalk {
  /** What is known of the record that `next` has come to. */
  offset = 0;
  ordinal = 0;
  timeMs = 0;
  missed = 0;
  expiresAtMs: number = NEVER;
  /** The topic's number in the frame, from 1. */
  topicNumber = 0;
  readonly #reader: VarintReader;
  #left: number;
  #flags = 0;
  #messageExpiryAt = -1;
  #publisherNumber = 0;
  #propertiesStart = 0;
  #payloadStart = 0;
  #payloadEnd = 0;
  /** The bytes of all topics' names behind each other, and where each ends. */
  #names: Buffer = Buffer.allocUnsafe(1024);
  readonly #nameEnds: number[] = [0];
  readonly #topics: string[] = [];
  /** Where the publishers' names stand. */
  readonly #publisherPlaces: number[] = [];
  readonly #publishers: string[] = [];

  /** Of the frame at `at` of `bytes`. */
  constructor(bytes: Buffer, at: number) {
    const { firstOffset, firstOrdinal, firstTimeMs, missed, count } = readFrameHeader(bytes, at);
    this.offset = firstOffset - 1;
    this.ordinal = firstOrdinal - 1;
    this.timeMs = firstTimeMs;
    this.missed = missed;
    this.#left = count;
    this.#reader = new VarintReader(bytes, at + FRAME_HEADER_BYTES);
  }

  /** Moves to the next record; false behind the last. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    const reader = this.#reader;
    const flags = reader.bytes[reader.at++];
    this.#flags = flags;
    this.ordinal += 1;
    this.offset += 1;
    if ((flags & RecordFlag.Steps) !== 0) {
      this.offset += reader.next();
      this.missed += reader.next();
    }
    this.timeMs += unfoldSign(reader.next());
    this.#readTopic();
    if ((flags & RecordFlag.SamePublisher) === 0) this.#readPublisher();
    this.expiresAtMs = NEVER;
    this.#messageExpiryAt = -1;
    if ((flags & RecordFlag.Expiry) !== 0) {
      this.expiresAtMs = this.timeMs + unfoldSign(reader.next());
      this.#messageExpiryAt = reader.next() - 1;
    }
    const propertiesBytes = (flags & RecordFlag.Properties) === 0 ? 0 : reader.next();
    const payloadBytes = reader.next();
    this.#propertiesStart = reader.at;
    this.#payloadStart = reader.at + propertiesBytes;
    this.#payloadEnd = this.#payloadStart + payloadBytes;
    reader.at = this.#payloadEnd;
    return true;
  }

  get topic(): string {
    const index = this.topicNumber - 1;
    return (this.#topics[index] ??= this.#names.toString('utf8', this.#nameEnds[index], this.#nameEnds[index + 1]));
  }

  /** The record as a message with bytes of its own. */
  message(): Message {
    const { bytes } = this.#reader;
    const nameStart = this.#nameEnds[this.topicNumber - 1];
    const nameEnd = this.#nameEnds[this.topicNumber];
    const topicBytes = nameEnd - nameStart;
    const own = Buffer.allocUnsafeSlow(topicBytes + this.#payloadEnd - this.#propertiesStart);
    this.#names.copy(own, 0, nameStart, nameEnd);
    bytes.copy(own, topicBytes, this.#propertiesStart, this.#payloadEnd);
    const propertiesEnd = topicBytes + this.#payloadStart - this.#propertiesStart;
    const slices = {
      topicStart: 0,
      topicEnd: topicBytes,
      propertiesStart: topicBytes,
      propertiesEnd,
      payloadStart: propertiesEnd,
      payloadEnd: own.length,
      messageExpiryAt: this.#messageExpiryAt < 0 ? -1 : topicBytes + this.#messageExpiryAt,
    };
    const message = new Message(this.topic, own, slices, {
      qos: (this.#flags & 3) as QoS,
      retain: (this.#flags & RecordFlag.Retain) !== 0,
      expiresAtMs: this.expiresAtMs,
      receivedAtMs: this.timeMs,
      publisher: this.#publisher(),
      bodyKind: BodyKind.None,
    });
    message.isHeld = true;
    return message;
  }

  #readTopic(): void {
    const reader = this.#reader;
    const number = reader.next();
    if (number > 0) {
      this.topicNumber = number;
      return;
    }
    const shared = reader.next();
    const rest = reader.next();
    const count = this.#nameEnds.length;
    const start = this.#nameEnds[count - 1];
    const end = start + shared + rest;
    if (end > this.#names.length) this.#names = Buffer.concat([this.#names], 2 * end);
    if (shared > 0) this.#names.copyWithin(start, this.#nameEnds[count - 2], this.#nameEnds[count - 2] + shared);
    reader.bytes.copy(this.#names, start + shared, reader.at, reader.at + rest);
    reader.at += rest;
    this.#nameEnds.push(end);
    this.topicNumber = count;
  }

  #readPublisher(): void {
    const reader = this.#reader;
    const number = reader.next();
    if (number > 0) {
      this.#publisherNumber = number;
      return;
    }
    this.#publisherPlaces.push(reader.at);
    this.#publisherNumber = this.#publisherPlaces.length;
    reader.at += 2 + reader.bytes.readUInt16LE(reader.at);
  }

  #publisher(): string {
    const index = this.#publisherNumber - 1;
    return (this.#publishers[index] ??= textAt(this.#reader.bytes, this.#publisherPlaces[index]));
  }
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + 2, at + 2 + bytes.readUInt16LE(at));
}

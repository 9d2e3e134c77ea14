// HOT
import { type Message, NEVER } from '#message/message.ts';
import { FRAME_HEADER_BYTES, RecordFlag, writeFrameHeader } from './frame.ts';
import type { HistorySlot } from './history-slot.ts';
import { foldSign, writeVarint } from './varint.ts';

/** More than the numbers of one record take. */
const RECORD_NUMBERS_BYTES_MAX = 96;
/** Shorter pieces are copied faster byte by byte. */
const CALLED_BYTES_MIN = 48;
const TOPIC_BYTES_MAX = 65_536;
/** Of a name so much may stand with the one before: names take much less room in a frame than in memory otherwise. */
const SHARED_BYTES_MAX = 128;

/** At most so many bytes are added to a frame by a message. */
export function recordBytesMax(message: Message): number {
  return RECORD_NUMBERS_BYTES_MAX + message.weight + 3 * message.publisher.length;
}

/** The frame that messages are being appended to. Its buffer may be read while it grows: what is written stays. */
export class FrameBuilder {
  /** Which frame it is; never twice for one builder. */
  serial = 0;
  buffer: Buffer = Buffer.alloc(0);
  /** Where the next record goes. */
  at = FRAME_HEADER_BYTES;
  count = 0;
  firstOrdinal = 0;
  firstOffset = 0;
  lastOffset = 0;
  minTimeMs = Infinity;
  maxTimeMs = -Infinity;
  lastLogOffset = 0;
  /** Up to the last record. */
  missed = 0;
  #firstTimeMs = 0;
  #lastTimeMs = 0;
  #firstMissed = 0;
  #topics = 0;
  #publisher = '';
  readonly #publishers = new Map<string, number>();
  readonly #topicName = Buffer.allocUnsafeSlow(TOPIC_BYTES_MAX);
  #topicNameBytes = 0;

  /** Begins an empty frame in a buffer that nobody else writes to. */
  begin(buffer: Buffer, firstOrdinal: number): void {
    this.serial += 1;
    this.buffer = buffer;
    this.at = FRAME_HEADER_BYTES;
    this.count = 0;
    this.firstOrdinal = firstOrdinal;
    this.minTimeMs = Infinity;
    this.maxTimeMs = -Infinity;
    this.#topics = 0;
    this.#topicNameBytes = 0;
    this.#publishers.clear();
  }

  hasRoom(message: Message): boolean {
    return this.at + recordBytesMax(message) <= this.buffer.length;
  }

  /** Appends a message for which there is room. `missed`: see `FrameHeader`. */
  append(message: Message, slot: HistorySlot, offset: number, missed: number): void {
    const { buffer } = this;
    const timeMs = message.receivedAtMs;
    if (this.count === 0) this.#first(offset, timeMs, missed);
    const flagsAt = this.at;
    let flags: number = message.qos;
    let at = flagsAt + 1;
    if (offset !== this.lastOffset + 1 || missed !== this.missed) {
      flags |= RecordFlag.Steps;
      at = writeVarint(buffer, at, offset - this.lastOffset - 1);
      at = writeVarint(buffer, at, missed - this.missed);
    }
    at = writeVarint(buffer, at, foldSign(timeMs - this.#lastTimeMs));
    at = this.#writeTopic(message, slot, at);
    if (message.publisher === this.#publisher && this.count > 0) flags |= RecordFlag.SamePublisher;
    else at = this.#writePublisher(message.publisher, slot, at);
    if (message.retain) flags |= RecordFlag.Retain;
    if (message.expiresAtMs !== NEVER || message.messageExpiryAt >= 0) {
      flags |= RecordFlag.Expiry;
      at = writeVarint(buffer, at, foldSign(message.expiresAtMs - timeMs));
      at = writeVarint(buffer, at, message.messageExpiryAt < 0 ? 0 : message.messageExpiryAt - message.propertiesStart + 1);
    }
    const propertiesBytes = message.propertiesEnd - message.propertiesStart;
    if (propertiesBytes > 0) {
      flags |= RecordFlag.Properties;
      at = writeVarint(buffer, at, propertiesBytes);
    }
    at = writeVarint(buffer, at, message.payloadEnd - message.payloadStart);
    if (propertiesBytes > 0) at = copyBytes(message.bytes, message.propertiesStart, message.propertiesEnd, buffer, at);
    this.at = copyBytes(message.bytes, message.payloadStart, message.payloadEnd, buffer, at);
    buffer[flagsAt] = flags;
    this.#note(offset, timeMs, missed, message.offset);
  }

  /** The frame as it is now, in its own buffer, without a checksum. */
  finish(flushedBytes: number): Buffer {
    const frame = this.buffer.subarray(0, this.at);
    writeFrameHeader(frame, {
      bytes: this.at,
      count: this.count,
      firstOrdinal: this.firstOrdinal,
      flushedBytes,
      firstOffset: this.firstOffset,
      firstTimeMs: this.#firstTimeMs,
      missed: this.#firstMissed,
      lastLogOffset: this.lastLogOffset,
    });
    return frame;
  }

  #first(offset: number, timeMs: number, missed: number): void {
    this.firstOffset = offset;
    this.lastOffset = offset - 1;
    this.#firstTimeMs = timeMs;
    this.#lastTimeMs = timeMs;
    this.#firstMissed = missed;
    this.missed = missed;
  }

  #note(offset: number, timeMs: number, missed: number, logOffset: number): void {
    this.count += 1;
    this.lastOffset = offset;
    this.missed = missed;
    this.#lastTimeMs = timeMs;
    if (timeMs < this.minTimeMs) this.minTimeMs = timeMs;
    if (timeMs > this.maxTimeMs) this.maxTimeMs = timeMs;
    if (logOffset > this.lastLogOffset) this.lastLogOffset = logOffset;
  }

  #writeTopic(message: Message, slot: HistorySlot, start: number): number {
    if (slot.frame === this.serial) return writeVarint(this.buffer, start, slot.frameTopic);
    slot.frame = this.serial;
    slot.frameTopic = this.#topics += 1;
    const name = this.#topicName;
    const { bytes, topicStart } = message;
    const length = message.topicEnd - topicStart;
    const sharedMax = Math.min(length, this.#topicNameBytes, SHARED_BYTES_MAX);
    let shared = 0;
    while (shared < sharedMax && name[shared] === bytes[topicStart + shared]) shared += 1;
    copyBytes(bytes, topicStart + shared, topicStart + length, name, shared);
    this.#topicNameBytes = length;
    this.buffer[start] = 0;
    let at = writeVarint(this.buffer, start + 1, shared);
    at = writeVarint(this.buffer, at, length - shared);
    return copyBytes(bytes, topicStart + shared, topicStart + length, this.buffer, at);
  }

  #writePublisher(publisher: string, slot: HistorySlot, at: number): number {
    this.#publisher = publisher;
    if (slot.publisherFrame === this.serial && slot.publisher === publisher) return writeVarint(this.buffer, at, slot.publisherNumber);
    let number = this.#publishers.get(publisher);
    let end = at;
    if (number === undefined) {
      number = this.#publishers.size + 1;
      this.#publishers.set(publisher, number);
      end = at + 3 + writeText(this.buffer, publisher, at + 3);
      this.buffer[at] = 0;
      this.buffer[at + 1] = (end - at - 3) & 0xff;
      this.buffer[at + 2] = (end - at - 3) >>> 8;
    } else {
      end = writeVarint(this.buffer, at, number);
    }
    slot.publisher = publisher;
    slot.publisherFrame = this.serial;
    slot.publisherNumber = number;
    return end;
  }
}

/** Writes a text as UTF-8; returns its bytes. */
function writeText(into: Buffer, text: string, at: number): number {
  const { length } = text;
  // PERF: bench/micro/history.ts. A short name is written sooner than the system is called.
  if (length < CALLED_BYTES_MIN) {
    let i = 0;
    for (let code = 0; i < length && (code = text.charCodeAt(i)) < 0x80; i += 1) into[at + i] = code;
    if (i === length) return length;
  }
  return into.write(text, at);
}

function copyBytes(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start >= CALLED_BYTES_MIN) return at + from.copy(to, at, start, end);
  let target = at;
  for (let i = start; i < end; i += 1) to[target++] = from[i];
  return target;
}

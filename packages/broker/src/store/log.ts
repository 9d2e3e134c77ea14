// HOT
import type { Logger } from '#base/logger.ts';
import { type Message, NOT_LOGGED } from '#message/message.ts';
import { decodeMessage, storedMessageBytes, writeMessage } from '#message/stored-message.ts';
import type { OperationalError } from '#base/errors.ts';
import type { Committer, Participant } from './committer.ts';
import type { Batch, Store } from './store.ts';

/** Offsets within one record. */
const OFFSETS_MAX = 65_536;
/** A stored record holds at most so many bytes of messages, unless one message alone is larger. */
const RECORD_BYTES_MAX = 1024 * 1024;
/** A record that is not larger takes in the messages of the next batch: one now and then does not cost a record each. */
const GROWING_BYTES_MAX = 2048;
/** Records of one segment are freed together; a segment closes at either bound. */
const SEGMENT_RECORDS_MAX = 64;
const SEGMENT_MESSAGES_MAX = 256;
/** Decoded records kept for readers that follow each other closely. */
const CACHED_RECORDS_MAX = 32;

/** Damaged records are kept under the name of their table. */
const QUARANTINE_PREFIX = 'log/';
const quarantinedRecords = { from: Buffer.from('log/'), to: Buffer.from('log0') };

/** Bit of a stored length: the history keeps the message. */
const KEPT = 0x8000_0000;

/** Who keeps messages as well, and needs their records until it has them on disk itself. */
export interface LogFollower {
  /** A record with messages that are kept (`isKept`) is being written: it stays until `releaseAt(base)`. */
  hold(base: number): void;
}

/** Consecutive records that are freed together, when the last reader of any message in them is done. */
interface Segment {
  readonly records: number[];
  messages: number;
  live: number;
}

interface PendingRecord {
  readonly base: number;
  readonly messages: readonly Message[];
  /** Those that the batch brings; the others were in the record before. */
  readonly added: readonly Message[];
}

/**
 * The log: every message with a durable reader, appended once, under a 64-bit offset. A reader acquires a message when
 * it is enqueued and releases it when it is done. A message whose readers are all done before the batch
 * is sealed is never written.
 *
 * A record: u16 number of messages, then for each u16 offset minus the record's base, u32 length (its highest bit: it is kept), stored
 * message.
 */
export class Log implements Participant {
  follower: LogFollower | null = null;
  readonly #store: Store;
  readonly #committer: Committer;
  readonly #log: Logger;
  #nextOffset = 1;
  #pending: Message[] = [];
  #written: PendingRecord[] = [];
  #refused: PendingRecord[] = [];
  /** The last record, as long as it may grow. */
  #growing: { base: number; messages: Message[]; bytes: number } | null = null;
  #isJoined = false;
  /** Record base -> its segment. */
  readonly #segments = new Map<number, Segment>();
  #openSegment: Segment | null = null;
  #dropped: number[] = [];
  /** What the batch under way deletes. */
  #dropping: number[] = [];
  readonly #cache = new Map<number, Map<number, Message>>();
  /** Bases of records that were found damaged. */
  readonly #damaged = new Set<number>();

  constructor(store: Store, committer: Committer, log: Logger) {
    this.#store = store;
    this.#committer = committer;
    this.#log = log;
  }

  /** The offset that the next message gets. */
  get nextOffset(): number {
    return this.#nextOffset;
  }

  /** The number of stored records that are still needed. */
  get records(): number {
    return this.#segments.size;
  }

  /** Learns which records exist. Then every reader calls `reacquire` for what it holds, and `dropUnread` frees the rest. */
  async load(): Promise<void> {
    for await (const page of this.#store.scan('log', { readsAhead: true })) {
      for (const { key, value } of page) {
        const base = readOffset(key);
        const messages = value.readUInt16BE(0);
        this.#joinSegment(base, messages);
        this.#nextOffset = Math.max(this.#nextOffset, base + OFFSETS_MAX);
      }
    }
    for await (const page of this.#store.scan('quarantine', quarantinedRecords)) {
      for (const { key } of page) this.#damaged.add(readOffset(key.subarray(QUARANTINE_PREFIX.length)));
    }
  }

  /** True when the record at `base` is missing because it was damaged, not because nobody needed it any more. */
  isDamaged(base: number): boolean {
    return this.#damaged.has(base);
  }

  /** At start: a stored queue entry refers to a message of the record at `base`. False when the record is lost. */
  reacquire(base: number): boolean {
    const segment = this.#segments.get(base);
    // A record that is gone must not come to life with another message under its old offset.
    if (segment === undefined) this.#nextOffset = Math.max(this.#nextOffset, base + OFFSETS_MAX);
    else segment.live += 1;
    return segment !== undefined;
  }

  /** At start, after every reader has reacquired: frees what nobody reads. */
  dropUnread(): void {
    for (const segment of new Set(this.#segments.values())) if (segment.live === 0) this.#dropSegment(segment);
  }

  /** One more durable reader needs the message. */
  acquire(message: Message): void {
    // A message that somebody still sends may come back after its last durable reader was done, and its record gone.
    if (message.recordBase !== NOT_LOGGED && !this.#segments.has(message.recordBase)) forget(message);
    if (message.offset === NOT_LOGGED) {
      message.hold();
      message.offset = this.#nextOffset++;
      this.#pending.push(message);
      this.#join();
    }
    message.readers += 1;
    if (message.recordBase !== NOT_LOGGED) this.#segments.get(message.recordBase)!.live += 1;
  }

  /** A reader is done with the message. */
  release(message: Message): void {
    message.readers -= 1;
    if (message.recordBase !== NOT_LOGGED) this.releaseAt(message.recordBase);
  }

  /** Like `release`, for a reader that knows only where the message is stored. */
  releaseAt(base: number): void {
    const segment = this.#segments.get(base);
    if (segment === undefined) return;
    segment.live -= 1;
    if (segment.live === 0) this.#dropSegment(segment);
  }

  /** The next message comes behind this offset. */
  skipPast(offset: number): void {
    this.#nextOffset = Math.max(this.#nextOffset, offset + 1);
  }

  /** At start: the stored messages behind an offset that the history kept, in order. */
  async *kept(after: number): AsyncGenerator<Message> {
    const from = offsetKey(Math.max(0, after - OFFSETS_MAX));
    for await (const page of this.#store.scan('log', { from })) {
      for (const { key, value } of page) {
        for (const message of decodeRecord(readOffset(key), value).values()) if (message.isKept && message.offset > after) yield message;
      }
    }
  }

  /** The stored message, or null when its record is damaged or gone. */
  async read(base: number, offset: number): Promise<Message | null> {
    let record = this.#cache.get(base);
    // A record that was read while it grew lacks what is new in it.
    if (record === undefined || !record.has(offset)) {
      const value = await this.#store.get('log', offsetKey(base));
      if (value === null) {
        if (this.#segments.has(base)) this.#damaged.add(base);
        return null;
      }
      record = decodeRecord(base, value);
      if (this.#cache.size >= CACHED_RECORDS_MAX) this.#cache.delete(this.#cache.keys().next().value!);
      this.#cache.set(base, record);
    }
    return record.get(offset) ?? null;
  }

  persist(batch: Batch): void {
    this.#isJoined = false;
    for (const base of this.#dropped) batch.delete('log', offsetKey(base));
    this.#dropping = this.#dropped;
    this.#dropped = [];
    this.#persistRefused(batch);
    const needed = this.#pending.filter((message) => message.readers > 0);
    for (const message of this.#pending) if (message.readers === 0) forget(message);
    this.#pending = [];
    if (needed.length > 0 && this.#grow(batch, needed)) return;
    for (let from = 0; from < needed.length;) from = this.#writeRecord(batch, needed, from);
  }

  settled(error: OperationalError | null): void {
    const written = this.#written;
    const dropping = this.#dropping;
    this.#written = [];
    this.#dropping = [];
    if (error === null) return;
    if (dropping.length > 0) this.#join();
    this.#dropped.push(...dropping);
    this.#log.warn({ records: written.length, code: error.code }, 'the log could not be written; it is tried again');
    this.#growing = null;
    // What is still read after the refusal is written with the next batch, under the same base.
    this.#refused.push(...written);
    if (written.length > 0) this.#join();
  }

  #join(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#committer.joinFirst(this);
  }

  /** Adds the messages to the last record, if that stays small; false otherwise. */
  #grow(batch: Batch, added: readonly Message[]): boolean {
    const growing = this.#growing;
    if (growing === null) return false;
    const segment = this.#segments.get(growing.base);
    const bytes = added.reduce((sum, message) => sum + 6 + storedMessageBytes(message), growing.bytes);
    if (segment === undefined || bytes > GROWING_BYTES_MAX || added.at(-1)!.offset - growing.base >= OFFSETS_MAX) return false;
    this.#growing = { base: growing.base, messages: [...growing.messages, ...added], bytes };
    segment.messages += added.length;
    this.#cache.delete(growing.base);
    this.#put(batch, this.#growing, added, segment);
    return true;
  }

  #put(batch: Batch, record: { base: number; messages: Message[]; bytes: number }, added: readonly Message[], segment: Segment): void {
    const { base, messages, bytes } = record;
    batch.put('log', offsetKey(base), encodeRecord(base, messages, bytes));
    for (const message of added) {
      message.recordBase = base;
      segment.live += message.readers;
    }
    this.#written.push({ base, messages, added });
    if (this.follower === null || !added.some(({ isKept }) => isKept)) return;
    segment.live += 1;
    this.follower.hold(base);
  }

  #writeRecord(batch: Batch, messages: readonly Message[], from: number): number {
    const base = messages[from].offset;
    let bytes = 2;
    let to = from;
    while (to < messages.length && messages[to].offset - base < OFFSETS_MAX) {
      const more = 6 + storedMessageBytes(messages[to]);
      if (to > from && bytes + more > RECORD_BYTES_MAX) break;
      bytes += more;
      to += 1;
    }
    const record = { base, messages: messages.slice(from, to), bytes };
    this.#growing = bytes < GROWING_BYTES_MAX ? record : null;
    this.#put(batch, record, record.messages, this.#joinSegment(base, record.messages.length));
    return to;
  }

  /** Writes again what a refused batch had and somebody still reads; what its readers have dropped needs no room. */
  #persistRefused(batch: Batch): void {
    for (const { base, messages, added } of this.#refused.splice(0)) {
      if (!this.#segments.has(base) || added.every(({ readers }) => readers <= 0)) continue;
      const needed = messages.filter((message) => message.readers > 0 || !added.includes(message));
      const bytes = needed.reduce((sum, message) => sum + 6 + storedMessageBytes(message), 2);
      batch.put('log', offsetKey(base), encodeRecord(base, needed, bytes));
      this.#written.push({ base, messages: needed, added: added.filter(({ readers }) => readers > 0) });
    }
  }

  #joinSegment(base: number, messages: number): Segment {
    let segment = this.#openSegment;
    if (segment === null || segment.records.length >= SEGMENT_RECORDS_MAX || segment.messages + messages > SEGMENT_MESSAGES_MAX) {
      segment = { records: [], messages: 0, live: 0 };
      this.#openSegment = segment;
    }
    segment.records.push(base);
    segment.messages += messages;
    this.#segments.set(base, segment);
    return segment;
  }

  #dropSegment(segment: Segment): void {
    if (this.#openSegment === segment) this.#openSegment = null;
    for (const base of segment.records) {
      this.#segments.delete(base);
      this.#cache.delete(base);
      this.#dropped.push(base);
    }
    this.#join();
  }
}

/** The message is in no log: who acquires it next appends it. */
function forget(message: Message): void {
  message.offset = NOT_LOGGED;
  message.recordBase = NOT_LOGGED;
  message.readers = 0;
  message.isKept = false;
}

function encodeRecord(base: number, messages: readonly Message[], bytes: number): Buffer {
  const record = Buffer.allocUnsafe(bytes);
  record.writeUInt16BE(messages.length, 0);
  let at = 2;
  for (const message of messages) {
    record.writeUInt16BE(message.offset - base, at);
    const end = writeMessage(message, record, at + 6);
    record.writeUInt32BE(end - at - 6 + (message.isKept ? KEPT : 0), at + 2);
    at = end;
  }
  return record;
}

function decodeRecord(base: number, record: Buffer): Map<number, Message> {
  const messages = new Map<number, Message>();
  let at = 2;
  for (let left = record.readUInt16BE(0); left > 0; left -= 1) {
    const message = decodeMessage(record, at + 6);
    message.offset = base + record.readUInt16BE(at);
    message.recordBase = base;
    const length = record.readUInt32BE(at + 2);
    message.isKept = length >= KEPT;
    messages.set(message.offset, message);
    at += 6 + (length % KEPT);
  }
  return messages;
}

/** Offsets order by their bytes: eight of them, big-endian. */
function offsetKey(offset: number): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(BigInt(offset));
  return key;
}

function readOffset(key: Buffer): number {
  return Number(key.readBigUInt64BE());
}

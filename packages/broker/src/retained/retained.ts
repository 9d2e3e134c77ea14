import type { Clock } from '#base/clock.ts';
import type { DropReason } from '#base/counters.ts';
import type { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { TokenBucket } from '#base/token-bucket.ts';
import type { Message } from '#message/message.ts';
import type { Committer, Participant } from '#store/committer.ts';
import type { Batch, Store, StoredRecord } from '#store/store.ts';
import { nextKey } from './filter-walk.ts';
import { FootprintCache } from './footprint-cache.ts';
import { type ChangeReader, RetainedCursor } from './retained-cursor.ts';
import { RetainedChange } from './retained-change.ts';
import type { PastMessage } from './history-walk.ts';
import { retainedCopy } from './retained-copy.ts';
import { RetainedHistory } from './retained-history.ts';
import { retainedKey, topicOfKey } from './retained-key.ts';
import {
  decodeTotals,
  encodeRecord,
  encodeTotals,
  type Footprint,
  footprintOf,
  footprintOfRecord,
  isRecordExpired,
  messageOf,
  NO_FOOTPRINT,
  sequenceOf,
  Totals,
  usernameOf,
} from './retained-record.ts';
import type { RetainedSettings } from './retained-settings.ts';

/** What became of a message. `silenced`: it cleared, and those who are subscribed are not told. `too-fast`: like `refused`, for now. */
export type SetAnswer = 'stored' | 'cleared' | 'silenced' | 'refused' | 'too-fast';

export interface RetainedOptions {
  readonly store: Store;
  readonly committer: Committer;
  readonly clock: Clock;
  /** A message that `set` had taken is not retained after all. */
  readonly onDropped: (message: Message, reason: DropReason) => void;
  readonly log: Logger;
  readonly settings: RetainedSettings;
  /** How many topics' footprints are kept in memory, so that a topic which is set often is not read each time; 16,384 by default. */
  readonly footprintsMax?: number;
}

/** What may wait for the disk; more is refused until a batch is sealed. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
const metaKey = Buffer.from('retained');

/** The retained messages: in the store, under what has changed since. */
export class Retained implements Participant {
  readonly history: RetainedHistory;
  readonly #store: Store;
  readonly #committer: Committer;
  readonly #clock: Clock;
  readonly #onDropped: RetainedOptions['onDropped'];
  #settings: RetainedSettings;
  /** Paces what is retained, of all publishers together. */
  #rate: TokenBucket;
  readonly #totals: Totals;
  /** Topic -> its change, for the batch that is open. */
  #pending = new Map<string, RetainedChange>();
  #pendingBytes = 0;
  /** The changes of the batch that is being committed. */
  #sealed = new Map<string, RetainedChange>();
  #isJoined = false;
  /** How many changes in the totals rest on a guess. Totals that were written then are not trusted by the next start. */
  #guesses = 0;
  #isWrittenExact = true;
  /** Of what is on disk. */
  readonly #footprints: FootprintCache;
  readonly #readers = new Set<ChangeReader>();
  #sweepFrom: Buffer | undefined = undefined;
  #isSweeping = false;

  private constructor(options: RetainedOptions, totals: Totals, history: RetainedHistory) {
    this.history = history;
    this.#store = options.store;
    this.#committer = options.committer;
    this.#clock = options.clock;
    this.#onDropped = options.onDropped;
    this.#settings = options.settings;
    this.#rate = rateOf(options.clock, options.settings);
    this.#totals = totals;
    this.#footprints = new FootprintCache(options.footprintsMax ?? 16_384);
  }

  /** Reads the totals, or counts once through the table when they do not agree with it. */
  static async open(options: RetainedOptions): Promise<Retained> {
    const meta = await options.store.get('meta', metaKey);
    const totals = meta === null ? null : decodeTotals(meta);
    const count = await options.store.count('retained');
    const history = await RetainedHistory.open(options, options.settings);
    if (totals === null ? count === 0 : count === totals.count) return new Retained(options, totals ?? new Totals(), history);
    return new Retained(options, await recount(options.store), history);
  }

  get settings(): RetainedSettings {
    return this.#settings;
  }

  /** Puts other settings to use, for what is retained from here on. */
  reconfigure(settings: RetainedSettings): void {
    if (settings.storeRatePerSecond !== this.#settings.storeRatePerSecond) this.#rate = rateOf(this.#clock, settings);
    this.#settings = settings;
    this.history.reconfigure(settings);
  }

  /** How many messages are retained, what is not written yet included. Expired ones count until they are swept. */
  get count(): number {
    return this.#totals.count;
  }

  /** What their records take, keys included. */
  get bytes(): number {
    return this.#totals.bytes;
  }

  /** The number of the last change. */
  get sequence(): number {
    return this.#totals.sequence;
  }

  /**
   * Retains, replaces or (without a payload) clears. It holds at once for every reader, and is in the open batch.
   *
   * `refused` and `too-fast`: a limit is reached, what was retained stays; the caller counts it as `retained-full` or
   * `retained-rate`. A topic that has a
   * message may be given another, unless that is larger and the bytes are used up. What a topic has is not in memory: where
   * the store must be read to know it, the answer is `stored`, and a message beyond a limit is dropped (and counted) a
   * moment later, if it is not being written already.
   *
   * When the disk is full a message is dropped (its publisher is told so, and what was retained stays), and counted as
   * `store-full`; a clear is tried again until it is written.
   */
  set(given: Message, username: string | null = null): SetAnswer {
    const settings = this.#settings;
    if (given.payloadBytes === 0) {
      this.delete(given.topic); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      return settings.stopPublishClearMessage ? 'silenced' : 'cleared';
    }
    if (given.payloadBytes > settings.payloadBytesMax) return 'refused';
    const waiting = this.#pending.get(given.topic);
    if (waiting === undefined && this.#pendingBytes >= PENDING_BYTES_MAX) return 'refused';
    const isKeptLonger = this.history.ruleOf(given.topic) !== null;
    if (isKeptLonger && this.history.isCongested) return 'refused';
    if (!this.#rate.take()) return 'too-fast';
    const message = retainedCopy(given, settings);
    const change = waiting ?? this.#begin(message.topic);
    const replaced = { message: change.message, username: change.username, sequence: change.sequence };
    const before = waiting === undefined ? change.before : waiting.after;
    const isGuess = waiting === undefined && change.isGuess;
    this.#totals.sequence += 1;
    this.#write(change, { message: message.hold(), username, sequence: this.#totals.sequence }); // [MQTT-3.3.1-5]
    if (!isGuess && this.#isOver(before, change.after)) {
      if (waiting === undefined) this.#drop(change);
      else this.#write(change, replaced);
      return 'refused';
    }
    if (isKeptLonger) this.history.add(message, username, change.sequence);
    this.#join();
    return 'stored';
  }

  /** Clears a topic, whether or not it has a message. */
  delete(topic: string): void {
    this.#clear(this.#pending.get(topic) ?? this.#begin(topic));
  }

  async get(topic: string): Promise<Message | null> {
    return (await this.find(topic))?.message ?? null;
  }

  /** As `get`, with what is known of the message besides. */
  async find(topic: string): Promise<PastMessage | null> {
    const change = this.#pending.get(topic) ?? this.#sealed.get(topic);
    const found = change === undefined ? await this.#stored(topic) : change;
    const message = found?.message ?? null;
    if (found === null || message === null || message.isExpired(this.#clock.wallMs())) return null; // [MQTT-3.3.2-5]
    return { message, username: found.username, sequence: found.sequence };
  }

  /**
   * Reads what is retained now for the topics that a filter matches; what is set later is not part of it. `withPast`: each
   * message comes behind the older ones of its topic.
   */
  read(filter: string, withPast = true): RetainedCursor {
    return new RetainedCursor(this, filter, withPast ? this.history : null);
  }

  /** Looks at the next records, at most `limit`, and clears those that expired; returns how many these were. */
  async sweep(limit: number): Promise<number> {
    if (this.#isSweeping || this.#totals.expiring === 0) return 0;
    this.#isSweeping = true;
    const reader = this.watch();
    try {
      const records = await this.scan(this.#sweepFrom, undefined, limit);
      this.#sweepFrom = records.length === 0 ? undefined : nextKey(records[records.length - 1].key);
      let expired = 0;
      for (const { key, value } of records) {
        if (this.expire(reader, key, value)) expired += 1;
      }
      return expired;
    } finally {
      this.unwatch(reader);
      this.#isSweeping = false;
    }
  }

  // For cursors.

  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** The first page of committed records of a range. */
  async scan(from: Buffer | undefined, to: Buffer | undefined, limit: number): Promise<readonly StoredRecord[]> {
    for await (const page of this.#store.scan('retained', { ...(from && { from }), ...(to && { to }), limit })) return page;
    return [];
  }

  /** What is not on disk now, and from here on the topics that change: what `scan` may miss or see too old. */
  watch(): ChangeReader {
    const changes = new Map(this.#sealed);
    for (const [topic, change] of this.#pending) changes.set(topic, change);
    const reader = { changes, touched: new Set<string>() };
    this.#readers.add(reader);
    return reader;
  }

  unwatch(reader: ChangeReader): void {
    this.#readers.delete(reader);
  }

  /** Whether a record has expired; clears it then, unless the topic has changed since. */
  expire(reader: ChangeReader, key: Buffer, value: Buffer): boolean {
    if (!isRecordExpired(value, this.#clock.wallMs())) return false;
    const topic = topicOfKey(key) ?? messageOf(value).topic;
    if (!reader.touched.has(topic) && !reader.changes.has(topic)) this.#clear(this.#begin(topic, footprintOfRecord(key, value)));
    return true;
  }

  // For the committer.

  persist(batch: Batch): void {
    this.#isJoined = false;
    const isExact = this.#guesses === 0;
    let isWritten = isExact && !this.#isWrittenExact;
    for (const change of this.#pending.values()) {
      if (change.message !== null) batch.put('retained', change.key, encodeRecord(change.message, change.sequence, change.username));
      else if (change.before !== NO_FOOTPRINT || change.isGuess) batch.delete('retained', change.key);
      else continue;
      isWritten = true;
    }
    this.#sealed = this.#pending;
    this.#pending = new Map();
    this.#pendingBytes = 0;
    if (!isWritten) return;
    batch.put('meta', metaKey, encodeTotals(this.#totals, isExact));
    this.#isWrittenExact = isExact;
  }

  settled(error: OperationalError | null): void {
    const sealed = this.#sealed;
    this.#sealed = new Map();
    if (error === null) {
      for (const change of sealed.values()) this.#footprints.set(change.topic, change.after);
      return;
    }
    this.#isWrittenExact = false;
    const lost: Message[] = [];
    for (const change of sealed.values()) {
      if (change.message !== null && !this.#pending.has(change.topic)) lost.push(change.message);
      this.#takeBack(change);
    }
    if (this.#pending.size > 0) this.#join();
    // ORDER: last, since whoever hears of it may publish.
    for (const message of lost) this.#onDropped(message, 'store-full');
  }

  /** After a batch that was not applied: the clears in it wait again, the messages are gone. */
  #takeBack(change: RetainedChange): void {
    const later = this.#pending.get(change.topic);
    if (change.isGuess) this.#guesses -= 1;
    this.#uncount(change);
    change.isDropped = true;
    if (later === undefined && !change.hasClear) return;
    const heir = later ?? new RetainedChange(change.topic, change.key);
    if (later === undefined) {
      this.#pending.set(heir.topic, heir);
      this.#pendingBytes += heir.key.length;
      heir.sequence = change.sequence;
      this.#touch(heir);
    } else {
      this.#uncount(heir);
    }
    heir.before = change.before;
    heir.hasClear ||= change.hasClear;
    this.#count(heir);
    if (change.isGuess) this.#ask(heir);
  }

  /** A change of the open batch that does nothing yet. `before` is what the store has, when the caller knows it. */
  #begin(topic: string, before?: Footprint): RetainedChange {
    const change = new RetainedChange(topic, retainedKey(topic));
    this.#pending.set(topic, change);
    this.#pendingBytes += change.key.length;
    const known = this.#sealed.get(topic)?.after ?? before ?? this.#footprints.get(topic);
    if (known !== undefined) change.before = known;
    else this.#guess(change);
    this.#count(change);
    return change;
  }

  #clear(change: RetainedChange): void {
    this.#totals.sequence += 1;
    this.#write(change, { message: null, username: null, sequence: this.#totals.sequence });
    change.hasClear = true;
    this.history.clear(change.topic, change.sequence, change.isGuess || change.before.count > 0);
    this.#join();
  }

  #write(change: RetainedChange, { message, username, sequence }: Omit<PastMessage, 'message'> & { message: Message | null }): void {
    this.#uncount(change);
    this.#pendingBytes -= change.after.bytes;
    change.message = message;
    change.username = username;
    change.sequence = sequence;
    change.after = message === null ? NO_FOOTPRINT : footprintOf(change.key, message, username);
    this.#pendingBytes += change.after.bytes;
    this.#count(change);
    this.#touch(change);
  }

  #touch(change: RetainedChange): void {
    for (const reader of this.#readers) reader.touched.add(change.topic);
  }

  #guess(change: RetainedChange): void {
    const exists = this.#store.has?.('retained', change.key);
    if (exists === false) return;
    if (exists === true) change.before = { count: 1, bytes: 0, expiring: 0 };
    this.#ask(change);
  }

  /** Asks the store what a change replaces. */
  #ask(change: RetainedChange): void {
    change.isGuess = true;
    this.#guesses += 1;
    // A store that cannot answer has its own policy; the totals stay a guess then, which the next start mends.
    this.#store.get('retained', change.key).then(
      (value) => this.#learn(change, value),
      () => {},
    );
  }

  #learn(change: RetainedChange, value: Buffer | null): void {
    if (!change.isGuess || change.isDropped) return;
    // Replaced or damaged while it was read: the guess stays.
    if (value === null ? change.before.count > 0 : sequenceOf(value) >= change.sequence) return;
    this.#uncount(change);
    change.before = value === null ? NO_FOOTPRINT : footprintOfRecord(change.key, value);
    this.#count(change);
    change.isGuess = false;
    this.#guesses -= 1;
    const isDropped = this.#pending.get(change.topic) === change && this.#isOver(change.before, change.after);
    const { message } = change;
    if (isDropped) this.#drop(change);
    if (this.#guesses === 0 && !this.#isWrittenExact) this.#join();
    // ORDER: last, as in `settled`.
    if (isDropped && message !== null) this.#onDropped(message, 'retained-full');
  }

  /** Whether a change that is counted leads over a limit. What takes no more than before never does. */
  #isOver(before: Footprint, after: Footprint): boolean {
    const isMore = after.count > before.count && this.#totals.count > this.#settings.messagesMax;
    return isMore || (after.bytes > before.bytes && this.#totals.bytes > this.#settings.bytesMax);
  }

  /** Takes a change out of the open batch; a clear that is part of it stays. */
  #drop(change: RetainedChange): void {
    this.history.takeBack(change.topic);
    if (change.hasClear) {
      this.#write(change, { message: null, username: null, sequence: change.sequence });
      return;
    }
    this.#uncount(change);
    this.#pending.delete(change.topic);
    this.#pendingBytes -= change.key.length + change.after.bytes;
    change.isDropped = true;
  }

  #count(change: RetainedChange): void {
    this.#totals.add(change.after);
    this.#totals.subtract(change.before);
  }

  #uncount(change: RetainedChange): void {
    this.#totals.subtract(change.after);
    this.#totals.add(change.before);
  }

  #join(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#committer.join(this);
  }

  async #stored(topic: string): Promise<PastMessage | null> {
    const value = await this.#store.get('retained', retainedKey(topic));
    if (value === null) return null;
    const message = messageOf(value);
    return { message, username: usernameOf(value, message), sequence: sequenceOf(value) };
  }
}

function rateOf(clock: Clock, { storeRatePerSecond }: RetainedSettings): TokenBucket {
  return new TokenBucket(clock, storeRatePerSecond, Math.max(1, storeRatePerSecond));
}

/** Through the whole table: after a crash between versions, a damaged record, or a batch that was not exact. */
async function recount(store: Store): Promise<Totals> {
  const totals = new Totals();
  for await (const page of store.scan('retained')) {
    for (const { key, value } of page) {
      totals.add(footprintOfRecord(key, value));
      totals.sequence = Math.max(totals.sequence, sequenceOf(value));
    }
  }
  return totals;
}

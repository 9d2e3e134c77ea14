import { setImmediate } from 'node:timers/promises';
import type { Message } from '#message/message.ts';
import type { StoredRecord } from '#store/store.ts';
import { FilterWalk, nextKey } from './filter-walk.ts';
import { retainedKey, topicOfKey } from './retained-key.ts';
import type { HistoryRule } from './retained-settings.ts';
import type { RetainedHistory } from './retained-history.ts';
import { messageOf, sequenceOf } from './retained-record.ts';

/** A page ends with the message that reaches it. */
const PAGE_BYTES_MAX = 256 * 1024;
/** How many records one look at the store asks for: few where the walk jumps, many where it goes on. */
const RECORDS_MIN = 8;
const RECORDS_MAX = 256;

/** A change of a topic that may not be on disk yet. */
export interface UnwrittenChange {
  readonly topic: string;
  readonly key: Buffer;
  readonly message: Message | null;
  readonly sequence: number;
  readonly isDropped: boolean;
}

/** What a look at the store has to be corrected by. */
export interface ChangeReader {
  /** By topic, what was not on disk when the look began. */
  readonly changes: ReadonlyMap<string, UnwrittenChange>;
  /** The topics that have changed since. */
  readonly touched: Set<string>;
}

/** What a cursor needs of the retained messages. */
export interface RetainedSource {
  readonly sequence: number;
  wallMs(): number;
  scan(from: Buffer | undefined, to: Buffer | undefined, limit: number): Promise<readonly StoredRecord[]>;
  watch(): ChangeReader;
  unwatch(reader: ChangeReader): void;
  expire(reader: ChangeReader, key: Buffer, value: Buffer): boolean;
}

/** Something that may be delivered, in the order of keys. */
interface Candidate {
  readonly key: Buffer;
  readonly sequence: number;
  /** From the store, or null when `message` is not on disk yet. */
  readonly value: Buffer | null;
  readonly message: Message | null;
}

/**
 * Reads the retained messages that a filter matches and that were there when the cursor was made, page by page in the
 * order of keys. Between pages it keeps nothing but the next key, so it may rest as long as it likes. A topic that changes
 * before the cursor comes to it is left out: whoever subscribed before gets that change itself.
 */
export class RetainedCursor {
  readonly #source: RetainedSource;
  readonly #walk: FilterWalk;
  readonly #sequence: number;
  #from: Buffer | undefined;
  #isDone = false;
  #recordsMax = RECORDS_MIN;
  #readAt = 0;
  readonly #history: Pick<RetainedHistory, 'isOff' | 'ruleOf' | 'read'> | null;
  /** Of the page that was read last, the numbers of the changes by which messages of topics with a history were retained. */
  readonly #places = new Map<Message, number>();
  /** Where to go on in a topic whose messages were put back. */
  #resume: { readonly topic: string; readonly sequence: number } | null = null;

  /** With a `history` each message comes behind the older ones of its topic. */
  constructor(source: RetainedSource, filter: string, history: Pick<RetainedHistory, 'isOff' | 'ruleOf' | 'read'> | null = null) {
    this.#source = source;
    this.#history = history;
    this.#walk = new FilterWalk(filter);
    this.#from = this.#walk.from;
    this.#sequence = source.sequence;
  }

  /** True when nothing is left to read. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** False when a topic, any topic, has changed since the last page was read, which may be too old then. */
  get isCurrent(): boolean {
    return this.#source.sequence === this.#readAt;
  }

  /** The next messages, at most `limit` and about 256 KiB, and what is older of the last one's topic; none at the end. */
  async next(limit: number): Promise<Message[]> {
    for (;;) {
      const messages = await this.step(limit);
      if (messages.length > 0 || this.#isDone) return messages;
      await setImmediate();
    }
  }

  /** One look at the store: like `next`, but may find nothing before the end. */
  async step(limit: number): Promise<Message[]> {
    if (this.#isDone) return [];
    const reader = this.#source.watch();
    try {
      const records = await this.#source.scan(this.#from, this.#walk.to, Math.min(this.#recordsMax, limit));
      // From here to the end nothing else runs: what the reader tells is complete.
      const candidates: Candidate[] = [];
      const end = this.#select(records, reader, candidates);
      this.#addUnwritten(reader, end, candidates);
      const page = this.#take(candidates, limit, end);
      if (this.#history === null || this.#history.isOff) return page;
      return await this.#withPast(page, candidates, { reader, limit });
    } finally {
      this.#source.unwatch(reader);
    }
  }

  /** Gives the rest of a page back: the next page begins with this message, if it is still retained then. */
  putBack(message: Message): void {
    this.#from = retainedKey(message.topic);
    this.#isDone = false;
    const sequence = this.#places.get(message);
    this.#resume = sequence === undefined ? null : { topic: message.topic, sequence };
  }

  /** Begins behind a topic. */
  skipPast(topic: string): void {
    const key = nextKey(retainedKey(topic));
    if (this.#from === undefined || key.compare(this.#from) > 0) this.#from = key;
    this.#isDone ||= this.#walk.isBehind(key);
  }

  /** Picks what matches out of the records, jumping over what cannot; returns where to go on, or null at the end. */
  #select(records: readonly StoredRecord[], reader: ChangeReader, candidates: Candidate[]): Buffer | null {
    let next: Buffer | null = null;
    for (const { key, value } of records) {
      if (next !== null && key.compare(next) < 0) continue;
      const topic = topicOfKey(key) ?? messageOf(value).topic;
      if (!this.#walk.matches(topic)) {
        next = this.#walk.seek(topic, key);
        if (next === null) return null;
        continue;
      }
      next = nextKey(key);
      if (reader.touched.has(topic) || isPending(reader, topic) || sequenceOf(value) > this.#sequence) continue;
      if (!this.#source.expire(reader, key, value)) candidates.push({ key, sequence: sequenceOf(value), value, message: null }); // [MQTT-3.3.2-5]
    }
    if (next !== null && this.#walk.isBehind(next)) return null;
    const isJump = next !== null && records.length > 0 && next.compare(nextKey(records[records.length - 1].key)) > 0;
    this.#recordsMax = isJump ? RECORDS_MIN : Math.min(this.#recordsMax * 2, RECORDS_MAX);
    return next;
  }

  /** Adds what the store did not have yet, between where this look began and `end`. */
  #addUnwritten(reader: ChangeReader, end: Buffer | null, candidates: Candidate[]): void {
    const wallMs = this.#source.wallMs();
    const stored = candidates.length;
    for (const { topic, key, message, sequence, isDropped } of reader.changes.values()) {
      if (message === null || isDropped || sequence > this.#sequence || reader.touched.has(topic)) continue;
      if (this.#from !== undefined && key.compare(this.#from) < 0) continue;
      if (end !== null && key.compare(end) >= 0) continue;
      if (!this.#walk.matches(topic) || message.isExpired(wallMs)) continue; // [MQTT-3.3.2-5]
      candidates.push({ key, sequence, value: null, message });
    }
    if (candidates.length > stored) candidates.sort((a, b) => a.key.compare(b.key));
  }

  #take(candidates: readonly Candidate[], limit: number, end: Buffer | null): Message[] {
    const messages: Message[] = [];
    let bytes = 0;
    for (const { key, value, message } of candidates) {
      if (messages.length >= limit || bytes >= PAGE_BYTES_MAX) {
        this.#recordsMax = Math.max(messages.length, 1);
        this.#from = key;
        this.#readAt = this.#source.sequence;
        return messages;
      }
      const taken = message ?? messageOf(value!);
      bytes += taken.weight;
      messages.push(taken);
    }
    this.#isDone = end === null;
    this.#from = end ?? undefined;
    this.#readAt = this.#source.sequence;
    return messages;
  }

  /** Puts what is older before each message of a page; a topic that changes while that is read is left out. */
  async #withPast(
    messages: Message[],
    candidates: readonly Candidate[],
    { reader, limit }: { readonly reader: ChangeReader; readonly limit: number },
  ): Promise<Message[]> {
    this.#places.clear();
    const page: Message[] = [];
    let bytes = 0;
    for (const [index, message] of messages.entries()) {
      if (page.length >= limit || bytes >= PAGE_BYTES_MAX) {
        this.#from = candidates[index].key;
        this.#isDone = false;
        break;
      }
      const rule = this.#history!.ruleOf(message.topic);
      if (rule !== null) {
        bytes += await this.#addPast(page, rule, candidates[index], message.topic);
        this.#places.set(message, candidates[index].sequence);
      }
      bytes += message.weight;
      page.push(message);
    }
    this.#readAt = this.#source.sequence;
    return reader.touched.size === 0 ? page : page.filter(({ topic }) => !reader.touched.has(topic));
  }

  /** Returns how many bytes were added. */
  async #addPast(page: Message[], rule: HistoryRule, { sequence }: Candidate, topic: string): Promise<number> {
    const from = this.#resume?.topic === topic ? this.#resume.sequence : 0;
    let bytes = 0;
    for (const past of await this.#history!.read(topic, rule, sequence)) {
      if (past.sequence < from) continue;
      this.#places.set(past.message, past.sequence);
      page.push(past.message);
      bytes += past.message.weight;
    }
    return bytes;
  }
}

function isPending(reader: ChangeReader, topic: string): boolean {
  const change = reader.changes.get(topic);
  return change !== undefined && !change.isDropped;
}

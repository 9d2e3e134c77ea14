import { setImmediate } from 'node:timers/promises';
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { Message } from '#message/message.ts';
import type { Committer, Participant } from '#store/committer.ts';
import type { Batch, Store, StoredRecord } from '#store/store.ts';
import { matches } from '#topic/topic-filter.ts';
import { nextKey } from './filter-walk.ts';
import {
  decodeHistoryTotals,
  encodeHistoryTotals,
  GROUP_BYTES,
  historyFrom,
  historyKey,
  historyMetaKey,
  type HistoryTotals,
  historyTo,
  textOfRules,
} from './history-record.ts';
import { HistoryWalk, type PastMessage } from './history-walk.ts';
import { encodeRecord, messageOf } from './retained-record.ts';
import type { HistoryRule, RetainedSettings } from './retained-settings.ts';

export interface HistoryServices {
  readonly store: Store;
  readonly committer: Committer;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What waits to be written: a message, or the mark of a clear. */
interface Entry {
  readonly key: Buffer;
  readonly sequence: number;
  /** Empty: the topic was cleared. */
  readonly value: Buffer;
}

/** What waits for the disk; beyond it retained messages with a history are refused until a batch is sealed. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** Topics that may wait to be looked through; others are when they are written again. */
const DUE_MAX = 100_000;
/** Records that one batch removes. */
const REMOVALS_MAX = 1000;

/**
 * The last messages of those topics that keep more than one. Each stands under the number of its change, the retained one too, so
 * that nothing need be known of a topic to add to it. What is too old is removed afterwards, and never read before that.
 */
export class RetainedHistory implements Participant {
  settings: RetainedSettings;
  /** How often a topic began anew since the histories were full. */
  overflows = 0;
  readonly #house: HistoryServices;
  /** By topic, in the order of their numbers: for the open batch, and of the batch that is being committed. */
  #pending = new Map<string, Entry[]>();
  #sealed = new Map<string, Entry[]>();
  /** By key in latin1 form: of the open batch, and of the batch that is being committed. */
  #removals = new Map<string, Buffer>();
  #sealedRemovals = new Map<string, Buffer>();
  #pendingBytes = 0;
  #records: number;
  #bytes: number;
  /** Marks of clears: while there are any, something is left to remove. */
  #marks: number;
  /** The rules that all records meet; empty while those are looked through. */
  #rules: string;
  #isJoined = false;
  /** Topics that were written: true when everything that does not count must go, false when that may wait. */
  readonly #due = new Map<string, boolean>();
  #isTidying = false;

  private constructor(house: HistoryServices, settings: RetainedSettings, totals: HistoryTotals) {
    this.#house = house;
    this.settings = settings;
    this.#records = totals.records;
    this.#bytes = totals.bytes;
    this.#marks = totals.marks;
    this.#rules = totals.marks === 0 ? totals.rules : '';
    this.reconfigure(settings);
  }

  static async open(house: HistoryServices, settings: RetainedSettings): Promise<RetainedHistory> {
    const { store } = house;
    const meta = await store.get('meta', historyMetaKey);
    const records = await store.count('feature', { from: historyFrom, to: historyTo });
    const none = { records: 0, bytes: 0, marks: 0, rules: records === 0 ? textOfRules(settings.history) : '' };
    const totals = meta === null ? none : decodeHistoryTotals(meta);
    return new RetainedHistory(house, settings, totals.records === records ? totals : await recount(store));
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** True when no topic keeps more than its last message. */
  get isOff(): boolean {
    return this.settings.history.length === 0;
  }

  /** True when no more may wait for the disk. */
  get isCongested(): boolean {
    return this.#pendingBytes >= PENDING_BYTES_MAX;
  }

  /** Puts other rules to use; what they do not keep is removed little by little. */
  reconfigure(settings: RetainedSettings): void {
    this.settings = settings;
    if (this.#rules === textOfRules(settings.history)) return;
    this.#rules = '';
    void this.#tidy();
  }

  /** The rule for a topic that keeps more than its last message, or null. */
  ruleOf(topic: string): HistoryRule | null {
    const rule = this.settings.history.find(({ filter }) => matches(filter, topic));
    return rule === undefined || rule.messages < 2 ? null : rule;
  }

  /** Adds what has just been retained. Where there is no room for it, the topic begins anew. */
  add(message: Message, username: string | null, sequence: number): void {
    const value = encodeRecord(message, sequence, username);
    const { historyMessagesMax, historyBytesMax } = this.settings;
    const isFull = this.#records >= historyMessagesMax || this.#bytes + value.length + GROUP_BYTES + 8 > historyBytesMax;
    if (isFull) {
      this.overflows += 1;
      this.#house.log.warn({ topic: message.topic }, 'the histories of retained messages are full (see retained): this one begins anew');
    }
    this.#put(message.topic, sequence, isFull ? Buffer.alloc(0) : value);
  }

  /** The topic was cleared, and everything before goes. `mayExist`: something of it may be on disk, or on its way there. */
  clear(topic: string, sequence: number, mayExist: boolean): void {
    this.takeBack(topic);
    // Where there is nothing to hide no mark is made: a full disk would refuse it.
    if (mayExist && this.#records > 0) this.#put(topic, sequence, Buffer.alloc(0));
  }

  /** What was added for a topic in the open batch was not retained after all. */
  takeBack(topic: string): void {
    const entries = this.#pending.get(topic);
    if (entries === undefined) return;
    const marks = entries.filter(isMark);
    for (const entry of entries) {
      if (isMark(entry)) continue;
      this.#discount(entry);
      this.#pendingBytes -= entry.key.length + entry.value.length;
    }
    if (marks.length > 0) this.#pending.set(topic, marks);
    else this.#pending.delete(topic);
  }

  /** What a topic had before the change `sequence`, oldest first, as many and as much as its rule says. */
  async read(topic: string, rule: HistoryRule, sequence: number): Promise<PastMessage[]> {
    const walk = new HistoryWalk(rule.messages - 1, rule.bytesMax, this.#house.clock.wallMs());
    // Of what was sealed some may be on disk when that is read, and is met twice.
    const waiting = [...(this.#sealed.get(topic) ?? []), ...(this.#pending.get(topic) ?? [])];
    for (const entry of waiting.toReversed()) if (entry.sequence < sequence && walk.meet(entry) === 'over') return walk.messages;
    for await (const page of this.#scanTopic(historyKey(topic, sequence))) {
      for (const record of page) if (walk.meet(record) === 'over') return walk.messages;
    }
    return walk.messages;
  }

  persist(batch: Batch): void {
    this.#isJoined = false;
    for (const entries of this.#pending.values()) for (const { key, value } of entries) batch.put('feature', key, value);
    for (const key of this.#removals.values()) batch.delete('feature', key);
    this.#sealed = this.#pending;
    this.#sealedRemovals = this.#removals;
    this.#pending = new Map();
    this.#removals = new Map();
    this.#pendingBytes = 0;
    batch.put('meta', historyMetaKey, this.#encodeTotals());
  }

  settled(error: OperationalError | null): void {
    const sealed = this.#sealed;
    const removals = this.#sealedRemovals;
    this.#sealed = new Map();
    this.#sealedRemovals = new Map();
    if (error === null) {
      for (const [topic, entries] of sealed) {
        if (this.#due.size < DUE_MAX) this.#due.set(topic, entries.some(isMark) || this.#due.get(topic) === true);
      }
      void this.#tidy();
      return;
    }
    // A clear must not be lost, nor need what was removed be looked for again. Messages are, as their publishers were told.
    for (const [topic, entries] of sealed) {
      for (const entry of entries) if (!isMark(entry)) this.#discount(entry);
      const marks = entries.filter(isMark);
      if (marks.length > 0) this.#pending.set(topic, [...marks, ...(this.#pending.get(topic) ?? [])]);
    }
    for (const [name, key] of removals) this.#removals.set(name, key);
    if (this.#pending.size > 0 || this.#removals.size > 0) this.#join();
  }

  #encodeTotals(): Buffer {
    return encodeHistoryTotals({ records: this.#records, bytes: this.#bytes, marks: this.#marks, rules: this.#rules });
  }

  #put(topic: string, sequence: number, value: Buffer): void {
    const entry = { key: historyKey(topic, sequence), sequence, value };
    const waiting = this.#pending.get(topic);
    if (waiting === undefined) this.#pending.set(topic, [entry]);
    else waiting.push(entry);
    this.#records += 1;
    if (value.length === 0) this.#marks += 1;
    this.#bytes += entry.key.length + value.length;
    this.#pendingBytes += entry.key.length + value.length;
    this.#join();
  }

  #discount({ key, value }: StoredRecord): void {
    this.#records -= 1;
    this.#bytes -= key.length + value.length;
    if (value.length === 0) this.#marks -= 1;
  }

  #remove({ key, value }: StoredRecord): void {
    const name = key.toString('latin1');
    if (this.#removals.has(name) || this.#sealedRemovals.has(name)) return;
    this.#removals.set(name, key);
    this.#discount({ key, value });
    this.#join();
  }

  #join(): void {
    if (this.#isJoined) return;
    this.#isJoined = true;
    this.#house.committer.join(this);
  }

  /** Removes what no reader is given any more, one topic after the other, while there are such topics. */
  async #tidy(): Promise<void> {
    if (this.#isTidying) return;
    this.#isTidying = true;
    try {
      if (this.#rules === '') await this.#tidyAll();
      for (const [topic, isUrgent] of this.#due) {
        if (isUrgent || (await this.#isLong(topic))) await this.#shorten(topic);
        this.#due.delete(topic);
      }
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      // Whoever writes next goes on with it.
      if (error.code !== 'store.closed') this.#house.log.warn({ error }, 'older retained messages are removed later');
    } finally {
      this.#isTidying = false;
    }
  }

  /** Whether a topic has twice what it may have: then its records are worth reading. */
  async #isLong(topic: string): Promise<boolean> {
    const from = historyKey(topic, 0);
    const records = await this.#house.store.count('feature', { from, to: endOf(from) });
    return records >= 2 * (this.ruleOf(topic)?.messages ?? 0);
  }

  async #shorten(topic: string): Promise<void> {
    const rule = this.ruleOf(topic);
    let walk: HistoryWalk | null = null;
    const marks: StoredRecord[] = [];
    for await (const page of this.#scanTopic(endOf(historyKey(topic, 0)))) {
      for (const record of page) {
        // The newest is the retained one, and `bytesMax` is of the others.
        walk ??= new HistoryWalk(rule?.messages ?? 0, (rule?.bytesMax ?? 0) + record.value.length, this.#house.clock.wallMs());
        if (walk.meet(record) === 'counts') continue;
        if (record.value.length === 0) marks.push(record);
        else this.#remove(record);
      }
      if (this.#removals.size >= REMOVALS_MAX) await this.#removed();
    }
    // ORDER: last, since what a mark hides must not come back when the broker is killed in between.
    for (const mark of marks) this.#remove(mark);
    await this.#removed();
  }

  async #removed(): Promise<void> {
    const error = await this.#house.committer.durable();
    if (error !== null) throw error;
  }

  /** After the rules have changed, or when clears were left over: through everything. */
  async #tidyAll(): Promise<void> {
    const rules = this.settings.history;
    let from: Buffer | null = historyFrom;
    while (from !== null && rules === this.settings.history) {
      from = await this.#tidyGroup(from);
      await setImmediate();
    }
    if (rules !== this.settings.history) return this.#tidyAll();
    this.#rules = textOfRules(rules);
    this.#join();
  }

  /** Shortens the first topic from `from` on; returns where to go on, or null at the end. */
  async #tidyGroup(from: Buffer): Promise<Buffer | null> {
    for await (const [record] of this.#house.store.scan('feature', { from, to: historyTo, limit: 1 })) {
      if (record.value.length > 0) {
        await this.#shorten(messageOf(record.value).topic);
        return endOf(record.key);
      }
      // A topic that begins with the mark of a clear has nothing before it that would have to be hidden.
      this.#remove(record);
      return nextKey(record.key);
    }
    return null;
  }

  /** From before `end` back to the topic's first. */
  #scanTopic(end: Buffer): AsyncIterable<readonly StoredRecord[]> {
    const from = Buffer.concat([end.subarray(0, GROUP_BYTES), Buffer.alloc(8)]);
    return this.#house.store.scan('feature', { from, to: end, isReverse: true });
  }
}

function isMark({ value }: Entry): boolean {
  return value.length === 0;
}

/** Behind all records of a topic. */
function endOf(key: Buffer): Buffer {
  return Buffer.concat([key.subarray(0, GROUP_BYTES), Buffer.alloc(9, 0xff)]);
}

async function recount(store: Store): Promise<HistoryTotals> {
  const totals = { records: 0, bytes: 0, marks: 0, rules: '' };
  for await (const page of store.scan('feature', { from: historyFrom, to: historyTo })) {
    for (const { key, value } of page) {
      totals.records += 1;
      totals.bytes += key.length + value.length;
      if (value.length === 0) totals.marks += 1;
    }
  }
  return totals;
}

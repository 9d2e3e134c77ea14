// HOT
import type { Cancel, Clock } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import { type Message, NOT_LOGGED } from '#message/message.ts';
import type { Disk } from '#store/journal/disk.ts';
import { type GapReason, HistoryCounts, type HistoryStatistics } from './history-counts.ts';
import { DEFAULT_SHELF, type HistorySettings, shelfNameOf, type ShelfPlan } from './history-settings.ts';
import { HistorySlot } from './history-slot.ts';
import { LastReading } from './last-reading.ts';
import { loadSegments } from './load-segments.ts';
import type { HistoryEntry, HistoryQuery, HistoryReading, MessageHistory } from './message-history.ts';
import { OffsetReading } from './offset-reading.ts';
import { readPosition, writePosition } from './position-file.ts';
import { readTail } from './read-tail.ts';
import type { Segment } from './segment.ts';
import { segmentName } from './segment-format.ts';
import { SegmentKeeper } from './segment-keeper.ts';
import { SegmentReader } from './segment-reader.ts';
import type { ReadingHouse } from './shelf-cursor.ts';
import { Shelf } from './shelf.ts';

/** Frames that are not full are written so long after their first message. */
const WRITE_AFTER_MS = 100;
/** What is written is flushed so often. */
const FLUSH_AFTER_MS = 1000;
/** Whether the store has room is looked at so often, and what is too old looked for every so many times. */
const LOOK_AFTER_MS = 1000;
const LOOKS_PER_RETAINING = 30;
/** After the disk has refused, so long nothing is kept. */
const PAUSE_MS = 1500;
/** What may wait to be written before QoS 0 is passed over, and before everything is. */
const QOS_0_WAITING_BYTES_MAX = 1024 * 1024;
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** Larger messages are not kept. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
/** What a message takes besides its bytes. */
const RECORD_BYTES = 16;
/** So many offsets may have been given to messages that a crash took away again. */
const OFFSETS_LOST_MAX = 100_000_000;

/** The log as it was found at the start. */
export interface StoredLog {
  /** The messages behind an offset that the history kept, in order. */
  kept(after: number): AsyncIterable<Message>;
}

export interface HistoryOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: HistorySettings;
  /** True while the store has no room: the history takes none then. */
  readonly isStoreFull?: () => boolean;
  /** What all of it may take, instead of a part of what is free. */
  readonly bytesMax?: number;
  /** For tests: instead of a 64th of the budget, between 1 and 64 MiB. */
  readonly segmentBytes?: number;
}

/** What the history asks of the log that it follows. */
export interface FollowedLog {
  /** The offset that the next message gets. */
  readonly nextOffset: number;
  /** The record at `base` is not needed by the history any more. */
  releaseAt(base: number): void;
}

/** Keeps what is published, within its budgets, and never makes anyone wait. */
export class History implements MessageHistory {
  readonly counts: HistoryCounts;
  #settings: HistorySettings;
  readonly #clock: Clock;
  readonly #keeper: SegmentKeeper;
  readonly #readingHouse: ReadingHouse;
  readonly #isStoreFull: () => boolean;
  #nextOffset = 1;
  /** Of the log: what was kept of it, or was not to be, before the start. */
  #logOffset = 0;
  #flushedOffset = 1;
  /** Where what is in the log was kept: what held when the history was open last, until it has caught up. */
  #plan: ShelfPlan;
  #log: FollowedLog | null = null;
  /** Records of the log. */
  #held: number[] = [];
  #qos0Bytes: number;
  #filledAtMs: number;
  /** From the first message at QoS 0 that the budget did not allow until there is more of it. */
  #isOverBudget = false;
  /** Messages at QoS 0 over the budget, not counted elsewhere yet. */
  #passedOver = 0;
  #isPaused = false;
  #pausedUntilMs = 0;
  #cancelTick: Cancel | null = null;
  #cancelLooking: Cancel | null = null;
  #flushedAtMs = 0;
  #flushing: Promise<void> | null = null;
  #isClosed = false;
  #positioned: Promise<void> = Promise.resolve();

  private constructor(options: HistoryOptions) {
    const { clock, settings, isStoreFull = () => false } = options;
    this.counts = new HistoryCounts();
    this.#settings = settings;
    this.#plan = settings;
    this.#clock = clock;
    this.#isStoreFull = isStoreFull;
    this.#keeper = new SegmentKeeper({ ...options, counts: this.counts });
    const { tail, shelves } = this.#keeper;
    const reader = new SegmentReader(this.#keeper);
    this.#readingHouse = { reader, tail, clock, shelves, nextOffset: () => this.#nextOffset };
    this.#qos0Bytes = settings.qos0BytesPerSecond;
    this.#filledAtMs = clock.monotonicMs();
    this.#keeper.onRefused = () => this.#pause();
    this.#keeper.onBegun = () => this.#writePosition(false);
  }

  /** Finds what is there. The disk may refuse anything: then less is kept, and nobody is kept from starting. */
  static async open(options: HistoryOptions): Promise<History> {
    const history = new History(options);
    try {
      await history.#load(options);
    } catch (error) {
      options.log.warn({ err: error }, 'the history cannot be read; it begins anew where it can');
    }
    history.#configure();
    history.#lookLater();
    return history;
  }

  get isEnabled(): boolean {
    return this.#settings.enabled;
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  get flushedOffset(): number {
    return this.#flushedOffset;
  }

  /** The last offset of the log that the history knows. */
  get logOffset(): number {
    let logOffset = this.#logOffset;
    for (const shelf of this.#keeper.shelves.values()) logOffset = Math.max(logOffset, shelf.lastLogOffset);
    return logOffset;
  }

  /** What the publisher of a topic needs to append; null when the topic is not kept. Holds until the settings change. */
  slotOf(topic: string): HistorySlot | null {
    const name = shelfNameOf(this.#settings, topic);
    return name === null ? null : new HistorySlot(topic, this.#shelf(name));
  }

  keeps(topic: string): boolean {
    return shelfNameOf(this.#settings, topic) !== null;
  }

  /** Keeps a message that was distributed. Once per message; never waits, never throws. */
  append(message: Message, slot: HistorySlot): void {
    // PERF: bench/micro/history.ts. This is the way of nearly all messages under a load at QoS 0.
    if (message.qos === 0 && this.#isOverBudget) {
      this.#passedOver += 1;
      return;
    }
    const keeper = this.#keeper;
    const bytes = message.weight + RECORD_BYTES;
    if (this.#cancelTick === null) this.#tickLater();
    if (this.#isPaused) return this.#miss('disk-refused');
    if (message.qos === 0) {
      if (bytes > this.#qos0Bytes) {
        this.#isOverBudget = true;
        return this.#miss('qos0-budget');
      }
      if (keeper.waitingBytes > QOS_0_WAITING_BYTES_MAX) return this.#miss('disk-slow');
      this.#qos0Bytes -= bytes;
    }
    if (keeper.waitingBytes > WAITING_BYTES_MAX) return this.#miss('disk-slow');
    if (bytes > MESSAGE_BYTES_MAX) return this.#miss('too-large');
    if (this.#passedOver > 0) this.#countPassedOver();
    slot.shelf.append(message, slot, this.#nextOffset, keeper.missed);
    this.#nextOffset += 1;
    this.counts.messages += 1;
    message.isKept = message.offset !== NOT_LOGGED;
  }

  read(query: HistoryQuery): HistoryReading {
    const house = this.#readingHouse;
    return query.lastPerTopic === undefined ? new OffsetReading(house, query) : new LastReading(house, query);
  }

  tail(filter: string, from: number, limit: number): readonly HistoryEntry[] | null {
    return readTail(this.#keeper, { filter, from, limit });
  }

  /** The history holds what the log writes, from now on, until it has flushed the same. */
  follow(log: FollowedLog): void {
    this.#log = log;
  }

  /** A record of the log is being written that has messages which are kept: it stays until `releaseAt`. */
  hold(base: number): void {
    this.#held.push(base);
    if (this.#cancelTick === null) this.#tickLater();
  }

  /** At start: appends what the log has and the history has not, in order; what was kept of it by then is flushed when it resolves. */
  async catchUp(log: StoredLog): Promise<number> {
    const known = new Map<string | null, number>();
    for (const [name, { lastLogOffset }] of this.#keeper.shelves) known.set(name, lastLogOffset);
    let appended = 0;
    for await (const message of log.kept(this.#logOffset)) {
      // Rules may have changed since: what counts is the shelf on which it was.
      const before = known.get(shelfNameOf(this.#plan, message.topic)) ?? 0;
      const slot = this.slotOf(message.topic);
      if (slot === null || message.offset <= before) continue;
      this.#qos0Bytes = this.#settings.qos0BytesPerSecond;
      this.append(message, slot);
      appended += 1;
      if (this.#keeper.waitingBytes > QOS_0_WAITING_BYTES_MAX) await this.flush();
    }
    await this.flush();
    this.#plan = this.#settings;
    await this.#writePosition(false);
    return appended;
  }

  /** Puts other settings to use; slots that were given are not valid any more. */
  reconfigure(settings: HistorySettings): void {
    this.#settings = settings;
    this.#configure();
    this.#qos0Bytes = Math.min(this.#qos0Bytes, settings.qos0BytesPerSecond);
    // What was kept by other rules is flushed when it is said which rules hold.
    void this.flush().then(() => {
      this.#plan = settings;
      return this.#isClosed ? undefined : this.#writePosition(false);
    });
  }

  /** What was appended before the call is on the device when it resolves, as far as the disk takes it. */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    this.#flushing = this.#flush();
    await this.#flushing;
  }

  /** Resolves when what is too much or too old is deleted, and what was to be sealed is sealed. */
  async settle(): Promise<void> {
    await this.#keeper.whenSealed;
    await this.#keeper.retain();
    await this.#keeper.whenSealed;
    await this.#keeper.retain();
  }

  statistics(): HistoryStatistics {
    this.#countPassedOver();
    const segments: Segment[] = [];
    for (const shelf of this.#keeper.shelves.values()) segments.push(...shelf.segments);
    let messages = 0;
    let firstOffset = Infinity;
    let oldestMs = Infinity;
    for (const segment of segments) {
      messages += segment.memory === null ? segment.count : segment.memory.topics.count;
      if (segment.count === 0) continue;
      firstOffset = Math.min(firstOffset, segment.firstOffset);
      oldestMs = Math.min(oldestMs, segment.minTimeMs);
    }
    return {
      firstOffset: firstOffset === Infinity ? null : firstOffset,
      lastOffset: messages === 0 ? null : this.#nextOffset - 1,
      messages,
      bytes: this.#keeper.bytes,
      segments: segments.length,
      oldestMs: oldestMs === Infinity ? null : oldestMs,
      appended: this.counts.messages,
      gaps: { ...this.counts.gaps },
      segmentsDeleted: this.counts.segmentsDeleted,
    };
  }

  /** Flushes and closes; nothing may be appended any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isPaused = true;
    this.#cancelTick?.();
    this.#cancelLooking?.();
    this.#countPassedOver();
    await this.flush();
    await this.#keeper.whenSealed;
    await this.#writePosition(true);
    for (const shelf of this.#keeper.shelves.values()) await shelf.close();
    await this.#keeper.files.close();
  }

  async #load(options: HistoryOptions): Promise<void> {
    const position = await readPosition(options.disk);
    const segments = await loadSegments(options, position?.isClosed === true);
    const last = Math.max(0, ...segments.map(({ lastOffset }) => lastOffset));
    const isClosed = position?.isClosed === true || (position === null && segments.length === 0);
    this.#flushedOffset = this.#nextOffset = Math.max(last + 1, position?.nextOffset ?? 1) + (isClosed ? 0 : OFFSETS_LOST_MAX);
    this.#logOffset = position?.logOffset ?? -1;
    this.#plan = position?.plan ?? options.settings;
    this.#keeper.missed = Math.max(position?.missed ?? 0, ...segments.map(({ missed }) => missed));
    for (const segment of segments) {
      this.#keeper.noteSegment(segment.id);
      const shelf = this.#shelf(segment.header.shelf);
      shelf.segments.push(segment);
      shelf.lastLogOffset = Math.max(shelf.lastLogOffset, segment.lastLogOffset);
      this.counts.gaps.damaged += segment.damaged;
    }
    for (const shelf of this.#keeper.shelves.values()) {
      for (const segment of shelf.segments) {
        if (segment.memory === null) continue;
        const file = await options.disk.open(segmentName(segment.id));
        if (segment === shelf.segments.at(-1)) shelf.resume(segment, file);
        else this.#keeper.segmentFilled(segment, file);
      }
    }
    await this.#keeper.measure();
    await this.#writePosition(false);
  }

  #shelf(name: string): Shelf {
    let shelf = this.#keeper.shelves.get(name);
    if (shelf === undefined) {
      shelf = new Shelf(name, this.#boundsOf(name), this.#keeper);
      shelf.evictedOffset = this.#nextOffset - 1;
      this.#keeper.shelves.set(name, shelf);
    }
    return shelf;
  }

  /** Of a rule that is no more what was kept stays for as long as anything else does. */
  #boundsOf(name: string): { bytesMax: number; ageMaxMs: number } {
    return name === DEFAULT_SHELF ? this.#settings : (this.#settings.rules[name] ?? this.#settings);
  }

  #configure(): void {
    for (const [name, shelf] of this.#keeper.shelves) shelf.bounds = this.#boundsOf(name);
    if (this.#settings.enabled) this.#shelf(DEFAULT_SHELF);
  }

  #miss(reason: GapReason): void {
    this.#keeper.missed += 1;
    this.counts.gaps[reason] += 1;
  }

  #countPassedOver(): void {
    this.#keeper.missed += this.#passedOver;
    this.counts.gaps['qos0-budget'] += this.#passedOver;
    this.#passedOver = 0;
  }

  #pause(): void {
    this.#isPaused = true;
    this.#pausedUntilMs = this.#clock.monotonicMs() + PAUSE_MS;
    if (this.#cancelTick === null) this.#tickLater();
  }

  #tickLater(): void {
    if (!this.#isClosed) this.#cancelTick = this.#clock.after(WRITE_AFTER_MS, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    const { qos0BytesPerSecond } = this.#settings;
    const seconds = (nowMs - this.#filledAtMs) / 1000;
    this.#qos0Bytes = seconds > 0 ? Math.min(qos0BytesPerSecond, this.#qos0Bytes + seconds * qos0BytesPerSecond) : this.#qos0Bytes;
    this.#filledAtMs = nowMs;
    this.#isOverBudget = false;
    this.#countPassedOver();
    let isUnflushed = this.#held.length > 0;
    for (const shelf of this.#keeper.shelves.values()) {
      shelf.write();
      isUnflushed ||= shelf.isUnflushed;
    }
    if (this.#isPaused && nowMs >= this.#pausedUntilMs) this.#isPaused = false;
    if (isUnflushed && this.#flushing === null && nowMs - this.#flushedAtMs >= FLUSH_AFTER_MS) void this.flush();
    const isBusy = isUnflushed || this.#isPaused || this.#qos0Bytes < qos0BytesPerSecond;
    this.#cancelTick = null;
    if (isBusy) this.#tickLater();
  }

  async #flush(): Promise<void> {
    // What the log and the history have from here on is not appended yet.
    const log = this.#log;
    const logOffset = log === null ? this.#logOffset : log.nextOffset - 1;
    const nextOffset = this.#nextOffset;
    const held = this.#held.splice(0);
    this.#flushedAtMs = this.#clock.monotonicMs();
    await Promise.all(Array.from(this.#keeper.shelves.values(), (shelf) => shelf.flush()));
    this.#logOffset = Math.max(this.#logOffset, logOffset);
    this.#flushedOffset = nextOffset;
    this.#flushing = null;
    for (const base of held) log?.releaseAt(base);
  }

  #lookLater(looks = 1): void {
    this.#cancelLooking = this.#clock.after(LOOK_AFTER_MS, () => {
      void this.#look(looks).then(() => {
        if (!this.#isClosed) this.#lookLater((looks % LOOKS_PER_RETAINING) + 1);
      });
    });
  }

  async #look(looks: number): Promise<void> {
    // While the disk has no room for the store, the oldest segments give way to it, and nothing is added.
    if (this.#isStoreFull() && (await this.#keeper.yieldToStore())) this.#pause();
    if (looks === LOOKS_PER_RETAINING) await this.#keeper.retain();
  }

  /** One after the other, each with what holds when it is its turn. */
  #writePosition(isClosed: boolean): Promise<void> {
    this.#positioned = this.#positioned.then(async () => {
      const { disk, log, missed } = this.#keeper;
      try {
        await writePosition(disk, { nextOffset: this.#nextOffset, missed, logOffset: this.#logOffset, isClosed, plan: this.#plan });
      } catch (error) {
        log.warn({ err: error }, 'where the history stands cannot be written');
      }
    });
    return this.#positioned;
  }
}

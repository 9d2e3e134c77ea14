import type { Message } from '#message/message.ts';

/** A message that was kept. */
export interface HistoryEntry {
  /** Its place among everything that was published and is kept, in the order of publishing; never given twice, also not after a restart. */
  readonly offset: number;
  /** Whole, as it was published, with `receivedAtMs`; its bytes are its own. */
  readonly message: Message;
  /**
   * How many messages (of any topic) are missing between the entry before and this one: QoS 0 over the write budget, what the disk had no
   * room for, or what was damaged. What retention has removed is not missing.
   */
  readonly missed: number;
}

/** What to read. Every bound is optional; those that are there hold together. */
export interface HistoryQuery {
  /** A valid topic filter without prefix. */
  readonly filter: string;
  /** Wall clock, milliseconds: not received before this, inclusive, and not from this on, exclusive. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Only what is behind this offset. */
  readonly after?: number;
  /** Only what is before this offset. */
  readonly before?: number;
  /** Only the last so many of each topic, 1 to 10,000; then the order is by topic, and by offset within a topic. Else it is by offset. */
  readonly lastPerTopic?: number;
}

/** One reading. Between pages it keeps its place and no files; retention does not wait for it. */
export interface HistoryReading {
  /** True when nothing is left to read that was there when the last page was read. */
  readonly isDone: boolean;
  /** Everything that matches before this offset has been read. */
  readonly position: number;
  /**
   * The next messages, at most `limit` and about 256 KiB (one message at least); may be empty before the end, when much was passed over that does
   * not match. Rejects with OperationalError `history.failed` when files cannot be read.
   */
  next(limit: number): Promise<readonly HistoryEntry[]>;
}

/** What the rooms around it may ask of the history. */
export interface MessageHistory {
  /** False while it is switched off: nothing is added, and nobody may read it over MQTT. */
  readonly isEnabled: boolean;
  /** The offset that the next message gets. */
  readonly nextOffset: number;
  /**
   * What is before this offset is on disk, and has its offset for good. What is not may be lost by a crash, or come back from the log under a
   * higher offset: who must not get it twice after a restart reads it as the last thing before it is live, or waits.
   */
  readonly flushedOffset: number;
  /** Whether messages of this topic are kept, as far as there is room: not those of `$` topics and of filters that are left out. */
  keeps(topic: string): boolean;
  /** Begins to read. Filters that begin with `$` match nothing: such topics are not kept. */
  read(query: HistoryQuery): HistoryReading;
  /**
   * At once, what matches from this offset on up to now, while all of that is still in memory (as the newest 256 KiB or more are); null
   * otherwise, or when it would be more than `limit` entries.
   */
  tail(filter: string, from: number, limit: number): readonly HistoryEntry[] | null;
}

import { setImmediate } from 'node:timers/promises';
import { OperationalError } from '#base/errors.ts';
import { tables, type Table } from '#store/store.ts';
import { FRAME_HEADER_BYTES } from './frame.ts';
import type { JournalIndex } from './journal-index.ts';
import type { JournalReader } from './journal-reader.ts';
import type { Amendment, JournalWriter } from './journal-writer.ts';
import { ALIGNMENT, packLocation, segmentOf, SEGMENTS_MAX } from './location.ts';
import { SegmentBytes } from './segment-bytes.ts';
import type { Segment, Segments } from './segments.ts';

/** Living records are moved in portions of about this size, between which commits go on. */
const PORTION_BYTES = 256 * 1024;
/** The event loop turns after so many records have been looked at. */
const RECORDS_PER_TURN = 2000;
/** So many segments' worth of dead bytes are always tolerated. */
const DEAD_SEGMENTS = 4;

export interface CleanerOptions {
  readonly segments: Segments;
  readonly index: JournalIndex;
  readonly writer: JournalWriter;
  readonly reader: JournalReader;
  readonly secret: number;
}

/**
 * Frees the oldest segment: what still lives there is written again at the journal's end, then the file is dropped. Because it is
 * always the oldest, a deletion may be forgotten with it: nothing older is left that it could delete. Dead bytes are kept below
 * the living ones, so that each byte is moved about once for each byte that is written.
 */
export class Cleaner {
  readonly #options: CleanerOptions;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(options: CleanerOptions) {
    this.#options = options;
  }

  /** Called after each commit; starts cleaning when it is worth it. */
  consider(): void {
    if (this.#running !== null || this.#isStopped || !this.#isWorthIt()) return;
    this.#run(() => this.#isWorthIt());
  }

  /** Cleans all segments up to `segment`, worth it or not; false when there was no room for that. */
  async evacuate(segment: number): Promise<boolean> {
    const { segments, writer } = this.#options;
    await this.#running;
    this.#run(() => segments.oldest.number <= segment);
    await this.#running;
    if (writer.failure !== null) throw writer.failure;
    return segments.oldest.number > segment;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  #isWorthIt(): boolean {
    const { segments, index } = this.#options;
    const { oldest, active } = segments;
    if (oldest === active) return false;
    const live = index.liveBytes(oldest.number % SEGMENTS_MAX);
    if (live === 0) return true;
    const dead = segments.usedBytes - index.liveBytesTotal;
    if (segments.hasReserve) return dead > Math.max(index.liveBytesTotal, DEAD_SEGMENTS * segments.segmentBytes);
    // On a full disk moving is paid from the reserve, and only what gives back more than it takes.
    return dead > oldest.bytes && live + live / 8 < active.bytes - active.used;
  }

  /** One at a time: two would drop two segments after having looked at one. */
  #run(isWanted: () => boolean): void {
    this.#running ??= this.#cleanWhile(isWanted).finally(() => {
      this.#running = null;
    });
  }

  async #cleanWhile(isWanted: () => boolean): Promise<void> {
    try {
      while (!this.#isStopped && isWanted()) await this.#cleanOldest();
    } catch (error) {
      // A full disk is tried again after the next commit.
      if (!(error instanceof OperationalError && error.retryable)) this.#options.writer.fail(error);
    }
  }

  async #cleanOldest(): Promise<void> {
    const { segments, index, writer } = this.#options;
    const segment = segments.oldest;
    const number = segment.number % SEGMENTS_MAX;
    if (index.liveBytes(number) > 0) await this.#moveRecords(segment);
    if (index.liveBytes(number) > 0) await this.#moveUnreadable(number);
    if (this.#isStopped || index.liveBytes(number) > 0) return;
    await segments.drop(segment);
    if (!segments.hasReserve) await writer.restoreReserve();
  }

  async #moveRecords(segment: Segment): Promise<void> {
    const { segments, index, writer, secret } = this.#options;
    const bytes = new SegmentBytes(secret, segment.number, await segments.read(segment, 0, segment.used), 0);
    let portion: Amendment[] = [];
    let portionBytes = 0;
    let records = 0;
    for (let at = 0; at < bytes.end;) {
      if (bytes.frameAt(at) !== null) {
        at += FRAME_HEADER_BYTES;
        continue;
      }
      const record = bytes.recordAt(at, bytes.end);
      if (record === null) {
        at += ALIGNMENT;
        continue;
      }
      const location = packLocation(segment.number, at, record.bytes);
      if (record.isPut && record.isIntact && index.get(record.table, record.key) === location) {
        portion.push({ table: record.table, key: Buffer.from(record.key, 'latin1'), value: bytes.valueOf(record), at: location });
        portionBytes += record.bytes;
      }
      at += record.bytes;
      records += 1;
      if (portionBytes >= PORTION_BYTES) {
        await writer.amend(portion);
        portion = [];
        portionBytes = 0;
      }
      if (records % RECORDS_PER_TURN === 0) await setImmediate();
      if (this.#isStopped) return;
    }
    if (portion.length > 0) await writer.amend(portion);
  }

  /** What the index has in the segment and the walk did not find: reading it quarantines what is damaged. */
  async #moveUnreadable(number: number): Promise<void> {
    const { index, reader, writer } = this.#options;
    for (const table of tables) {
      for (const key of this.#keysIn(number, table)) {
        const location = index.get(table, key);
        const value = await reader.get(table, key);
        if (location !== undefined && value !== null) await writer.amend([{ table, key: Buffer.from(key, 'latin1'), value, at: location }]);
      }
    }
  }

  #keysIn(number: number, table: Table): string[] {
    const keys: string[] = [];
    this.#options.index.walk(table, { from: null, to: null, isReverse: false }, (key, location) => {
      if (segmentOf(location) === number) keys.push(key);
      return true;
    });
    return keys;
  }
}

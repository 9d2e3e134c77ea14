import type { HistoryEntry, HistoryQuery, HistoryReading } from './message-history.ts';
import { RecordBounds } from './record-bounds.ts';
import { type ReadingHouse, ShelfCursor } from './shelf-cursor.ts';
import type { Shelf } from './shelf.ts';

/** A page has at most so many bytes of messages, or one message. */
export const READING_PAGE_BYTES = 256 * 1024;
/** So many blocks without a match are passed over before a page ends empty. */
const BLOCKS_MAX = 64;

/** Reads what matches in the order of the offsets. */
export class OffsetReading implements HistoryReading {
  isDone = false;
  readonly #house: ReadingHouse;
  readonly #filter: string;
  readonly #bounds: RecordBounds;
  readonly #cursors = new Map<Shelf, ShelfCursor>();
  #position: number;
  /** How many were not kept up to the last entry; null before the first. */
  #missed: number | null = null;
  #isBegun = false;

  constructor(house: ReadingHouse, query: HistoryQuery) {
    this.#house = house;
    this.#filter = query.filter;
    this.#bounds = new RecordBounds(query);
    this.#position = this.#bounds.from;
  }

  get position(): number {
    return this.#position;
  }

  async next(limit: number): Promise<readonly HistoryEntry[]> {
    const cursors = this.#join();
    this.isDone = cursors.length === 0;
    if (this.isDone) return [];
    if (!this.#isBegun) await this.#begin(cursors);
    const entries: HistoryEntry[] = [];
    let bytes = 0;
    let blocks = 0;
    for (;;) {
      const cursor = cursors.reduce(firstOf);
      const [record] = cursor.found;
      if (record === undefined) {
        if (cursors.every(isExhausted)) break;
        if (await cursor.advance()) blocks += 1;
        if (blocks >= BLOCKS_MAX && entries.length === 0) break;
        continue;
      }
      if (entries.length >= limit || (entries.length > 0 && bytes + record.message.weight > READING_PAGE_BYTES)) break;
      cursor.found.shift();
      bytes += record.message.weight;
      entries.push({ offset: record.offset, message: record.message, missed: this.#missedBefore(record.missed, cursors) });
      this.#position = record.offset + 1;
    }
    this.isDone = cursors.every(isExhausted);
    this.#position = Math.max(this.#position, Math.min(...cursors.map(({ head }) => head)));
    return entries;
  }

  /** A cursor for each shelf that there is now, all of them to be asked again. */
  #join(): ShelfCursor[] {
    for (const shelf of this.#house.shelves.values()) {
      const known = this.#cursors.get(shelf);
      if (known !== undefined) {
        known.isAtEnd = false;
        continue;
      }
      const cursor = new ShelfCursor(shelf, this.#house, this.#filter, this.#bounds);
      cursor.position = this.#position;
      this.#cursors.set(shelf, cursor);
    }
    return [...this.#cursors.values()];
  }

  /** What was missed is counted from the record on that the reader says it knows. */
  async #begin(cursors: readonly ShelfCursor[]): Promise<void> {
    this.#isBegun = true;
    if (this.#bounds.from === 0) return;
    for (const cursor of cursors) {
      const missed = await cursor.missedBefore();
      if (missed !== null) this.#missed = Math.max(missed, this.#missed ?? 0);
    }
  }

  #missedBefore(missed: number, cursors: readonly ShelfCursor[]): number {
    let damaged = 0;
    for (const cursor of cursors) {
      damaged += cursor.damaged;
      cursor.damaged = 0;
    }
    const since = this.#missed === null ? 0 : Math.max(0, missed - this.#missed);
    this.#missed = missed;
    return since + damaged;
  }
}

/** Of two cursors the one to ask next; one that is at its end only when the other is further. */
function firstOf(a: ShelfCursor, b: ShelfCursor): ShelfCursor {
  return b.head < a.head || (b.head === a.head && isExhausted(a)) ? b : a;
}

function isExhausted({ isAtEnd, found }: ShelfCursor): boolean {
  return isAtEnd && found.length === 0;
}

// HOT
import { assert } from '#base/errors.ts';
import { SortedTable, type SortedRange } from '#store/sorted-table.ts';
import { tables, type Table } from '#store/store.ts';
import { bytesOf, segmentOf } from './location.ts';

/** Where the committed records stand, and how many bytes of each segment they are. */
export class JournalIndex {
  readonly #tables = new Map<Table, SortedTable<number>>(tables.map((table) => [table, new SortedTable<number>()]));
  /** Live bytes by the segment's number modulo SEGMENTS_MAX. */
  readonly #liveBytes = new Map<number, number>();
  #liveBytesTotal = 0;

  get liveBytesTotal(): number {
    return this.#liveBytesTotal;
  }

  liveBytes(segment: number): number {
    return this.#liveBytes.get(segment) ?? 0;
  }

  get(table: Table, key: string): number | undefined {
    return this.#tableOf(table).get(key);
  }

  set(table: Table, key: string, location: number): void {
    const before = this.#tableOf(table).set(key, location);
    if (before !== undefined) this.#account(before, -1);
    this.#account(location, 1);
  }

  delete(table: Table, key: string): void {
    const before = this.#tableOf(table).delete(key);
    if (before !== undefined) this.#account(before, -1);
  }

  count(table: Table): number {
    return this.#tableOf(table).size;
  }

  walk(table: Table, range: SortedRange, visit: (key: string, location: number) => boolean): void {
    this.#tableOf(table).walk(range, visit);
  }

  #account(location: number, sign: 1 | -1): void {
    const segment = segmentOf(location);
    const bytes = sign * bytesOf(location);
    this.#liveBytesTotal += bytes;
    const live = (this.#liveBytes.get(segment) ?? 0) + bytes;
    if (live === 0) this.#liveBytes.delete(segment);
    else this.#liveBytes.set(segment, live);
  }

  #tableOf(table: Table): SortedTable<number> {
    const records = this.#tables.get(table);
    assert(records !== undefined, `no table ${table}`);
    return records;
  }
}

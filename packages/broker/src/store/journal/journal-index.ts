// HOT
import { assert } from '#base/errors.ts';
import { type PackedRecords, SortedTable, type SortedRange } from '#store/sorted-table.ts';
import { tables, type Table } from '#store/store.ts';
import { bytesOf, SEGMENTS_MAX, segmentOf } from './location.ts';

/** Where the committed records stand, and how many bytes of each segment they are. */
export class JournalIndex {
  readonly #tables = new Map<Table, SortedTable<number>>(tables.map((table) => [table, new SortedTable<number>()]));
  /** Live bytes by the segment's number modulo SEGMENTS_MAX. */
  readonly #liveBytes = new Float64Array(SEGMENTS_MAX);
  #liveBytesTotal = 0;

  get liveBytesTotal(): number {
    return this.#liveBytesTotal;
  }

  /** The number of records in all tables. */
  get size(): number {
    let size = 0;
    for (const records of this.#tables.values()) size += records.size;
    return size;
  }

  liveBytes(segment: number): number {
    return this.#liveBytes[segment];
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

  /** Adds records behind all others of their table. */
  append(table: Table, packed: PackedRecords<number>, locations: Iterable<number>): void {
    this.#tableOf(table).append(packed);
    for (const location of locations) this.#account(location, 1);
  }

  /** True when every record stands in one of these segments. */
  isWithin(segments: readonly { readonly number: number }[]): boolean {
    const known = new Set(segments.map(({ number }) => number % SEGMENTS_MAX));
    return this.#liveBytes.every((bytes, number) => bytes === 0 || known.has(number));
  }

  count(table: Table, range?: SortedRange): number {
    const records = this.#tableOf(table);
    return range === undefined ? records.size : records.count(range);
  }

  walk(table: Table, range: SortedRange, visit: (key: string, location: number) => boolean): void {
    this.#tableOf(table).walk(range, visit);
  }

  #account(location: number, sign: 1 | -1): void {
    const segment = segmentOf(location);
    const bytes = sign * bytesOf(location);
    this.#liveBytesTotal += bytes;
    this.#liveBytes[segment] += bytes;
  }

  #tableOf(table: Table): SortedTable<number> {
    const records = this.#tables.get(table);
    assert(records !== undefined, `no table ${table}`);
    return records;
  }
}

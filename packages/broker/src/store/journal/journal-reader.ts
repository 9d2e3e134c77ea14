import { OperationalError } from '#base/errors.ts';
import { PAGE_BYTES_MAX, type Page } from '#store/scan-pages.ts';
import type { SortedRange } from '#store/sorted-table.ts';
import type { StoredRecord, Table } from '#store/store.ts';
import type { JournalIndex } from './journal-index.ts';
import { bytesOf, offsetOf, segmentOf } from './location.ts';
import type { DamagedRecord } from './recovery.ts';
import { SegmentBytes } from './segment-bytes.ts';
import type { Segments } from './segments.ts';

/** Records with no more than this between them are read in one piece. */
const GAP_BYTES_MAX = 16 * 1024;
const RUN_BYTES_MAX = 1024 * 1024;

interface Entry {
  readonly key: string;
  readonly location: number;
  /** Null until it is read, and when what stands there is not sound. */
  record: StoredRecord | null;
}

/** Neighbouring records of one segment. */
interface Run {
  readonly entries: Entry[];
  readonly start: number;
  end: number;
}

/** Reads values where the index says that they stand, and checks each. */
export class JournalReader {
  readonly #segments: Segments;
  readonly #index: JournalIndex;
  readonly #secret: number;
  readonly #onDamaged: (record: DamagedRecord) => void;

  constructor(segments: Segments, index: JournalIndex, secret: number, onDamaged: (record: DamagedRecord) => void) {
    this.#segments = segments;
    this.#index = index;
    this.#secret = secret;
    this.#onDamaged = onDamaged;
  }

  async get(table: Table, key: string): Promise<Buffer | null> {
    for (;;) {
      const location = this.#index.get(table, key);
      if (location === undefined) return null;
      const offset = offsetOf(location);
      const segment = this.#segments.byNumber(segmentOf(location));
      const bytes = await this.#read(location, bytesOf(location));
      const value = bytes.valueAt(offset, table, key);
      if (value !== null) return copyOf(value);
      // Bytes that moved while they were read do not pass; those that stayed are damaged.
      if (this.#index.get(table, key) !== location) continue;
      this.#onDamaged({ table, key, location, place: `${segment.name} at byte ${offset}`, bytes: bytes.slice(offset, bytes.end) });
      return null;
    }
  }

  /**
   * At most `recordsMax` records from the start of the range (its end when reversed), and about a MiB of them. Values that are lent are
   * slices of what was read in one piece.
   */
  async page(table: Table, range: SortedRange, recordsMax: number, lends: boolean): Promise<Page> {
    const entries: Entry[] = [];
    let bytes = 0;
    let resumeAt: string | null = null;
    this.#index.walk(table, range, (key, location) => {
      entries.push({ key, location, record: null });
      bytes += bytesOf(location);
      if (entries.length < recordsMax && bytes < PAGE_BYTES_MAX) return true;
      resumeAt = key;
      return false;
    });
    await Promise.all(runsOf(entries).map((run) => this.#readRun(table, run, lends)));
    const records: StoredRecord[] = [];
    for (const { key, record } of entries) {
      if (record !== null) {
        records.push(record);
        continue;
      }
      const value = await this.get(table, key);
      if (value !== null) records.push({ key: Buffer.from(key, 'latin1'), value });
    }
    return { records, resumeAt };
  }

  async #readRun(table: Table, run: Run, lends: boolean): Promise<void> {
    const bytes = await this.#read(run.entries[0].location, run.end - run.start);
    for (const entry of run.entries) {
      const offset = offsetOf(entry.location);
      const value = bytes.valueAt(offset, table, entry.key);
      if (value === null) continue;
      entry.record = lends ? { key: bytes.keyAt(offset), value } : { key: Buffer.from(entry.key, 'latin1'), value: copyOf(value) };
    }
  }

  async #read(location: number, bytes: number): Promise<SegmentBytes> {
    const segment = this.#segments.byNumber(segmentOf(location));
    const offset = offsetOf(location);
    try {
      return new SegmentBytes(this.#secret, segment.number, await this.#segments.read(segment, offset, bytes), offset);
    } catch (cause) {
      throw new OperationalError('store.failed', `${segment.name} cannot be read at byte ${offset}: ${String(cause)}`, { cause });
    }
  }
}

/** A slice would keep the whole run in memory. */
function copyOf(value: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(value.length);
  value.copy(copy);
  return copy;
}

function runsOf(entries: readonly Entry[]): Run[] {
  const runs: Run[] = [];
  let last: Run | null = null;
  for (const entry of [...entries].sort((a, b) => a.location - b.location)) {
    const start = offsetOf(entry.location);
    const end = start + bytesOf(entry.location);
    const isNear =
      last !== null &&
      segmentOf(last.entries[0].location) === segmentOf(entry.location) &&
      start - last.end <= GAP_BYTES_MAX &&
      end - last.start <= RUN_BYTES_MAX;
    if (last !== null && isNear) {
      last.entries.push(entry);
      last.end = Math.max(last.end, end);
    } else {
      last = { entries: [entry], start, end };
      runs.push(last);
    }
  }
  return runs;
}

// HOT
import type { Table } from '#store/store.ts';
import {
  bytesAt,
  hasKeyAt,
  type FrameHeader,
  INTACT,
  isPutAt,
  keyAt,
  keyStartAt,
  magicBytes,
  type ParsedRecord,
  parseFrameHeader,
  parseRecord,
  seedOf,
  soundnessOf,
  tableAt,
  valueBytesAt,
  valueStartAt,
} from './frame.ts';
import { ALIGNMENT, packLocation } from './location.ts';

/** Takes in a change; no object for each, since recovery sees millions. */
export type TakeChange = (table: Table, key: string, isPut: boolean, location: number) => void;

export interface PlacedRecord {
  readonly record: ParsedRecord;
  /** In the segment. */
  readonly offset: number;
}

/** Bytes that were read from a segment, and what can be trusted in them. Offsets are those of the segment. */
export class SegmentBytes {
  readonly segment: number;
  readonly #secret: number;
  readonly #bytes: Buffer;
  readonly #start: number;

  /** `start` is where the bytes begin in the segment. */
  constructor(secret: number, segment: number, bytes: Buffer, start: number) {
    this.segment = segment;
    this.#secret = secret;
    this.#bytes = bytes;
    this.#start = start;
  }

  get end(): number {
    return this.#start + this.#bytes.length;
  }

  slice(from: number, to: number): Buffer {
    return this.#bytes.subarray(from - this.#start, to - this.#start);
  }

  frameAt(offset: number): FrameHeader | null {
    return parseFrameHeader(this.#bytes, offset - this.#start, seedOf(this.#secret, this.segment, offset));
  }

  /** The record at `offset`, which ends at or before `end`. */
  recordAt(offset: number, end: number): ParsedRecord | null {
    return parseRecord(this.#bytes, offset - this.#start, end - this.#start, seedOf(this.#secret, this.segment, offset));
  }

  /** The value that a sound record of this table and key has put at `offset`, or null. */
  valueAt(offset: number, table: Table, key: string): Buffer | null {
    const bytes = this.#bytes;
    const at = offset - this.#start;
    if (soundnessOf(bytes, at, bytes.length, seedOf(this.#secret, this.segment, offset)) !== INTACT) return null;
    if (!isPutAt(bytes, at) || tableAt(bytes, at) !== table || !hasKeyAt(bytes, at, key)) return null;
    const start = valueStartAt(bytes, at);
    return bytes.subarray(start, start + valueBytesAt(bytes, at));
  }

  /** The key of the record that `valueAt` has found at `offset`. */
  keyAt(offset: number): Buffer {
    const start = keyStartAt(offset - this.#start);
    return this.#bytes.subarray(start, valueStartAt(this.#bytes, offset - this.#start));
  }

  valueOf(record: ParsedRecord): Buffer {
    return this.#bytes.subarray(record.valueStart, record.valueEnd);
  }

  /** True when `count` intact records fill the place between two offsets: nothing else can stand there. */
  isWhole(from: number, to: number, count: number): boolean {
    if (to > this.end) return false;
    let left = count;
    let offset = from;
    for (; offset < to && left > 0; left -= 1) {
      const at = offset - this.#start;
      if (soundnessOf(this.#bytes, at, to - this.#start, seedOf(this.#secret, this.segment, offset)) !== INTACT) return false;
      offset += bytesAt(this.#bytes, at);
    }
    return left === 0 && offset === to;
  }

  /** Reads what `isWhole` has found between two offsets. */
  readWhole(from: number, to: number, take: TakeChange): void {
    const bytes = this.#bytes;
    for (let offset = from; offset < to;) {
      const at = offset - this.#start;
      const size = bytesAt(bytes, at);
      take(tableAt(bytes, at), keyAt(bytes, at), isPutAt(bytes, at), packLocation(this.segment, offset, size));
      offset += size;
    }
  }

  /** All records between two offsets; behind damage, the next that can be trusted is looked for. */
  recordsBetween(from: number, to: number): PlacedRecord[] {
    const found: PlacedRecord[] = [];
    const end = Math.min(to, this.end);
    for (let offset = from; offset < end;) {
      const record = this.recordAt(offset, end);
      if (record !== null) found.push({ record, offset });
      offset += record === null ? ALIGNMENT : record.bytes;
    }
    return found;
  }

  /** The first frame at or behind `from` that is later than `sequence`, or -1. */
  findFrame(from: number, sequence: number): number {
    // The magic number stands four bytes behind a frame's start.
    for (let hit = this.#bytes.indexOf(magicBytes, from - this.#start + 4); hit !== -1; hit = this.#bytes.indexOf(magicBytes, hit + 1)) {
      const offset = this.#start + hit - 4;
      const header = offset % ALIGNMENT === 0 ? this.frameAt(offset) : null;
      if (header !== null && header.sequence > sequence) return offset;
    }
    return -1;
  }
}

import { crc32 } from 'node:zlib';
import { tables, type Table } from '#store/store.ts';
import type { PackedRecords } from '#store/sorted-table.ts';
import { codeOf, type Disk, type DiskFile } from './disk.ts';
import { JournalIndex } from './journal-index.ts';
import { ALIGNMENT } from './location.ts';

/**
 * The index as it was while the journal stood between two places, version 1. Integers are little-endian.
 *
 *   file    = chunk* | footer (JSON) | footer's checksum u32 | footer's bytes u32 | magic u32 | 0 u32
 *   chunk   = page*
 *   page    = table's place in `tables` u32 | records u32 | bytes u32 | 0 u32 | location f64 for each | keyBytes u16 and key for each | zeros
 *
 * The records of all pages together are in the order of their tables and keys. What was changed while it was written may be
 * there as it was before or after: replaying the journal from where it began makes it right. The footer holds each chunk's length
 * and checksum; all checksums are seeded with the store's secret.
 */
export const CHECKPOINT = 'checkpoint';
/** What it is called until it is whole. */
export const CHECKPOINT_UNDER_WAY = 'checkpoint-new';
export const RECORDS_PER_PAGE = 100;
const FORMAT_VERSION = 1;
const MAGIC = 0x31504357;
const TRAILER_BYTES = 16;
const PAGE_HEADER_BYTES = 16;
const LOCATION_BYTES = 8;

/** A segment as it was when the checkpoint began. */
export interface SegmentState {
  readonly number: number;
  readonly used: number;
  /** Where its last frame stands, -1 when it has none. */
  readonly lastFrameAt: number;
  readonly sequenceBefore: number;
  readonly changesBefore: number;
}

export interface CheckpointState {
  readonly format: number;
  /** From the oldest to the one where the journal went on, at `used`. */
  readonly segments: readonly SegmentState[];
  /** The numbering there. */
  readonly sequence: number;
  readonly changes: number;
  /** The numbering where it ended: all of that was flushed. */
  readonly flushedSequence: number;
  readonly flushedChanges: number;
}

/** A chunk's length and checksum. */
export type ChunkSum = readonly [bytes: number, checksum: number];

export interface Checkpoint {
  readonly state: CheckpointState;
  readonly index: JournalIndex;
  readonly bytes: number;
}

export function stateOf(state: Omit<CheckpointState, 'format'>): CheckpointState {
  return { format: FORMAT_VERSION, ...state };
}

export function pageBytes(keys: readonly string[]): number {
  let bytes = PAGE_HEADER_BYTES + (LOCATION_BYTES + 2) * keys.length;
  for (const key of keys) bytes += key.length;
  return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
}

/** Writes a page at `at`; returns its end. Keys are in latin1 form. */
export function encodePage(
  into: Buffer,
  at: number,
  table: Table,
  records: { keys: readonly string[]; locations: readonly number[] },
): number {
  const { keys, locations } = records;
  const end = at + pageBytes(keys);
  into.writeUInt32LE(tables.indexOf(table), at);
  into.writeUInt32LE(keys.length, at + 4);
  into.writeUInt32LE(end - at, at + 8);
  into.writeUInt32LE(0, at + 12);
  let to = at + PAGE_HEADER_BYTES;
  for (const location of locations) to = into.writeDoubleLE(location, to);
  for (const key of keys) {
    to = into.writeUInt16LE(key.length, to);
    to += into.write(key, to, 'latin1');
  }
  into.fill(0, to, end);
  return end;
}

export function encodeFooter(secret: number, state: CheckpointState, chunks: readonly ChunkSum[]): Buffer {
  const json = Buffer.from(JSON.stringify({ ...state, chunks }));
  const trailer = Buffer.alloc(TRAILER_BYTES);
  trailer.writeUInt32LE(crc32(json, secret), 0);
  trailer.writeUInt32LE(json.length, 4);
  trailer.writeUInt32LE(MAGIC, 8);
  return Buffer.concat([json, trailer]);
}

/** Reads the checkpoint; null when there is none that is sound and of this version: then the whole journal is replayed. */
export async function readCheckpoint(disk: Disk, secret: number): Promise<Checkpoint | null> {
  let file: DiskFile;
  try {
    file = await disk.open(CHECKPOINT);
  } catch {
    return null;
  }
  try {
    return await readFrom(file, secret);
  } catch (error) {
    // What the device cannot read is as good as damaged.
    if (codeOf(error) === null) throw error;
    return null;
  } finally {
    await file.close();
  }
}

async function readFrom(file: DiskFile, secret: number): Promise<Checkpoint | null> {
  const bytes = await file.bytes();
  const footer = await readFooter(file, bytes, secret);
  if (footer === null) return null;
  const { chunks, ...state } = footer;
  const index = new JournalIndex();
  let at = 0;
  let next = chunks.length === 0 ? null : readPart(file, at, chunks[0][0]);
  for (const [i, [length, checksum]] of chunks.entries()) {
    const chunk: Buffer = await next!;
    at += length;
    // The next one is read while this one is looked at.
    next = i + 1 < chunks.length ? readPart(file, at, chunks[i + 1][0]) : null;
    next?.catch(() => {});
    if (chunk.length < length || crc32(chunk, secret) !== checksum) {
      await next?.catch(() => {});
      return null;
    }
    addPages(index, chunk);
  }
  return { state, index, bytes };
}

async function readFooter(file: DiskFile, bytes: number, secret: number): Promise<(CheckpointState & { chunks: ChunkSum[] }) | null> {
  if (bytes < TRAILER_BYTES) return null;
  const trailer = await readPart(file, bytes - TRAILER_BYTES, TRAILER_BYTES);
  const length = trailer.readUInt32LE(4);
  if (trailer.readUInt32LE(8) !== MAGIC || length + TRAILER_BYTES > bytes) return null;
  const json = await readPart(file, bytes - TRAILER_BYTES - length, length);
  if (crc32(json, secret) !== trailer.readUInt32LE(0)) return null;
  const footer = JSON.parse(json.toString()) as CheckpointState & { chunks: ChunkSum[] };
  return footer.format === FORMAT_VERSION ? footer : null;
}

async function readPart(file: DiskFile, at: number, bytes: number): Promise<Buffer> {
  const into = Buffer.allocUnsafeSlow(bytes);
  const count = await file.read(into, at);
  return into.subarray(0, count);
}

function addPages(index: JournalIndex, chunk: Buffer): void {
  for (let at = 0; at < chunk.length;) {
    const page = new Page(chunk, at);
    index.append(tables[chunk.readUInt32LE(at)], page, page.locations());
    at += chunk.readUInt32LE(at + 8);
  }
}

/** A page as it stands in memory that nothing else uses. */
class Page implements PackedRecords<number> {
  readonly size: number;
  readonly #chunk: Buffer;
  readonly #at: number;

  constructor(chunk: Buffer, at: number) {
    this.#chunk = chunk;
    this.#at = at;
    this.size = chunk.readUInt32LE(at + 4);
  }

  get firstKey(): string {
    const at = this.#keysAt + 2;
    return this.#chunk.toString('latin1', at, at + this.#chunk.readUInt16LE(at - 2));
  }

  locations(): number[] {
    const from = this.#at + PAGE_HEADER_BYTES;
    const locations: number[] = [];
    for (let i = 0; i < this.size; i += 1) locations.push(this.#chunk.readDoubleLE(from + i * LOCATION_BYTES));
    return locations;
  }

  unpack(): { keys: string[]; values: number[] } {
    const keys: string[] = [];
    let at = this.#keysAt;
    for (let i = 0; i < this.size; i += 1) {
      const end = at + 2 + this.#chunk.readUInt16LE(at);
      keys.push(this.#chunk.toString('latin1', at + 2, end));
      at = end;
    }
    return { keys, values: this.locations() };
  }

  get #keysAt(): number {
    return this.#at + PAGE_HEADER_BYTES + this.size * LOCATION_BYTES;
  }
}

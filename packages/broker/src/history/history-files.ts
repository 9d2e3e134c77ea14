import { crc32 } from 'node:zlib';
import { OperationalError } from '#base/errors.ts';
import { codeOf, type Disk, type DiskFile } from '#store/journal/disk.ts';
import { BoundedCache } from './bounded-cache.ts';
import { decodeDirectory, type PagePlace } from './directory.ts';
import { alignedFrameBytes, FRAME_ALIGNMENT, readFrameHeader, soundFrameBytes } from './frame.ts';
import { isSoundPage } from './index-page.ts';
import type { Segment, SealedIndex } from './segment.ts';
import { type Block, decodeBlocks, segmentName } from './segment-format.ts';

const FILES_MAX = 32;
/** Of parts of indexes, and of frames that were read. */
const INDEX_CACHE_BYTES_MAX = 16 * 1024 * 1024;
const FRAME_CACHE_BYTES_MAX = 16 * 1024 * 1024;
/** What an entry of a decoded table takes besides text. */
const ENTRY_BYTES = 120;

/** Frames that were checked. */
export interface SoundFrames {
  readonly bytes: Buffer;
  /** Where in `bytes` each begins. */
  readonly starts: readonly number[];
  /** How many messages they have. */
  readonly count: number;
}

interface OpenFile {
  readonly file: Promise<DiskFile>;
  users: number;
  isDropped: boolean;
}

/** An index on disk is not what was written; it is made again from the frames. */
export class DamagedIndex extends Error {}

/** Reads segments, a bounded number of files and bytes at a time. */
export class HistoryFiles {
  readonly #disk: Disk;
  readonly #open = new Map<number, OpenFile>();
  readonly #indexes = new BoundedCache<unknown>(INDEX_CACHE_BYTES_MAX);
  readonly #frames = new BoundedCache<SoundFrames>(FRAME_CACHE_BYTES_MAX);

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  get cachedBytes(): number {
    return this.#indexes.bytes + this.#frames.bytes;
  }

  /** Bytes of a segment's file; fewer where it ends. Rejects with OperationalError `history.failed`. */
  async read(id: number, at: number, length: number): Promise<Buffer> {
    const open = this.#acquire(id);
    try {
      const into = Buffer.allocUnsafeSlow(length);
      const count = await (await open.file).read(into, at);
      return into.subarray(0, count);
    } catch (cause) {
      throw new OperationalError('history.failed', `${segmentName(id)} cannot be read: ${codeOf(cause) ?? String(cause)}`, { cause });
    } finally {
      this.#release(id, open);
    }
  }

  async blocksOf(segment: Segment): Promise<readonly Block[]> {
    const { index } = segment;
    if ('topics' in index) return index.blocks;
    return this.#table(`${segment.id}/blocks`, async () => {
      const bytes = await this.#checked(segment.id, index.blocksAt, index.blocksBytes, index.blocksChecksum);
      return { table: decodeBlocks(bytes), bytes: 2 * bytes.length };
    });
  }

  async pagesOf(segment: Segment, index: SealedIndex): Promise<readonly PagePlace[]> {
    return this.#table(`${segment.id}/pages`, async () => {
      const bytes = await this.#checked(segment.id, index.directoryAt, index.directoryBytes, index.directoryChecksum);
      const table = decodeDirectory(bytes);
      return { table, bytes: 2 * bytes.length + table.length * ENTRY_BYTES };
    });
  }

  async page(segment: Segment, place: PagePlace): Promise<Buffer> {
    return this.#table(`${segment.id}/${place.at}`, async () => {
      const table = await this.read(segment.id, place.at, place.bytes);
      if (!isSoundPage(table, segment.header.seed)) throw new DamagedIndex();
      return { table, bytes: table.length };
    });
  }

  /** The frames of a block that are sound. */
  async frames(segment: Segment, block: Block): Promise<SoundFrames> {
    const { at, bytes } = block;
    const key = `${segment.id}/${at}/${bytes}`;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const frames = soundFrames(await this.read(segment.id, at, bytes), segment.header.seed, at);
    this.#frames.put(key, frames, bytes);
    return frames;
  }

  /** What is remembered of a segment is not true any more. */
  forget(segment: Segment, blocks: readonly PagePlace[] | readonly Block[] = []): void {
    this.#indexes.delete(`${segment.id}/blocks`);
    this.#indexes.delete(`${segment.id}/pages`);
    for (const { at } of blocks) this.#indexes.delete(`${segment.id}/${at}`);
  }

  /** Deletes a segment's file. */
  async remove(segment: Segment): Promise<void> {
    segment.isRemoved = true;
    this.forget(segment);
    this.#drop(segment.id);
    await this.#disk.remove(segmentName(segment.id));
  }

  async close(): Promise<void> {
    const files = [...this.#open.values()].map(({ file }) => file);
    for (const id of this.#open.keys()) this.#drop(id);
    await Promise.allSettled(files);
  }

  async #table<T>(key: string, read: () => Promise<{ table: T; bytes: number }>): Promise<T> {
    const known = this.#indexes.get(key);
    if (known !== undefined) return known as T;
    const { table, bytes } = await read();
    this.#indexes.put(key, table, bytes);
    return table;
  }

  async #checked(id: number, at: number, length: number, checksum: number): Promise<Buffer> {
    const bytes = await this.read(id, at, length);
    if (bytes.length !== length || crc32(bytes) !== checksum) throw new DamagedIndex();
    return bytes;
  }

  #acquire(id: number): OpenFile {
    const known = this.#open.get(id);
    this.#open.delete(id);
    const open = known ?? { file: this.#disk.open(segmentName(id)), users: 0, isDropped: false };
    open.users += 1;
    this.#open.set(id, open);
    if (known === undefined && this.#open.size > FILES_MAX) this.#drop(this.#open.keys().next().value!);
    return open;
  }

  #release(id: number, open: OpenFile): void {
    open.users -= 1;
    if (open.isDropped) {
      if (open.users === 0) close(open);
    } else {
      // One that could not be opened is tried again by the next.
      open.file.catch(() => this.#drop(id));
    }
  }

  #drop(id: number): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    open.isDropped = true;
    if (open.users === 0) close(open);
  }
}

function close({ file }: OpenFile): void {
  // Nothing was written through it, so its end can lose nothing.
  file.then((opened) => opened.close()).catch(() => {});
}

/** What of the bytes that stand at `place` of a segment can be trusted. */
function soundFrames(bytes: Buffer, seed: number, place: number): SoundFrames {
  const starts: number[] = [];
  let count = 0;
  for (let at = 0; at < bytes.length;) {
    const length = soundFrameBytes(bytes, at, seed, place + at);
    if (length > 0) {
      starts.push(at);
      count += readFrameHeader(bytes, at).count;
    }
    at += length > 0 ? alignedFrameBytes(length) : FRAME_ALIGNMENT;
  }
  return { bytes, starts, count };
}

import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Logger } from '#base/logger.ts';
import { tables, type Table } from '#store/store.ts';
import {
  CHECKPOINT,
  CHECKPOINT_UNDER_WAY,
  type CheckpointState,
  type ChunkSum,
  encodeFooter,
  encodePage,
  pageBytes,
  RECORDS_PER_PAGE,
  stateOf,
} from './checkpoint.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { JournalIndex } from './journal-index.ts';
import type { Segments } from './segments.ts';

const MIB = 1024 * 1024;
const CHUNK_BYTES = MIB;
/** The event loop turns after so many pages. */
const PAGES_PER_TURN = 10;
/** It never takes more than this share of what is free. */
const SHARE_OF_FREE = 4;

/** How far the journal may go beyond the checkpoint before the next is due, besides a quarter of what the store holds. */
export interface CheckpointPace {
  readonly changes: number;
  readonly bytes: number;
}

/** A restart replays these in a fraction of the second that it may take (D10). */
export const normalPace: CheckpointPace = { changes: 32_768, bytes: 128 * MIB };

type Beginning = Pick<CheckpointState, 'sequence' | 'changes' | 'segments'>;

export interface CheckpointerOptions {
  readonly disk: Disk;
  readonly segments: Segments;
  readonly index: JournalIndex;
  readonly secret: number;
  readonly log: Logger;
  /** How messages name the place. */
  readonly directory: string;
  readonly bytesMax: number;
  readonly pace: CheckpointPace;
  /** The checkpoint that was read on opening: its size, and how many changes it knows of. Nothing, and 0, when there was none. */
  readonly found: { readonly bytes: number; readonly changes: number };
  /** False while something is missing from the index that the journal still has. */
  readonly isIndexTrue: () => boolean;
}

/**
 * Writes the index to a file now and then, a little in each turn of the event loop, so that a restart reads that and the journal
 * behind it in place of the whole journal. Nothing depends on it: without the file the whole journal is replayed.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #running: Promise<void> | null = null;
  #isStopped = false;
  #changes: number;
  #written = 0;
  /** Bytes of the file that is being written. */
  #bytes = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#changes = options.found.changes;
    options.segments.besidesBytes = options.found.bytes;
  }

  /** Called after each commit; starts when one is due. */
  consider(): void {
    if (this.#isDue()) this.#begin();
  }

  /** Called once the store is open: what had to be replayed now need not be replayed at the next start, however much the store holds. */
  considerOpened(): void {
    const { segments, pace } = this.#options;
    if (segments.changes - this.#changes >= pace.changes) this.#begin();
  }

  #begin(): void {
    if (this.#running !== null || this.#isStopped) return;
    const { segments } = this.#options;
    // ORDER: between two commits, so that the index has all that is noted; from here on it may only be newer.
    const { sequence, changes } = segments;
    this.#changes = changes;
    this.#written = segments.bytesWritten;
    this.#running = this.#write({ sequence, changes, segments: segments.states() }).finally(() => {
      this.#running = null;
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  #isDue(): boolean {
    const { segments, index, pace } = this.#options;
    const changes = segments.changes - this.#changes;
    const bytes = segments.bytesWritten - this.#written;
    if (changes < pace.changes && bytes < pace.bytes) return false;
    return changes >= pace.changes + index.size / 4 || bytes >= pace.bytes + segments.usedBytes / 4;
  }

  async #write(began: Beginning): Promise<void> {
    const { disk, log, directory, segments } = this.#options;
    try {
      const file = await disk.create(CHECKPOINT_UNDER_WAY);
      const isWhole = await this.#fillAndClose(file, began);
      if (isWhole) {
        await disk.rename(CHECKPOINT_UNDER_WAY, CHECKPOINT);
        await disk.flushDirectory();
        segments.besidesBytes = this.#bytes;
      } else await disk.remove(CHECKPOINT_UNDER_WAY);
    } catch (error) {
      log.warn(
        { directory, reason: String(error) },
        'the checkpoint of the store could not be written: a restart takes longer until it can',
      );
      await disk.remove(CHECKPOINT_UNDER_WAY).catch(() => {});
    }
  }

  async #fillAndClose(file: DiskFile, began: Beginning): Promise<boolean> {
    try {
      return await this.#fill(file, began);
    } finally {
      await file.close();
    }
  }

  /** False when it was given up. */
  async #fill(file: DiskFile, began: Beginning): Promise<boolean> {
    const { disk, segments, secret, bytesMax } = this.#options;
    const room = Math.min(await disk.bytesFree(), bytesMax - segments.bytesOnDisk) / SHARE_OF_FREE;
    const chunks: ChunkSum[] = [];
    this.#bytes = 0;
    for await (const chunk of this.#chunks()) {
      if (this.#bytes + chunk.length > room) return false;
      await file.write(chunk, this.#bytes);
      chunks.push([chunk.length, crc32(chunk, secret)]);
      this.#bytes += chunk.length;
    }
    // ORDER: behind the last page, so that everything in the pages was flushed up to here.
    if (this.#isStopped || !this.#options.isIndexTrue()) return false;
    const footer = encodeFooter(
      secret,
      stateOf({ ...began, flushedSequence: segments.sequence, flushedChanges: segments.changes }),
      chunks,
    );
    await file.write(footer, this.#bytes);
    this.#bytes += footer.length;
    await file.flush();
    return true;
  }

  /** Pages in order. The chunk belongs to whoever has it until the next is asked for. */
  async *#chunks(): AsyncGenerator<Buffer> {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    let used = 0;
    let pages = 0;
    for (const table of tables) {
      for (let page = this.#pageFrom(table, null); page.keys.length > 0; page = this.#pageFrom(table, `${page.keys.at(-1)}\0`)) {
        const bytes = pageBytes(page.keys);
        if (used + bytes > CHUNK_BYTES) {
          yield chunk.subarray(0, used);
          used = 0;
        }
        used = encodePage(chunk, used, table, page);
        pages += 1;
        if (pages % PAGES_PER_TURN === 0) await setImmediate();
        if (this.#isStopped) return;
      }
    }
    if (used > 0) yield chunk.subarray(0, used);
  }

  #pageFrom(table: Table, from: string | null): { keys: string[]; locations: number[] } {
    const keys: string[] = [];
    const locations: number[] = [];
    this.#options.index.walk(table, { from, to: null, isReverse: false }, (key, location) => {
      keys.push(key);
      locations.push(location);
      return keys.length < RECORDS_PER_PAGE;
    });
    return { keys, locations };
  }
}

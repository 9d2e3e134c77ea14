// HOT
import type { Cancel, Clock } from '#base/clock.ts';
import { OperationalError, assert } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import type { Change } from '#store/store.ts';
import { isNoRoom } from './disk.ts';
import { encodeFrameHeader, encodeRecord, FRAME_HEADER_BYTES, recordBytes, seedOf } from './frame.ts';
import type { JournalIndex } from './journal-index.ts';
import { bytesOf, OFFSET_MAX, packLocation } from './location.ts';
import type { Manifest } from './manifest.ts';
import type { Segment, Segments } from './segments.ts';

/** Batches that wait are written together up to this. */
const FRAME_BYTES = 1024 * 1024;
/** The buffer that is kept for frames; a larger frame gets one of its own. */
const SCRATCH_BYTES_MAX = 4 * 1024 * 1024;
/** How long after a commit the manifest may not know of it yet. */
const NOTE_DELAY_MS = 20;

/** A change that the journal makes by itself: it applies only while the key stands at `at` (null: is absent). */
export interface Amendment extends Change {
  readonly at: number | null;
}

interface Job {
  readonly changes: readonly Change[];
  readonly amendments: readonly Amendment[] | null;
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: OperationalError) => void;
}

export interface JournalWriterOptions {
  readonly segments: Segments;
  readonly index: JournalIndex;
  readonly manifest: Manifest;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  /** Called after each commit. */
  readonly onCommitted: () => void;
}

/** Writes batches to the journal, one frame at a time, and enters them into the index once they are flushed. */
export class JournalWriter {
  readonly #options: JournalWriterOptions;
  readonly #segments: Segments;
  readonly #index: JournalIndex;
  readonly #secret: number;
  #waiting: Job[] = [];
  #isRunning = false;
  #onIdle: (() => void) | null = null;
  #failure: OperationalError | null = null;
  #isFull = false;
  #cancelNote: Cancel | null = null;
  #scratch = Buffer.allocUnsafeSlow(64 * 1024);

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#segments = options.segments;
    this.#index = options.index;
    this.#secret = options.manifest.state.secret;
  }

  /** What broke the store for good, or null. */
  get failure(): OperationalError | null {
    return this.#failure;
  }

  commit(changes: readonly Change[]): Promise<void> {
    return this.#enqueue(changes, null);
  }

  amend(amendments: readonly Amendment[]): Promise<void> {
    return this.#enqueue(amendments, amendments);
  }

  /** Resolves when nothing is waiting or under way; nothing may be added any more. */
  async close(): Promise<void> {
    if (this.#isRunning) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    this.#cancelNote?.();
  }

  /** Makes the reserve again, if there is room now. */
  async restoreReserve(): Promise<void> {
    try {
      if (!this.#segments.hasReserve) await this.#segments.prepare();
      this.#noteRoom(null);
    } catch (error) {
      if (error instanceof OperationalError && error.retryable) this.#noteRoom(error);
      else this.fail(error);
    }
  }

  /** Refuses everything from now on: what was written may not be what is on the disk. */
  fail(cause: unknown): void {
    const message = `the disk failed under the store in ${this.#options.directory}: ${cause instanceof Error ? cause.message : String(cause)}`;
    this.#failure ??= new OperationalError('store.failed', message, { cause });
    for (const job of this.#waiting.splice(0)) job.reject(this.#failure);
  }

  #enqueue(changes: readonly Change[], amendments: readonly Amendment[] | null): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    let bytes = 0;
    for (const { key, value } of changes) bytes += recordBytes(key.length, value === null ? 0 : value.length);
    assert(bytes < OFFSET_MAX, 'a batch is smaller than 4 GiB');
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes, amendments, bytes, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0 && this.#failure === null) {
      const group = this.#takeGroup();
      try {
        await this.#writeGroup(group);
      } catch (error) {
        if (!(error instanceof OperationalError && error.retryable)) this.fail(error);
        for (const job of group) job.reject(this.#failure ?? (error as OperationalError));
      }
    }
    this.#isRunning = false;
    this.#onIdle?.();
    this.#onIdle = null;
  }

  /** What goes into the next frame. Amendments go first, so that a batch beside them has the last word. */
  #takeGroup(): Job[] {
    const amendment = this.#waiting.findIndex((job) => job.amendments !== null);
    const group = amendment === -1 ? [] : this.#waiting.splice(amendment, 1);
    // Without a reserve each job is judged for itself.
    if (group.length > 0 && !this.#segments.hasReserve) return group;
    let bytes = group.length === 0 ? 0 : group[0].bytes;
    let count = 0;
    for (const job of this.#waiting) {
      if (job.amendments !== null || (bytes > 0 && bytes + job.bytes > FRAME_BYTES)) break;
      bytes += job.bytes;
      count += 1;
      if (!this.#segments.hasReserve) break;
    }
    group.push(...this.#waiting.splice(0, count));
    return group;
  }

  async #writeGroup(group: readonly Job[]): Promise<void> {
    let bytes = FRAME_HEADER_BYTES;
    for (const job of group) bytes += job.bytes;
    await this.#secureReserve(group, bytes);
    const segment = this.#segments.place(bytes) ?? (await this.#placeAfterPreparing(bytes));
    if (!this.#segments.hasReserve) void this.restoreReserve();
    const frame = this.#bufferOf(bytes);
    const offsets: number[] = [];
    const end = this.#encode(frame, segment, group, offsets);
    const count = offsets.reduce((sum, offset) => sum + (offset === -1 ? 0 : 1), 0);
    if (count > 0) await this.#write(frame.subarray(0, end), segment, count);
    this.#apply(segment, group, offsets);
    for (const job of group) job.resolve();
    this.#options.onCommitted();
  }

  /**
   * When the disk is full only what does not make the store grow may use the reserve: so readers can still acknowledge, and
   * what they free makes room.
   */
  async #secureReserve(group: readonly Job[], bytes: number): Promise<void> {
    const exhausts = this.#segments.exhaustsReserve(bytes);
    if (this.#segments.hasReserve && !exhausts) return;
    const { active } = this.#segments;
    const isHalfFree = active.used < active.bytes / 2;
    if (this.#segments.isPreparing && isHalfFree && active.used + bytes <= active.bytes) return;
    if (!group.some((job) => this.#needsRoom(job, isHalfFree))) return;
    await this.#prepare();
    // A large frame would leave nothing of the reserve that was made just now.
    if (!exhausts && this.#segments.exhaustsReserve(bytes)) await this.#prepare();
  }

  async #placeAfterPreparing(bytes: number): Promise<Segment> {
    await this.#prepare();
    const segment = this.#segments.place(bytes);
    assert(segment !== null, 'a prepared segment takes any frame');
    return segment;
  }

  async #prepare(): Promise<void> {
    try {
      await this.#segments.prepare();
      this.#noteRoom(null);
    } catch (error) {
      if (error instanceof OperationalError && error.retryable) this.#noteRoom(error);
      throw error;
    }
  }

  /**
   * False when a batch frees more than it takes. Replacing records by others of their size frees nothing, and yet half of the
   * reserve is for that: readers must be let in, and note how far they are, before they can free anything.
   */
  #needsRoom(job: Job, mayReplace: boolean): boolean {
    if (job.amendments !== null) return false;
    let taken = 0;
    let freed = 0;
    for (const { table, key, value } of job.changes) {
      const location = this.#index.get(table, key.toString('latin1'));
      if (location !== undefined) freed += bytesOf(location);
      if (value !== null) taken += bytesOf(packLocation(0, 0, recordBytes(key.length, value.length)));
    }
    return taken > freed || (taken === freed && taken > 0 && !mayReplace);
  }

  #bufferOf(bytes: number): Buffer {
    if (bytes > SCRATCH_BYTES_MAX) return Buffer.allocUnsafeSlow(bytes);
    if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(2 ** (32 - Math.clz32(bytes - 1)));
    return this.#scratch;
  }

  /** Writes the frame into `frame` and each change's offset in the segment, or -1, into `offsets`; returns its end. */
  #encode(frame: Buffer, segment: Segment, group: readonly Job[], offsets: number[]): number {
    const start = segment.used;
    let at = FRAME_HEADER_BYTES;
    let count = 0;
    for (const { changes, amendments } of group) {
      for (let i = 0; i < changes.length; i += 1) {
        if (amendments !== null && !this.#holds(amendments[i])) {
          offsets.push(-1);
          continue;
        }
        offsets.push(start + at);
        at += encodeRecord(frame, at, seedOf(this.#secret, segment.number, start + at), changes[i]);
        count += 1;
      }
    }
    encodeFrameHeader(frame, seedOf(this.#secret, segment.number, start), {
      bodyBytes: at - FRAME_HEADER_BYTES,
      count,
      sequence: this.#segments.sequence + 1,
      changesBefore: this.#segments.changes,
    });
    return at;
  }

  #holds({ table, key, at }: Amendment): boolean {
    return (this.#index.get(table, key.toString('latin1')) ?? null) === at;
  }

  async #write(frame: Buffer, segment: Segment, count: number): Promise<void> {
    const file = await this.#segments.fileOf(segment);
    try {
      await file.writeFlushed(frame, segment.used);
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      // Nothing of the frame may be found by a recovery: its place is given back and its header erased.
      if (segment.used + frame.length > segment.bytes) await file.truncate(segment.bytes);
      await file.writeFlushed(Buffer.alloc(FRAME_HEADER_BYTES), segment.used);
      const full = new OperationalError('store.full', `no room for the store in ${this.#options.directory}`, {
        retryable: true,
        cause: error,
      });
      this.#noteRoom(full);
      throw full;
    }
    this.#segments.advance(frame.length, count);
    this.#cancelNote ??= this.#options.clock.after(NOTE_DELAY_MS, () => this.#note());
  }

  #apply(segment: Segment, group: readonly Job[], offsets: readonly number[]): void {
    let i = 0;
    for (const { changes } of group) {
      for (const { table, key, value } of changes) {
        const offset = offsets[i];
        i += 1;
        if (offset === -1) continue;
        const name = key.toString('latin1');
        if (value === null) this.#index.delete(table, name);
        else this.#index.set(table, name, packLocation(segment.number, offset, recordBytes(key.length, value.length)));
      }
    }
  }

  #note(): void {
    this.#cancelNote = null;
    if (this.#failure !== null) return;
    this.#options.manifest.note(this.#segments.sequence, this.#segments.changes).catch((error: unknown) => {
      if (!isNoRoom(error)) this.fail(error);
    });
  }

  #noteRoom(full: OperationalError | null): void {
    const { log, directory } = this.#options;
    if (full !== null && !this.#isFull)
      log.error({ directory }, `${full.message}; what would grow the store is refused until there is room`);
    if (full === null && this.#isFull) log.info({ directory }, 'there is room for the store again');
    this.#isFull = full !== null;
  }
}

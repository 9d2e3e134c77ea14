import type { Clock } from '#base/clock.ts';
import { OperationalError, assert } from '#base/errors.ts';
import type { SegmentState } from './checkpoint.ts';
import { isNoRoom, type Disk, type DiskFile } from './disk.ts';
import { SEGMENTS_MAX } from './location.ts';
import type { Manifest } from './manifest.ts';

const MIB = 1024 * 1024;
/** The first segments of a store are as small as this, so that a small store is cheap. */
const SEGMENT_BYTES_FIRST = MIB;
/** Segments double up to this while they fill in less than `SEGMENT_FILL_MS`. */
const SEGMENT_BYTES_MAX = 16 * MIB;
const SEGMENT_FILL_MS = 500;
/** On a disk that is nearly full segments shrink down to this. */
const SEGMENT_BYTES_MIN = MIB / 4;
/** A new segment takes at most this share of what is free. */
const SHARE_OF_FREE = 8;
/** What stays free beside a new segment, for directories and the file system's own needs. */
const FREE_BYTES_LEFT = 64 * 1024;
/** Files of full segments that are open at a time; the least recently used is closed first. */
const OPEN_FILES_MAX = 64;
const zeros = Buffer.alloc(256 * 1024);

/** One file of the journal. Its bytes are allocated beforehand: a commit neither grows it nor needs room. */
export class Segment {
  readonly number: number;
  /** The file's size. */
  bytes: number;
  /** Where the next frame goes. */
  used = 0;
  /** Where its last frame stands, -1 when it has none. */
  lastFrameAt = -1;
  /** The numbering at its start. */
  sequenceBefore = 0;
  changesBefore = 0;
  file: Promise<DiskFile> | null;
  /** Reads under way; the file stays until they are done. */
  readers = 0;
  onUnused: (() => void) | null = null;

  constructor(number: number, bytes: number, file: DiskFile | null) {
    this.number = number;
    this.bytes = bytes;
    this.file = file === null ? null : Promise.resolve(file);
  }

  get name(): string {
    return segmentName(this.number);
  }
}

export function segmentName(number: number): string {
  return `journal-${String(number).padStart(8, '0')}`;
}

export function segmentNumber(name: string): number | null {
  const match = /^journal-(\d{8,})$/.exec(name);
  return match === null ? null : Number(match[1]);
}

export interface SegmentsOptions {
  readonly disk: Disk;
  readonly manifest: Manifest;
  readonly clock: Clock;
  readonly bytesMax: number;
  /** How messages name the place. */
  readonly directory: string;
}

/**
 * The files of the journal, oldest first. Behind the active one, which takes the frames, at least one is kept ready: it is
 * the reserve from which deletions are written when the disk is full.
 */
export class Segments {
  readonly #options: SegmentsOptions;
  readonly #segments: Segment[] = [];
  #activeAt = 0;
  #segmentBytes = SEGMENT_BYTES_FIRST;
  #rolledAtMs: number;
  #preparing: Promise<void> | null = null;
  /** A cleaned file that waits to be used again. */
  #spare: { name: string; bytes: number } | null = null;
  readonly #recent = new Set<Segment>();
  #usedBytes = 0;
  /** Bytes of all frames since the opening. */
  bytesWritten = 0;
  /** What the store has on disk besides segments. */
  besidesBytes = 0;
  /** The number of the last commit, and of changes up to it. */
  sequence = 0;
  changes = 0;

  constructor(options: SegmentsOptions) {
    this.#options = options;
    this.#rolledAtMs = options.clock.monotonicMs();
  }

  get active(): Segment {
    return this.#segments[this.#activeAt];
  }

  get oldest(): Segment {
    return this.#segments[0];
  }

  /** True until the first segment of a new store is prepared. */
  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  get isPreparing(): boolean {
    return this.#preparing !== null;
  }

  /** False when the reserve is in use: nothing may grow until another segment could be made. */
  get hasReserve(): boolean {
    return this.#activeAt < this.#segments.length - 1;
  }

  /** True when a frame of so many bytes goes into the reserve, and leaves less than half of it. */
  exhaustsReserve(bytes: number): boolean {
    if (!this.hasReserve || this.active.used === 0 || this.active.used + bytes <= this.active.bytes) return false;
    return bytes > this.#segments[this.#activeAt + 1].bytes / 2;
  }

  /** Bytes behind which the segments before the active one, and it, are written. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  get segmentBytes(): number {
    return this.#segmentBytes;
  }

  get bytesOnDisk(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, this.besidesBytes + (this.#spare?.bytes ?? 0));
  }

  /** Takes in what recovery found, in order; `active` is where the next frame goes, null for the segment prepared next. */
  adopt(segments: readonly Segment[], active: Segment | null, numbering: { readonly sequence: number; readonly changes: number }): void {
    this.sequence = numbering.sequence;
    this.changes = numbering.changes;
    this.#segments.push(...segments);
    this.#activeAt = active === null ? segments.length : this.#segments.indexOf(active);
    if (active !== null) this.#segmentBytes = Math.min(Math.max(active.bytes, SEGMENT_BYTES_FIRST), SEGMENT_BYTES_MAX);
    this.#usedBytes = segments.reduce((sum, segment) => sum + segment.used, 0);
  }

  /** Every segment up to the active one, as it is now. */
  states(): SegmentState[] {
    const written = this.#segments.slice(0, this.#activeAt + 1);
    return written.map(({ number, used, lastFrameAt, sequenceBefore, changesBefore }) => ({
      number,
      used,
      lastFrameAt,
      sequenceBefore,
      changesBefore,
    }));
  }

  byNumber(numberModulo: number): Segment {
    const first = this.oldest.number;
    const segment = this.#segments[(numberModulo - (first % SEGMENTS_MAX) + SEGMENTS_MAX) % SEGMENTS_MAX];
    assert(segment !== undefined, `no segment ${numberModulo} behind ${first}`);
    return segment;
  }

  /** The segment that takes a frame of so many bytes, or null when another has to be prepared first. */
  place(bytes: number): Segment | null {
    if (this.active.used + bytes <= this.active.bytes) return this.active;
    // A frame larger than a whole segment gets one for itself and extends it.
    if (this.active.used === 0) return this.active;
    if (!this.hasReserve) return null;
    this.#activeAt += 1;
    this.active.sequenceBefore = this.sequence;
    this.active.changesBefore = this.changes;
    this.#adaptSize();
    return this.place(bytes);
  }

  /** A frame of so many bytes and changes stands in the active segment now. */
  advance(bytes: number, changes: number): void {
    const active = this.active;
    this.sequence += 1;
    this.changes += changes;
    this.bytesWritten += bytes;
    active.lastFrameAt = active.used;
    active.used += bytes;
    active.bytes = Math.max(active.bytes, active.used);
    this.#usedBytes += bytes;
  }

  /** Makes the reserve ready; rejects with `store.full` when there is no room. Concurrent calls share one attempt. */
  prepare(): Promise<void> {
    this.#preparing ??= this.#prepare().finally(() => {
      this.#preparing = null;
    });
    return this.#preparing;
  }

  /** Bytes at `offset` of a segment; fewer at the end of the file. */
  async read(segment: Segment, offset: number, bytes: number): Promise<Buffer> {
    segment.readers += 1;
    try {
      const file = await this.fileOf(segment);
      const into = Buffer.allocUnsafeSlow(bytes);
      const count = await file.read(into, offset);
      return count === bytes ? into : into.subarray(0, count);
    } finally {
      segment.readers -= 1;
      if (segment.readers === 0) segment.onUnused?.();
    }
  }

  /** Forgets the oldest segment, in which no record lives any more. */
  async drop(segment: Segment): Promise<void> {
    assert(segment === this.oldest && segment !== this.active, 'only the oldest segment is dropped, and never the active one');
    const { number, sequenceBefore, changesBefore } = this.#segments[1];
    await this.#options.manifest.save({ first: number, sequenceBefore, changesBefore });
    this.#segments.shift();
    this.#activeAt -= 1;
    this.#usedBytes -= segment.used;
    this.#recent.delete(segment);
    if (segment.readers > 0) await new Promise<void>((resolve) => (segment.onUnused = resolve));
    // ORDER: an open file knows itself by the name under which it was opened.
    await closeFileOf(segment);
    if (this.#spare === null && segment.bytes === this.#segmentBytes) this.#spare = { name: segment.name, bytes: segment.bytes };
    else await this.#options.disk.remove(segment.name);
  }

  async close(): Promise<void> {
    await this.#preparing?.catch(() => {});
    for (const segment of this.#segments) await closeFileOf(segment);
    if (this.#spare !== null) await this.#options.disk.remove(this.#spare.name);
  }

  #adaptSize(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#rolledAtMs < SEGMENT_FILL_MS) this.#segmentBytes = Math.min(this.#segmentBytes * 2, SEGMENT_BYTES_MAX);
    this.#rolledAtMs = nowMs;
  }

  async #prepare(): Promise<void> {
    const { disk, manifest } = this.#options;
    const number = (this.#segments.at(-1)?.number ?? 0) + 1;
    const segment = (await this.#reuseSpare(number)) ?? (await this.#createSegment(number));
    await disk.flushDirectory();
    // Only now may a frame go there: a segment up to `last` that is missing has been lost.
    await manifest.save({ last: number });
    segment.sequenceBefore = this.sequence;
    segment.changesBefore = this.changes;
    this.#segments.push(segment);
  }

  async #reuseSpare(number: number): Promise<Segment | null> {
    const spare = this.#spare;
    if (spare === null) return null;
    this.#spare = null;
    const { disk } = this.#options;
    const name = segmentName(number);
    await disk.rename(spare.name, name);
    return new Segment(number, spare.bytes, await disk.open(name));
  }

  async #createSegment(number: number): Promise<Segment> {
    const { disk } = this.#options;
    const bytes = await this.#sizeOfNext();
    const file = await disk.create(segmentName(number));
    try {
      for (let at = 0; at < bytes; at += zeros.length) await file.write(zeros, at);
      await file.flush();
    } catch (error) {
      await file.close();
      await disk.remove(segmentName(number));
      if (isNoRoom(error)) throw this.#full(0, error);
      throw error;
    }
    return new Segment(number, bytes, file);
  }

  async #sizeOfNext(): Promise<number> {
    const { disk, bytesMax } = this.#options;
    const free = Math.min((await disk.bytesFree()) - FREE_BYTES_LEFT, bytesMax - this.bytesOnDisk);
    let bytes = this.#segmentBytes;
    while (bytes > SEGMENT_BYTES_MIN && bytes > free / SHARE_OF_FREE) bytes /= 2;
    if (bytes > free || this.#segments.length >= SEGMENTS_MAX - 2) throw this.#full(Math.max(free, 0));
    return bytes;
  }

  #full(free: number, cause?: unknown): OperationalError {
    const message = `no room for the store in ${this.#options.directory}: ${free} bytes are left, ${SEGMENT_BYTES_MIN} are needed`;
    return new OperationalError('store.full', message, { retryable: true, cause });
  }

  /** The segment's file, opened when it is not. */
  fileOf(segment: Segment): Promise<DiskFile> {
    this.#recent.delete(segment);
    this.#recent.add(segment);
    if (this.#recent.size > OPEN_FILES_MAX) this.#closeLeastRecent();
    segment.file ??= this.#options.disk.open(segment.name);
    return segment.file;
  }

  #closeLeastRecent(): void {
    for (const segment of this.#recent) {
      if (segment.readers > 0 || segment.number >= this.active.number || segment.file === null) continue;
      this.#recent.delete(segment);
      void closeFileOf(segment);
      return;
    }
  }
}

async function closeFileOf(segment: Segment): Promise<void> {
  const opening = segment.file;
  segment.file = null;
  // One that could not be opened has told its readers so.
  const file = await opening?.catch(() => null);
  await file?.close();
}

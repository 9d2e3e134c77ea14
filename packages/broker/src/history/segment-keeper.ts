import { randomInt } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import { OperationalError } from '#base/errors.ts';
import type { Logger } from '#base/logger.ts';
import { codeOf, type Disk, type DiskFile, isNoRoom } from '#store/journal/disk.ts';
import { FrameTail } from './frame-tail.ts';
import type { HistoryCounts } from './history-counts.ts';
import { HistoryFiles } from './history-files.ts';
import { scanSegment } from './scan-segment.ts';
import { sealSegment } from './seal-segment.ts';
import type { Segment } from './segment.ts';
import { type Block, segmentName } from './segment-format.ts';
import type { SegmentReaderHouse } from './segment-reader.ts';
import type { Shelf, ShelfBounds, ShelfHouse } from './shelf.ts';

const MEBIBYTE = 1024 * 1024;
/** The history takes at most this part of what would be free without it. */
const FREE_PART = 4;
const SEGMENTS_PER_SHELF = 64;
/** Below this the disk is short of room, and not only a bound of the store. */
const SHORT_BYTES = 64 * MEBIBYTE;

export interface KeeperOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counts: HistoryCounts;
  /** What all of it may take, instead of a part of what is free. */
  readonly bytesMax?: number;
  /** Instead of a 64th of the budget, between 1 and 64 MiB. */
  readonly segmentBytes?: number;
}

/** What all shelves share: room on the disk, names, and the work on segments that takes no part in appending. */
export class SegmentKeeper implements ShelfHouse, SegmentReaderHouse {
  readonly disk: Disk;
  readonly files: HistoryFiles;
  readonly tail = new FrameTail();
  readonly log: Logger;
  readonly clock: Clock;
  readonly shelves = new Map<string, Shelf>();
  waitingBytes = 0;
  missed = 0;
  /** The disk refuses, and there was nothing to free. */
  onRefused: () => void = () => {};
  /** A segment was begun. */
  onBegun: () => Promise<void> = async () => {};
  readonly #options: KeeperOptions;
  #lastSegmentId = 0;
  /** What the shelves may take, as long as there is room: Infinity, or what the disk has. */
  #bytesMax: number;
  /** Of the segment that was sealed last, in their order. */
  #topics: readonly string[] = [];
  #sealing: Promise<void> = Promise.resolve();
  #retaining: Promise<void> = Promise.resolve();
  readonly #repairs = new Map<Segment, Promise<void>>();
  readonly #warned = new WeakMap<Segment, Set<number>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.disk = options.disk;
    this.log = options.log;
    this.clock = options.clock;
    this.files = new HistoryFiles(options.disk);
    this.#bytesMax = options.bytesMax ?? Infinity;
  }

  get bytes(): number {
    let bytes = 0;
    for (const shelf of this.shelves.values()) bytes += shelf.bytes;
    return bytes;
  }

  /** A segment of this number is there already. */
  noteSegment(id: number): void {
    this.#lastSegmentId = Math.max(this.#lastSegmentId, id);
  }

  wallMs(): number {
    return this.clock.wallMs();
  }

  nextSegmentId(): number {
    this.#lastSegmentId += 1;
    return this.#lastSegmentId;
  }

  seed(): number {
    return randomInt(2 ** 32);
  }

  segmentBytes({ bytesMax }: ShelfBounds): number {
    const budget = Math.min(bytesMax, this.#bytesMax);
    return this.#options.segmentBytes ?? Math.max(MEBIBYTE, Math.min(64 * MEBIBYTE, budget / SEGMENTS_PER_SHELF));
  }

  async segmentBegun(): Promise<void> {
    await this.measure();
    await this.onBegun();
    // Retention may wait for a flush, which waits for whoever begins the segment.
    void this.retain();
  }

  /** Looks how much room there is for the history. */
  async measure(): Promise<void> {
    if (this.#options.bytesMax !== undefined) return;
    try {
      this.#bytesMax = ((await this.disk.bytesFree()) + this.bytes) / FREE_PART;
    } catch (error) {
      this.log.warn({ code: codeOf(error) }, 'how much is free for the history cannot be told');
    }
  }

  /** Deletes what is too much or too old. */
  retain(): Promise<void> {
    this.#retaining = this.#retaining.then(() => this.#retain());
    return this.#retaining;
  }

  async #retain(): Promise<void> {
    const nowMs = this.clock.wallMs();
    for (const shelf of this.shelves.values()) {
      await shelf.retain(nowMs, Math.min(shelf.bounds.bytesMax, this.#bytesMax)).catch((error: unknown) => this.#warn(error));
    }
    while (this.bytes > this.#bytesMax && (await this.dropOldest().catch(() => false)));
  }

  /** The store has no room: the oldest segment gives way when that is because the disk has none; true then, whether there was one or not. */
  async yieldToStore(): Promise<boolean> {
    try {
      if ((await this.disk.bytesFree()) >= SHORT_BYTES) return false;
      await this.dropOldest();
    } catch (error) {
      this.#warn(error);
    }
    return true;
  }

  /** Deletes the oldest segment of all that are sealed; false when there is none. */
  async dropOldest(): Promise<boolean> {
    let first: Shelf | null = null;
    for (const shelf of this.shelves.values()) {
      const oldest = shelf.segments[0];
      if (oldest === undefined || oldest.memory !== null) continue;
      if (first === null || oldest.firstOffset < first.segments[0].firstOffset) first = shelf;
    }
    if (first === null) return false;
    return first.dropOldest();
  }

  dropSegment(segment: Segment): Promise<void> {
    this.#options.counts.segmentsDeleted += 1;
    return this.files.remove(segment);
  }

  segmentFilled(segment: Segment, file: DiskFile): void {
    this.#sealing = this.#sealing.then(() => this.#seal(segment, file));
  }

  /** Resolves when no segment is being sealed. */
  get whenSealed(): Promise<void> {
    return this.#sealing;
  }

  async makeRoom(error: unknown): Promise<boolean> {
    if (!isNoRoom(error)) return false;
    try {
      return await this.dropOldest();
    } catch (failure) {
      this.#warn(failure);
      return false;
    }
  }

  lost(messages: number, error: unknown): void {
    this.missed += messages;
    this.#options.counts.gaps['disk-refused'] += messages;
    this.log.warn({ code: codeOf(error), messages }, 'the disk refused a part of the history');
    this.onRefused();
  }

  repair(segment: Segment): Promise<void> {
    const known = this.#repairs.get(segment);
    if (known !== undefined) return known;
    const repair = this.#repair(segment).finally(() => this.#repairs.delete(segment));
    this.#repairs.set(segment, repair);
    return repair;
  }

  foundDamaged(segment: Segment, block: Block, messages: number): void {
    const blocks = this.#warned.get(segment) ?? new Set();
    this.#warned.set(segment, blocks);
    if (blocks.has(block.firstOrdinal)) return;
    blocks.add(block.firstOrdinal);
    this.#options.counts.gaps.damaged += messages;
    this.log.warn({ segment: segmentName(segment.id), messages }, 'messages of the history are damaged');
  }

  async #seal(segment: Segment, file: DiskFile): Promise<void> {
    try {
      this.#topics = await sealSegment(segment, file, this.clock, this.#topics);
    } catch (error) {
      // It stays as it is, with its index in memory, and is sealed after the next start.
      this.#warn(error);
    }
    await file.close().catch((error: unknown) => this.#warn(error));
  }

  async #repair(segment: Segment): Promise<void> {
    const name = segmentName(segment.id);
    this.log.warn({ segment: name }, 'the index of a segment of the history is damaged; it is made again');
    const bytes = await this.files.read(segment.id, 0, segment.framesEnd);
    const copy = Object.assign(Object.create(Object.getPrototypeOf(segment)) as Segment, segment);
    await scanSegment(copy, bytes, true, this.clock);
    this.files.forget(segment);
    // What the frames can tell is what there is; the index that follows on disk tells the same.
    segment.index = copy.index;
    if (segment.isRemoved) throw new OperationalError('history.failed', `${name} is deleted`);
    this.segmentFilled(segment, await this.disk.open(name));
  }

  #warn(error: unknown): void {
    this.log.warn({ err: error, code: codeOf(error) }, 'the history cannot do what it should with a file');
  }
}

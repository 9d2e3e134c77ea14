// HOT
import type { Logger } from '#base/logger.ts';
import type { Message } from '#message/message.ts';
import { codeOf, type Disk, type DiskFile } from '#store/journal/disk.ts';
import { addBlock } from './block.ts';
import { FrameBuilder, recordBytesMax } from './frame-builder.ts';
import { alignedFrameBytes, FRAME_HEADER_BYTES, sealFrame } from './frame.ts';
import type { FrameTail, TailFrame, TailShelf } from './frame-tail.ts';
import type { HistorySlot } from './history-slot.ts';
import { Segment } from './segment.ts';
import { type Block, encodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentName } from './segment-format.ts';

/** A frame is complete when it has so many bytes, unless one message alone is larger. */
const FRAME_BYTES = 32 * 1024;
/** Complete frames wait until they are so many bytes, or somebody asks; then they are written together, up to so many. */
const WRITE_BYTES_MIN = 128 * 1024;
const WRITE_BYTES_MAX = 256 * 1024;
/** The names of the topics of a segment that is not sealed, in memory. */
const TOPIC_BYTES_MAX = 32 * 1024 * 1024;
/** So often a write is tried again after room was made for it. */
const WRITE_ATTEMPTS_MAX = 4;

export interface ShelfBounds {
  readonly bytesMax: number;
  readonly ageMaxMs: number;
}

/** What a shelf asks of the history that it belongs to. */
export interface ShelfHouse {
  readonly disk: Disk;
  readonly tail: FrameTail;
  readonly log: Logger;
  /** Bytes that wait to be written, of all shelves. */
  waitingBytes: number;
  /** How many messages were not kept since the beginning. */
  readonly missed: number;
  wallMs(): number;
  nextSegmentId(): number;
  /** A new secret for a segment's checksums. */
  seed(): number;
  /** Segments of a shelf with these bounds are so large. */
  segmentBytes(bounds: ShelfBounds): number;
  /** A segment was begun on disk. */
  segmentBegun(shelf: Shelf): Promise<void>;
  /** A segment that takes no more frames is on the device whole. */
  segmentFilled(segment: Segment, file: DiskFile): void;
  /** Deletes what nobody is to read any more. */
  dropSegment(segment: Segment): Promise<void>;
  /** The disk refused a write: true when something was freed and it is worth another try. */
  makeRoom(error: unknown): Promise<boolean>;
  /** Frames that could not be written are lost. */
  lost(messages: number, error: unknown): void;
}

/** The messages that share a budget, in segments. */
export class Shelf implements TailShelf {
  readonly name: string;
  bounds: ShelfBounds;
  /** In the order of their messages; the last one may be the one that is appended to. */
  readonly segments: Segment[] = [];
  readonly builder = new FrameBuilder();
  evictedOffset = -1;
  /** What the log had up to here is kept, or was not to be. */
  lastLogOffset = 0;
  readonly #house: ShelfHouse;
  /** The segment that messages are appended to. */
  #current: Segment | null = null;
  /** The segment whose file is being written. */
  #written: { readonly segment: Segment; readonly file: DiskFile } | null = null;
  #queue: TailFrame[] = [];
  #queuedBytes = 0;
  #isDraining = false;
  /** How many frames were closed, and how many of these are written or lost. */
  #closed = 0;
  #settled = 0;
  /** What is being written or flushed now; resolves in any case. */
  #writing: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> | null = null;
  /** See `FrameHeader`: up to the last record that was appended. */
  #missedBefore: number;

  constructor(name: string, bounds: ShelfBounds, house: ShelfHouse) {
    this.name = name;
    this.bounds = bounds;
    this.#house = house;
    this.#missedBefore = house.missed;
  }

  get bytes(): number {
    return this.segments.reduce((sum, { fileBytes, framesEnd }) => sum + Math.max(fileBytes, framesEnd), 0);
  }

  /** The segment that is appended to, with the frame that is not complete; null when there is none. */
  get current(): Segment | null {
    return this.#current;
  }

  get isUnflushed(): boolean {
    // What is being written is neither in the queue nor in the file yet.
    return this.builder.count > 0 || this.#isDraining || this.#queue.length > 0 || this.#isDirty;
  }

  get #isDirty(): boolean {
    return this.#written !== null && this.#written.segment.flushedEnd < this.#written.segment.writtenEnd;
  }

  /** Goes on in a segment that is there. */
  resume(segment: Segment, file: DiskFile): void {
    this.#current = segment;
    this.#written = { segment, file };
  }

  /** Appends a message. Once per message; must not allocate, but for what holds many of them. */
  append(message: Message, slot: HistorySlot, offset: number, missed: number): void {
    const { builder } = this;
    if (builder.count === 0 || !builder.hasRoom(message)) this.#makeRoom(message);
    const { id, memory } = this.#current!;
    const { topics } = memory!;
    if (slot.segment !== id) {
      slot.segment = id;
      slot.topicNumber = topics.numberOf(slot.topic);
    }
    builder.append(message, slot, offset, missed);
    topics.add(slot.topicNumber);
  }

  /** Completes the frame that is being filled. */
  #closeFrame(): void {
    const { builder } = this;
    const segment = this.#current;
    if (builder.count === 0 || segment === null) return;
    const whole = builder.finish(segment.flushedEnd);
    // A frame that is far from full leaves its buffer to the next.
    const isSmall = 2 * whole.length < builder.buffer.length;
    const bytes = isSmall ? Buffer.from(whole) : whole;
    const isUsual = builder.buffer.length === FRAME_BYTES;
    if (isSmall && isUsual) this.#house.tail.giveBuffer(builder.buffer);
    const frame: TailFrame = {
      shelf: this,
      segment,
      bytes,
      buffer: isUsual && !isSmall ? builder.buffer : null,
      at: segment.framesEnd,
      firstOrdinal: builder.firstOrdinal,
      count: builder.count,
      firstOffset: builder.firstOffset,
      lastOffset: builder.lastOffset,
      minTimeMs: builder.minTimeMs,
      maxTimeMs: builder.maxTimeMs,
      lastLogOffset: builder.lastLogOffset,
      missedBefore: this.#missedBefore,
      missed: builder.missed,
      isSettled: false,
    };
    this.#missedBefore = builder.missed;
    this.lastLogOffset = builder.lastLogOffset;
    builder.count = 0;
    segment.framesEnd += alignedFrameBytes(bytes.length);
    note(segment, frame);
    this.#house.waitingBytes += bytes.length;
    this.#queue.push(frame);
    this.#house.tail.push(frame);
    this.#closed += 1;
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes >= WRITE_BYTES_MIN) this.#write();
  }

  /** Has everything written that there is. */
  write(): void {
    this.#closeFrame();
    this.#write();
  }

  #write(): void {
    if (!this.#isDraining && this.#queue.length > 0) void this.#drain();
  }

  /** What was appended before the call is on the device when it resolves, or lost and counted. */
  async flush(): Promise<void> {
    this.write();
    const closed = this.#closed;
    while (this.#settled < closed) await this.#writing;
    if (this.#isDirty) await this.#flushFile();
  }

  /** Takes nothing more; everything must be flushed. */
  async close(): Promise<void> {
    await this.#written?.file.close();
    this.#written = null;
    this.#current = null;
  }

  /** Deletes the oldest segments while they are too large together, or too old. */
  async retain(nowMs: number, bytesMax: number): Promise<void> {
    const keptFromMs = nowMs - this.bounds.ageMaxMs;
    if (this.#current !== null && this.builder.count === 0 && this.#current.maxTimeMs < keptFromMs) await this.finishSegment();
    for (;;) {
      const oldest = this.segments[0];
      if (oldest === undefined || (this.bytes <= bytesMax && oldest.maxTimeMs >= keptFromMs)) return;
      if (!(await this.dropOldest())) return;
    }
  }

  /** Deletes the oldest segment that is sealed; false when there is none. */
  async dropOldest(): Promise<boolean> {
    const oldest = this.segments[0];
    if (oldest === undefined || oldest.memory !== null) return false;
    this.segments.shift();
    await this.#house.dropSegment(oldest);
    return true;
  }

  /** The segment that is appended to is complete as it is, and the next message begins another. */
  async finishSegment(): Promise<void> {
    this.#closeFrame();
    this.#current = null;
    await this.flush();
    const written = this.#written;
    if (written === null || written.segment === this.#current || this.#isDraining) return;
    this.#written = null;
    this.#house.segmentFilled(written.segment, written.file);
  }

  #makeRoom(message: Message): void {
    this.#closeFrame();
    let segment = this.#current;
    if (segment === null || this.#isFull(segment)) {
      segment = new Segment(this.#house.nextSegmentId(), {
        seed: this.#house.seed(),
        shelf: this.name,
        createdMs: this.#house.wallMs(),
      });
      this.#current = segment;
      this.segments.push(segment);
    }
    const bytes = FRAME_HEADER_BYTES + recordBytesMax(message);
    const isUsual = bytes <= FRAME_BYTES;
    const buffer = (isUsual ? this.#house.tail.takeBuffer() : null) ?? Buffer.allocUnsafeSlow(isUsual ? FRAME_BYTES : bytes);
    this.builder.begin(buffer, segment.memory!.topics.count);
    this.builder.lastLogOffset = this.lastLogOffset;
  }

  /** Where little is published segments are not large, but span no more than a part of the time for which they are kept. */
  #isFull({ framesEnd, header, memory }: Segment): boolean {
    if (framesEnd >= this.#house.segmentBytes(this.bounds) || memory!.topics.topicBytes >= TOPIC_BYTES_MAX) return true;
    return this.#house.wallMs() - header.createdMs > this.bounds.ageMaxMs / 16;
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    while (this.#queue.length > 0) {
      const frames = this.#takeFrames();
      const writing = this.#tryWriting(frames);
      this.#writing = writing;
      const error = await writing;
      this.#settled += frames.length;
      for (const frame of frames) {
        frame.isSettled = true;
        addBlock(frame.segment.memory!.blocks, blockOf(frame, error !== null));
        this.#house.waitingBytes -= frame.bytes.length;
      }
      if (error !== null) {
        this.#leave(frames[0].segment);
        this.#house.lost(
          frames.reduce((sum, { count }) => sum + count, 0),
          error,
        );
      }
      this.#house.tail.evict();
    }
    this.#isDraining = false;
  }

  /** A part of the segment is lost: what comes goes elsewhere, so that this one is whole as it is when that has begun. */
  #leave(segment: Segment): void {
    if (this.#current !== segment) return;
    this.#closeFrame();
    this.#current = null;
  }

  /** The frames that are written next: of one segment, and together not too large. */
  #takeFrames(): TailFrame[] {
    const [first] = this.#queue;
    let bytes = 0;
    let count = 0;
    for (const frame of this.#queue) {
      if (frame.segment !== first.segment || (count > 0 && bytes + frame.bytes.length > WRITE_BYTES_MAX)) break;
      bytes += frame.bytes.length;
      count += 1;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }

  /** Null when they are written, else why not. */
  async #tryWriting(frames: readonly TailFrame[]): Promise<unknown> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#writeTo(frames[0].segment, frames);
        return null;
      } catch (error) {
        if (attempt === WRITE_ATTEMPTS_MAX || !(await this.#house.makeRoom(error))) return error ?? 'unknown';
      }
    }
  }

  async #writeTo(segment: Segment, frames: readonly TailFrame[]): Promise<void> {
    const file = this.#written?.segment === segment ? this.#written.file : await this.#begin(segment);
    const [first] = frames;
    const last = frames[frames.length - 1];
    const end = last.at + alignedFrameBytes(last.bytes.length);
    for (const { bytes, at } of frames) sealFrame(bytes, segment.header.seed, at);
    if (frames.length === 1) {
      await file.write(first.bytes, first.at);
    } else {
      const together = Buffer.allocUnsafeSlow(end - first.at);
      for (const { bytes, at } of frames) {
        const zerosAt = at - first.at + bytes.copy(together, at - first.at);
        together.fill(0, zerosAt, alignedFrameBytes(zerosAt));
      }
      await file.write(together, first.at);
    }
    segment.writtenEnd = end;
  }

  /** Makes the file of a segment; the one before is on the device by then, so that nothing can be missing before what is there. */
  async #begin(segment: Segment): Promise<DiskFile> {
    const before = this.#written;
    if (before !== null) {
      await this.#flushFile();
      this.#written = null;
      this.#house.segmentFilled(before.segment, before.file);
    }
    this.#abandonBefore(segment);
    const { disk } = this.#house;
    const file = await disk.create(segmentName(segment.id));
    try {
      await file.write(encodeSegmentHeader(segment.header), 0);
      await disk.flushDirectory();
    } catch (error) {
      await file.close();
      throw error;
    }
    segment.writtenEnd = SEGMENT_HEADER_BYTES;
    this.#written = { segment, file };
    await this.#house.segmentBegun(this);
    return file;
  }

  /** Segments of which the disk has taken nothing are no more. */
  #abandonBefore(segment: Segment): void {
    for (let i = this.segments.indexOf(segment) - 1; i >= 0; i -= 1) {
      const { memory, writtenEnd } = this.segments[i];
      if (memory !== null && writtenEnd === SEGMENT_HEADER_BYTES && memory.blocks.every(({ isLost }) => isLost)) this.segments.splice(i, 1);
    }
  }

  /** One at a time: nobody closes a file that is being flushed. */
  async #flushFile(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    if (!this.#isDirty) return;
    this.#flushing = this.#flushNow();
    await this.#flushing;
  }

  async #flushNow(): Promise<void> {
    const { segment, file } = this.#written!;
    const end = segment.writtenEnd;
    try {
      await file.flush();
    } catch (error) {
      // What was written may be there or not, and the system will not say it again.
      this.#house.log.warn({ segment: segment.id, code: codeOf(error) }, 'the history could not be flushed');
    }
    segment.flushedEnd = end;
    this.#flushing = null;
  }
}

function note(segment: Segment, frame: TailFrame): void {
  if (segment.count === 0) segment.firstOffset = frame.firstOffset;
  segment.count = frame.firstOrdinal + frame.count;
  segment.lastOffset = frame.lastOffset;
  segment.minTimeMs = Math.min(segment.minTimeMs, frame.minTimeMs);
  segment.maxTimeMs = Math.max(segment.maxTimeMs, frame.maxTimeMs);
  segment.lastLogOffset = frame.lastLogOffset;
  segment.missed = frame.missed;
}

function blockOf(frame: TailFrame, isLost: boolean): Block {
  const { at, bytes, firstOrdinal, count, firstOffset, lastOffset, minTimeMs, maxTimeMs, missed } = frame;
  return { at, bytes: bytes.length, firstOrdinal, count, isLost, firstOffset, lastOffset, minTimeMs, maxTimeMs, missed };
}

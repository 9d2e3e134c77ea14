import type { Clock } from '#base/clock.ts';
import { addBlock } from './block.ts';
import { FRAME_ALIGNMENT, FRAME_HEADER_BYTES, FRAME_MAGIC, alignedFrameBytes, readFrameHeader, soundFrameBytes } from './frame.ts';
import { FrameWalk } from './frame-walk.ts';
import { OpenIndex } from './open-index.ts';
import { Slices } from './seal-segment.ts';
import type { Segment } from './segment.ts';
import { type Block, SEGMENT_HEADER_BYTES } from './segment-format.ts';

/**
 * Makes the index of a segment from its frames, whose bytes are the file's. What is behind the last sound frame is not counted in; what
 * is not sound before one that vouches for it (see `flushedBytes`) is damaged. `isWhole`: all of it was on the device once.
 */
export async function scanSegment(segment: Segment, bytes: Buffer, isWhole: boolean, clock: Clock): Promise<void> {
  const scan = new Scan(segment, bytes);
  const slices = new Slices(clock);
  let at = SEGMENT_HEADER_BYTES;
  while (at < bytes.length) {
    const length = soundFrameBytes(bytes, at, segment.header.seed, at);
    if (length > 0) {
      at = scan.take(at, length);
    } else {
      const next = scan.soundFrom(at);
      if (next < 0 || (!isWhole && readFrameHeader(bytes, next).flushedBytes <= at)) break;
      scan.skip(at, next);
      at = next;
    }
    await slices.pauseWhenDue();
  }
  scan.finish(at);
}

class Scan {
  readonly #segment: Segment;
  readonly #bytes: Buffer;
  readonly #topics = new OpenIndex();
  readonly #blocks: Block[] = [];

  constructor(segment: Segment, bytes: Buffer) {
    this.#segment = segment;
    this.#bytes = bytes;
    segment.count = 0;
    segment.minTimeMs = Infinity;
    segment.maxTimeMs = -Infinity;
  }

  /** Takes the sound frame at `at`; returns where the next one stands. */
  take(at: number, length: number): number {
    const segment = this.#segment;
    const header = readFrameHeader(this.#bytes, at);
    const walk = new FrameWalk(this.#bytes, at);
    let minTimeMs = Infinity;
    let maxTimeMs = -Infinity;
    this.#topics.skipTo(header.firstOrdinal);
    while (walk.next()) {
      this.#topics.add(this.#topics.numberOf(walk.topic));
      minTimeMs = Math.min(minTimeMs, walk.timeMs);
      maxTimeMs = Math.max(maxTimeMs, walk.timeMs);
    }
    if (segment.count === 0) segment.firstOffset = header.firstOffset;
    segment.lastOffset = walk.offset;
    segment.count = header.firstOrdinal + header.count;
    segment.minTimeMs = Math.min(segment.minTimeMs, minTimeMs);
    segment.maxTimeMs = Math.max(segment.maxTimeMs, maxTimeMs);
    segment.lastLogOffset = header.lastLogOffset;
    segment.missed = walk.missed;
    addBlock(this.#blocks, {
      at,
      bytes: length,
      firstOrdinal: header.firstOrdinal,
      count: header.count,
      isLost: false,
      firstOffset: header.firstOffset,
      lastOffset: walk.offset,
      minTimeMs,
      maxTimeMs,
      missed: walk.missed,
    });
    return at + alignedFrameBytes(length);
  }

  /** Where the next sound frame behind `at` stands, or -1. */
  soundFrom(at: number): number {
    const bytes = this.#bytes;
    for (let next = at + FRAME_ALIGNMENT; next + FRAME_HEADER_BYTES <= bytes.length; next += FRAME_ALIGNMENT) {
      if (bytes.readUInt32LE(next + 4) === FRAME_MAGIC && soundFrameBytes(bytes, next, this.#segment.header.seed, next) > 0) return next;
    }
    return -1;
  }

  /** What stands from `at` to the sound frame at `next` is damaged. */
  skip(at: number, next: number): void {
    const segment = this.#segment;
    const header = readFrameHeader(this.#bytes, next);
    const count = header.firstOrdinal - segment.count;
    // What the disk had refused is among those that the next frame calls missed.
    const damaged = Math.max(0, count - (header.missed - segment.missed));
    segment.damaged += damaged;
    if (count <= 0) return;
    this.#blocks.push({
      at,
      bytes: next - at,
      firstOrdinal: segment.count,
      count,
      isLost: damaged === 0,
      firstOffset: segment.lastOffset + 1,
      lastOffset: header.firstOffset - 1,
      minTimeMs: -Infinity,
      maxTimeMs: Infinity,
      missed: segment.missed,
    });
  }

  finish(at: number): void {
    const segment = this.#segment;
    segment.index = { topics: this.#topics, blocks: this.#blocks };
    segment.framesEnd = at;
    segment.writtenEnd = at;
    segment.flushedEnd = at;
    segment.fileBytes = at;
  }
}

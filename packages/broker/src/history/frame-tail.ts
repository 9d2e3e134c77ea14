// HOT
import type { Segment } from './segment.ts';

/** So much of the newest stays in memory, for those who have caught up. */
const TAIL_BYTES = 512 * 1024;
/** So many buffers of frames that nobody needs are used again. */
const BUFFERS_MAX = 32;

/** A frame that is complete. */
export interface TailFrame {
  readonly shelf: TailShelf;
  readonly segment: Segment;
  readonly bytes: Buffer;
  /** What `bytes` is a part of, to be used again when the frame is not in memory any more; or null. */
  readonly buffer: Buffer | null;
  /** Where it stands in its segment. */
  readonly at: number;
  readonly firstOrdinal: number;
  readonly count: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  readonly lastLogOffset: number;
  /** See `FrameHeader`: before its first record, and up to its last. */
  readonly missedBefore: number;
  readonly missed: number;
  /** False while it must stay in memory because it is nowhere else. */
  isSettled: boolean;
}

export interface TailShelf {
  /** The last offset that is not in memory any more. */
  evictedOffset: number;
}

/** The newest frames of all shelves, in memory: those that are not written yet, and some more. */
export class FrameTail {
  #frames: TailFrame[] = [];
  #from = 0;
  #bytes = 0;
  readonly #buffers: Buffer[] = [];

  /** A buffer of a frame that is not in memory any more; null when there is none. */
  takeBuffer(): Buffer | null {
    return this.#buffers.pop() ?? null;
  }

  /** A buffer that the next frame may have. */
  giveBuffer(buffer: Buffer): void {
    if (this.#buffers.length < BUFFERS_MAX) this.#buffers.push(buffer);
  }

  *[Symbol.iterator](): Generator<TailFrame> {
    for (let i = this.#from; i < this.#frames.length; i += 1) yield this.#frames[i];
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of one segment, from a record on, in order. */
  framesOf(segment: Segment, ordinal: number): TailFrame[] {
    const frames: TailFrame[] = [];
    for (let i = this.#frames.length - 1; i >= this.#from; i -= 1) {
      const frame = this.#frames[i];
      if (frame.segment !== segment) continue;
      if (frame.firstOrdinal + frame.count <= ordinal) break;
      frames.push(frame);
    }
    return frames.toReversed();
  }

  push(frame: TailFrame): void {
    this.#frames.push(frame);
    this.#bytes += frame.bytes.length;
    this.evict();
  }

  /** Lets go what is old and settled. */
  evict(): void {
    while (this.#from < this.#frames.length) {
      const frame = this.#frames[this.#from];
      if (!frame.isSettled || this.#bytes - frame.bytes.length < TAIL_BYTES) break;
      this.#bytes -= frame.bytes.length;
      frame.shelf.evictedOffset = frame.lastOffset;
      if (frame.buffer !== null) this.giveBuffer(frame.buffer);
      this.#from += 1;
    }
    if (this.#from > 1024 || 2 * this.#from > this.#frames.length) {
      this.#frames.splice(0, this.#from);
      this.#from = 0;
    }
  }
}

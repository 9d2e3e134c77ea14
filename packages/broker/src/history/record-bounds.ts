import { NEVER } from '#message/message.ts';
import type { FrameWalk } from './frame-walk.ts';
import type { HistoryQuery } from './message-history.ts';

interface Extent {
  readonly firstOffset: number;
  readonly lastOffset: number;
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
}

/** What of a query does not depend on the topic. */
export class RecordBounds {
  readonly fromMs: number;
  readonly toMs: number;
  /** Offsets: from the first one that may be, to the first one that may not. */
  readonly from: number;
  readonly before: number;

  constructor({ fromMs, toMs, after, before }: HistoryQuery) {
    this.fromMs = fromMs ?? -Infinity;
    this.toMs = toMs ?? Infinity;
    this.from = after === undefined ? 0 : Math.floor(after) + 1;
    this.before = before ?? Infinity;
  }

  /** Whether anything of it may be within the bounds. */
  overlaps({ firstOffset, lastOffset, minTimeMs, maxTimeMs }: Extent): boolean {
    return lastOffset >= this.from && firstOffset < this.before && maxTimeMs >= this.fromMs && minTimeMs < this.toMs;
  }

  /** Whether a record is within them, and has not expired. */
  has({ offset, timeMs, expiresAtMs }: FrameWalk, nowMs: number): boolean {
    if (offset < this.from || offset >= this.before || timeMs < this.fromMs || timeMs >= this.toMs) return false;
    return expiresAtMs === NEVER || nowMs < expiresAtMs;
  }
}

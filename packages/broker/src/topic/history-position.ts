import type { HistoryFilter } from './history-filter.ts';

/** Where a reading of the history stands. Plain values: it is stored with a subscription that outlives its connection. */
export interface HistoryPosition {
  /** Everything before this offset is read, but for `last`. */
  readonly from: number;
  /** Nothing from this offset on is read; without it the reading goes on until it is live. */
  readonly to?: number;
  /** Nothing is read that was received before: wall clock, milliseconds. */
  readonly fromMs?: number;
  /** The last messages of each topic come first, as they were before `from`. */
  readonly last?: LastOfTopics;
}

/** How many of each topic, and which of them was read last: the order is by topic, and by offset within a topic. */
export interface LastOfTopics {
  readonly count: number;
  readonly topic?: string;
  readonly offset?: number;
}

/** Where a reading begins that is asked for now, when `nextOffset` is the offset of the next message. */
export function startOf({ range, isLive }: Pick<HistoryFilter, 'range' | 'isLive'>, nowMs: number, nextOffset: number): HistoryPosition {
  const end = isLive ? {} : { to: nextOffset };
  switch (range.kind) {
    case 'ago':
      return { from: 0, fromMs: nowMs - range.ms, ...end };
    case 'since':
      return { from: 0, fromMs: range.atMs, ...end };
    case 'offset':
      return { from: Math.min(range.offset, nextOffset), ...end };
    case 'last':
      return { from: nextOffset, last: { count: range.count }, ...end };
  }
}

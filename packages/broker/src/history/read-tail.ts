import type { Clock } from '#base/clock.ts';
import type { FrameTail } from './frame-tail.ts';
import { FrameWalk } from './frame-walk.ts';
import type { HistoryEntry } from './message-history.ts';
import { RecordBounds } from './record-bounds.ts';
import { collectRecords, type FoundRecord, type Wanted } from './segment-reader.ts';
import type { Shelf } from './shelf.ts';

/** More is not read at once. */
const BYTES_MAX = 1024 * 1024;

export interface TailHouse {
  readonly clock: Clock;
  readonly tail: FrameTail;
  readonly shelves: ReadonlyMap<string, Shelf>;
}

export interface TailQuery {
  readonly filter: string;
  readonly from: number;
  readonly limit: number;
}

/** What matches of what is in memory, from an offset on; see `MessageHistory.tail`. */
export function readTail({ clock, tail, shelves }: TailHouse, { filter, from, limit }: TailQuery): readonly HistoryEntry[] | null {
  for (const { evictedOffset } of shelves.values()) if (from <= evictedOffset) return null;
  const wanted: Wanted = { filter, bounds: new RecordBounds({ filter, after: from - 1 }), ordinals: null, nowMs: clock.wallMs() };
  const records: FoundRecord[] = [];
  // What was missed before the first entry, as far as it is known from the records before it.
  let missed = 0;
  let bytes = 0;
  for (const frame of tail) {
    if (frame.lastOffset < from) {
      missed = Math.max(missed, frame.missed);
      continue;
    }
    missed = Math.max(missed, frame.missedBefore, missedBefore(frame.bytes, from));
    bytes += frame.bytes.length;
    if (bytes > BYTES_MAX) return null;
    collectRecords(frame.bytes, 0, wanted, records);
    if (records.length > limit) return null;
  }
  for (const { builder } of shelves.values()) {
    if (builder.count === 0 || builder.lastOffset < from) continue;
    const frame = builder.finish(0);
    missed = Math.max(missed, missedBefore(frame, from));
    collectRecords(frame, 0, wanted, records);
  }
  if (records.length > limit) return null;
  records.sort((a, b) => a.offset - b.offset);
  return records.map((record) => {
    const entry = { offset: record.offset, message: record.message, missed: Math.max(0, record.missed - missed) };
    missed = Math.max(missed, record.missed);
    return entry;
  });
}

/** How many were not kept up to the last record of a frame before an offset; 0 when it has none. */
function missedBefore(frame: Buffer, offset: number): number {
  const walk = new FrameWalk(frame, 0);
  let missed = 0;
  while (walk.next() && walk.offset < offset) ({ missed } = walk);
  return missed;
}

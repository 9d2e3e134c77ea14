import type { Table } from '#store/store.ts';
import { FRAME_HEADER_BYTES, type FrameHeader } from './frame.ts';
import { JournalIndex } from './journal-index.ts';
import { ALIGNMENT, packLocation } from './location.ts';
import type { ManifestState } from './manifest.ts';
import type { PlacedRecord, SegmentBytes, TakeChange } from './segment-bytes.ts';

/** A record whose key can be trusted and whose value cannot. */
export interface DamagedRecord {
  readonly table: Table;
  readonly key: string;
  readonly location: number;
  /** For the log: the file and the offset there. */
  readonly place: string;
  readonly bytes: Buffer;
}

/** The numbering where the replay begins, and where it ends at the earliest. */
export type ReplayRange = Pick<ManifestState, 'sequenceBefore' | 'changesBefore' | 'sequence' | 'changes'>;

/** Changes that are missing and cannot be named. */
export interface Loss {
  readonly place: string;
  readonly changes: number;
}

/**
 * Replays the journal into an index. What a power cut or a kill leaves behind at the very end, an unfinished commit, is
 * dropped: nobody was told that it is done. Anything else that is not as it was written is damage: a record that can be named
 * is reported as such, and what cannot be named is counted by the gap that it leaves in the numbering.
 */
export class Recovery {
  readonly index: JournalIndex;
  readonly losses: Loss[] = [];
  /** The last commit replayed, and the number of changes up to it. */
  sequence: number;
  changes: number;
  /** The last commit's frame when it may never have been flushed, as the last one of a killed process. */
  lastFrame: { readonly segment: number; readonly offset: number; readonly bytes: Buffer } | null = null;
  /** Where the last frame of the segment stands that was replayed last, -1 when it had none. */
  lastFrameAt = -1;
  /** True when the bytes of an unfinished commit were dropped. */
  hasDroppedUnfinished = false;
  readonly #flushedSequence: number;
  readonly #hasFramesAfter: (segment: number) => Promise<boolean>;
  readonly #damaged: DamagedRecord[] = [];
  readonly #enter: TakeChange = (table, key, isPut, location) => {
    if (isPut) this.index.set(table, key, location);
    else this.index.delete(table, key);
  };

  /** `hasFramesAfter` tells whether any segment behind the given one was ever written; `index` is what is known already. */
  constructor(range: ReplayRange, hasFramesAfter: (segment: number) => Promise<boolean>, index: JournalIndex = new JournalIndex()) {
    this.index = index;
    this.sequence = range.sequenceBefore;
    this.changes = range.changesBefore;
    this.#flushedSequence = range.sequence;
    this.#hasFramesAfter = hasFramesAfter;
  }

  /** The damaged records that no later change has replaced or deleted. */
  get damaged(): DamagedRecord[] {
    return this.#damaged.filter(({ table, key, location }) => this.index.get(table, key) === location);
  }

  /** Replays one segment, the oldest first, from one of its frames on; returns where its frames end. */
  async replay(segment: SegmentBytes, name: string, from = 0): Promise<number> {
    let at = from;
    this.lastFrameAt = -1;
    for (;;) {
      const header = segment.frameAt(at);
      if (header === null || header.sequence <= this.sequence) {
        const next = segment.findFrame(at + ALIGNMENT, this.sequence);
        if (next === -1) return at;
        this.#mendHeader(segment, name, at, next);
        at = next;
        continue;
      }
      this.#noteGap(`${name} before byte ${at}`, header.sequence - 1, header.changesBefore);
      const start = at + FRAME_HEADER_BYTES;
      const end = start + header.bodyBytes;
      if (segment.isWhole(start, end, header.count)) segment.readWhole(start, end, this.#enter);
      else if (await this.#wasCommitted(header, segment, end)) this.#applyFound(segment, name, { at, end, count: header.count });
      else {
        this.hasDroppedUnfinished = true;
        return at;
      }
      this.sequence = header.sequence;
      this.changes = header.changesBefore + header.count;
      this.lastFrameAt = at;
      this.lastFrame =
        header.sequence > this.#flushedSequence
          ? { segment: segment.segment, offset: at, bytes: Buffer.from(segment.slice(at, end)) }
          : null;
      at = end;
    }
  }

  /** Counts what should be there and is not, once all segments are replayed. */
  finish(range: ReplayRange): void {
    if (this.sequence >= range.sequence) return;
    this.losses.push({ place: 'at the end of the journal', changes: Math.max(range.changes - this.changes, 1) });
  }

  #noteGap(place: string, sequenceBefore: number, changesBefore: number): void {
    if (sequenceBefore === this.sequence) return;
    this.losses.push({ place, changes: Math.max(changesBefore - this.changes, 1) });
    this.sequence = sequenceBefore;
    this.changes = changesBefore;
  }

  /** A frame of which only the header is damaged is whole: its records fill the place up to the next frame exactly. */
  #mendHeader(segment: SegmentBytes, name: string, at: number, next: number): void {
    const header = segment.frameAt(next);
    if (header === null || header.sequence !== this.sequence + 2) return;
    const found = segment.recordsBetween(at + FRAME_HEADER_BYTES, next);
    if (found.length !== header.changesBefore - this.changes) return;
    this.#apply(segment, name, found);
    this.sequence += 1;
    this.changes = header.changesBefore;
  }

  async #wasCommitted(header: FrameHeader, segment: SegmentBytes, end: number): Promise<boolean> {
    if (header.sequence <= this.#flushedSequence) return true;
    if (segment.findFrame(end, header.sequence) !== -1) return true;
    return this.#hasFramesAfter(segment.segment);
  }

  /** What is left of a damaged frame. */
  #applyFound(segment: SegmentBytes, name: string, { at, end, count }: { at: number; end: number; count: number }): void {
    const found = segment.recordsBetween(at + FRAME_HEADER_BYTES, end);
    this.#apply(segment, name, found);
    if (found.length < count) this.losses.push({ place: `${name} at byte ${at}`, changes: count - found.length });
  }

  #apply(segment: SegmentBytes, name: string, found: readonly PlacedRecord[]): void {
    for (const { record, offset } of found) {
      const { table, key } = record;
      const location = packLocation(segment.segment, offset, record.bytes);
      this.#enter(table, key, record.isPut, location);
      if (record.isIntact) continue;
      const bytes = Buffer.from(segment.slice(offset, offset + record.bytes));
      this.#damaged.push({ table, key, location, place: `${name} at byte ${offset}`, bytes });
    }
  }
}

import type { Clock } from '#base/clock.ts';
import { blockOfOrdinal } from './block.ts';
import type { FrameTail } from './frame-tail.ts';
import { RecordBounds } from './record-bounds.ts';
import type { Segment } from './segment.ts';
import type { Block } from './segment-format.ts';
import { collectRecords, firstNotBelow, type FoundRecord, type SegmentReader, type Wanted } from './segment-reader.ts';
import type { Shelf } from './shelf.ts';

/** What a reading asks of the history. */
export interface ReadingHouse {
  readonly reader: SegmentReader;
  readonly tail: FrameTail;
  readonly clock: Clock;
  readonly shelves: ReadonlyMap<string, Shelf>;
  nextOffset(): number;
}

/** How a segment is read. */
interface Plan {
  readonly segment: Segment;
  /** Those that match, or null: all are looked at. */
  readonly ordinals: Uint32Array | null;
  /** The next record to look at, and the first that is left to the next plan. */
  next: number;
  readonly end: number;
  /** Everything before this offset has been read when the plan is done. */
  readonly endOffset: number;
}

/** Reads one shelf in the order of its offsets, frame by frame. */
export class ShelfCursor {
  /** Found, in order, and not taken yet. */
  readonly found: FoundRecord[] = [];
  /** Everything that matches before this offset has been found. */
  position: number;
  isAtEnd = false;
  /** Messages that were found damaged and not reported yet. */
  damaged = 0;
  readonly shelf: Shelf;
  readonly #house: ReadingHouse;
  readonly #filter: string;
  readonly #bounds: RecordBounds;
  #plan: Plan | null = null;

  constructor(shelf: Shelf, house: ReadingHouse, filter: string, bounds: RecordBounds) {
    this.shelf = shelf;
    this.#house = house;
    this.#filter = filter;
    this.#bounds = bounds;
    this.position = bounds.from;
  }

  /** Of what is found next, or where it may be. */
  get head(): number {
    return this.found.length > 0 ? this.found[0].offset : this.position;
  }

  /** Reads the frames of one block at most; tells whether it read any. */
  async advance(): Promise<boolean> {
    const segment = this.#plan?.segment ?? this.#nextSegment();
    this.isAtEnd = segment === null;
    if (segment === null) {
      this.position = Math.max(this.position, this.#house.nextOffset());
      return false;
    }
    try {
      return await this.#advanceIn(segment);
    } catch (error) {
      if (!segment.isRemoved) throw error;
      // Retention has taken it away: what is left is read.
      this.#plan = null;
      return false;
    }
  }

  async #advanceIn(segment: Segment): Promise<boolean> {
    const plan = (this.#plan ??= await this.#planFor(segment));
    const ordinal = this.#nextOrdinal(plan);
    const blocks = ordinal === null ? [] : await this.#house.reader.blocksOf(plan.segment);
    const block = ordinal === null ? undefined : blocks[blockOfOrdinal(blocks, ordinal)];
    if (ordinal !== null && block !== undefined) return this.#readBlock(plan, block);
    if (ordinal !== null) this.#readMemory(plan, ordinal);
    this.position = Math.max(this.position, plan.endOffset);
    this.#plan = null;
    return false;
  }

  /** How many were not kept up to the last record before the position; null when there is none any more. */
  async missedBefore(): Promise<number | null> {
    const { shelf, position } = this;
    const segment = shelf.segments.findLast(({ firstOffset, count }) => count > 0 && firstOffset < position);
    if (segment === undefined) return null;
    const wanted: Wanted = { filter: '#', bounds: new RecordBounds({ filter: '#', before: position }), ordinals: null, nowMs: 0 };
    const records: FoundRecord[] = [];
    const blocks = await this.#house.reader.blocksOf(segment);
    const block = blocks.findLast(({ firstOffset }) => firstOffset < position);
    if (block !== undefined) records.push(...(await this.#house.reader.records(segment, { ...block }, wanted)).records);
    const written = block === undefined ? 0 : block.firstOrdinal + block.count;
    for (const { bytes } of this.#house.tail.framesOf(segment, written)) collectRecords(bytes, 0, wanted, records);
    if (segment === shelf.current && shelf.builder.count > 0) collectRecords(shelf.builder.finish(0), 0, wanted, records);
    return records.reduce((most, { missed }) => Math.max(most, missed), block?.isLost === true ? block.missed : 0);
  }

  #nextSegment(): Segment | null {
    const { segments, builder, current } = this.shelf;
    for (const segment of segments) {
      if (segment === current) {
        const lastOffset = builder.count > 0 ? builder.lastOffset : segment.lastOffset;
        return topics(segment) > 0 && lastOffset >= this.position && this.position < this.#bounds.before ? segment : null;
      }
      if (segment.lastOffset >= this.position && segment.count > 0 && this.#bounds.overlaps(segment)) return segment;
    }
    return null;
  }

  async #planFor(segment: Segment): Promise<Plan> {
    // ORDER: what is appended while the index is asked belongs to the next plan.
    const isCurrent = segment === this.shelf.current;
    const endOffset = isCurrent ? this.#house.nextOffset() : segment.lastOffset + 1;
    const end = isCurrent ? topics(segment) : segment.count;
    const ordinals = await this.#house.reader.ordinals(segment, this.#filter);
    const blocks = await this.#house.reader.blocksOf(segment);
    const first = blocks.find(({ lastOffset }) => lastOffset >= this.position);
    const last = blocks.at(-1);
    // What is behind the last block is in memory.
    const next = first?.firstOrdinal ?? (last === undefined ? 0 : last.firstOrdinal + last.count);
    return { segment, ordinals, next, end, endOffset };
  }

  #nextOrdinal({ ordinals, next, end }: Plan): number | null {
    const ordinal = ordinals === null ? next : ordinals[firstNotBelow(ordinals, next)];
    return ordinal === undefined || ordinal >= end ? null : ordinal;
  }

  async #readBlock(plan: Plan, block: Block): Promise<boolean> {
    // The block may grow while it is read: what is known of it now is what is read.
    const known = { ...block };
    plan.next = known.firstOrdinal + known.count;
    const isRead = !known.isLost && this.#bounds.overlaps(known);
    if (isRead) {
      const { records, damaged } = await this.#house.reader.records(plan.segment, known, this.#wanted(plan));
      this.damaged += damaged;
      this.#add(records, plan);
    }
    // What was appended to the block since the plan was made belongs to the next plan.
    this.position = Math.max(this.position, Math.min(known.lastOffset + 1, plan.endOffset));
    return isRead;
  }

  /** What is not written yet, at once. */
  #readMemory(plan: Plan, ordinal: number): void {
    const records: FoundRecord[] = [];
    const wanted = this.#wanted(plan);
    for (const { bytes } of this.#house.tail.framesOf(plan.segment, ordinal)) collectRecords(bytes, 0, wanted, records);
    const { builder, current } = this.shelf;
    if (current === plan.segment && builder.count > 0) collectRecords(builder.finish(0), 0, wanted, records);
    this.#add(records, plan);
  }

  #add(records: readonly FoundRecord[], plan: Plan): void {
    for (const record of records) if (record.offset >= this.position && record.offset < plan.endOffset) this.found.push(record);
  }

  #wanted({ ordinals }: Plan): Wanted {
    return { filter: this.#filter, bounds: this.#bounds, ordinals, nowMs: this.#house.clock.wallMs() };
  }
}

/** Of a segment that may have a frame that is not complete. */
function topics({ memory, count }: Segment): number {
  return memory === null ? count : memory.topics.count;
}
